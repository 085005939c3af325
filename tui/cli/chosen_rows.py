"""The rows that a command is about: named by their ids, or chosen at once by a filter."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

import store
from core.errors import UsageError
from tui.cli.location import in_terminal
from tui.cli.output import note
from tui.shared.named_filters import expand

if TYPE_CHECKING:
    from store import Catalogue

Named = TypeVar("Named")


def with_row_choice(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --where and --all (`every`), for `chosen_ids`."""
    every = click.option("--all", "every", is_flag=True, help="All of them, instead of ids.")
    where = click.option(
        "--where", metavar="CONDITIONS", help="All for which these hold, instead of ids; see `thalweg list --help`."
    )
    return where(every(command))


def yes_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--yes", is_flag=True, help="Don't ask.")(command)


def chosen_ids(
    catalogue: "Catalogue", kind: str, ids: Sequence[Named], where: str | None, every: bool, state: str = ""
) -> list[Named | int]:
    """The ids that were given, as they are, or those of all rows that were chosen, of these only runs in a `state`.

    Raises UsageError unless just one of ids, `where` and `every` says which; FilterError.
    """
    if (bool(ids), where is not None, every).count(True) != 1:
        raise UsageError(f"Say which {kind}, in one way: by ids, by --where, or with --all.")
    if ids:
        return list(dict.fromkeys(ids))
    conditions = expand(kind, where or "").strip()
    if not conditions and not every:
        raise UsageError(f"--where takes at least one condition, and there is none; --all means all {kind}.")
    with catalogue.read() as session:
        return list(store.list_ids(session, kind, f"{conditions} {state and f'state={state}'}", None, None))


def is_agreed(action: str, then: str, *, yes: bool) -> bool:
    """Whether an action ("delete run 3") was agreed to, by --yes or in the terminal; `then` says what comes of it.

    Raises UsageError if there is no terminal.
    """
    if yes:
        return True
    if not in_terminal():
        raise UsageError(f"Nothing was done: there is no terminal to ask in; give --yes to {action}.")
    if click.confirm(f"{action.capitalize()}? {then}", err=True):
        return True
    note("Nothing was done.")
    return False
