"""`thalweg relaunch`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from core.errors import UsageError
from tui.columns import Row, word
from tui.columns import options as told
from tui.commands.listing import decoded
from tui.kinds import Id, OneOf
from tui.output import note, print_json, table
from tui.running import How, detached, finished, run_options, status_of, texts_of
from tui.texts import value

if TYPE_CHECKING:
    from core.engine.client import Client

EPILOG = """\b
Example:
  thalweg relaunch --failed --from checkpoint -o epochs=500
"""


@click.command(epilog=EPILOG)
@click.argument("run_ids", metavar="RUN...", type=Id(), nargs=-1)
@click.option("--failed", is_flag=True, help="All failed runs, findings and faults, that were not relaunched yet.")
@click.option(
    "--from",
    "resume",
    metavar="checkpoint|scratch",
    type=OneOf("checkpoint", "scratch"),
    help="Default: a checkpoint if there is one.",
)
@click.option("-o", "options", multiple=True, metavar="KEY=VALUE", help="Change an option; repeatable.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@run_options
def relaunch(
    how: How, run_ids: tuple[int, ...], failed: bool, resume: str | None, options: Sequence[str], dry_run: bool
) -> int:
    """Repeat runs as new runs with the same options and seeds, or with some options changed."""
    if failed == bool(run_ids):
        raise UsageError("Name the runs to relaunch, or give --failed; one of the two.")
    client = how.client()
    changes = texts_of(options, {}, "relaunch")
    plan = client.plan_relaunch(None if failed else list(run_ids), resume=resume, changes=changes)
    if dry_run:
        _print_plan(how, plan)
        return 0
    if not plan:
        note("There is nothing to relaunch: no failed run that was not relaunched already.")
        if how.as_json:
            print_json([])
        return 0
    new = client.relaunch(plan, device=how.device)
    for old, run_id in zip(plan, new, strict=True):
        note(f"run {old.run_id} again, from {old.resume}: run {run_id}")
    if how.detach:
        return detached(how, new, as_list=True)
    runs = finished(how, client, new)
    if how.as_json:
        print_json(_rows(client, new))
    else:
        table(("run", "state", "repeats"), [(value(run.id), word(vars(run)), value(run.relaunch_of)) for run in runs])
    return status_of(runs)


def _rows(client: "Client", run_ids: Sequence[int]) -> list[Row]:
    """The runs as `thalweg list runs --json` gives them."""
    from store import list_rows

    with client.catalogue.read() as session:
        return [decoded(row) for run_id in run_ids for row in list_rows(session, "runs", f"id={run_id}")]


def _print_plan(how: How, plan: Sequence[Any]) -> None:
    from core.specs.runs import to_json

    rows = [{"run_id": one.run_id, "resume": one.resume, "spec": to_json(one.spec)} for one in plan]
    if how.as_json:
        print_json(rows)
    else:
        table(
            ("run", "from", "what"), [(value(row["run_id"]), value(row["resume"]), told(row["spec"])) for row in rows]
        )
