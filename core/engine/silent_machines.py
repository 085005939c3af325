"""Runs on machines that have gone silent, and how they are given up."""

from collections.abc import Sequence
from pathlib import Path

from core.engine.locks import silent_seconds_of
from core.engine.machines import this_machine
from core.progress import duration_text
from store import Attempt, Catalogue, Runs, StoreError
from store.states import FINISHED

GIVE_UP_SECONDS = 600.0  # without a sign of life from a machine's agent


def silent_runs(catalogue: Catalogue) -> list[str]:
    """A sentence for each run whose machine has been silent for so long that it may be given up."""
    with catalogue.read() as session:
        elsewhere = Runs(session).elsewhere(this_machine())
    sentences = []
    for attempt in elsewhere:
        if (silent := silent_seconds_of(catalogue.files, attempt)) >= GIVE_UP_SECONDS:
            advice = f"`thalweg cancel {attempt.run_id} --force` gives it up"
            sentences.append(f"Run {attempt.run_id} is at work on {_silent(attempt, silent)}; {advice}.")
    return sentences


def give_up(catalogue: Catalogue, run_ids: Sequence[int]) -> None:
    """Cancel runs whose machine's agent has been silent for ten minutes, and queued ones; a late result is kept.

    Raises NotFoundError or StoreError, with nothing changed, where one of them can be reached or has ended.
    """
    with catalogue.write() as session:
        runs = Runs(session)
        elsewhere = {attempt.run_id: attempt for attempt in runs.elsewhere(this_machine())}
        for run_id in run_ids:
            if run_id in elsewhere:
                attempt = elsewhere[run_id]
                runs.give_up(attempt.id, f"given up: it was at work on {_why(catalogue.files, attempt)}")
            elif runs.get(run_id).state == "queued":
                runs.request_cancel([run_id])
            else:
                _refuse(run_id, runs.get(run_id).state)


def _why(files: Path, attempt: Attempt) -> str:
    """What is said of a run that is given up. Raises StoreError where its machine was heard of lately."""
    silent = silent_seconds_of(files, attempt)
    if silent < GIVE_UP_SECONDS:
        raise StoreError(
            f"Run {attempt.run_id} is not given up: it is at work on {attempt.host}, whose agent gave a sign of life "
            f"{duration_text(silent)} ago; --force is for machines silent for {duration_text(GIVE_UP_SECONDS)}, "
            f"`thalweg cancel {attempt.run_id}` asks it to stop."
        )
    return _silent(attempt, silent)


def _silent(attempt: Attempt, seconds: float) -> str:
    return f"{attempt.host}, of whose agent nothing has been heard for {duration_text(seconds)}"


def _refuse(run_id: int, state: str) -> None:
    if state in FINISHED:
        raise StoreError(f"Run {run_id} is {state} already; only queued and running runs can be cancelled.")
    raise StoreError(
        f"Run {run_id} is not given up: it is at work on this machine; `thalweg cancel {run_id}` ends it, without "
        "--force, which is for machines that can't be reached."
    )
