"""`thalweg cancel` and `thalweg log`."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from store.errors import StoreError
from tui.choosing import agreed, choosing, chosen, yes_option
from tui.kinds import Id
from tui.logs import start_of_last
from tui.output import note, print_json
from tui.place import Place
from tui.running import ending, json_option
from tui.texts import clean
from tui.waiting import FINISHED

if TYPE_CHECKING:
    from core.engine.client import Client

MOST_NAMED = 8  # runs, one a line
PAUSE = 0.3  # s between looks at a log that is being written


EPILOG = """\b
Examples:
  thalweg cancel 12 13
  thalweg cancel --where study=nbm21-fig3a
"""


@click.command(epilog=EPILOG)
@click.argument("run_ids", metavar="[RUN...]", type=Id(), nargs=-1)
@choosing
@yes_option
@json_option
@click.pass_obj
def cancel(place: Place, run_ids: tuple[int, ...], where: str | None, every: bool, yes: bool, as_json: bool) -> None:
    """Cancel queued or running runs; what they were given time to write is kept.

    Asks before it cancels runs that are not named but chosen.
    """
    from tui.marking import named

    client = place.client()
    ids = chosen(client.catalogue, "runs", run_ids, where, every, state="queued,running,stale")
    if run_ids:
        _require_going(client, ids)
    elif not ids:
        note("Nothing was cancelled: no such run is queued or running.")
    elif not agreed(f"cancel {named('runs', ids)}", "What they wrote until then is kept.", yes=yes):
        ids = []
    states = {one: "cancelled" if was == "queued" else was for one, was in client.cancel(ids).items()}
    if as_json:
        print_json([{"kind": "runs", "id": run_id, "state": state} for run_id, state in states.items()])
    else:
        _say_cancelled(states)


def _require_going(client: "Client", run_ids: Sequence[int]) -> None:
    from store.runs import Runs

    with client.catalogue.read() as session:
        for run in Runs(session).several(run_ids):
            if run.state in FINISHED:
                raise StoreError(f"Run {run.id} is {run.state} already; nothing was cancelled.")


def _say_cancelled(states: dict[int, str]) -> None:
    """What became of runs that are in these states now; of those that ended meanwhile nothing is said."""
    from tui.marking import named

    for after, what in ((("cancelled",), "cancelled"), (("running", "stale"), "asked to stop")):
        ids = [run_id for run_id, state in states.items() if state in after]
        if len(ids) > MOST_NAMED:
            click.echo(f"{named('runs', ids)}: {what}")
        else:
            click.echo("".join(f"run {run_id}: {what}\n" for run_id in ids), nl=False)


@click.command(epilog="\b\nExample:\n  thalweg log 12 --follow")
@click.argument("run_id", metavar="RUN", type=Id())
@click.option("--follow", "-f", is_flag=True, help="Go on until the run ends; Ctrl-C stops watching only.")
@click.option("--tail", type=click.IntRange(min=0), metavar="N", help="The last N lines only.")
@click.pass_obj
def log(place: Place, run_id: int, follow: bool, tail: int | None) -> None:
    """Print what a run did and wrote, in all its attempts; control characters are shown, not sent."""
    client = place.client()
    file = client.log_file(run_id)
    if file is None and not follow:
        note(f"Run {run_id} has written nothing yet.")
        return
    position = _print(file, tail) if file is not None else 0
    if follow:
        _follow(place, run_id, position)


def _print(file: Path, tail: int | None) -> int:
    """Print a log; where it ended."""
    with file.open(errors="replace", newline="\n") as lines:
        return _drain(lines, 0 if tail is None else start_of_last(file, tail))


def _write(text: str) -> None:
    sys.stdout.write(clean(text.replace("\r\n", "\n"), keep="\n\t"))


def _follow(place: Place, run_id: int, position: int) -> None:
    from store.runs import Runs

    client = place.client()
    file = client.log_file(run_id)
    try:
        while True:
            with client.catalogue.read() as session:
                run = Runs(session).get(run_id)
            newest = client.log_file(run_id)
            if newest is not None and newest != file:
                file, position = newest, 0
            if file is not None:
                with file.open(errors="replace", newline="\n") as lines:
                    position = _drain(lines, position)
            if run.state in FINISHED:
                break
            time.sleep(PAUSE)
    except KeyboardInterrupt:
        note(f"\nRun {run_id} goes on.")
        raise click.exceptions.Exit(130) from None
    if file is None and run.state != "done":
        note(ending(run))


def _drain(lines: TextIO, position: int) -> int:
    """Print what came since; where it ends now."""
    lines.seek(position)
    for text in _parts(lines):
        _write(text)
    sys.stdout.flush()
    return lines.tell()


def _parts(lines: TextIO) -> Iterator[str]:
    while text := lines.read(1 << 16):
        yield text
