"""The methods that connect two models, each with its options. No torch here."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from core.specs.compressing import Compressing
from core.specs.descent import Descent
from core.specs.options import Count, Options
from core.specs.subnetworks import Dropping, Subnetworks

Metric = Literal["train-loss", "test-loss", "train-error", "test-error"]


def metric_text(metric: str) -> str:
    """What sentences call it: train loss."""
    return metric.replace("-", " ")


class Linear(Options, frozen=True, kw_only=True, tag="linear", tag_field="method"):
    """The straight line between the two models."""


class String(Descent, frozen=True, kw_only=True, tag="string", tag_field="method"):
    """Dynamic string sampling: beads trained where the line between neighbours is too high."""

    order: Annotated[
        Literal["breadth", "greedy", "constrained"],
        Meta(
            description="all gaps of a depth in one batch, one gap at a time, or all beads together, level by level, "
            "on springs"
        ),
    ] = "breadth"
    at: Annotated[Literal["midpoint", "maximum"], Meta(description="where on a gap its bead starts (t*)")] = "midpoint"
    noise: Annotated[
        float, Meta(ge=0, description="moves a bead's start at random by this share of its gap: breaks symmetries")
    ] = 0.0
    on: Annotated[Metric, Meta(description="what must stay below the threshold")] = "train-loss"
    alpha: Annotated[float, Meta(gt=0, le=1, description="beads are trained to alpha x threshold")] = 0.9
    depth: Annotated[int, Meta(ge=0, description="how often a gap may be halved")] = 8
    beads: Annotated[int, Meta(ge=0, description="at most this many beads in all")] = 128
    minutes: Annotated[float, Meta(gt=0, description="give up after this time")] = 600.0
    grid: Annotated[int, Meta(ge=3, description="points looked at between neighbours before refining")] = 11
    epochs: Annotated[int, Meta(ge=0, description="at most this many passes over the train set a bead")] = 100
    stages: Annotated[int, Meta(ge=1, description="constrained: levels down to the threshold")] = 12
    zeta: Annotated[
        float, Meta(ge=0, description="constrained: pull of the springs between neighbours, which shorten the string")
    ] = 1e-3
    kappa: Annotated[
        float, Meta(ge=0, description="constrained: pull that keeps a bead at equal distance from its neighbours")
    ] = 1e-3


class Sparse(Subnetworks, frozen=True, kw_only=True, tag="sparse", tag_field="method"):
    """Through trained subnetworks beside half of each layer: exact certificate (Theorem 4.1 of NBM 2021)."""

    search: Annotated[
        Count, Meta(description="shares of kept neurons tried, from ratio to 3/4, until one reaches the models' loss")
    ] = 1
    stop_early: Annotated[
        bool, Meta(description="a layer is done once one of its subnetworks is as low as the higher of the two models")
    ] = True


class Dropout(Dropping, frozen=True, kw_only=True, tag="dropout", tag_field="method"):
    """Through each model's own neurons, half of them dropped and the rest rescaled: exact certificate."""

    drop: Annotated[
        float, Meta(ge=0.5, lt=1, description="share of the neurons that is dropped, from the layer on upwards")
    ] = 0.5


class Wide(Options, frozen=True, kw_only=True, tag="wide", tag_field="method"):
    """Exactly, between any two models of a network that is wide for its data: Theorems 3.2, 5.1, 6.1 of Nguyen 2019."""

    needs_layers: ClassVar[bool] = True
    needs_float64: ClassVar[bool] = True
    theorem: Annotated[
        Literal["auto", "3.2", "5.1", "6.1"], Meta(description="by which; auto: the first whose assumptions hold")
    ] = "auto"


class Oracle(Compressing, frozen=True, kw_only=True, tag="oracle", tag_field="method"):
    """One hidden ReLU layer: through its best units and a small network (Theorem 2.4 of Freeman and Bruna 2017)."""


MethodOptions = Linear | String | Sparse | Dropout | Wide | Oracle
METHODS: dict[str, type[MethodOptions]] = {
    "linear": Linear,
    "string": String,
    "sparse": Sparse,
    "dropout": Dropout,
    "wide": Wide,
    "oracle": Oracle,
}
