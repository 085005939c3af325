"""Commands whose help lists what `-o key=value` takes, straight from the specs; and the completion of keys."""

from collections.abc import Callable, Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem

from core.specs.options import Options, describe, text_of
from tui.kinds import completions

Records = Mapping[str, tuple[type[Options], tuple[str, ...]]]


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


def _rows(record: type[Options], names: tuple[str, ...]) -> list[tuple[str, str]]:
    rows = []
    for option in describe(record):
        if option.name in names:
            default = "" if option.default is None else text_of(option.default)
            rows.append((f"{option.name}={default}", f"{option.help or '?'}; {option.allowed}"))
    return rows


def fields(record: type[Options], without: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Names of the record's options."""
    return tuple(option.name for option in describe(record) if option.name not in without)


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
