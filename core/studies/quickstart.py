"""The main job on data that is always there: two networks on handwritten digits, and three paths, all proven."""

from core.specs.methods import Linear, Sparse, String
from core.specs.runs import Connect, ModelRef, Train
from core.studies.plan import Planned

BELOW = 0.05


def plan() -> list[Planned]:
    """Two networks, joined by a line, a string that is proven, and a path that comes with its proof."""
    a, b = ModelRef(run=0, position=0), ModelRef(run=0, position=1)
    training = Train(
        network="fcn:64x2", data="digits", count=2, until_loss=0.02, epochs=200, lr=0.003, name="quickstart"
    )
    return [
        Planned(training, "two networks"),
        Planned(Connect(a=a, b=b, method=Linear(), name="quickstart line"), "a straight line"),
        Planned(
            Connect(a=a, b=b, method=String(lr=0.003), below=BELOW, prove="on", name="quickstart string"),
            "a string of beads",
        ),
        Planned(Connect(a=a, b=b, method=Sparse(), name="quickstart sparse"), "through sparse subnetworks"),
    ]
