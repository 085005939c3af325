"""Waiting for runs: progress on standard error, and the handling of Ctrl-C."""

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import click

from store.states import FINISHED
from tui.cli.location import CommandLocation, in_terminal
from tui.cli.output import console, note
from tui.shared.columns import state_word
from tui.shared.formatting import clean, counts_text, duration

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from core.engine.client import Client
    from store.runs import Run

MOST_BARS = 8


class Display(Protocol):
    def show(self, runs: "Sequence[Run]", trouble: str) -> None: ...


def wait(client: "Client", run_ids: Sequence[int], location: CommandLocation) -> "list[Run]":
    """Follow runs until all have ended; their records. Ctrl-C asks, or leaves them running: exit status 130."""
    runs: list[Run] = []
    while True:
        try:
            with _display(len(run_ids)) as display:
                for runs in client.follow(run_ids):
                    display.show(runs, client.trouble)
        except KeyboardInterrupt:
            left = _unfinished(runs)
            if not _cancel_wanted([run.id for run in left] or list(run_ids), _study_of(left), location):
                raise click.exceptions.Exit(130) from None
            client.cancel(run_ids)
        else:
            return runs


def _unfinished(runs: "Sequence[Run]") -> "list[Run]":
    """Those that haven't ended; the ones at work come first."""
    return [run for run in sorted(runs, key=lambda run: run.state == "queued") if run.state not in FINISHED]


def _study_of(runs: "Sequence[Run]") -> str | None:
    """The study that all of them belong to."""
    studies = {run.study for run in runs}
    return studies.pop() if len(studies) == 1 else None


def _cancel_wanted(left: Sequence[int], study: str | None, location: CommandLocation) -> bool:
    """Ask whether the runs that are left shall be cancelled; otherwise say how to look at them and how to stop them."""
    several = len(left) > 1
    thing = f"{len(left)} runs" if several else f"run {left[0]}"
    can_ask = in_terminal()
    try:
        if can_ask and click.confirm(f"\nCancel {thing}? [leave {'them' if several else 'it'} running]", err=True):
            return True
    except click.Abort:
        note("")
    command = location.command
    chosen = f"--where study={study}" if several and study else " ".join(map(str, left))
    note(
        f"{thing.capitalize()} {'continue' if several else 'continues'}: `{command} list runs` shows how far, "
        f"`{command} log {left[0]} --follow` what {f'run {left[0]}' if several else 'it'} does, "
        f"`{command} cancel {chosen}` stops {'them' if several else 'it'}."
    )
    return False


@contextmanager
def _display(total: int) -> "Iterator[Display]":
    if not sys.stderr.isatty():
        yield Lines()
        return
    from rich import progress, table  # noqa: PLC0415 - slow to import, for bars in a terminal alone

    narrow, wide = table.Column(no_wrap=True), table.Column(no_wrap=True, overflow="ellipsis", ratio=1)
    text = progress.TextColumn("{task.description}", markup=False, table_column=narrow)
    about = progress.TextColumn("{task.fields[about]}", markup=False, table_column=wide)
    columns = (text, progress.BarColumn(bar_width=20), progress.TaskProgressColumn(), about)
    with progress.Progress(*columns, console=console(error=True), transient=True, expand=True) as shown:
        yield Bars(shown, total)


class Lines:
    """Without a terminal: one line for every change of state, and for what blocks all runs."""

    def __init__(self) -> None:
        self.seen: dict[int, tuple[str, str]] = {}
        self.trouble = ""

    def show(self, runs: "Sequence[Run]", trouble: str) -> None:
        for run in runs:
            waits = clean(run.message or "") if run.state == "queued" else ""
            if self.seen.get(run.id) != (run.state, waits):
                self.seen[run.id] = (run.state, waits)
                note(f"run {run.id} ({run.kind}): {state_word(vars(run))}" + (f", {waits}" if waits else ""))
        if trouble != self.trouble:
            self.trouble = trouble
            note(clean(trouble) or "It continues.")


class Bars:
    """A bar for every run that is at work, and one for all where there are several."""

    def __init__(self, progress: "Progress", total: int) -> None:
        self.progress = progress
        self.tasks: dict[int, TaskID] = {}
        self.all = progress.add_task("all runs", total=total, about="") if total > 1 else None

    def show(self, runs: "Sequence[Run]", trouble: str) -> None:
        if self.all is not None:
            ended = sum(run.state in FINISHED for run in runs)
            failed = counts_text(Counter(state_word(vars(run)) for run in runs if run.state == "failed"))
            about = f"{ended} of {len(runs)} ended" + (f", {failed}" if failed else "")
            self.progress.update(self.all, completed=ended, about=about)
        working = [run for run in runs if run.state in ("running", "stale")]
        working = working or [run for run in runs if run.state == "queued"][:1]
        working = working[:MOST_BARS]
        for gone in set(self.tasks) - {run.id for run in working}:
            self.progress.remove_task(self.tasks.pop(gone))
        for run in working:
            if run.id not in self.tasks:
                self.tasks[run.id] = self.progress.add_task(f"{clean(run.kind)} {run.id}", total=1.0, about="")
            self.progress.update(self.tasks[run.id], completed=run.fraction or 0.0, about=trouble or _about(run))


def _about(run: "Run") -> str:
    if run.state == "queued":
        return clean(run.message or "waiting for its turn")
    left = f"{duration(run.eta_seconds)} left" if run.eta_seconds is not None else ""
    state = "no sign of life" if run.state == "stale" else ""
    return ", ".join(part for part in (state, clean(run.message or ""), left) if part)
