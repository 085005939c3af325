"""`thalweg log`."""

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

import store
from store.states import FINISHED
from tui.cli.arguments import Id, WholeNumber
from tui.cli.location import CommandLocation
from tui.cli.output import note, print_json
from tui.cli.run_command import ending_sentence, json_option
from tui.shared.formatting import clean
from tui.shared.log_reader import start_of_last

if TYPE_CHECKING:
    from core.engine.client import Client

Show = Callable[[str], None]
STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ) ")
PAUSE = 0.3  # s between looks at a log that is being written


@click.command(epilog="\b\nExample:\n  thalweg log 12 --follow")
@click.argument("run_id", metavar="RUN", type=Id())
@click.option("--follow", "-f", is_flag=True, help="Follow the log until the run ends; Ctrl-C only stops watching.")
@click.option("--tail", type=WholeNumber(0), metavar="N", help="The last N lines only.")
@json_option
@click.pass_obj
def log(location: CommandLocation, run_id: int, follow: bool, tail: int | None, as_json: bool) -> None:
    """Print what a run did and wrote, in all its attempts; control characters are shown, not sent.

    With --json: a list of lines, each with its time; with --follow one object a line.
    """
    client = location.client()
    file = client.log_file(run_id)
    if file is None and not follow:
        note(_nothing(client, run_id, location))
    objects = Objects(live=follow) if as_json else None
    show = _write if objects is None else objects.take
    position = 0 if file is None else _print(file, tail, show)
    if follow:
        _follow(client, run_id, file, position, show)
    if objects is not None:
        objects.end()


def _nothing(client: "Client", run_id: int, location: CommandLocation) -> str:
    """Why a run has no log, and what to expect."""
    with client.catalogue.read() as session:
        run = store.Runs(session).get(run_id)
        needed = [
            one.id
            for one in store.Runs(session).several(store.Runs(session).needs(run_id))
            if one.state not in FINISHED
        ]
    if run.state == "done":
        return f"Run {run_id} is done and left no log."
    if run.state in FINISHED:
        return f"{ending_sentence(run)} It had not started, so there is no log."
    waits = f"it waits for run {', '.join(map(str, needed))}" if needed else "it waits for a device"
    why = run.message or (waits if run.state == "queued" else "it is starting")
    wait = f"`{location.command} log {run_id} --follow` waits for it"
    return f"Run {run_id} is {run.state} and has no log yet: {why}. {wait}."


def _print(file: Path, tail: int | None, show: Show) -> int:
    """Print a log; where it ended."""
    with file.open(errors="replace", newline="\n") as lines:
        return _drain(lines, 0 if tail is None else start_of_last(file, tail), show)


def _write(text: str) -> None:
    sys.stdout.write(clean(text.replace("\r\n", "\n"), keep="\n\t"))
    sys.stdout.flush()


class Objects:
    """A log's lines as JSON: one object a line as they come, or all of them at the end."""

    def __init__(self, *, live: bool) -> None:
        self.live = live
        self._rest = ""
        self._found: list[dict[str, str | None]] = []

    def take(self, text: str) -> None:
        """Some more of the log, parts of lines too."""
        *lines, self._rest = (self._rest + text).split("\n")
        self._found += map(_timed, lines)
        if self.live:
            self._say()

    def end(self) -> None:
        if self._rest:
            self.take("\n")
        if not self.live:
            print_json(self._found)

    def _say(self) -> None:
        sys.stdout.writelines(f"{json.dumps(one)}\n" for one in self._found)
        sys.stdout.flush()
        self._found = []


def _timed(line: str) -> dict[str, str | None]:
    stamped = STAMP.match(line)
    return {"at": stamped[1] if stamped else None, "text": line[stamped.end() if stamped else 0 :].removesuffix("\r")}


def _follow(client: "Client", run_id: int, file: Path | None, position: int, show: Show) -> None:

    try:
        while True:
            with client.catalogue.read() as session:
                run = store.Runs(session).get(run_id)
            newest = client.log_file(run_id)
            if newest is not None and newest != file:
                file, position = newest, 0
            if file is not None:
                with file.open(errors="replace", newline="\n") as lines:
                    position = _drain(lines, position, show)
            if run.state in FINISHED:
                break
            time.sleep(PAUSE)
    except KeyboardInterrupt:
        note(f"\nRun {run_id} continues.")
        raise click.exceptions.Exit(130) from None
    if file is None and run.state != "done":
        note(ending_sentence(run))


def _drain(lines: TextIO, position: int, show: Show) -> int:
    """Show what came since; where it ends now."""
    lines.seek(position)
    while text := lines.read(1 << 16):
        show(text)
    return lines.tell()
