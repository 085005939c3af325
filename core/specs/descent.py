"""How parameters are brought down: the options that all training shares."""

from typing import Annotated, Literal

from msgspec import Meta

from core.specs.options import Count, Options

Optimizer = Literal["sgd", "adam", "rmsprop"]
Schedule = Literal["constant", "cosine", "linear"]
Precision = Literal["full", "bfloat16"]


class Descent(Options, frozen=True, kw_only=True):
    """Minibatch descent by one of torch's optimizers."""

    epochs: Annotated[int, Meta(ge=0, description="at most this many passes over the train set")] = 100
    optimizer: Annotated[Optimizer, Meta(description="which")] = "adam"
    lr: Annotated[float, Meta(gt=0, description="learning rate")] = 1e-3
    momentum: Annotated[float, Meta(ge=0, lt=1, description="of sgd and rmsprop")] = 0.0
    nesterov: Annotated[bool, Meta(description="Nesterov momentum (sgd)")] = False
    weight_decay: Annotated[float, Meta(ge=0, description="L2 penalty, as torch's optimizers take it")] = 0.0
    schedule: Annotated[Schedule, Meta(description="of the learning rate over the epochs, towards zero")] = "constant"
    batch: Annotated[Count, Meta(description="samples a step (the whole train set where that is smaller)")] = 128
    precision: Annotated[
        Precision,
        Meta(description="of training's matrix products: the parameters' own, or bfloat16 where the hardware has it"),
    ] = "full"
