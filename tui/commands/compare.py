"""`thalweg compare`."""

import json
from collections.abc import Sequence
from typing import Any

import click

from core.errors import UsageError
from tui.kinds import MARKED, Id, Kind
from tui.output import heading, print_json, say, table
from tui.place import Place
from tui.running import json_option
from tui.texts import value

Row = dict[str, Any]

# What came of it, which is shown whether it differs or not.
RESULTS: dict[str, tuple[str, ...]] = {
    "runs": ("state", "cause", "seconds", "train_loss", "test_error", "level", "barrier", "value"),
    "models": ("train_loss", "train_error", "test_loss", "test_error", "epochs", "reached", "seconds"),
    "paths": (
        "train_loss_a",
        "train_loss_b",
        "max_train_loss",
        "level",
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


@click.command(epilog="\b\nExample:\n  thalweg compare paths 1 2 3")
@click.argument("kind", type=Kind(MARKED))
@click.argument("ids", metavar="ID ID...", type=Id(), nargs=-1, required=True)
@json_option
@click.pass_obj
def compare(place: Place, kind: str, ids: tuple[int, ...], as_json: bool) -> None:
    """Put runs, models, paths or bounds side by side: where they differ, and what came of each."""
    ids = tuple(dict.fromkeys(ids))
    if len(ids) < 2:
        raise UsageError(f"compare needs at least two different {kind}.")
    asked, results = _read(place, kind, ids)
    differing = {name: cells for name, cells in _by_name(asked).items() if _differ(cells)}
    outcome = {name: cells for name, cells in _by_name(results).items() if any(one is not None for one in cells)}
    if as_json:
        print_json({"kind": kind, "ids": ids, "differences": differing, "results": outcome})
        return
    heads = [f"{kind.removesuffix('s')} {row_id}" for row_id in ids]
    heading("what was asked for, where it differs", first=True)
    _print(heads, differing) if differing else say("nothing differs")
    heading("what came of it")
    _print(heads, outcome)


def _print(heads: Sequence[str], cells: dict[str, list[Any]]) -> None:
    table(("", *heads), [(name, *map(value, row)) for name, row in cells.items()])


def _read(place: Place, kind: str, ids: Sequence[int]) -> tuple[list[Row], list[Row]]:
    """For every id what was asked for, and what came of it."""
    from store import Runs, show_row

    asked, results = [], []
    with place.open().read() as session:
        for row_id in ids:
            row = show_row(session, kind, row_id)
            run_id = row_id if kind == "runs" else row["run_id"]
            assert isinstance(run_id, int)
            spec = json.loads(Runs(session).get(run_id).spec)["run"]
            asked.append({**_flat(spec), **{key: row[key] for key in ASKED if key in row}})
            if kind == "runs":
                row = {**_first_made(row), **row}
            results.append({key: row.get(key) for key in RESULTS[kind]})
    return asked, results


def _first_made(run: Row) -> Row:
    """The results of what a run made first."""
    made = [*run["models"], *run["paths"], *run["bounds"]]
    return {key: made[0].get(key) for key in RESULTS["runs"]} if made else {}


def _flat(spec: Row) -> Row:
    """The spec's options, those of its method or bound without its name in front."""
    flat: Row = {}
    for key, one in spec.items():
        if key in ("method", "bound") and isinstance(one, dict):
            flat |= {name: inner for name, inner in one.items() if name != key}
        elif isinstance(one, dict):
            flat[key] = one.get("model") or f"run:{one.get('run')}"
        else:
            flat[key] = one
    return flat


def _by_name(rows: Sequence[Row]) -> dict[str, list[Any]]:
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _differ(cells: Sequence[Any]) -> bool:
    return any(cell != cells[0] for cell in cells[1:])
