"""The quantities of one model that `bound` computes, each with its options. No torch here."""

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from core.specs.compressing import Compressing
from core.specs.options import Count, Options
from core.specs.subnetworks import Dropping, Init, Kept, Subnetworks


class Rank(Options, frozen=True, kw_only=True, tag="rank", tag_field="bound"):
    """Rank and smallest singular value of the features of every layer over the train set."""

    needs_layers: ClassVar[bool] = True
    samples: Annotated[int, Meta(ge=1, description="of the train set, taken from its start")] = 2000


Seed = Annotated[int, Meta(ge=0, lt=2**62, description="of the draws, the starts and the order of the samples")]


class SparseBound(Subnetworks, frozen=True, kw_only=True, tag="sparse", tag_field="bound"):
    """Q_l for every layer: how low subnetworks get that read half of its neurons (Experiment A of NBM 2021)."""

    draws: Annotated[Count, Meta(description="kept sets and starts tried for each layer (T_A)")] = 20
    kept: Annotated[
        Kept, Meta(description="how a layer's kept neurons are chosen: at random, or those that span its features")
    ] = "random"
    init: Annotated[Init, Meta(description="subnetworks start from the model's own weights, or at random")] = "random"
    seed: Seed = 0


class DropoutBound(Dropping, frozen=True, kw_only=True, tag="dropout", tag_field="bound"):
    """Dropout stability: the loss with half of the neurons dropped from each layer on (Experiment B of NBM 2021)."""

    draws: Annotated[Count, Meta(description="random choices tried for each layer (T_B)")] = 200
    seed: Seed = 0


class Examined(Options, frozen=True, kw_only=True):
    """Features of kept neurons I_l, looked at one by one."""

    needs_layers: ClassVar[bool] = True
    draws: Annotated[Count, Meta(description="kept sets tried for each layer; one that will do is enough")] = 4
    kept: Annotated[
        Kept, Meta(description="how a layer's kept neurons are chosen: at random, or those that span its features")
    ] = "random"
    samples: Annotated[
        Count | None, Meta(description="of the train set, taken from its start; then it is about their loss alone")
    ] = None
    seed: Seed = 0
    minutes: Annotated[float, Meta(gt=0, description="what isn't decided after this time is left open")] = 10.0


class Separability(Examined, frozen=True, kw_only=True, tag="separability", tag_field="bound"):
    """Whether the features of every layer are linearly separable, with proofs (Corollary 4.4 of NBM 2021)."""


class Genericity(Examined, frozen=True, kw_only=True, tag="genericity", tag_field="bound"):
    """The conditions A1, A1-b, A2 and A3, each with its numbers (Corollary 4.3 of NBM 2021)."""


class Unbounded(Options, frozen=True, kw_only=True, tag="unbounded", tag_field="bound"):
    """A ray in the model's level set: the loss stays while the norm grows without limit (Nguyen 2019)."""

    needs_layers: ClassVar[bool] = True
    theorem: Annotated[
        Literal["auto", "5.1", "3.2", "scaling"],
        Meta(description="by which; scaling: a layer up, the next one down; auto: the first whose assumptions hold"),
    ] = "auto"
    times: Annotated[float, Meta(gt=1, le=1e9, description="how much larger the norm has to get")] = 1e6
    seed: Annotated[int, Meta(ge=0, lt=2**62, description="of weights that are drawn where all are zero")] = 0


class Linearisation(Options, frozen=True, kw_only=True, tag="linearisation", tag_field="bound"):
    """How nearly ReLU units of small angle act as linear ones (Proposition 2.3 of Freeman and Bruna 2017)."""

    needs_layers: ClassVar[bool] = True
    pairs: Annotated[
        Literal["nearest", "all"], Meta(description="each unit of layer 1 with its nearest by angle, or all pairs")
    ] = "nearest"


class Compressibility(Compressing, frozen=True, kw_only=True, tag="compressibility", tag_field="bound"):
    """How well few of a ReLU layer's units do, turned or not, and how well few can: delta and e of FB 2017, 2.4."""

    seed: Seed = 0


class ReluFloor(Options, frozen=True, kw_only=True, tag="relu-floor", tag_field="bound"):
    """The train loss that every path from two ReLU units to the other sign of det W_1 reaches (FB 2017, 2.3.1)."""

    needs_layers: ClassVar[bool] = True


class Assumptions(Options, frozen=True, kw_only=True, tag="assumptions", tag_field="bound"):
    """Which theorems of the four papers apply to model and data: each assumption, with its numbers."""

    needs_layers: ClassVar[bool] = True
    draws: Annotated[
        Count, Meta(description="kept sets tried for each layer (NBM 2021); one that will do is enough")
    ] = 1
    seed: Seed = 0
    minutes: Annotated[float, Meta(gt=0, description="what isn't decided after this time is left open")] = 2.0


class LinearFloor(Options, frozen=True, kw_only=True, tag="linear-floor", tag_field="bound"):
    """The level that paths of a square linear network reach between models of unlike sign of a determinant."""

    needs_layers: ClassVar[bool] = True


BoundOptions = (
    Rank
    | SparseBound
    | DropoutBound
    | Separability
    | Genericity
    | Unbounded
    | Linearisation
    | Compressibility
    | ReluFloor
    | Assumptions
    | LinearFloor
)
BOUNDS: dict[str, type[BoundOptions]] = {
    "rank": Rank,
    "sparse": SparseBound,
    "dropout": DropoutBound,
    "separability": Separability,
    "genericity": Genericity,
    "unbounded": Unbounded,
    "linearisation": Linearisation,
    "compressibility": Compressibility,
    "relu-floor": ReluFloor,
    "assumptions": Assumptions,
    "linear-floor": LinearFloor,
}
