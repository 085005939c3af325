"""Networks by name: what can be written, and what each asks of the data. No torch here."""

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from core.errors import UsageError
from core.specs.code_files import CodeFile, Sha256, whole_source
from core.specs.data_spec import DataSpec
from core.specs.names import Named, parse, read_widths, whole_path, write_widths
from core.specs.options import Count

Activation = Literal["relu", "leaky_relu", "sigmoid", "tanh", "softplus", "elu", "linear"]


class NetworkSpec(Named, frozen=True, kw_only=True, tag_field="network"):
    """One architecture, up to its input and output, which come from the data."""

    foreign: ClassVar[bool] = False  # somebody else's code: only a process that loads torch can look at it
    reads_words: ClassVar[bool] = False  # numbers of words, and no other samples

    def check_input(self, shape: tuple[int, ...]) -> None:
        """Raise UsageError where samples of this shape can't be read."""

    @property
    def hidden_widths(self) -> tuple[int, ...] | None:
        """Neurons (channels) of each hidden layer; None for foreign networks."""
        return None

    @property
    def short_text(self) -> str:
        """As it is written in a sentence."""
        return str(self)


class Activated(NetworkSpec, frozen=True, kw_only=True):
    """Built-in networks, with one activation throughout."""

    activation: Annotated[Activation, Meta(description="elementwise, after every hidden layer")] = "relu"
    slope: Annotated[float, Meta(ge=0, le=1, description="of leaky_relu below zero")] = 0.01
    gamma: Annotated[float, Meta(gt=0, description="sharpness of softplus: log(1 + exp(gamma z)) / gamma")] = 1.0


class Fcn(Activated, frozen=True, kw_only=True, tag="fcn"):
    """A fully connected network; hidden widths only."""

    argument: ClassVar[str | None] = "widths"
    example: ClassVar[str] = "fcn:245x10 or fcn:300-100,activation=tanh"

    widths: Annotated[tuple[Count, ...], Meta(description="hidden widths: 245x10 or 300-100")]
    bias: Annotated[bool, Meta(description="biases on or off")] = True

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        return self.widths

    @classmethod
    def read_argument(cls, text: str) -> object:
        return read_widths(text)

    def write_argument(self) -> str:
        return write_widths(self.widths)


class Cnn(Activated, frozen=True, kw_only=True, tag="cnn"):
    """A small convolutional network: convolutions, each with max-pooling that halves its image, then dense layers."""

    example: ClassVar[str] = "cnn or cnn,channels=16-32,hidden=128 or cnn,channels=64-64,kernel=5,pool=3/2"

    channels: Annotated[str, Meta(description="of the convolutions, for example 16-32")] = "16-32"
    kernel: Annotated[int, Meta(ge=1, le=27, description="side of the convolutions' kernels, odd")] = 3
    pool: Annotated[
        Literal["2", "3/2"], Meta(description="windows of 2x2 side by side, or of 3x3 at every second pixel")
    ] = "2"
    hidden: Annotated[str, Meta(description="widths of the dense hidden layers, for example 384-192")] = "128"

    def __post_init__(self) -> None:
        if self.kernel % 2 == 0:
            raise UsageError(f"cnn: kernel must be odd, so that its middle is a pixel, not {self.kernel}.")
        for name in ("channels", "hidden"):
            try:
                text = write_widths(read_widths(str(getattr(self, name))))  # one text for equal networks
            except ValueError as error:
                raise UsageError(f"cnn: {name}={getattr(self, name)}: {error}; write, for example, 16-32.") from None
            msgspec.structs.force_setattr(self, name, text)

    @property
    def dense_widths(self) -> tuple[int, ...]:
        """Of the dense hidden layers."""
        return read_widths(self.hidden)

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        return (*read_widths(self.channels), *self.dense_widths)

    def check_input(self, shape: tuple[int, ...]) -> None:
        """Raise UsageError but for images of 28x28 or 32x32 that the pooling leaves a pixel of."""
        if len(shape) != 3 or shape[1:] not in ((28, 28), (32, 32)):
            size = "x".join(str(side) for side in shape)
            raise UsageError(f"cnn reads images of 28x28 or 32x32 pixels, not samples of {size}; use fcn:WIDTHS there.")
        if len(read_widths(self.channels)) > 4:
            raise UsageError(
                f"cnn halves images once a convolution, which allows at most 4, not channels={self.channels}."
            )


class Vgg(Activated, frozen=True, kw_only=True):
    """Simonyan and Zisserman 2015, for small images: no batch-norm, two dense hidden layers of width `hidden`.

    3x3 convolutions with padding 1; `stages` says how many there are before each of the five 2x2 max-poolings.
    """

    stages: ClassVar[tuple[int, ...]]
    channels: ClassVar[tuple[int, ...]] = (64, 128, 256, 512, 512)

    hidden: Annotated[Count, Meta(description="width of the two dense hidden layers")] = 128
    width: Annotated[float, Meta(gt=0, le=16, description="times the channels of the original: 0.25 is thin")] = 1.0

    @property
    def convolutions(self) -> tuple[tuple[int, ...], ...]:
        """Channels of the convolutions, stage by stage."""
        widths = (max(1, round(self.width * n)) for n in self.channels)
        return tuple((n,) * times for n, times in zip(widths, self.stages, strict=True))

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        return (*(n for stage in self.convolutions for n in stage), self.hidden, self.hidden)

    def check_input(self, shape: tuple[int, ...]) -> None:
        """Raise UsageError but for images that five halvings leave a pixel of."""
        if len(shape) != 3 or min(shape[1:]) < 32:
            size, name = "x".join(str(side) for side in shape), self.__struct_config__.tag
            raise UsageError(
                f"{name} halves images five times and reads 32x32 pixels or more, not samples of {size}; "
                "use cnn for 28x28, fcn:WIDTHS for others."
            )


class Vgg11(Vgg, frozen=True, kw_only=True, tag="vgg11"):
    """Eight convolutions and three dense layers."""

    example: ClassVar[str] = "vgg11 or vgg11,width=0.25"
    stages: ClassVar[tuple[int, ...]] = (1, 1, 2, 2, 2)


class Vgg13(Vgg, frozen=True, kw_only=True, tag="vgg13"):
    """Ten convolutions and three dense layers."""

    example: ClassVar[str] = "vgg13"
    stages: ClassVar[tuple[int, ...]] = (2, 2, 2, 2, 2)


class Vgg16(Vgg, frozen=True, kw_only=True, tag="vgg16"):
    """Thirteen convolutions and three dense layers."""

    example: ClassVar[str] = "vgg16 or vgg16,activation=softplus,gamma=20"
    stages: ClassVar[tuple[int, ...]] = (2, 2, 3, 3, 3)


class Torchvision(NetworkSpec, frozen=True, kw_only=True, tag="torchvision"):
    """A classification model of torchvision.models, untrained; it reads images in colour."""

    argument: ClassVar[str | None] = "builder"
    foreign: ClassVar[bool] = True
    example: ClassVar[str] = "torchvision:resnet18 or torchvision:vgg11 or torchvision:resnet18,norm=group"

    builder: Annotated[str, Meta(description="its name in torchvision.models")]
    norm: Annotated[
        Literal["batch", "group", "none"],
        Meta(description="batch-norm as it is, or group-norm or nothing in its place"),
    ] = "batch"

    def __post_init__(self) -> None:
        if not self.builder.isidentifier():
            raise UsageError(
                f"torchvision:{self.builder!r} is not the name of a model: write, for example, {self.example}."
            )


class Timm(NetworkSpec, frozen=True, kw_only=True, tag="timm"):
    """An image classifier of the package timm, untrained: an extra."""

    argument: ClassVar[str | None] = "builder"
    foreign: ClassVar[bool] = True
    example: ClassVar[str] = "timm:resnet10t"

    builder: Annotated[str, Meta(description="its name in timm", pattern=r"^[\w.]+$")]


class HuggingFace(NetworkSpec, frozen=True, kw_only=True, tag="hf"):
    """An image classifier that a folder's config.json describes to the package transformers, untrained: an extra."""

    argument: ClassVar[str | None] = "folder"
    foreign: ClassVar[bool] = True
    example: ClassVar[str] = "hf:FOLDER"

    folder: Annotated[str, Meta(description="with a config.json; nothing is fetched, and no code of it is run")]

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "folder", whole_path("hf", self.folder))


class File(CodeFile, NetworkSpec, frozen=True, kw_only=True, tag="file"):
    """Your own network: a Python file, and the function or class in it that makes the module."""

    argument: ClassVar[str | None] = "source"
    foreign: ClassVar[bool] = True
    noun: ClassVar[str] = "network"
    example: ClassVar[str] = "file:net.py:make"

    source: Annotated[str, Meta(description="PATH.py:FACTORY")]
    sha256: Sha256 = None

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "source", whole_source(self.noun, self.source))


Foreign = Torchvision | Timm | HuggingFace | File


class Lstm(NetworkSpec, frozen=True, kw_only=True, tag="lstm"):
    """A language model: an embedding of words, LSTMs on each other, and a number for every next word."""

    reads_words: ClassVar[bool] = True
    example: ClassVar[str] = "lstm or lstm,embedding=64,hidden=64"

    embedding: Annotated[Count, Meta(description="numbers that stand for a word")] = 200
    hidden: Annotated[Count, Meta(description="units of each LSTM")] = 200
    layers: Annotated[int, Meta(ge=1, lt=101, description="LSTMs on each other")] = 2


NETWORKS: dict[str, type[NetworkSpec]] = {
    "fcn": Fcn,
    "cnn": Cnn,
    "vgg11": Vgg11,
    "vgg13": Vgg13,
    "vgg16": Vgg16,
    "lstm": Lstm,
    "torchvision": Torchvision,
    "timm": Timm,
    "hf": HuggingFace,
    "file": File,
}


def check_kind(network: NetworkSpec, data: DataSpec) -> None:
    """Raise UsageError where one is about words and the other isn't."""
    if network.reads_words and not data.words:
        raise UsageError(f"{network.short_text} reads text, and {data} has none: use text:PATH, or another network.")
    if data.words and not network.reads_words:
        raise UsageError(f"{data} is text, which {network.short_text} can't read: use lstm.")


def read_network(text: str) -> NetworkSpec:
    """The network that a text names. Raises UsageError."""
    return parse(text, NETWORKS, "network")
