"""Freeman and Bruna 2017, figure 1: how long strings are, and of how many beads, against the loss that they stay below.

For every threshold L0 pairs of models are trained to it from random starts and joined by dynamic string sampling. A
pair that isn't trained to it or doesn't connect is a finding: it is counted, and the means are those of the pairs that
do. (One that comes near enough is joined all the same, and not counted.) The length of a
string is that of all parameters, over the distance of its ends; beads are counted without the two ends, which the
paper's code counts, too (its numbers are ours + 2, and at least 3, since it always places a first one).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import log
from statistics import correlation, linear_regression

from core.data.files import data_root, locate
from core.data.words import bigram, read_streams, unigram
from core.specs.data import Words, read_data
from core.specs.methods import String, metric_text, perplexity
from core.specs.runs import Connect, Train
from core.studies import fb17_fig1_settings as settings
from core.studies.estimates import deviation
from core.studies.fb17_fig1_settings import Sweep
from core.studies.plan import Findings, Outcome, Panel, PanelCurve, Planned, Row, Study

COLUMNS = (
    "threshold",
    "pairs",
    "trained",
    "connected",
    "proven",
    "normalized_length",
    "normalized_length_std",
    "beads",
    "beads_std",
)
PILOT = "pilot"
LONG = 1.2  # a mean length above this is called long


@dataclass(frozen=True)
class Pair:
    """What became of two models: how many were left, whether both reached the threshold, and their path, if any."""

    models: int
    trained: bool
    path: Row | None

    @property
    def joined(self) -> Sequence[Row]:
        """The path, where the pair counts as connected."""
        return [self.path] if self.trained and self.path is not None and self.path["connected"] else []


def expand(sweeps: Mapping[str, Sweep], scale: str) -> list[Planned]:
    """Trainings and strings of all pairs at every threshold; first the pilot, if there is one."""
    sweep = sweeps[scale]
    plan = [] if sweep.pilot is None else [Planned(sweep.pilot, PILOT)]
    for number, threshold in enumerate(sweep.thresholds):
        for pair in range(0, sweep.pairs, sweep.at_once):
            here = len(plan)
            plan.append(Planned(sweep.training_at(number, pair), f"{threshold:g}"))
            plan.append(Planned(sweep.connection_at(number, here, pair), f"{threshold:g}"))
    return plan


def reduce(title: str, outcomes: Sequence[Outcome]) -> Findings:
    """A row for each threshold, and what held of the paper's claims."""
    pairs = _pairs(outcomes)
    rows = [_row(threshold, some) for threshold, some in sorted(pairs.items())]
    rows = [row for row in rows if row["models"]]
    known = [row for row in rows if row["connected"]]
    sentence = " ".join([*_connected(title, rows, outcomes), *_grow(known), *_words(outcomes)])
    panels = [
        _panel(title, pairs, "normalized_length", "length / distance of the ends"),
        _panel(title, pairs, "beads", "beads"),
    ]
    return Findings(COLUMNS, [[row[name] for name in COLUMNS] for row in rows], sentence, panels)


def _pairs(outcomes: Sequence[Outcome]) -> dict[float, list[Pair]]:
    """The pairs of every threshold of which it is known whether they connect."""
    found: dict[float, list[Pair]] = {}
    for one in outcomes:
        if isinstance(one.planned.spec, Connect) and one.answered:
            models = _at_positions(outcomes[one.planned.spec.a.run or 0])
            paths = _at_positions(one)
            here = found.setdefault(float(one.planned.label), [])
            for position, ends in enumerate(one.planned.spec.ends):
                made = [models[ref.position] for ref in ends if ref.position in models]
                trained = len(made) == len(ends) and all(model["reached"] for model in made)
                here.append(Pair(len(made), trained, paths.get(position)))
    return found


def _at_positions(outcome: Outcome) -> dict[int, Row]:
    return {row["position"]: row for row in outcome.made}


def _row(threshold: float, pairs: Sequence[Pair]) -> Row:
    joined = [path for pair in pairs for path in pair.joined]
    lengths, beads = ([path[name] for path in joined] for name in ("normalized_length", "beads"))
    return {
        "threshold": threshold,
        "models": sum(pair.models for pair in pairs),
        "pairs": len(pairs),
        "trained": sum(pair.trained for pair in pairs),
        "connected": len(joined),
        "proven": sum(path["certificate"] != "sampled" for path in joined),
        "normalized_length": _mean(lengths),
        "normalized_length_std": deviation(lengths),
        "beads": _mean(beads),
        "beads_std": deviation(beads),
    }


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _panel(title: str, pairs: Mapping[float, Sequence[Pair]], name: str, words: str) -> Panel:
    known = {
        threshold: [path[name] for pair in some for path in pair.joined] for threshold, some in sorted(pairs.items())
    }
    places = [threshold for threshold, values in known.items() if values]
    return Panel(title, "L0", words, [PanelCurve("string", places, [known[one] for one in places])])


def _connected(title: str, rows: Sequence[Row], outcomes: Sequence[Outcome]) -> list[str]:
    """How many pairs there were, and what became of them."""
    pairs, trained, joined, proven = (
        sum(row[name] for row in rows) for name in ("pairs", "trained", "connected", "proven")
    )
    if not trained:
        return ["No pair was trained, so nothing can be said."]
    searches = (one.planned.spec.method for one in outcomes if isinstance(one.planned.spec, Connect))
    (goal,) = {one.on for one in searches if isinstance(one, String)}
    found = [f"{title}, thresholds on the {metric_text(goal)}: {joined} of {trained} trained pairs connect"]
    found[0] += f", {proven} of them proven." if proven else "."
    if trained < pairs:
        found.append(f"{pairs - trained} of {pairs} pairs did not reach their threshold.")
    return found


def _grow(known: Sequence[Row]) -> list[str]:
    """Whether length and beads grow as the threshold falls, and where the string is long with few beads."""
    if len(known) < 3:
        return []
    levels = [-row["threshold"] for row in known]
    by_name = {name: [row[name] for row in known] for name in ("normalized_length", "beads")}
    signs = [f"{_rank_correlation(levels, values):+.2f}" for values in by_name.values()]
    found = [f"As L0 falls length and beads have a rank correlation of {signs[0]} and {signs[1]} with it"]
    positive = [row for row in known if row["beads"] >= 1]
    if len(positive) >= 3:
        logarithms = ([log(row[name]) for row in positive] for name in ("threshold", "beads"))
        power = linear_regression(*logarithms).slope
        found[0] += f", and beads go like L0^{power:.2f}"
    found[0] += "."
    longest = max(known, key=lambda row: row["normalized_length"])
    found.append(
        f"Strings are longest at L0 = {longest['threshold']:g}: {longest['normalized_length']:.3g} times the distance, "
        f"with {longest['beads']:.3g} beads."
        if longest["normalized_length"] > LONG
        else f"They are nowhere longer than {longest['normalized_length']:.3g} times the distance of their ends."
    )
    return found


def _words(outcomes: Sequence[Outcome]) -> list[str]:
    """The pilot's perplexity, by how much the thresholds are above it, and what counting words gives."""
    pilot = next((one for one in outcomes if one.planned.label == PILOT and one.made), None)
    if pilot is None or not isinstance(pilot.planned.spec, Train):
        return []
    own = perplexity(pilot.made[0]["test_loss"])
    thresholds = sorted({float(one.planned.label) for one in outcomes if isinstance(one.planned.spec, Connect)})
    *some, last = (f"{threshold / own:.3g}" for threshold in reversed(thresholds))
    found = [f"The thresholds are {', '.join(some)} and {last} times the pilot's test perplexity of {own:.4g}."]
    data = read_data(pilot.planned.spec.data)
    place = locate(data, data_root(pilot.data_root))
    if isinstance(data, Words) and place is not None:
        streams = read_streams(data, place)
        counted = f"{unigram(streams):.4g}, pairs of them {bigram(streams):.4g}"
        found.append(f"Counting its train words gives a test perplexity of {counted}.")
    return found


def _rank_correlation(x: Sequence[float], y: Sequence[float]) -> float:
    """Spearman's; 0 where one of the two is the same throughout."""
    if len(set(x)) == 1 or len(set(y)) == 1:
        return 0.0
    return correlation(_ranks(x), _ranks(y))


def _ranks(values: Sequence[float]) -> list[float]:
    """Equal ones share the middle of their places."""
    ordered = sorted(values)
    return [ordered.index(one) + ordered.count(one) / 2 for one in values]


def _settings_text(sweep: Sweep) -> str:
    models = f"{sweep.pairs} pairs of {sweep.training.network} on {sweep.training.data}"
    return f"{models} at each of {len(sweep.thresholds)} thresholds"


def _sweep(row: str, words: str, sweeps: Mapping[str, Sweep]) -> Study:
    small, paper = sweeps["small"], sweeps["paper"]
    smaller = f"{_settings_text(small)}. The paper: {_settings_text(paper)}"
    help_ = f"length and beads of strings against the threshold, {words} (Freeman and Bruna 2017, figure 1{row})"
    return Study(help_, partial(expand, sweeps), partial(reduce, paper.title), {"small": smaller})


FIG_1A = _sweep("a", "a quadratic function", settings.QUADRATIC)
FIG_1B = _sweep("b", "a cubic function", settings.CUBIC)
FIG_1C = _sweep("c", "MNIST", settings.MNIST)
FIG_1D = _sweep("d", "CIFAR-10", settings.CIFAR)
FIG_1E = _sweep("e", "a language model", settings.WORDS)
