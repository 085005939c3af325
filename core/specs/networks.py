"""Networks by name: what can be written, and what each asks of the data. No torch here."""

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from core.errors import UsageError
from core.specs.names import Named, parse, read_widths, write_widths
from core.specs.options import Count

Activation = Literal["relu", "leaky_relu", "sigmoid", "tanh", "softplus", "elu", "linear"]


class NetworkSpec(Named, frozen=True, kw_only=True, tag_field="network"):
    """One architecture, up to its input and output, which come from the data."""

    def check_input(self, shape: tuple[int, ...]) -> None:
        """Raise UsageError where samples of this shape can't be read."""

    @property
    def hidden_widths(self) -> tuple[int, ...] | None:
        """Neurons (channels) of each hidden layer; None where there is no view by layers."""
        return None


class Fcn(NetworkSpec, frozen=True, kw_only=True, tag="fcn"):
    """A fully connected network; hidden widths only."""

    argument: ClassVar[str | None] = "widths"
    example: ClassVar[str] = "fcn:245x10 or fcn:300-100,activation=tanh"

    widths: Annotated[tuple[Count, ...], Meta(description="hidden widths: 245x10 or 300-100")]
    activation: Annotated[Activation, Meta(description="elementwise, after every hidden layer")] = "relu"
    slope: Annotated[float, Meta(ge=0, le=1, description="of leaky_relu below zero")] = 0.01
    gamma: Annotated[float, Meta(gt=0, description="sharpness of softplus: log(1 + exp(gamma z)) / gamma")] = 1.0
    bias: Annotated[bool, Meta(description="biases on or off")] = True

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        return self.widths

    @classmethod
    def read_argument(cls, text: str) -> object:
        return read_widths(text)

    def write_argument(self) -> str:
        return write_widths(self.widths)


class Cnn(NetworkSpec, frozen=True, kw_only=True, tag="cnn"):
    """A small convolutional network: 3x3 convolutions, each with 2x2 max-pooling, then two dense layers."""

    example: ClassVar[str] = "cnn or cnn,channels=16-32,hidden=128"

    channels: Annotated[str, Meta(description="of the convolutions, for example 16-32")] = "16-32"
    hidden: Annotated[int, Meta(ge=1, description="width of the dense hidden layer")] = 128
    activation: Annotated[Activation, Meta(description="elementwise, after every hidden layer")] = "relu"
    slope: Annotated[float, Meta(ge=0, le=1, description="of leaky_relu below zero")] = 0.01
    gamma: Annotated[float, Meta(gt=0, description="sharpness of softplus")] = 1.0

    def __post_init__(self) -> None:
        channels = write_widths(read_widths(self.channels))  # one text for equal networks
        msgspec.structs.force_setattr(self, "channels", channels)

    @property
    def hidden_widths(self) -> tuple[int, ...]:
        return (*read_widths(self.channels), self.hidden)

    def check_input(self, shape: tuple[int, ...]) -> None:
        """Raise UsageError but for images of 28x28 or 32x32 that the pooling leaves a pixel of."""
        if len(shape) != 3 or shape[1:] not in ((28, 28), (32, 32)):
            size = "x".join(str(side) for side in shape)
            raise UsageError(f"cnn reads images of 28x28 or 32x32 pixels, not samples of {size}; use fcn:WIDTHS there.")
        if len(read_widths(self.channels)) > 4:
            raise UsageError(
                f"cnn halves images once a convolution, which allows at most 4, not channels={self.channels}."
            )


NETWORKS: dict[str, type[NetworkSpec]] = {"fcn": Fcn, "cnn": Cnn}


def read_network(text: str) -> NetworkSpec:
    """The network that a text names. Raises UsageError."""
    return parse(text, NETWORKS, "network")
