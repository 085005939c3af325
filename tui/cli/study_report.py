"""A study's files: table.csv, figure.png, figure.pdf, and study.json, which says how they were made."""

import csv
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import store
from core.errors import UsageError
from core.specs.kinds import KINDS
from core.studies.plan import Findings, Outcome, Planned
from tui.shared.columns import Row
from tui.shared.files import write_target
from tui.shared.json_values import plain

if TYPE_CHECKING:
    from core.engine.client import Client
    from store.runs import Run

FIGURES = ("figure.png", "figure.pdf")


def check(folder: Path) -> None:
    """Raise UsageError where the folder can be neither written to nor made."""
    there = next(one for one in (folder, *folder.parents) if one.exists())
    if not there.is_dir():
        raise UsageError(f"{there} is not a folder, and a study leaves several files: give a folder with --to.")
    if not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"{there} cannot be written to: give another folder with --to.")


def outcomes(client: "Client", plan: Sequence[Planned], runs: "Sequence[Run | None]") -> list[Outcome]:
    """The planned runs with what the catalogue has of them."""
    return [
        Outcome(planned, _results_of(client, run), is_answered(run), run.data_root)
        if run
        else Outcome(planned, answered=False)
        for planned, run in zip(plan, runs, strict=True)
    ]


def is_answered(run: "Run") -> bool:
    """Whether a run says what it was to say: it is done, or has failed with a finding."""
    return run.state == "done" or run.outcome == "finding"


def _results_of(client: "Client", run: "Run") -> list[Row]:

    table = KINDS[run.kind].table
    with client.catalogue.read() as session:
        rows: list[Row] = store.list_rows(session, table, f"run_id={run.id}")
        for row in rows:
            row["cause"] = run.cause
            if table == "bounds":
                row["measurements"] = [vars(one) for one in store.Bounds(session).measurements("bound", row["id"])]
            elif table == "paths":
                row["points"] = [vars(one) for one in store.Paths(session).points(row["id"])]
    return rows


def write(folder: Path, found: Findings, about: Row, *, logarithmic: bool) -> list[Path]:
    """Write the files; those that were written. Raises UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"The folder {folder} cannot be made: {error.strerror or error}.") from error
    figures = [folder / name for name in FIGURES if found.rows]
    with write_target(folder / "table.csv") as draft, draft.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened).writerows([found.columns, *found.rows])
    if figures:
        from tui.shared.charts import panels  # noqa: PLC0415 - matplotlib, which listing the studies goes without

        panels.save(found.panels, figures, logarithmic=logarithmic)
    with write_target(folder / "study.json") as draft:
        draft.write_text(json.dumps(plain(about), indent=2) + "\n", encoding="utf-8")
    return [folder / "table.csv", *figures, folder / "study.json"]


def about(client: "Client", plan: Sequence[Planned], runs: "Sequence[Run | None]") -> Row:
    """Machines, seconds and every run with its settings and seeds."""
    machines: dict[str, None] = {}
    told: list[Row] = []
    with client.catalogue.read() as session:
        for planned, run in zip(plan, runs, strict=True):
            if run is None:
                told.append({"id": None, "label": planned.label, "state": "missing"})
                continue
            machines |= dict.fromkeys(
                one.environment for one in store.Runs(session).attempts(run.id) if one.environment
            )
            facts: Row = {"id": run.id, "label": planned.label, "state": run.state, "cause": run.cause}
            told.append({**facts, "seconds": run.seconds, "commit": run.git_commit, "spec": json.loads(run.spec)})
    return {
        "seconds": sum(run.seconds or 0.0 for run in runs if run is not None),
        "machines": [json.loads(one) for one in machines],
        "runs": told,
    }
