"""Rows side by side: the options that differ, and what came of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

import store
from core.errors import UsageError
from core.specs.kinds import chosen_options, input_text
from core.specs.kinds import kind as kind_of_run
from core.specs.runs import from_json, kind_of
from tui.shared.columns import Row, network
from tui.shared.formatting import value
from tui.shared.references import settle_references

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

# What came of it, which is shown whether it differs or not.
RESULTS: dict[str, tuple[str, ...]] = {
    "runs": ("state", "outcome", "cause", "seconds", "train_loss", "test_error", "level", "barrier", "value"),
    "models": ("train_loss", "train_error", "test_loss", "test_error", "epochs", "reached", "seconds"),
    "paths": (
        "train_loss_a",
        "train_loss_b",
        "max_train_loss",
        "level",
        "penalised_level",
        "ridge",
        "l1",
        "certificate",
        "connected",
        "barrier",
        "max_train_error",
        "max_test_loss",
        "max_test_error",
        "length",
        "normalized_length",
        "beads",
        "segments",
        "forward_passes",
        "seconds",
    ),
    "bounds": ("value", "layer_count", "summary", "seconds"),
}
# What was asked for, beside the spec of the run.
ASKED = (
    "kind",
    "name",
    "network",
    "data",
    "method",
    "seed",
    "dtype",
    "model_a",
    "model_b",
    "model_id",
    "device_requested",
)


@dataclass(frozen=True)
class Comparison:
    """Cells by name, one for every row: the options that differ, and what came of each."""

    heads: list[str]
    differing: dict[str, list[Any]]
    outcome: dict[str, list[Any]]


def compare_rows(session: "Session", kind: str, ids: Sequence[int]) -> Comparison:
    """Put rows side by side. Raises NotFoundError, UsageError where there are not two."""
    if len(ids) < 2:
        raise UsageError(f"compare needs at least two different {kind}.")
    asked, results = [], []
    for row_id in ids:
        row = store.show_row(session, kind, row_id)
        run_id = row_id if kind == "runs" else row["run_id"]
        assert isinstance(run_id, int)
        (run,) = settle_references(session, [vars(store.Runs(session).get(run_id))])
        asked.append({**_options(run["spec"]), **{key: row[key] for key in ASKED if key in row}})
        if kind == "runs":
            row = {**_first_made(row), **row}
        results.append({key: row.get(key) for key in RESULTS[kind]})
    return Comparison(
        [f"{kind.removesuffix('s')} {row_id}" for row_id in ids],
        {name: cells for name, cells in _by_name(asked).items() if _are_different(cells)},
        {name: cells for name, cells in _by_name(results).items() if any(one is not None for one in cells)},
    )


def _first_made(run: Row) -> Row:
    """The results of what a run made first."""
    made = [*run["models"], *run["paths"], *run["bounds"], *run["certificates"]]
    return {key: made[0].get(key) for key in RESULTS["runs"]} if made else {}


def _options(stored: str) -> Row:
    """A spec's options, those of its method or bound among them; if it can't be read, only why, as its `spec`."""
    try:
        spec = from_json(stored)
    except UsageError as error:
        return {"spec": str(error)}
    run, options = kind_of_run(spec), chosen_options(spec)
    found: Row = {"kind": kind_of(spec)}
    for name, one in msgspec.structs.asdict(spec).items():
        if options is not None and run.choice is not None and name == run.choice.field:
            found |= msgspec.structs.asdict(options)
        else:
            found[name] = input_text(one) if name in run.inputs else one
    return found


def _by_name(rows: Sequence[Row]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _are_different(cells: Sequence[Any]) -> bool:
    return any(cell != cells[0] for cell in cells[1:])


def cell_texts(name: str, cells: Sequence[Any]) -> list[str]:
    """The cells of a line, as texts; networks by their files' names if these differ."""
    short = [network(cell) if name == "network" else value(cell) for cell in cells]
    return short if len(set(short)) == len(set(map(value, cells))) else [value(cell) for cell in cells]
