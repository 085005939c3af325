"""`thalweg agent`."""

from collections import Counter
from datetime import UTC, datetime

import click

import store
from core.errors import UsageError
from tui.cli.arguments import WholeNumber
from tui.cli.location import CommandLocation
from tui.cli.output import note, print_json
from tui.cli.run_command import json_option
from tui.shared.columns import Row, state_word
from tui.shared.formatting import counts_text


@click.command(epilog="\b\nExample:\n  thalweg agent --drain --cpu-jobs 4")
@click.option("--drain", is_flag=True, help="End when nothing is queued or running any more.")
@click.option("--cpu-jobs", type=WholeNumber(1, 1024), default=1, metavar="N", help="Jobs at once on the CPU.")
@json_option
@click.pass_obj
def agent(location: CommandLocation, drain: bool, cpu_jobs: int, as_json: bool) -> None:
    """Run queued jobs here, in the foreground, with a limit of your own on jobs at once.

    Commands that enqueue start an agent by themselves. Ctrl-C ends the agent; jobs that run go on, and the
    next agent finds them.
    """
    from core.engine import agent, locks, machines  # noqa: PLC0415 - half a second with the database; no --help needs it

    catalogue = location.open(create=True)
    if locks.AgentLock(catalogue.files, machines.this_machine()).is_held():
        if not drain:
            raise UsageError(f"Another agent runs the jobs of {location.path} already; it ends when it has been idle.")
        note(f"Another agent runs the jobs of {location.path} already; waiting until nothing is left.")
    else:
        note(f"Running the jobs of {location.path}; Ctrl-C ends this agent and leaves its jobs running.")
    begun = datetime.now(UTC)
    agent.run(catalogue, drain=drain, cpu_jobs=cpu_jobs)
    ended: list[Row] = []
    if catalogue.path.exists():
        with catalogue.read() as session:
            ended = store.list_rows(session, "runs", f"finished_at>={begun:%Y-%m-%dT%H:%M:%S.%fZ}")
        note(f"Runs that ended meanwhile: {counts_text(Counter(state_word(row) for row in ended)) or 'none'}.")
    if as_json:
        states = Counter(row["state"] for row in ended)
        seconds = (datetime.now(UTC) - begun).total_seconds()
        print_json({"runs_done": states["done"], "runs_failed": states["failed"], "seconds": seconds})
