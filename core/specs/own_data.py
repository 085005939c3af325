"""Data sets of the user's own in arrays: from a file that holds them, or from Python code that makes them."""

from math import isfinite
from typing import Annotated, ClassVar, Literal, NamedTuple

import msgspec
from msgspec import Meta

from core.errors import UsageError
from core.specs.code_files import CodeFile, Sha256, whole_source
from core.specs.data_spec import DataSpec
from core.specs.names import whole_path

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
Constants = tuple[float, ...]


class Normalisation(NamedTuple):
    """What is subtracted from every channel, and what divides it then: one number, or one for each; () for nothing."""

    mean: Constants
    std: Constants

    @property
    def given(self) -> bool:
        return self != ((), ())


def normalisation(of: str, mean: str | None, std: str | None) -> Normalisation:
    """The constants that two options name. Raises UsageError."""
    if mean == "imagenet":
        if std is not None:
            raise UsageError(f"{of}: mean=imagenet brings its standard deviations along: leave std out.")
        return Normalisation(*IMAGENET)
    found = Normalisation(_numbers(of, "mean", mean), _numbers(of, "std", std))
    if any(one <= 0 for one in found.std):
        raise UsageError(f"{of}: std must be above 0, not {std}.")
    return found


def _numbers(of: str, key: str, text: str | None) -> Constants:
    try:
        found = tuple(float(one) for one in text.split("/")) if text is not None else ()
    except ValueError:
        found = (float("nan"),)
    if not all(map(isfinite, found)):
        names = " (or imagenet)" if key == "mean" else ""
        raise UsageError(
            f"{of}: {key} must be a number, or one for each channel with / between them, such as .485/.456/.406{names}"
            f", not {text!r}."
        )
    return found


class Arrays(DataSpec, frozen=True, kw_only=True):
    """Four arrays, x_train, y_train, x_test and y_test; uint8 samples stay so in memory and are scaled when read."""

    own: ClassVar[bool] = True

    scale: Annotated[
        Annotated[float, Meta(gt=0)] | None,
        Meta(description="x is divided by it; if left out, samples of uint8 by 255 and others by nothing"),
    ] = None
    mean: Annotated[
        str | None, Meta(description="subtracted then: a number, or one for each channel as .5/.4/.4; or imagenet")
    ] = None
    std: Annotated[str | None, Meta(description="divides then: a number, or one for each channel")] = None

    @property
    def normalisation(self) -> Normalisation:
        return normalisation(str(self.__struct_config__.tag), self.mean, self.std)


class Tensors(Arrays, frozen=True, kw_only=True, tag="tensors"):
    """Your own arrays x_train, y_train and, if you like, x_test, y_test, in one file or as .npy files in a folder."""

    argument: ClassVar[str | None] = "path"
    example: ClassVar[str] = "tensors:/data/mine.safetensors or tensors:/data/mine.npz,mean=imagenet"

    path: Annotated[str, Meta(description="a .safetensors or .npz file, or a folder with x_train.npy and y_train.npy")]

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "path", whole_path("tensors", self.path))
        _ = self.normalisation


class Csv(DataSpec, frozen=True, kw_only=True, tag="csv"):
    """Your own table: numbers are standardised by the train part, texts become one column for each different one."""

    argument: ClassVar[str | None] = "path"
    example: ClassVar[str] = "csv:/data/houses.csv,target=price or csv:/data/irises.csv,target=species,split=part"
    own: ClassVar[bool] = True

    path: Annotated[str, Meta(description="a .csv file, the first line of which names the columns")]
    target: Annotated[str, Meta(description="the column to predict: texts and whole numbers are classes")]
    task: Annotated[
        Literal["classes", "values"] | None, Meta(description="what the target is, where whole numbers are values")
    ] = None
    split: Annotated[str | None, Meta(description="the column that says train or test of each row")] = None
    test: Annotated[
        float,
        Meta(ge=0, lt=1, description="the share of rows, drawn by seed, to test on where there is no such column"),
    ] = 0.2
    drop: Annotated[str | None, Meta(description="columns that are not read, with / between them")] = None

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "path", whole_path("csv", self.path))
        for name in (self.target, self.split, *self.dropped):
            if name is not None and (not name or name != name.strip() or "," in name):
                raise UsageError(f"csv: a column can't be named {name!r} here: no comma, and no blank at its ends.")
        if self.target in (self.split, *self.dropped) or self.split in self.dropped:
            raise UsageError("csv: target, split and drop must name different columns.")

    @property
    def dropped(self) -> list[str]:
        return self.drop.split("/") if self.drop is not None else []


class DataFile(CodeFile, Arrays, frozen=True, kw_only=True, tag="file"):
    """Your own data: a Python file, and the function in it that returns the train and the test set."""

    argument: ClassVar[str | None] = "source"
    noun: ClassVar[str] = "data"
    example: ClassVar[str] = "file:data.py:make"

    source: Annotated[str, Meta(description="PATH.py:FACTORY")]
    sha256: Sha256 = None

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "source", whole_source(self.noun, self.source))
        _ = self.normalisation
