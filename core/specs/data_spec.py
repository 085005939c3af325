"""What every data set says of itself without being read. No torch here."""

from typing import Annotated, ClassVar

from msgspec import Meta

from core.specs.names import Named
from core.specs.options import Count


class DataSpec(Named, frozen=True, kw_only=True, tag_field="data"):
    """One data set; `shape` of a sample and number of `classes` where they are known beforehand.

    `full_size` is how many train samples there are, where all data sets of that name have as many.
    """

    shape: ClassVar[tuple[int, ...] | None] = None
    classes: ClassVar[int | None] = None
    full_size: ClassVar[int | None] = None
    regression: ClassVar[bool] = False
    tested: ClassVar[bool] = True  # whether there are test samples
    words: ClassVar[bool] = False  # whether samples are text
    own: ClassVar[bool] = False  # of shapes and targets that only reading it shows

    limit: Annotated[Count | None, Meta(description="take N train samples, as many of each class as possible")] = None
    seed: Annotated[int, Meta(ge=0, lt=2**62, description="of the choice that limit makes, or of random inputs")] = 0

    @property
    def labels(self) -> bool:
        """Whether targets are classes, or all of them 0 or 1."""
        return not self.regression

    @property
    def train_samples(self) -> int | None:
        """How many train samples there are before `limit`, where that is known beforehand."""
        return self.full_size
