"""The quantities of one model that `bound` computes, each with its options. No torch here."""

from typing import Annotated

from msgspec import Meta

from core.specs.options import Options


class Rank(Options, frozen=True, kw_only=True, tag="rank", tag_field="bound"):
    """Rank and smallest singular value of the features of every layer over the train set."""

    samples: Annotated[int, Meta(ge=1, description="of the train set, taken from its start")] = 2000


BoundOptions = Rank
BOUNDS: dict[str, type[Rank]] = {"rank": Rank}
