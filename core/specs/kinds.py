"""All that has to be known of a kind of run, beside its job in the worker: one entry of `KINDS`. No torch here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import get_args, get_origin, get_type_hints

import msgspec

from core.errors import unknown_name
from core.specs.bounds import BOUNDS
from core.specs.methods import METHODS
from core.specs.options import Options, describe
from core.specs.runs import (
    Bound,
    Certify,
    Connect,
    Descend,
    Import,
    OfModels,
    Reference,
    RunSpec,
    Swap,
    Train,
    kind_of,
    name_of_options,
)


@dataclass(frozen=True)
class Choice:
    """A field of a spec that holds one of several records of options, chosen by name."""

    field: str
    flag: str  # of its command
    noun: str  # in sentences
    among: Mapping[str, type[Options]]


@dataclass(frozen=True)
class RunKind:
    """A kind of run. Without a `title` it has no command and no form: studies alone enqueue it."""

    spec: type[RunSpec]
    inputs: Mapping[str, str] = field(default_factory=dict)
    """Fields with references to what it reads, one or a tuple of them, and what each means."""
    makes: Mapping[str, int] = field(default_factory=dict)
    """How many rows it leaves in which tables, the one it is run for first; a training leaves as many as it counts."""
    choice: Choice | None = None
    title: str = ""
    entry: tuple[str, str] = ("", "")
    """Its key and words in the menu of what can be started."""
    arguments: tuple[str, ...] = ()
    """The positional arguments of its command, if these are not its inputs."""
    files: tuple[str, ...] = ()
    """Those of them that are paths of files, any number of them."""
    flags: tuple[str, ...] = ()
    """Options with a flag of their own; the others are set by -o."""
    repeatable: tuple[str, ...] = ()
    """Those of them whose flag may be given several times; the texts are joined by blanks."""
    each: bool = False
    """Whether its command and form take several of its only input, and start a run for each."""

    @property
    def positional(self) -> tuple[str, ...]:
        return self.arguments or tuple(self.inputs)

    def reads(self, name: str) -> type[Reference]:
        """What an input refers to."""
        return _referred(self.spec)[name][0]

    def several(self, name: str) -> bool:
        """Whether an input holds any number of references."""
        return _referred(self.spec)[name][1]

    def many(self, name: str) -> bool:
        """Whether a command takes any number of words for an argument."""
        return name in self.files or (name in self.inputs and (self.each or self.several(name)))

    def required(self, name: str) -> bool:
        """Whether an argument must be given."""
        return next(option.required for option in describe(self.spec) if option.name == name)

    @property
    def own(self) -> tuple[str, ...]:
        """Options of the run itself, beside those of its choice."""
        chosen = {self.choice.field} if self.choice else set()
        elsewhere = {*self.inputs, *chosen, *(OfModels.__struct_fields__ if issubclass(self.spec, OfModels) else ())}
        return tuple(name for name in self.spec.__struct_fields__ if name not in elsewhere)

    @property
    def table(self) -> str:
        """Where to find what it is run for."""
        return next(iter(self.makes))

    def promised(self, table: str, spec: RunSpec) -> int:
        """How many rows of a table a run of this spec leaves."""
        return self.makes.get(table, 0) * getattr(spec, "count", 1)


KINDS: dict[str, RunKind] = {
    "train": RunKind(
        Train,
        makes={"models": 1},
        title="Train models of a network on a data set",
        entry=("t", "train models"),
        arguments=("network", "data"),
        flags=("seed", "until", "on", "until_loss", "epochs", "count", "name", "loss", "dtype"),
    ),
    "import": RunKind(
        Import,
        makes={"models": 1},
        title="Import checkpoints as models",
        entry=("i", "import checkpoints"),
        arguments=("files",),
        files=("files",),
        flags=(
            *("network", "data", "ema", "yes", "recursive", "key", "strip", "fresh_head", "map"),
            *("dtype", "expect_accuracy", "name", "loss"),
        ),
        repeatable=("map",),
    ),
    "connect": RunKind(
        Connect,
        inputs={
            "a": "where the path starts",
            "b": "where the path ends",
            "further": "two by two, with pairs, where further paths start and end",
        },
        makes={"paths": 1},
        choice=Choice("method", "method", "method", METHODS),
        title="Connect two models by a path of low loss",
        entry=("c", "connect two models"),
        flags=("below", "pairs", "name"),
    ),
    "bound": RunKind(
        Bound,
        inputs={"model": "the model to compute it for"},
        makes={"bounds": 1},
        choice=Choice("bound", "kind", "kind of bound", BOUNDS),
        title="Compute a quantity of one model",
        entry=("b", "a bound of one model"),
        flags=("name",),
    ),
    "descend": RunKind(
        Descend,
        inputs={"model": "where the path starts"},
        makes={"paths": 1, "models": 1},
        title="Construct a path from a model down to one of low train loss",
        entry=("d", "descend from a model"),
        flags=("to", "name"),
    ),
    "certify": RunKind(
        Certify,
        inputs={"path": "the path to certify"},
        makes={"certificates": 1},
        title="Certify paths again, each in a run of its own",
        entry=("v", "certify paths"),
        each=True,
        flags=("name",),
    ),
    "swap": RunKind(Swap, inputs={"model": "the model to change"}, makes={"models": 1}),
}


def kind(spec: RunSpec) -> RunKind:
    """The kind of run that a spec asks for."""
    return KINDS[kind_of(spec)]


@cache
def _referred(spec: type[RunSpec]) -> dict[str, tuple[type[Reference], bool]]:
    """The fields of a spec that are references or tuples of them: of which class, and whether several."""
    found = {}
    for name, hint in get_type_hints(spec).items():
        several = get_origin(hint) is tuple
        one = get_args(hint)[0] if several else hint
        if isinstance(one, type) and issubclass(one, Reference):
            found[name] = (one, several)
    return found


def inputs_of(spec: RunSpec) -> tuple[Reference, ...]:
    """What a run reads."""
    return tuple(ref for name in kind(spec).inputs for ref in references(getattr(spec, name)))


def references(value: Reference | tuple[Reference, ...]) -> tuple[Reference, ...]:
    """What an input holds."""
    return value if isinstance(value, tuple) else (value,)


def with_inputs(spec: RunSpec, change: Callable[[Reference], Reference]) -> RunSpec:
    """The spec with each reference to what it reads changed."""
    now: dict[str, object] = {}
    for name in kind(spec).inputs:
        refs = tuple(map(change, references(getattr(spec, name))))
        now[name] = refs if kind(spec).several(name) else refs[0]
    return msgspec.structs.replace(spec, **now)


def read_input(command: str, name: str, text: str) -> Reference | tuple[Reference, ...]:
    """One reference, or several with spaces between them. Raises UsageError."""
    ref = KINDS[command].reads(name)
    return tuple(map(ref.read, text.split())) if KINDS[command].several(name) else ref.read(text)


def input_text(value: Reference | tuple[Reference, ...]) -> str:
    """The inverse of `read_input`."""
    return " ".join(map(str, references(value)))


def chosen_options(spec: RunSpec) -> Options | None:
    """The options of a run's method or bound; None where its kind has no such choice."""
    choice = kind(spec).choice
    return None if choice is None else getattr(spec, choice.field)


def changed(spec: RunSpec, texts: Mapping[str, str]) -> RunSpec:
    """The spec with some options replaced. Raises UsageError naming the option."""
    options, choice = chosen_options(spec), kind(spec).choice
    own, others = apart(kind_of(spec), texts, None if options is None else type(options))
    if options is not None and choice is not None:
        spec = msgspec.structs.replace(spec, **{choice.field: options.changed(others, name_of_options(options))})
    return spec.changed(own, kind_of(spec))


def apart(
    command: str, texts: Mapping[str, str], record: type[Options] | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Options of the run itself, and those of its method or bound, the `record`. Raises UsageError for any other."""
    run = KINDS[command]
    chosen = () if record is None else tuple(one.name for one in describe(record))
    own = {key: text for key, text in texts.items() if key in run.own}
    others = {key: text for key, text in texts.items() if key not in own}
    if unknown := [key for key in others if key not in chosen]:
        of = command if record is None else record.__struct_config__.tag
        raise unknown_name(f"option of {of}", unknown[0], (*chosen, *run.own))
    return own, others
