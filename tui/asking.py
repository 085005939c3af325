"""Requests from texts, as the commands that start runs read them, and the command line that says the same."""

import os
from collections.abc import Mapping
from pathlib import Path
from shlex import quote

import msgspec

from core.errors import UsageError, unknown_name
from core.specs.bounds import BOUNDS
from core.specs.data import read_data
from core.specs.methods import METHODS
from core.specs.networks import read_network
from core.specs.options import Option, Options, describe, text_of
from core.specs.runs import (
    KINDS,
    OWN,
    Bound,
    Connect,
    Descend,
    ModelRef,
    RunSpec,
    Train,
    changed,
    from_json,
    kind_of,
    name_of_options,
)
from tui.place import DEFAULT

Texts = Mapping[str, str]

#: What stands right behind a command, in order.
ARGUMENTS = {"train": ("network", "data"), "connect": ("a", "b"), "bound": ("model",), "descend": ("model",)}
#: What chooses a command's further options, and among what.
CHOICES: dict[str, tuple[str, Mapping[str, type[Options]]]] = {
    "connect": ("method", METHODS),
    "bound": ("kind", BOUNDS),
}
#: Options that have a flag of their own; the others are set by -o.
FLAGS = {
    "train": ("seed", "until_loss", "epochs", "count", "name", "loss", "dtype"),
    "connect": ("below", "name"),
    "bound": ("name",),
    "descend": ("to", "name"),
}
MODELS = ("a", "b", "model")
REFERENCE = "a model's id, or run:ID for what a run makes"
DEVICE = Option("device", "cpu, cuda or cuda:N", None, "where it runs; default: the best that is free", required=False)


def train_spec(network: str, data: str, texts: Texts) -> Train:
    """What was asked for. Raises UsageError."""
    named = {"network": str(read_network(network)), "data": str(read_data(data))}
    return Train.read({**named, **texts}, "train")


def connect_spec(a: str, b: str, method: str, texts: Texts) -> Connect:
    """What was asked for. Raises UsageError."""
    if method not in METHODS:
        raise unknown_name("method", method, METHODS)
    own, of_method = _split("connect", texts)
    record = METHODS[method].read(of_method, method)
    spec = changed(Connect(a=ModelRef.read(a), b=ModelRef.read(b), method=record), own)
    assert isinstance(spec, Connect)
    return spec


def bound_spec(model: str, kind: str, texts: Texts) -> Bound:
    """What was asked for. Raises UsageError."""
    if kind not in BOUNDS:
        raise unknown_name("kind of bound", kind, BOUNDS)
    own, of_kind = _split("bound", texts)
    spec = changed(Bound(model=ModelRef.read(model), bound=BOUNDS[kind].read(of_kind, kind)), own)
    assert isinstance(spec, Bound)
    return spec


def descend_spec(model: str, texts: Texts) -> Descend:
    """What was asked for. Raises UsageError."""
    if "to" not in texts:
        raise UsageError("descend: give the train loss to reach above the infimum, such as to=0.001.")
    spec = changed(Descend(model=ModelRef.read(model), to=1.0), dict(texts))
    assert isinstance(spec, Descend)
    return spec


def _split(command: str, texts: Texts) -> tuple[dict[str, str], dict[str, str]]:
    """What a run has of its own, and what is its method's."""
    own = {key: text for key, text in texts.items() if key in OWN[command]}
    return own, {key: text for key, text in texts.items() if key not in own}


def spec_of(command: str, texts: Texts) -> RunSpec:
    """What texts by name ask for, arguments and choice among them. Raises UsageError."""
    rest = dict(texts)
    before = [rest.pop(name, "") for name in ARGUMENTS[command]]
    match command:
        case "train":
            return train_spec(before[0], before[1], rest)
        case "connect":
            return connect_spec(before[0], before[1], rest.pop("method", ""), rest)
        case "descend":
            return descend_spec(before[0], rest)
        case _:
            return bound_spec(before[0], rest.pop("kind", ""), rest)


def command_line(program: str, command: str, texts: Texts) -> str:
    """What to type for the same."""
    words = [command, *(quote(texts.get(name, "")) for name in ARGUMENTS[command])]
    flags = (*FLAGS[command], CHOICES[command][0] if command in CHOICES else "", DEVICE.name)
    rest = {name: text for name, text in texts.items() if name not in ARGUMENTS[command]}
    words += [f"--{name.replace('_', '-')} {quote(text)}" for name, text in rest.items() if name in flags]
    words += [f"-o {quote(f'{name}={text}')}" for name, text in rest.items() if name not in flags]
    return " ".join([program, *words])


def program_at(catalogue: Path) -> str:
    """How to call the command line so that it comes to this catalogue."""
    usual = Path(os.environ.get("THALWEG_CATALOGUE") or DEFAULT)
    return "thalweg" if usual.absolute() == catalogue.absolute() else f"thalweg --catalogue {quote(str(catalogue))}"


def head_options(command: str) -> list[Option]:
    """What is asked for before anything else: the arguments, the choice, the device."""
    models = [name for name in ARGUMENTS[command] if name in MODELS]
    head = [Option(name, REFERENCE, None, _meaning(name), required=True) for name in models]
    head += [one for one in _own(command) if one.required]
    if command in CHOICES:
        name, records = CHOICES[command]
        allowed = f"one of {', '.join(records)}"
        head.append(Option(name, allowed, next(iter(records)), "what to do", required=True, choices=tuple(records)))
    return [*head, DEVICE]


def _own(kind: str) -> list[Option]:
    """The options of a kind of run itself, models and choices apart."""
    described = [one for one in describe(KINDS[kind]) if one.name not in MODELS]
    return [one for one in described if one.name in OWN[kind]] if OWN[kind] else described


def _meaning(argument: str) -> str:
    return {"a": "where the path starts", "b": "where the path ends"}.get(argument, "what it is about")


def further_options(kind: str, choice: str | None = None) -> list[Option]:
    """The options of a kind of run, and those of its method or bound; flags first."""
    described = [one for one in _own(kind) if not one.required]
    flags = FLAGS.get(kind, ())
    described.sort(key=lambda one: flags.index(one.name) if one.name in flags else len(flags))
    if kind not in CHOICES or choice is None:
        return described
    record = CHOICES[kind][1][choice]
    first = record.__annotations__  # before those it shares with others
    return described + sorted(describe(record), key=lambda one: one.name not in first)


def changeable(spec: RunSpec) -> list[tuple[Option, str]]:
    """What a relaunch of a run may change, with its present value as text."""
    inner = _inner(spec)
    options = further_options(kind_of(spec), name_of_options(inner) if inner is not None else None)
    options = [*(one for one in _own(kind_of(spec)) if one.required), *options]
    values = msgspec.structs.asdict(spec) | (msgspec.structs.asdict(inner) if inner is not None else {})
    values |= {one: getattr(spec, one) for one in OWN[kind_of(spec)]}
    return [(one, "" if values[one.name] is None else text_of(values[one.name])) for one in options]


def asked_by(program: str, text: str) -> str:
    """What to type for a stored spec, without options at their defaults; "" where no command starts such a run."""
    try:
        spec = from_json(text)
    except UsageError:
        return ""
    kind = kind_of(spec)
    if kind not in ARGUMENTS:
        return ""
    texts = {name: str(getattr(spec, name)) for name in ARGUMENTS[kind]}
    inner = _inner(spec)
    if inner is not None:
        texts[CHOICES[kind][0]] = name_of_options(inner)
    for one, given in changeable(spec):
        default = "" if one.default is None else text_of(one.default)
        if one.required or given != default:
            texts[one.name] = given
    return command_line(program, kind, texts)


def _inner(spec: RunSpec) -> Options | None:
    match spec:
        case Connect():
            return spec.method
        case Bound():
            return spec.bound
        case _:
            return None
