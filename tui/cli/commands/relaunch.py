"""`thalweg relaunch`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

import store
from core.errors import UsageError
from core.specs.runs import to_json
from tui.cli.arguments import Id, OneOf
from tui.cli.chosen_rows import chosen_ids, with_row_choice
from tui.cli.output import note, print_json, table
from tui.cli.run_command import (
    MOST_FAILED,
    RunOptions,
    report_enqueued,
    status_of,
    texts_of,
    wait_for,
    with_run_options,
)
from tui.shared.columns import Row, state_word
from tui.shared.columns import options as told
from tui.shared.formatting import value
from tui.shared.json_values import decoded

if TYPE_CHECKING:
    from core.engine.client import Client
    from core.engine.relaunching import Relaunch

EPILOG = """\b
Examples:
  thalweg relaunch --failed --from checkpoint -o epochs=500
  thalweg relaunch --where 'study=nbm21-fig3a state=cancelled'
"""


@click.command(epilog=EPILOG)
@click.argument("run_ids", metavar="[RUN...]", type=Id(), nargs=-1)
@click.option("--failed", is_flag=True, help="All failed runs, findings and faults, that were not relaunched yet.")
@with_row_choice
@click.option(
    "--from",
    "resume",
    metavar="checkpoint|scratch",
    type=OneOf(("checkpoint", "scratch")),
    help="Default: a checkpoint if there is one.",
)
@click.option("-o", "options", multiple=True, metavar="KEY=VALUE", help="Change an option; repeatable.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@with_run_options
def relaunch(
    run_options: RunOptions,
    run_ids: tuple[int, ...],
    resume: str | None,
    options: Sequence[str],
    dry_run: bool,
    **which: Any,
) -> int:
    """Repeat runs as new runs with the same options and seeds, or with some options changed.

    Of runs that are not named but chosen, by --failed, --where (with --failed: both hold) or --all, those are repeated
    that can be; why others can't is said.
    """
    from core.engine.probe import Probe  # noqa: PLC0415 - psutil, subprocess and specs, which --help goes without

    changes = texts_of(options, {}, "relaunch")
    with Probe() as desk:
        client = run_options.client().with_probe(desk.new_asker())
        ids = _chosen_ids(client, run_ids, **which)
        if run_ids:
            plan = client.plan_relaunch(ids, resume=resume, changes=changes)
        else:
            plan = _repeatable(client, ids, resume, changes)
        if dry_run:
            _print_plan(run_options, plan)
            return 0
        new = client.relaunch(plan, device=run_options.device)
    if not plan:
        note("There is nothing to relaunch: no such run has ended, or each was relaunched already.")
        if run_options.as_json:
            print_json([])
        return 0
    return _answer(run_options, client, plan, new)


def _chosen_ids(client: "Client", run_ids: Sequence[int], failed: bool, where: str | None, every: bool) -> list[int]:
    """The runs meant, of those that are not named only such as have ended."""
    if not run_ids and not failed and where is None and not every:
        raise UsageError("Name the runs to relaunch, or choose them by --failed, --where or --all.")
    all_failed = failed and where is None
    ids = chosen_ids(client.catalogue, "runs", run_ids, where, every or all_failed, state="done,failed,cancelled")
    return sorted(set(ids).intersection(client.failed())) if failed else ids


def _repeatable(client: "Client", ids: Sequence[int], resume: str | None, changes: dict[str, str]) -> "list[Relaunch]":
    """The relaunches of those that can be repeated; of the others it is said why. Raises UsageError where none can."""
    plan, refused = client.rehearse_relaunch(ids, resume=resume, changes=changes, named=False)
    if refused and not plan:
        raise UsageError(f"No run can be repeated this way. Run {min(refused)}: {refused[min(refused)]}")
    for run_id, why in list(refused.items())[:MOST_FAILED]:
        note(f"Run {run_id} is left out: {why}")
    if len(refused) > MOST_FAILED:
        note(f"and {len(refused) - MOST_FAILED:,} more are left out.")
    return plan


def _answer(run_options: RunOptions, client: "Client", plan: "Sequence[Relaunch]", new: Sequence[int]) -> int:
    """Say what was enqueued, and wait for it unless detached; the exit status."""
    if len(new) <= MOST_FAILED:
        for old, run_id in zip(plan, new, strict=True):
            note(f"run {old.run_id} again, from {old.resume}: run {run_id}")
    else:
        note(f"{len(new):,} runs again: runs {new[0]} to {new[-1]}")
    if run_options.detach:
        return report_enqueued(run_options, new, as_list=True)
    runs = wait_for(run_options, client, new)
    if run_options.as_json:
        print_json(_rows(client, new))
    else:
        table(
            ("run", "state", "repeats"),
            [(value(run.id), state_word(vars(run)), value(run.relaunch_of)) for run in runs],
        )
    return status_of(runs)


def _rows(client: "Client", run_ids: Sequence[int]) -> list[Row]:
    """The runs as `thalweg list runs --json` gives them."""
    with client.catalogue.read() as session:
        found = {row["id"]: decoded(row) for row in store.rows_of(session, "runs", run_ids)}
    return [found[run_id] for run_id in run_ids if run_id in found]


def _print_plan(run_options: RunOptions, plan: Sequence[Any]) -> None:
    rows = [{"run_id": one.run_id, "resume": one.resume, "spec": to_json(one.spec)} for one in plan]
    if run_options.as_json:
        print_json(rows)
    else:
        table(
            ("run", "from", "what"), [(value(row["run_id"]), value(row["resume"]), told(row["spec"])) for row in rows]
        )
