"""How batch-norms get their statistics at the points of a path. No torch here."""

from typing import Literal

import msgspec

Bn = Literal["data", "lerp", "fold"]
BATCH = 100  # samples of a batch in which statistics are recomputed, nearly


def no_lerp(method: str) -> str:
    """The sentence that refuses interpolated statistics to a method whose paths have knots of their own."""
    return (
        f"bn=lerp interpolates between the statistics of two models, along the straight line between them: use "
        f"method=linear, or bn=data with {method}."
    )


class PathNorms(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a path's file says of the statistics of its points; of networks without batch-norm it says nothing.

    They are recomputed on the first `samples` of the train set in batches of `batch` (data), interpolated between
    those that its two models are stored with (lerp), or folded into the weights (fold).
    """

    bn: Bn
    samples: int = 0
    batch: int = 0
