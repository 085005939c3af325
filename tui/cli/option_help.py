"""Commands that ask for a run: arguments, flags, `-o` keys and their help come from the kind of run and its specs."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from shlex import join
from typing import Any

import click
from click.shell_completion import CompletionItem

from core.specs.data import DATA
from core.specs.kinds import KINDS
from core.specs.networks import NETWORKS
from core.specs.options import Option, Options, describe, text_of
from core.specs.runs import RunSpec
from tui.cli.arguments import Name, completions
from tui.cli.run_command import RunOptions, texts_of, with_run_options
from tui.shared.requests import spec_of

Records = Mapping[str, tuple[type[Options], tuple[str, ...]]]

COMPLETED: dict[str, Iterable[str]] = {"network": NETWORKS, "data": DATA}
METAVARS = {"a whole number": "N", "a number": "X", "one of": "NAME"}


def run_command(kind: str, epilog: str) -> Callable[[Callable[[RunOptions, RunSpec], int]], click.Command]:
    """Make a function a command that reads the spec of a kind of run; the function enqueues it and answers."""

    def decorate(function: Callable[[RunOptions, RunSpec], int]) -> click.Command:
        def command(run_options: RunOptions, options: tuple[str, ...], **given: Any) -> int:
            run = KINDS[kind]
            flags = {name: given.pop(name) for name in run.flags}
            flags |= {name: " ".join(flags[name]) or None for name in run.repeatable}
            texts = {name: join(one) if isinstance(one, tuple) else one for name, one in given.items()}
            return function(run_options, spec_of(kind, {**texts_of(options, flags, kind), **texts}))

        command.__doc__ = function.__doc__
        parts = [*_arguments(kind), flags_of(kind), keys_option, with_run_options]
        for part in reversed(parts):
            command = part(command)
        return click.command(kind, cls=OptionsCommand, records=partial(records, kind), epilog=epilog)(command)

    return decorate


def _arguments(kind: str) -> list[Callable[..., Any]]:
    run = KINDS[kind]
    known: dict[str, click.ParamType[Any]] = {name: Name(names) for name, names in COMPLETED.items()}
    known |= {name: click.Path() for name in run.files}
    types = {name: known.get(name) for name in run.positional}
    several = {name for name in run.positional if name in run.files or (name in run.inputs and run.several(name))}
    return [
        click.argument(name, type=of, nargs=-1 if name in several else 1, required=run.required(name))
        for name, of in types.items()
    ]


def flags_of(kind: str) -> Callable[..., Any]:
    """Add the flags of a kind of run; the command gets them by their names."""

    def added(command: Callable[..., Any]) -> Callable[..., Any]:
        for flag in reversed(_flags(kind)):
            command = flag(command)
        return command

    return added


def _flags(kind: str) -> list[Callable[..., Any]]:
    """The flag of its choice, then those of its own options, with the help that their specs give."""
    run = KINDS[kind]
    described = {one.name: one for one in describe(run.spec)}
    flags = [_flag(described[name], multiple=name in run.repeatable) for name in run.flags]
    if run.choice is None:
        return flags
    help_ = f"One of {', '.join(run.choice.among)}; before --help: its options alone."
    choice = click.option(
        f"--{run.choice.flag}", required=True, is_eager=True, type=Name(run.choice.among), metavar="NAME", help=help_
    )
    return [choice, *flags]


def _flag(one: Option, *, multiple: bool) -> Callable[..., Any]:
    flag, help_ = f"--{one.name.replace('_', '-')}", f"{one.help[:1].upper()}{one.help[1:]}"
    if one.is_switch:
        return click.option(flag, type=str, flag_value="true", default=None, help=f"{help_}.")
    of = Name(COMPLETED[one.name]) if one.name in COMPLETED else None
    metavar = next((short for words, short in METAVARS.items() if one.allowed.startswith(words)), "TEXT")
    allowed = "" if one.allowed in ("a text", "a number") else f"; {one.allowed}"
    default = "" if one.default is None else f" Default: {text_of(one.default)}."
    return click.option(
        flag, type=of, metavar=metavar, required=one.required, multiple=multiple, help=f"{help_}{allowed}.{default}"
    )


class OptionsCommand(click.Command):
    """`records(ctx)` gives, by title, a record and which of its fields are options."""

    def __init__(self, *args: Any, records: Callable[[click.Context], Records], **named: Any) -> None:
        super().__init__(*args, **named)
        self.records = records

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, (record, names) in self.records(ctx).items():
            if rows := _rows(record, names):
                with formatter.section(title):
                    formatter.write_dl(rows, col_max=24)
            else:
                formatter.write_paragraph()
                formatter.write_text(f"{title}: none.")
        super().format_epilog(ctx, formatter)


def records(kind: str, ctx: click.Context) -> Records:
    """What `-o` sets: options of the run itself, and those of the method or bound that was chosen, or of all."""
    run = KINDS[kind]
    own = tuple(name for name in run.own if name not in (*run.flags, *run.positional))
    shared = f", of every {run.choice.noun}" if run.choice else ""
    found: dict[str, tuple[type[Options], tuple[str, ...]]] = {}
    if own:
        found[f"Options set by -o{shared}"] = (run.spec, own)
    if run.choice is not None:
        chosen, among = ctx.params.get(run.choice.flag), run.choice.among
        for name, record in among.items():
            if chosen == name or chosen not in among:
                found[f"Options of --{run.choice.flag} {name}"] = (record, fields(record))
    return found


def _rows(record: type[Options], names: tuple[str, ...]) -> list[tuple[str, str]]:
    rows = []
    for option in describe(record):
        if option.name in names:
            default = "" if option.default is None else text_of(option.default)
            rows.append((f"{option.name}={default}", f"{option.help or '?'}; {option.allowed}"))
    return rows


def fields(record: type[Options]) -> tuple[str, ...]:
    """Names of the record's options."""
    return tuple(option.name for option in describe(record))


def keys_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `-o KEY=VALUE`, repeatable; the command gets them as `options`."""
    option = click.option(
        "-o",
        "options",
        multiple=True,
        metavar="KEY=VALUE",
        help="Set an option listed below; repeatable.",
        shell_complete=_complete,
    )
    return option(command)


def _complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    if not isinstance(ctx.command, OptionsCommand):
        return []
    names = {name: None for _, group in ctx.command.records(ctx).values() for name in group}
    return completions([f"{name}=" for name in names], incomplete)
