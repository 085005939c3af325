"""Freeman and Bruna 2017, Corollary 2.5: the excess of the path of Theorem 2.4 falls at least like m^(-1/n).

Networks of m ReLU units learn three units and noise from n inputs. Two of a width are joined by `oracle` with
alpha = 0, so that every level is exact, and for both the quantities of the theorem are measured: what it costs to do
without 3 units, and without ceil(m^(1 / (n + 1))), about as many as the corollary finds close together. Its rate is
that of merging such units; what an oracle of so few units lacks, e(m^eta) - e(infinity), is not in it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, exp, log

from core.results import beyond_rounding
from core.specs.bounds import Compressibility
from core.specs.data import Teacher, read_data
from core.specs.methods import Oracle
from core.specs.networks import read_network
from core.specs.runs import Bound, Connect, ModelRef, Train
from core.studies.plan import Findings, Outcome, Panel, PanelCurve, Planned, Row, Study

FREED = 3  # units of the teacher
FEWER = f"{FREED} units fewer"
INPUTS = {"small": (2, 3), "paper": (2, 3, 4)}
WIDTHS = {"small": (8, 16, 32, 64), "paper": (8, 16, 32, 64, 128, 256, 512)}
EPOCHS = {"small": 100, "paper": 400}
COLUMNS = (
    "inputs",
    "width",
    "train_loss_a",
    "train_loss_b",
    "level",
    "certificate",
    "excess",
    "delta_m",
    "delta_m_less_3",
    "close",
    "delta_m_less_close",
    "e_of_close",
    "merging",
)
CURVES: dict[str, Callable[[Row], float]] = {
    "excess": lambda one: one["excess"],
    FEWER: lambda one: one["delta_m_less_3"] - one["delta_m"],
    "two merged, nothing fitted": lambda one: one["merging"],
}


@dataclass(frozen=True)
class Setting:
    """n and m, and the number of units that the corollary finds close together."""

    inputs: int
    width: int

    @property
    def close(self) -> int:
        return ceil(exp(log(self.width) / (self.inputs + 1)) - 1e-9)

    @property
    def label(self) -> str:
        return f"n = {self.inputs}, m = {self.width}"


def expand(scale: str) -> list[Planned]:
    """For each n and m two models in one run, the quantities of each, and the path between them."""
    plan: list[Planned] = []
    for n in INPUTS[scale]:
        for m in WIDTHS[scale]:
            plan += planned(Setting(n, m), EPOCHS[scale], len(plan))
    return plan


def planned(setting: Setting, epochs: int, here: int) -> Iterator[Planned]:
    name = f"fb17-cor25 {setting.inputs}-{setting.width}"
    yield Planned(
        Train(
            network=f"fcn:{setting.width}",
            data=str(Teacher(inputs=setting.inputs)),
            lr=0.01,
            schedule="cosine",
            batch=100,
            epochs=epochs,
            count=2,
            dtype="float64",
            name=name,
        ),
        setting.label,
    )
    a, b = ModelRef(run=here), ModelRef(run=here, position=1)
    units = "-".join(str(one) for one in sorted({FREED, setting.close}))
    for model in (a, b):
        bound = Compressibility(units=units, alpha=0.0, seed=model.position, epochs=epochs)
        yield Planned(Bound(model=model, bound=bound, name=f"{name} compressibility"), setting.label)
    yield Planned(Connect(a=a, b=b, method=Oracle(alpha=0.0, epochs=epochs), name=f"{name} oracle"), setting.label)


def reduce(outcomes: Sequence[Outcome]) -> Findings:
    """One row a width; the larger of both models' numbers."""
    rows = list(measured(outcomes))
    by_inputs = {n: [one for one in rows if one["inputs"] == n] for n in dict.fromkeys(one["inputs"] for one in rows)}
    said = " ".join(sentence(n, some) for n, some in by_inputs.items()) or "No path was made, so nothing can be said."
    panels = [panel(n, some) for n, some in by_inputs.items()]
    return Findings(COLUMNS, [[one[name] for name in COLUMNS] for one in rows], said, panels)


def measured(outcomes: Sequence[Outcome]) -> Iterator[Row]:
    """A row for every width of which all runs have left something."""
    for one in outcomes:
        training = one.planned.spec
        if not isinstance(training, Train):
            continue
        data = read_data(training.data)
        assert isinstance(data, Teacher)
        setting = Setting(data.inputs, (read_network(training.network).hidden_widths or (0,))[0])
        of_it = [other for other in outcomes if other.planned.label == setting.label and other.made]
        paths = [other.made[0] for other in of_it if isinstance(other.planned.spec, Connect)]
        bounds = [other.made[0]["measurements"] for other in of_it if isinstance(other.planned.spec, Bound)]
        if paths and len(bounds) == 2:
            yield row_of(setting, paths[0], bounds)


def row_of(setting: Setting, path: Row, bounds: Sequence[Sequence[Row]]) -> Row:
    def largest(name: str, draw: int | None = None) -> float:
        """Of both models."""
        found = (one["value"] for some in bounds for one in some if one["name"] == name and one["draw"] == draw)
        return max(map(float, found))

    higher = max(path["train_loss_a"], path["train_loss_b"])
    return {
        "inputs": setting.inputs,
        "width": setting.width,
        **{name: path[name] for name in ("train_loss_a", "train_loss_b", "level", "certificate")},
        "excess": beyond_rounding(path["level"] - higher, path.get("drift")),
        "delta_m": largest("best_head"),
        "delta_m_less_3": largest("delta", FREED),
        "close": setting.close,
        "delta_m_less_close": largest("delta", setting.close),
        "e_of_close": largest("e", setting.close),
        "merging": largest("merging"),
    }


def sentence(n: int, rows: Sequence[Row]) -> str:
    """Whether the excess falls at least so, from where to where, and what doing without units costs."""
    excess = {one["width"]: one["excess"] for one in rows}
    fewer = {one["width"]: CURVES[FEWER](one) for one in rows}
    positive = [m for m in sorted(excess) if excess[m] > 0]
    start = f"{excess[positive[0]]:.2g} at m = {positive[0]}, " if positive else ""
    after = [m for m in sorted(excess) if not positive or m > positive[-1]]
    end = f"0 from m = {after[0]} on" if after else f"{excess[max(excess)]:.2g} at m = {max(excess)}"
    answer = "yes" if falls(excess, 1 / n) else "no"
    first, last = min(fewer), max(fewer)
    if first == last:
        return f"n = {n}: nothing can be said of one width, m = {first}: an excess of {excess[first]:.2g}."
    return (
        f"n = {n}: the excess falls at least like m^(-1/{n}): {answer} ({start}{end}); {FEWER} cost "
        f"{fewer[first]:.2g} at m = {first} and {fewer[last]:.2g} at m = {last}."
    )


def falls(values: Mapping[int, float], rate: float) -> bool:
    """Whether all values behind the first that is not zero, at m_0, are at most that one times (m / m_0)^-rate.

    Yes where all are zero, no where there are none behind it.
    """
    start = min((m for m, value in values.items() if value > 0), default=None)
    if start is None:
        return True
    most = values[start] * (1 + 1e-9)
    later = [value <= most * (m / start) ** -rate for m, value in values.items() if m > start]
    return bool(later) and all(later)


def panel(n: int, rows: Sequence[Row]) -> Panel:
    """Everything over m, with the corollary's line through the first value that is not zero."""
    widths = [one["width"] for one in rows]
    curves = [PanelCurve(label, widths, [(max(value(one), 0.0),) for one in rows]) for label, value in CURVES.items()]
    positive = [(m, some[0]) for curve in curves for m, some in zip(curve.x, curve.values, strict=True) if some[0] > 0]
    start, height = positive[0] if positive else (widths[0], 1.0)
    line = [(height * (m / start) ** (-1 / n),) for m in widths]
    reference = PanelCurve("m^(-1/n)", widths, line, reference=True)
    return Panel(f"n = {n}", "width m", "train loss", [*curves, reference], logarithmic=True)


STUDY = Study(
    "excess of the oracle's paths against the width (Freeman and Bruna 2017, Corollary 2.5)",
    expand,
    reduce,
    {"small": "2 and 3 inputs instead of 2 to 4, widths to 64 instead of 512, 100 epochs instead of 400"},
)
