"""Freeman and Bruna 2017, section 2.3.1, corrected: two Gaussians, and two ReLU units that no path swaps at low loss.

x is one of two clouds around +-(a, a), y = x for the one and 0 for the other. Model A has learned that with two hidden
units, model B is A with these exchanged, so that det W_1 has the other sign. On every path between them it is zero
somewhere, and there the train loss is at least the floor of this sample, which the bound `relu-floor` proves: about a
quarter. (As the paper prints the example, y with a covariance that goes to zero, there is no barrier: a network of
zeros does as well.) So below 0.2 every method must fail, which is the expected result, and is never forced.
"""

from collections.abc import Sequence

from core.specs.bounds import ReluFloor
from core.specs.methods import Linear, String
from core.specs.runs import Bound, Connect, ModelRef, Swap, Train
from core.studies import path_rows
from core.studies.plan import Findings, Outcome, Planned, Row, Study

BELOW = 0.2
COLUMNS = (
    "method",
    "state",
    "train_loss_a",
    "train_loss_b",
    "max_train_loss",
    "level",
    "certificate",
    "beads",
    "normalized_length",
    "cause",
)


def expand(scale: str) -> list[Planned]:
    """Train A, bound what lies between it and B, exchange its units for B, try a line and a string."""
    depth, beads, epochs = (3, 12, 40) if scale == "small" else (7, 200, 400)
    a, b = ModelRef(run=0), ModelRef(run=2)
    search = String(depth=depth, beads=beads, epochs=epochs, lr=0.01, batch=100, noise=0.05)
    training = Train(
        network="fcn:2,bias=false",
        data="gaussians",
        seed=7,  # about one random start in two gets there
        lr=0.01,
        batch=100,
        epochs=1000,
        until_loss=0.001,
        dtype="float64",
        name="fb17-gaussians A",
    )
    return [
        Planned(training, "A"),
        Planned(Bound(model=a, bound=ReluFloor(), name="fb17-gaussians floor"), "floor"),
        Planned(Swap(model=a, name="fb17-gaussians B"), "B"),
        Planned(Connect(a=a, b=b, method=Linear(), below=BELOW, name="fb17-gaussians line"), "line"),
        Planned(Connect(a=a, b=b, method=search, below=BELOW, name="fb17-gaussians string"), "string"),
    ]


def reduce(outcomes: Sequence[Outcome]) -> Findings:
    """One row a connection; what held is said of what was seen."""
    floor = next((one.made[0]["value"] for one in outcomes if isinstance(one.planned.spec, Bound) and one.made), None)
    rows = [row for _, row in path_rows.paths(outcomes)]
    panel = path_rows.panel("two Gaussians", outcomes, ("floor", BELOW if floor is None else floor))
    return Findings(COLUMNS, path_rows.table(COLUMNS, outcomes), _sentence(rows, floor), [panel])


def _sentence(rows: Sequence[Row], floor: float | None) -> str:
    if not rows or floor is None:
        return "The floor and a connection are not both there, so nothing can be said."
    proven = f"every continuous path between these two models reaches a train loss of {floor:.5f}, which is proven"
    if floor <= BELOW:
        return f"Unexpected: for this sample the floor is {floor:.5f} only, so paths below {BELOW:g} may exist."
    if connected := [row for row in rows if row.get("connected")]:
        many = f"{len(connected)} of {len(rows)}"
        return f"Unexpected: {many} connections stayed below {BELOW:g}, although {proven}: look between their points."
    lowest = min(row["max_train_loss"] for row in rows)
    return (
        f"As expected, no connection below {BELOW:g} was found: {proven}; the lowest path that was tried reaches "
        f"{lowest:.5f}."
    )


STUDY = Study(
    "two Gaussians: exchanging two ReLU units costs a quarter (Freeman and Bruna 2017, 2.3.1, corrected)",
    expand,
    reduce,
    {"small": "the string is halved 3 times and has 12 beads at most, instead of 7 times and 200"},
)
