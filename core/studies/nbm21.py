"""Nguyen, Brechet and Mondelli 2021, section 6: how high the paths of Theorem 4.1 and of dropout stability may rise.

Models are trained; for each of them and each layer l Experiment A bounds Q_l by trained subnetworks ("sparse"), and
Experiment B by the model's own neurons, half of them dropped and the rest rescaled ("dropout"). Figures 3(a)-(c) show
the lowest train loss among a layer's draws, figure 6 the test error of that draw, figures 7 and 8 other shares dropped,
figure 4 the maximum over the layers against the width, and figure 3(d) the loss along both paths of one pair.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import msgspec

from core.results import beyond_rounding
from core.specs.bounds import DropoutBound
from core.specs.methods import Dropout, MethodOptions, Sparse
from core.specs.networks import read_network
from core.specs.options import Options
from core.specs.runs import Bound, Connect, ModelRef, Train, name_of_options
from core.studies import path_rows, points
from core.studies.nbm21_settings import CIFAR, MNIST, VGG, WIDTHS, Settings, contrasts, together
from core.studies.plan import Findings, Outcome, Planned, Row, Study
from core.studies.points import Point

HALF = {"dropout": 1 / 2}
RATIOS = {"dropout 1/2": 1 / 2, "dropout 1/3": 1 / 3, "dropout 1/4": 1 / 4}
MEASURED = {"train_loss": "loss", "test_error": "test_error"}  # a model's column: a bound's measurement
NEAR = 0.05  # a bound this much above the models' loss is called close in figure 4
NOTHING = "No bound was computed, so nothing can be said."
PATHS = (
    "method",
    "train_loss_a",
    "train_loss_b",
    "max_train_loss",
    "level",
    "drift",
    "barrier",
    "segments",
    "certificate",
)


def expand(settings: Settings, drops: Mapping[str, float], scale: str) -> list[Planned]:
    """For each setting all models in one batch; for each model the sparse bound, and dropout for each share."""
    plan: list[Planned] = []
    for setting in settings[scale]:
        here = len(plan)
        plan.append(Planned(setting.training, setting.title))
        for i in range(setting.training.count):
            bounds = {"sparse": setting.sparse_of(i)} | {
                label: DropoutBound(draws=setting.dropped, drop=drop, seed=i) for label, drop in drops.items()
            }
            plan += [
                Planned(
                    Bound(model=ModelRef(run=here, position=i), bound=bound, name=_name(setting.training, bound)), label
                )
                for label, bound in bounds.items()
            ]
    return plan


def _name(training: Train, options: Options) -> str:
    return f"{training.name} {name_of_options(options)}"


def by_layer(outcomes: Sequence[Outcome], quantity: str) -> list[Point]:
    """Every bound at every layer."""
    return [point for _, point in _bounded(outcomes, quantity)]


def by_width(outcomes: Sequence[Outcome], quantity: str) -> list[Point]:
    """The maximum over the layers of every bound, at the width of the first hidden layer."""
    highest: dict[tuple[str, str, int, int], Point] = {}
    for training, point in _bounded(outcomes, quantity):
        width = (read_network(training.network).hidden_widths or (0,))[0]
        key = (point.panel, point.curve, width, point.model)
        if key not in highest or point.value > highest[key].value:
            highest[key] = Point(point.panel, point.curve, width, point.model, point.value, point.own)
    return list(highest.values())


def _bounded(outcomes: Sequence[Outcome], quantity: str) -> Iterator[tuple[Train, Point]]:
    for one in outcomes:
        spec = one.planned.spec
        if not isinstance(spec, Bound) or not one.made:
            continue
        source, model = outcomes[spec.model.run or 0], spec.model.position
        training = source.planned.spec
        own = next(row[quantity] for row in source.made if row["position"] == model)
        assert isinstance(training, Train)
        for layer, value in _of_best(one.made[0]["measurements"], MEASURED[quantity]).items():
            yield training, Point(source.planned.label, one.planned.label, layer, model, value, own)


def _of_best(measurements: Sequence[Row], name: str) -> dict[int, float]:
    """A number of the draw with the lowest train loss, by layer, where it is known."""
    best: dict[int, Row] = {}
    for one in measurements:
        if one["name"] == "loss" and one["value"] is not None:
            best[one["layer"]] = min(best.get(one["layer"], one), one, key=lambda row: row["value"])
    draws = {(layer, one["draw"]) for layer, one in best.items()}
    of_best = [one for one in measurements if one["name"] == name and (one["layer"], one["draw"]) in draws]
    return {one["layer"]: one["value"] for one in of_best if one["value"] is not None}


def _labels(outcomes: Sequence[Outcome]) -> list[str]:
    """Of all bounds that were planned, so that a curve looks the same whatever is missing."""
    return list(dict.fromkeys(one.planned.label for one in outcomes if isinstance(one.planned.spec, Bound)))


def reduce_layers(quantity: str, outcomes: Sequence[Outcome]) -> Findings:
    """Means over the models at every layer."""
    found = by_layer(outcomes, quantity)
    words = quantity.replace("_", " ")
    said = [_at_layers(title, some, words) for title, some in points.grouped(found, "panel").items()]
    columns, rows = points.table(found, _labels(outcomes), "layer")
    panels = points.panels(found, _labels(outcomes), "layer", words)
    return Findings(columns, rows, " ".join(said) or NOTHING, panels)


def _at_layers(title: str, some: Sequence[Point], words: str) -> str:
    """How far each bound is above the single models at its worst layer."""
    parts: list[str] = []
    for label, mine in points.grouped(some, "curve").items():
        worst = max(mine, key=lambda one: one.excess)
        verb = "" if parts else f" exceeds a model's own {words}"
        parts.append(f"the {label} bound{verb} by at most {worst.excess:.3g} (layer {worst.x})")
    return f"{title}, {len({one.model for one in some})} models: {', '.join(parts)}."


def reduce_widths(outcomes: Sequence[Outcome]) -> Findings:
    """Means over the models, of the maximum over the layers, at every width."""
    found = by_width(outcomes, "train_loss")
    said = [_at_widths(title, some) for title, some in points.grouped(found, "panel").items()]
    columns, rows = points.table(found, _labels(outcomes), "width")
    panels = points.panels(found, _labels(outcomes), "width", "train loss, highest layer")
    return Findings(columns, rows, " ".join(said) or NOTHING, panels)


def _at_widths(title: str, some: Sequence[Point]) -> str:
    """From which width on each bound is near to the models."""
    parts: list[str] = []
    for label, mine in points.grouped(some, "curve").items():
        wide = near_from(mine)
        parts.append(f"{label} {'at no width that was tried' if wide is None else f'from width {wide} on'}")
    return f"{title}: on average at most {NEAR:g} above the models' train loss is {', '.join(parts)}."


def near_from(some: Sequence[Point]) -> int | None:
    """The least width from which on the mean excess over the models is at most NEAR; None where there is none."""
    excess: dict[int, list[float]] = {}
    for one in some:
        excess.setdefault(one.x, []).append(one.excess)
    least = None
    for width in sorted(excess, reverse=True):
        if sum(excess[width]) / len(excess[width]) > NEAR:
            break
        least = width
    return least


def expand_paths(settings: Settings, scale: str) -> list[Planned]:
    """The first two models of a setting, joined both ways."""
    (setting,) = settings[scale]
    trained = {name: value for name, value in msgspec.structs.asdict(setting.sparse).items() if name != "seed"}
    methods: tuple[MethodOptions, ...] = (Sparse(**trained, stop_early=False), Dropout(draws=setting.dropped))
    a, b = ModelRef(run=0), ModelRef(run=0, position=1)
    return [
        Planned(setting.training, setting.title),
        *(
            Planned(Connect(a=a, b=b, method=method, name=_name(setting.training, method)), name_of_options(method))
            for method in methods
        ),
    ]


def reduce_paths(outcomes: Sequence[Outcome]) -> Findings:
    """One row a path."""
    made = path_rows.paths(outcomes)
    if not made:
        return Findings(PATHS, [], NOTHING, [])
    higher = max(max(row["train_loss_a"], row["train_loss_b"]) for _, row in made)
    said = [
        f"the {label} path rises at most {beyond_rounding(row['level'] - higher, row.get('drift')):.3g} above it "
        f"({row['certificate']})"
        for label, row in made
    ]
    sentence = f"The higher of the two models has a train loss of {higher:.4g}; {', '.join(said)}."
    panel = path_rows.panel(outcomes[0].planned.label, outcomes, ("higher model", higher))
    return Findings(PATHS, path_rows.table(PATHS, outcomes), sentence, [panel])


def layers(help_: str, settings: Settings, drops: Mapping[str, float] = HALF, quantity: str = "train_loss") -> Study:
    """A figure with the layers across."""
    return Study(help_, partial(expand, settings, drops), partial(reduce_layers, quantity), contrasts(settings))


CITED = "(Nguyen et al. 2021, figure {})"
FIG_3A = layers(f"sparse and dropout bounds layer by layer, MNIST {CITED.format('3a')}", MNIST)
FIG_3B = layers(f"sparse and dropout bounds layer by layer, CIFAR-10 {CITED.format('3b')}", CIFAR)
FIG_3C = layers(f"sparse and dropout bounds layer by layer, VGG-11 {CITED.format('3c')}", VGG)
FIG_3D = Study(
    f"the loss along both paths of a pair, CIFAR-10 {CITED.format('3d')}",
    partial(expand_paths, CIFAR),
    reduce_paths,
    contrasts(CIFAR),
)
FIG_4 = Study(
    f"two hidden layers of growing width, MNIST and CIFAR-10 {CITED.format('4')}",
    partial(expand, WIDTHS, HALF),
    reduce_widths,
    contrasts(WIDTHS),
)
FIG_6 = layers(
    f"the test error of the subnetworks behind figure 3 {CITED.format('6')}",
    together(MNIST, CIFAR, VGG),
    quantity="test_error",
)
FIG_7 = layers(f"other shares dropped, MNIST {CITED.format('7')}", MNIST, RATIOS)
FIG_8 = layers(f"other shares dropped, CIFAR-10 {CITED.format('8')}", CIFAR, RATIOS)
