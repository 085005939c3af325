"""The requests that can be made: one record a kind of run, stored as versioned JSON."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import msgspec
from msgspec import Meta

from core.errors import UsageError
from core.specs.batch_norm import Bn
from core.specs.bounds import BoundOptions
from core.specs.checkpoints import HowToRead, files_text, read_files
from core.specs.descent import Descent
from core.specs.methods import MethodOptions, Metric, require_above_zero
from core.specs.options import Count, Options

VERSION = 1
Dtype = Literal["float32", "float64"]
Loss = Literal["cross-entropy", "square", "absolute", "hinge", "binary-cross-entropy"]
#: Compare outputs with values, or with one-hot labels.
OF_VALUES: tuple[Loss, ...] = ("square", "absolute", "binary-cross-entropy")
OF_LABELS: Loss = "binary-cross-entropy"  # its values are 0 and 1, and of each label an answer is right or wrong

ONLY_LABELS = (
    f"The loss {OF_LABELS} needs targets of 0 and 1, one for each label of a sample, and this data set has others: use "
    "the square loss, or absolute."
)


class Reference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row of the catalogue that exists, or the one that a run will leave at `position`."""

    noun: ClassVar[str]
    """What it refers to; the field with the id is called so, and its plural is the table."""
    run: int | None = None
    position: int = 0

    def __str__(self) -> str:
        if self.row_id is not None:
            return str(self.row_id)
        return f"run:{self.run}" + (f":{self.position}" if self.position else "")

    @property
    def row_id(self) -> int | None:
        """The id of the row; None where it is named by the run that makes it."""
        row_id: int | None = getattr(self, self.noun)
        return row_id

    @classmethod
    def to(cls, row_id: int) -> Self:
        """The reference to the row of this id."""
        return cls(**{cls.noun: row_id})

    @classmethod
    def read(cls, text: str) -> Self:
        """`12` is a row; `run:7` or `run:7:1` what run 7 makes. Raises UsageError."""
        match = re.fullmatch(r"(?:run:)?(\d{1,18})(?::(\d{1,9}))?", text.strip())
        if match is None or (match[2] and not text.startswith("run:")):
            raise UsageError(
                f"{text!r} is not a {cls.noun} id. Give a number such as 12, or run:ID for what a run makes."
            )
        if text.startswith("run:"):
            return cls(run=int(match[1]), position=int(match[2] or 0))
        return cls.to(int(match[1]))


class ModelRef(Reference, frozen=True, kw_only=True, omit_defaults=True):
    """A model."""

    noun: ClassVar[str] = "model"
    model: int | None = None


class PathRef(Reference, frozen=True, kw_only=True, omit_defaults=True):
    """A path."""

    noun: ClassVar[str] = "path"
    path: int | None = None


class Train(Descent, frozen=True, kw_only=True, tag="train", tag_field="kind"):
    """Train one model, or several of one architecture in one batch."""

    network: Annotated[str, Meta(description="network, for example fcn:245x10")]
    data: Annotated[str, Meta(description="data set, for example mnist")]
    loss: Annotated[Loss | None, Meta(description="loss; by default cross-entropy for classes, else square")] = None
    seed: Annotated[int, Meta(ge=0, lt=2**62, description="seed of the first model; the next ones count on")] = 0
    count: Annotated[Count, Meta(description="models trained in one batch, each with a seed of its own")] = 1
    until: Annotated[
        float | None,
        Meta(description="stop when the metric `on` is at most this (an error of 3 % is 0.03); never there: failed"),
    ] = None
    on: Annotated[Metric, Meta(description="what is compared with until")] = "train-loss"
    required: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="how many of the models have to get to until, else failed; by default all"),
    ] = None
    until_loss: Annotated[float | None, Meta(description="the same as until, for the train loss")] = None
    dtype: Annotated[Dtype, Meta(description="dtype of the parameters")] = "float32"
    name: Annotated[str | None, Meta(description="what to call it")] = None

    def __post_init__(self) -> None:
        if self.until is not None and self.until_loss is not None:
            raise UsageError("train: until and until_loss are two words for one thing: give one of them.")
        if self.until is None and self.on != "train-loss":
            raise UsageError(f"train: on={self.on} says what until is for: give until, too, and not until_loss.")
        for name in ("until", "until_loss"):
            if (value := getattr(self, name)) is not None:
                require_above_zero("train", name, value, self.on)
        if self.required is not None and (self.goal is None or self.required > self.count):
            raise UsageError(
                f"train: required={self.required} says how many models have to get to until: give until, too, and "
                f"no more than the count of {self.count}."
            )
        if self.nesterov and (self.optimizer != "sgd" or self.momentum == 0):
            raise UsageError("train: nesterov needs optimizer=sgd and a momentum above 0.")

    @property
    def goal(self) -> float | None:
        """What `on` has to be at most, by whichever name it was given."""
        return self.until if self.until_loss is None else self.until_loss

    @property
    def least(self) -> int:
        """How many models have to reach the goal."""
        return self.count if self.required is None else self.required

    def changed(self, texts: Mapping[str, object], of: str) -> Self:
        """The same with some options replaced; a new goal replaces the old one, by whichever name either was given."""
        other: dict[str, dict[str, object]] = {
            "until": {"until_loss": None},
            "until_loss": {"until": None, "on": "train-loss"},
        }
        given = [name for name in other if name in texts]
        return super().changed({**other[given[0]], **texts} if len(given) == 1 else texts, of)


class Import(HowToRead, frozen=True, kw_only=True, tag="import", tag_field="kind"):
    """Take other people's checkpoints of a network into the catalogue, as models of a data set."""

    files: Annotated[str, Meta(description="the checkpoints, with spaces between")]
    network: Annotated[str, Meta(description="the network that they are of, for example file:net.py:make")]
    data: Annotated[str, Meta(description="data set to evaluate them on, for example digits")]
    recursive: Annotated[bool, Meta(description="take every checkpoint in the folders that are given")] = False
    loss: Annotated[Loss | None, Meta(description="loss; by default cross-entropy for classes, else square")] = None
    dtype: Annotated[
        Dtype | None, Meta(description="dtype of the parameters; by default float64 where the file's are, else float32")
    ] = None
    expect_accuracy: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        Meta(description="accuracy on the test set (the train set without one); if 0.005 off: failed"),
    ] = None
    name: Annotated[str | None, Meta(description="what to call it; by default as the file")] = None

    def __post_init__(self) -> None:
        HowToRead.__post_init__(self)
        msgspec.structs.force_setattr(self, "files", files_text(read_files(self.files)))

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files."""
        return read_files(self.files)

    @property
    def count(self) -> int:
        """How many models the run leaves."""
        return len(self.paths)


class OfModels(Options, frozen=True, kw_only=True):
    """A run that reads models, or paths between them."""

    network: Annotated[
        str | None, Meta(description="the models' network, where its file has changed since and is trusted")
    ] = None


class Swap(OfModels, frozen=True, kw_only=True, tag="swap", tag_field="kind"):
    """Exchange two hidden units of a model: the same function at another point of parameter space."""

    needs_layers: ClassVar[bool] = True
    model: ModelRef
    layer: Annotated[Count, Meta(description="hidden layer, counted from 1")] = 1
    first: Annotated[int, Meta(ge=0, description="unit, counted from 0")] = 0
    second: Annotated[int, Meta(ge=0, description="unit, counted from 0")] = 1
    name: Annotated[str | None, Meta(description="what to call it")] = None


class Proved(OfModels, frozen=True, kw_only=True):
    """A run whose path may be proven where its construction proves nothing."""

    slack: Annotated[
        float, Meta(gt=0, description="a proof stops at this share above the largest train loss seen: 0.05 is 5 %")
    ] = 0.05
    passes: Annotated[
        Count | None,
        Meta(description="passes over the train set that a proof may take, a look or two at single points aside"),
    ] = None
    prove_test: Annotated[bool, Meta(description="prove test loss and error of a proven path, too")] = False
    ridge: Annotated[
        float, Meta(ge=0, description="penalised_level is of train loss + ridge |W|^2, W without biases")
    ] = 0.0
    l1: Annotated[
        float,
        Meta(ge=0, description="penalised_level is of train loss + l1 |W|_1, W without biases"),
    ] = 0.0


def penalised_text(ridge: float, l1: float) -> str:
    """What a penalised level is of, by its factors: train loss + 0.1 |W|^2."""
    terms = [f"{factor:g} {norm}" for factor, norm in ((ridge, "|W|^2"), (l1, "|W|_1")) if factor > 0]
    return " + ".join(("train loss", *terms))


class Connect(Proved, frozen=True, kw_only=True, tag="connect", tag_field="kind"):
    """Construct a path between two models, or one for each of several pairs."""

    a: ModelRef
    b: ModelRef
    further: tuple[ModelRef, ...] = ()
    method: MethodOptions
    below: Annotated[float | None, Meta(description="a path whose level is above this has failed to connect")] = None
    points: Annotated[int, Meta(ge=2, description="points of the profile along the path, at least")] = 61
    seed: Annotated[int, Meta(ge=0, lt=2**62, description="of whatever is random in the method")] = 0
    prove: Annotated[
        Literal["auto", "on", "off"],
        Meta(
            description="prove how high the loss is on straight segments; auto: where that costs no more than the path"
        ),
    ] = "auto"
    bn: Annotated[
        Bn,
        Meta(
            description="statistics of batch-norms on the path: recomputed on the data, interpolated between the "
            "models' (linear only), or folded into the layers before"
        ),
    ] = "data"
    bn_samples: Annotated[
        int, Meta(ge=2, description="bn=data: recomputed on this many samples, the first of the train set")
    ] = 10000
    pairs: Annotated[bool, Meta(description="read the models two by two, as pairs: a path for each")] = False
    name: Annotated[str | None, Meta(description="what to call it")] = None

    @property
    def ends(self) -> tuple[tuple[ModelRef, ModelRef], ...]:
        """The two models of every pair, a path each at its position."""
        every = (self.a, self.b, *self.further)
        return tuple(zip(every[::2], every[1::2], strict=True))

    @property
    def count(self) -> int:
        """How many paths the run leaves."""
        return len(self.ends)

    def __post_init__(self) -> None:
        many = 2 + len(self.further)
        if self.further and not self.pairs:
            raise UsageError(f"connect: a path joins two models, and {many} are given: give two, or --pairs as well.")
        if many % 2:
            raise UsageError(f"connect: pairs are two models each, and {many} are given: give an even number of them.")
        on: Metric = getattr(self.method, "on", "train-loss")
        if self.prove == "on" and not (on == "train-loss" or (on == "test-loss" and self.prove_test)):
            raise UsageError(
                f"connect: prove=on is for a threshold on the train loss, not on={on}. Leave one of them out "
                "(prove_test=true allows on=test-loss)."
            )
        if self.below is not None:
            require_above_zero("connect", "below", self.below, on)


class Bound(OfModels, frozen=True, kw_only=True, tag="bound", tag_field="kind"):
    """Compute a quantity of one model."""

    model: ModelRef
    bound: BoundOptions
    name: Annotated[str | None, Meta(description="what to call it")] = None


class Descend(OfModels, frozen=True, kw_only=True, tag="descend", tag_field="kind"):
    """Construct a path from a model down to a new one of low train loss, along which the loss never rises."""

    needs_layers: ClassVar[bool] = True
    needs_float64: ClassVar[bool] = True
    model: ModelRef
    to: Annotated[
        float,
        Meta(
            gt=0, description="how far above the lowest train loss (with ridge: the lowest sum) to end, at most (eps)"
        ),
    ]
    theorem: Annotated[
        Literal["auto", "3.2", "4.2", "6.1", "2.2"],
        Meta(description="by which, of Nguyen 2019 and, 2.2, Freeman and Bruna 2017; auto: the first that applies"),
    ] = "auto"
    delta: Annotated[
        float, Meta(gt=0, description="the loss may rise by this where Theorem 4.2 has to perturb the model first")
    ] = 1e-3
    ridge: Annotated[
        float, Meta(ge=0, description="kappa: above 0, by 2.2, loss + kappa (|W_1|^2 + |W_2|^2) falls to its lowest")
    ] = 0.0
    points: Annotated[int, Meta(ge=2, description="points of the profile along the path, at least")] = 61
    seed: Annotated[int, Meta(ge=0, lt=2**62, description="of the features that are drawn at random")] = 0
    name: Annotated[str | None, Meta(description="what to call it")] = None

    def __post_init__(self) -> None:
        if self.ridge > 0 and self.theorem not in ("auto", "2.2"):
            raise UsageError(f"descend: ridge goes with theorem=2.2, not {self.theorem}. Leave one of them out.")


class Certify(Proved, frozen=True, kw_only=True, tag="certify", tag_field="kind"):
    """Decide every claim of a path again, prove what has no proof, in float64, and keep the resulting certificate."""

    path: PathRef
    slack: Annotated[
        float, Meta(gt=0, description="a proof stops at this share above the largest train loss seen: 0.01 is 1 %")
    ] = 0.01
    points: Annotated[
        int, Meta(ge=2, description="points at which segments without proof are looked at, along the path, at least")
    ] = 61
    name: Annotated[str | None, Meta(description="what to call it")] = None


Reading = Swap | Connect | Bound | Descend | Certify  # what exists already
Making = Train | Import  # models of a network on a data set
RunSpec = Making | Reading


class NewerSpecError(UsageError):
    """A stored spec is of a version that this Thalweg does not know."""


class _Envelope(msgspec.Struct, frozen=True, kw_only=True):
    version: int
    run: RunSpec


def to_json(spec: RunSpec) -> str:
    """The stored text of a spec: versioned JSON."""
    return msgspec.json.encode(_Envelope(version=VERSION, run=spec)).decode()


def from_json(text: str) -> RunSpec:
    """The inverse of `to_json`. Raises UsageError, for a text of another version NewerSpecError."""
    try:
        version = msgspec.json.decode(text)["version"]
        if version != VERSION:
            raise NewerSpecError(
                f"This spec is of version {version}, and this Thalweg reads version {VERSION}: upgrade Thalweg."
            )
        return msgspec.json.decode(text, type=_Envelope).run
    except (msgspec.DecodeError, KeyError, TypeError, UnicodeError, RecursionError) as error:
        raise UsageError(f"This is not a stored spec: {error}.") from None


def kind_of(spec: RunSpec) -> str:
    return str(type(spec).__struct_config__.tag)


def name_of_options(options: Options) -> str:
    return str(type(options).__struct_config__.tag)
