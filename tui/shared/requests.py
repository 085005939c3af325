"""Requests from texts, as the commands that start runs read them, and the command line that says the same."""

from collections.abc import Mapping
from shlex import quote, split

import msgspec

from core.errors import UsageError, unknown_name
from core.specs.data import read_data
from core.specs.kinds import KINDS, apart, chosen_options, input_text, kind, read_input
from core.specs.networks import read_network
from core.specs.options import Option, describe, text_of
from core.specs.runs import RunSpec, from_json, kind_of, name_of_options

Texts = Mapping[str, str]

REFERENCE = "a {noun}'s id, or run:ID for what a run makes"
REFERENCES = "{noun}s' ids with spaces between them, or run:ID for what a run makes"
DEVICE = Option("device", "cpu, cuda or cuda:N", None, "where it runs; default: the best that is free", required=False)
#: How names are brought into the form in which they are stored.
READ = {"network": lambda text: str(read_network(text)), "data": lambda text: str(read_data(text))}


def spec_of(command: str, texts: Texts) -> RunSpec:
    """The spec that texts by name request, arguments and choice among them. Raises UsageError."""
    asked, rest = KINDS[command], dict(texts)
    fields: dict[str, object] = {name: read_input(command, name, rest.pop(name, "")) for name in asked.inputs}
    named = [one.name for one in _own(command) if one.name in READ and (one.required or one.name in rest)]
    rest |= {name: READ[name](rest.get(name, "")) for name in named}
    chosen = "" if asked.choice is None else rest.pop(asked.choice.flag, "")
    record = None
    if asked.choice is not None:
        if chosen not in asked.choice.among:
            raise unknown_name(asked.choice.noun, chosen, asked.choice.among)
        record = asked.choice.among[chosen]
    own, others = apart(command, rest, record)
    if asked.choice is not None and record is not None:
        fields[asked.choice.field] = record.read(others, chosen)
    for one in _own(command):
        if one.required and one.name not in own:
            raise UsageError(f"{command}: give {one.name}, {one.help}, such as {one.name}=0.001.")
    return asked.spec.read({**msgspec.to_builtins(fields), **own}, command)


def specs_of(command: str, texts: Texts) -> list[RunSpec]:
    """As `spec_of`; of a kind that takes several at once one spec for each of them. Raises UsageError."""
    asked = KINDS[command]
    if not asked.each:
        return [spec_of(command, texts)]
    (name,) = asked.positional
    named = dict.fromkeys(texts.get(name, "").split()) or [""]
    return [spec_of(command, {**texts, name: one}) for one in named]


def command_line(program: str, command: str, texts: Texts) -> str:
    """The equivalent command line."""
    asked = KINDS[command]
    words = [command]
    for name in asked.positional:
        text = texts.get(name, "")
        words += map(quote, split(text) if asked.many(name) else [text])
    flags = (*asked.flags, asked.choice.flag if asked.choice else "", DEVICE.name)
    switches = [one.name for one in _own(command) if one.is_switch and one.name in flags]
    rest = {name: text for name, text in texts.items() if name not in asked.positional}
    words += [f"--{name.replace('_', '-')}" for name in switches if rest.pop(name, "") == "true"]
    words += [f"--{name.replace('_', '-')} {quote(text)}" for name, text in rest.items() if name in flags]
    words += [f"-o {quote(f'{name}={text}')}" for name, text in rest.items() if name not in flags]
    return " ".join([program, *words])


def head_options(command: str) -> list[Option]:
    """The options that a form shows first: the arguments, the choice, the device."""
    asked = KINDS[command]
    inputs = [
        Option(name, _reference(command, name), None, one, asked.required(name)) for name, one in asked.inputs.items()
    ]
    head = [one for one in inputs if one.required]
    head += [one for one in _own(command) if one.required]
    if asked.choice is not None:
        records = tuple(asked.choice.among)
        allowed = f"one of {', '.join(records)}"
        head.append(Option(asked.choice.flag, allowed, records[0], "what to do", required=True, choices=records))
    return [*head, DEVICE, *(one for one in inputs if not one.required)]


def _reference(command: str, name: str) -> str:
    """How an input is written."""
    asked = KINDS[command]
    return (REFERENCES if asked.many(name) else REFERENCE).format(noun=asked.reads(name).noun)


def _own(command: str) -> list[Option]:
    """The options of a kind of run itself, inputs and choices apart."""
    return [one for one in describe(KINDS[command].spec) if one.name in KINDS[command].own]


def further_options(command: str, choice: str | None = None) -> list[Option]:
    """The options of a kind of run, and those of its method or bound; flags first."""
    asked = KINDS[command]
    described = [one for one in _own(command) if not one.required]
    described.sort(key=lambda one: asked.flags.index(one.name) if one.name in asked.flags else len(asked.flags))
    if asked.choice is None or choice is None:
        return described
    record = asked.choice.among[choice]
    first = record.__annotations__  # before those it shares with others
    return described + sorted(describe(record), key=lambda one: one.name not in first)


def changeable(spec: RunSpec) -> list[tuple[Option, str]]:
    """What a relaunch of a run may change, with its present value as text."""
    inner = chosen_options(spec)
    options = further_options(kind_of(spec), name_of_options(inner) if inner is not None else None)
    options = [*(one for one in _own(kind_of(spec)) if one.required), *options]
    values = msgspec.structs.asdict(spec) | (msgspec.structs.asdict(inner) if inner is not None else {})
    values |= {one: getattr(spec, one) for one in kind(spec).own}
    return [(one, "" if values[one.name] is None else text_of(values[one.name])) for one in options]


def command_of_spec(program: str, stored: str) -> str:
    """The command for a stored spec, without options at their defaults; "" if no command starts such a run."""
    try:
        spec = from_json(stored)
    except UsageError:
        return ""
    asked, inner = kind(spec), chosen_options(spec)
    if not asked.title:
        return ""
    given = {name: getattr(spec, name) for name in asked.positional}
    texts = {name: input_text(one) if name in asked.inputs else str(one) for name, one in given.items()}
    if asked.choice is not None and inner is not None:
        texts[asked.choice.flag] = name_of_options(inner)
    for option, text in changeable(spec):
        default = "" if option.default is None else text_of(option.default)
        if option.required or text != default:
            texts[option.name] = text
    return command_line(program, kind_of(spec), texts)
