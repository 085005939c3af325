"""Data sets by name: what can be written, and what is known of each without reading it. No torch here."""

from math import isfinite
from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from core.errors import UsageError
from core.specs.data_spec import DataSpec as DataSpec  # noqa: PLC0414 - found here by others
from core.specs.names import parse, whole_path
from core.specs.options import Count
from core.specs.own_data import Csv, DataFile, Normalisation, Tensors, normalisation

Scale = Literal["usual", "unit", "standard", "none"]
Custom = Literal["unit", "centred", "standard"]


class Images(DataSpec, frozen=True, kw_only=True):
    """Data sets of images: how pixels, 0 to `top`, become numbers; `usual` is the data set's own custom."""

    usual: ClassVar[Custom] = "standard"
    top: ClassVar[float] = 255.0

    scale: Annotated[
        Scale,
        Meta(description="usual (as is the data set's custom), unit ([0, 1]), standard (per channel) or none"),
    ] = "usual"
    whiten: Annotated[bool, Meta(description="ZCA-whiten the inputs on the train set")] = False


class Digits(Images, frozen=True, kw_only=True, tag="digits"):
    """scikit-learn's 1,797 handwritten digits, 8x8: the first 1,500 train, the last 297 test; pixels / 16."""

    usual: ClassVar[Custom] = "unit"
    top: ClassVar[float] = 16.0
    example: ClassVar[str] = "digits or digits,limit=500"
    shape: ClassVar[tuple[int, ...] | None] = (1, 8, 8)
    classes: ClassVar[int | None] = 10
    full_size: ClassVar[int | None] = 1_500


class Mnist(Images, frozen=True, kw_only=True, tag="mnist"):
    """MNIST, 60,000 + 10,000 images of 28x28; pixels / 127.5 - 1."""

    usual: ClassVar[Custom] = "centred"
    example: ClassVar[str] = "mnist or mnist,limit=512"
    shape: ClassVar[tuple[int, ...] | None] = (1, 28, 28)
    classes: ClassVar[int | None] = 10
    full_size: ClassVar[int | None] = 60_000


class FashionMnist(Images, frozen=True, kw_only=True, tag="fashion-mnist"):
    """Fashion-MNIST, 60,000 + 10,000 images of 28x28; pixels / 127.5 - 1."""

    usual: ClassVar[Custom] = "centred"
    example: ClassVar[str] = "fashion-mnist"
    shape: ClassVar[tuple[int, ...] | None] = (1, 28, 28)
    classes: ClassVar[int | None] = 10
    full_size: ClassVar[int | None] = 60_000


class Cifar10(Images, frozen=True, kw_only=True, tag="cifar10"):
    """CIFAR-10, 50,000 + 10,000 images of 32x32 in colour; per-channel standardised on the train set."""

    example: ClassVar[str] = "cifar10 or cifar10,whiten=true"
    shape: ClassVar[tuple[int, ...] | None] = (3, 32, 32)
    classes: ClassVar[int | None] = 10
    full_size: ClassVar[int | None] = 50_000


class Kmnist(Images, frozen=True, kw_only=True, tag="kmnist"):
    """Kuzushiji-MNIST, 60,000 + 10,000 images of 28x28; pixels / 127.5 - 1."""

    usual: ClassVar[Custom] = "centred"
    example: ClassVar[str] = "kmnist"
    shape: ClassVar[tuple[int, ...] | None] = (1, 28, 28)
    classes: ClassVar[int | None] = 10
    full_size: ClassVar[int | None] = 60_000


class Emnist(Images, frozen=True, kw_only=True, tag="emnist"):
    """EMNIST, handwritten letters and digits of 28x28, lying as torchvision's do; pixels / 127.5 - 1.

    Classes are numbered from 0 in every split, letters too.
    """

    usual: ClassVar[Custom] = "centred"
    argument: ClassVar[str | None] = "split"
    example: ClassVar[str] = "emnist:letters or emnist:balanced"
    shape: ClassVar[tuple[int, ...] | None] = (1, 28, 28)

    split: Annotated[
        Literal["balanced", "byclass", "bymerge", "letters", "digits", "mnist"], Meta(description="which of its six")
    ]

    @property
    def classes(self) -> int:  # type: ignore[override]  # of a class elsewhere: here each split has its own
        return {"balanced": 47, "byclass": 62, "bymerge": 47, "letters": 26}.get(self.split, 10)


class Svhn(Images, frozen=True, kw_only=True, tag="svhn"):
    """SVHN, house numbers: 73,257 + 26,032 images of 32x32 in colour; per-channel standardised on the train set."""

    example: ClassVar[str] = "svhn"
    shape: ClassVar[tuple[int, ...] | None] = (3, 32, 32)
    classes: ClassVar[int | None] = 10
    full_size: ClassVar[int | None] = 73_257


class Cifar100(Images, frozen=True, kw_only=True, tag="cifar100"):
    """CIFAR-100, 50,000 + 10,000 images of 32x32 in colour; per-channel standardised on the train set."""

    example: ClassVar[str] = "cifar100"
    shape: ClassVar[tuple[int, ...] | None] = (3, 32, 32)
    classes: ClassVar[int | None] = 100
    full_size: ClassVar[int | None] = 50_000


class Folder(Images, frozen=True, kw_only=True, tag="folder"):
    """Your own folder: train/CLASS/*.png and test/CLASS/*.png, all images of one size, read as RGB.

    With `crop` they are what torchvision's evaluation makes of them: Resize(size), CenterCrop(crop), Normalize.
    """

    argument: ClassVar[str | None] = "path"
    example: ClassVar[str] = "folder:/data/birds or folder:/data/birds,size=256,crop=224,mean=imagenet"

    path: Annotated[str, Meta(description="the folder with train/ and test/ in it")]
    size: Annotated[
        Count | None, Meta(description="resize every image to size x size pixels; with crop, its shorter side to size")
    ] = None
    crop: Annotated[Count | None, Meta(description="then take the crop x crop pixels in its middle")] = None
    mean: Annotated[
        str | None,
        Meta(
            description="of pixels from 0 to 1, subtracted: a number, or one for each channel as .5/.4/.4; or imagenet"
        ),
    ] = None
    std: Annotated[str | None, Meta(description="divides then: a number, or one for each channel")] = None

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "path", whole_path("folder", self.path))
        if self.crop is not None and self.size is not None and self.crop > self.size:
            raise UsageError(f"folder: crop must be at most size, {self.size}, not {self.crop}.")
        if self.normalisation.given and (self.scale not in ("usual", "unit") or self.whiten):
            raise UsageError("folder: mean and std are of pixels from 0 to 1: leave scale and whiten out.")

    @property
    def normalisation(self) -> Normalisation:
        return normalisation("folder", self.mean, self.std)


class Quadratic(DataSpec, frozen=True, kw_only=True, tag="quadratic"):
    """Regression of y = x^2 on [0, 1]: random x, 1,000 train and 1,000 test samples."""

    example: ClassVar[str] = "quadratic"
    shape: ClassVar[tuple[int, ...] | None] = (1,)
    regression: ClassVar[bool] = True
    full_size: ClassVar[int | None] = 1_000


class Cubic(DataSpec, frozen=True, kw_only=True, tag="cubic"):
    """Regression of y = x^3 on [0, 1]: random x, 1,000 train and 1,000 test samples."""

    example: ClassVar[str] = "cubic"
    shape: ClassVar[tuple[int, ...] | None] = (1,)
    regression: ClassVar[bool] = True
    full_size: ClassVar[int | None] = 1_000


Drawn = Annotated[int, Meta(ge=1, le=10_000_000, description="to train on, and as many to test")]


class Polynomial(DataSpec, frozen=True, kw_only=True, tag="polynomial"):
    """Regression of any polynomial on [0, 1]: x uniform, as many train as test samples."""

    example: ClassVar[str] = "polynomial,coefficients=.1/.25/.5,samples=10000"
    shape: ClassVar[tuple[int, ...] | None] = (1,)
    regression: ClassVar[bool] = True

    coefficients: Annotated[str, Meta(description="from the constant upwards: .1/.25/.5 is 0.1 + 0.25 x + 0.5 x^2")]
    samples: Drawn = 1_000

    def __post_init__(self) -> None:
        text = "/".join(f"{one!r}".removesuffix(".0") for one in self.values)  # one text for equal data
        msgspec.structs.force_setattr(self, "coefficients", text)

    @property
    def values(self) -> tuple[float, ...]:
        """The coefficients as numbers. Raises UsageError."""
        try:
            numbers = tuple(float(one) for one in self.coefficients.split("/"))
        except ValueError:
            numbers = ()
        if not numbers or not all(map(isfinite, numbers)):
            raise UsageError(
                "polynomial: coefficients must be numbers with / between them, from the constant upwards, such as "
                f".1/.25/.5, not {self.coefficients!r}."
            )
        return numbers

    @property
    def train_samples(self) -> int:
        return self.samples


class Gaussians(DataSpec, frozen=True, kw_only=True, tag="gaussians"):
    """Two Gaussian clouds in the plane around +-(a, a): y = x for the one, 0 for the other (FB 2017, 2.3.1)."""

    example: ClassVar[str] = "gaussians or gaussians,distance=4,samples=1000"
    shape: ClassVar[tuple[int, ...] | None] = (2,)
    regression: ClassVar[bool] = True

    distance: Annotated[float, Meta(ge=0, le=1e6, description="a: each coordinate of a cloud's centre")] = 4.0
    samples: Drawn = 1_000

    @property
    def train_samples(self) -> int:
        return self.samples


class Teacher(DataSpec, frozen=True, kw_only=True, tag="teacher"):
    """Regression of a few ReLU units and noise, x uniform on the sphere of radius sqrt(inputs)."""

    example: ClassVar[str] = "teacher or teacher,inputs=3,units=3,noise=0.1,samples=1000"
    regression: ClassVar[bool] = True

    inputs: Annotated[int, Meta(ge=1, le=1_000_000, description="numbers in a sample")] = 2
    units: Annotated[int, Meta(ge=1, le=1_000_000, description="of the teacher")] = 3
    noise: Annotated[float, Meta(ge=0, le=1e6, description="standard deviation of what is added to its outputs")] = 0.1
    samples: Drawn = 1_000

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]  # of all data sets the only one with an option for it
        return (self.inputs,)

    @property
    def train_samples(self) -> int:
        return self.samples


class Permute3(DataSpec, frozen=True, kw_only=True, tag="permute3"):
    """Three points of the plane, the cube roots of unity, each mapped to the next one; no test set."""

    example: ClassVar[str] = "permute3"
    shape: ClassVar[tuple[int, ...] | None] = (2,)
    regression: ClassVar[bool] = True
    full_size: ClassVar[int | None] = 3
    tested: ClassVar[bool] = False


class Words(DataSpec, frozen=True, kw_only=True):
    """Text: samples are windows of words, targets the next ones. `limit` takes the first windows."""

    words: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, ...]:  # type: ignore[override]  # of a class elsewhere: here each has its own
        return (self.window,)

    vocabulary: Annotated[
        int, Meta(ge=2, le=10_000_000, description="most frequent words that are told apart, <unk> among them")
    ] = 10_000
    window: Annotated[int, Meta(ge=1, le=1_000_000, description="words of a sample")] = 20


class Text(Words, frozen=True, kw_only=True, tag="text"):
    """Your own text: a folder with train.txt and test.txt, or one file, whose last tenth of lines is the test part."""

    argument: ClassVar[str | None] = "path"
    example: ClassVar[str] = "text:/data/novel.txt,vocabulary=10000,window=20"

    path: Annotated[str, Meta(description="a folder with train.txt and test.txt, or one file")]

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "path", whole_path("text", self.path))


class Kjv(Words, frozen=True, kw_only=True, tag="kjv"):
    """The King James Bible, one verse a line; its test part are the last epistles and the Revelation."""

    example: ClassVar[str] = "kjv or kjv,vocabulary=1000,limit=2000"


DATA: dict[str, type[DataSpec]] = {
    "digits": Digits,
    "mnist": Mnist,
    "fashion-mnist": FashionMnist,
    "cifar10": Cifar10,
    "cifar100": Cifar100,
    "svhn": Svhn,
    "kmnist": Kmnist,
    "emnist": Emnist,
    "folder": Folder,
    "tensors": Tensors,
    "csv": Csv,
    "file": DataFile,
    "quadratic": Quadratic,
    "cubic": Cubic,
    "polynomial": Polynomial,
    "permute3": Permute3,
    "gaussians": Gaussians,
    "teacher": Teacher,
    "text": Text,
    "kjv": Kjv,
}


def read_data(text: str) -> DataSpec:
    """The data set that a text names. Raises UsageError."""
    return parse(text, DATA, "data set")
