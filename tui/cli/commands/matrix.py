"""`thalweg matrix`."""

import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import click

import store
from core.errors import UsageError, unknown_name
from core.grid import Axis, Grid
from core.specs.methods import METHODS
from tui.cli.arguments import Name, OneOf
from tui.cli.location import CommandLocation
from tui.cli.output import note, print_json, table, width_of
from tui.cli.run_command import json_option
from tui.shared.charts import figure, heatmap
from tui.shared.files import write_target
from tui.shared.formatting import clean, number
from tui.shared.named_filters import expand
from tui.shared.text_table import GAP

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from store.pairs import BestPath, ProblemModels

VALUES = {"barrier": "barrier", "level": "level", "length": "normalized_length"}
MOST = 300  # models: 44,850 pairs
SEEN = "~"  # before a level that was seen and not proven

EPILOG = """\b
Example:
  thalweg matrix --where network=fcn:64x3 --value level --to matrix.pdf
"""


@click.command(epilog=EPILOG)
@click.option("--where", metavar="CONDITIONS", help="Only these models; see `thalweg list --help`.")
@click.option(
    "--value",
    type=OneOf(VALUES),
    default="barrier",
    metavar="WHAT",
    help=f"Of the paths: {', '.join(VALUES)}. Default: barrier.",
)
@click.option("--method", metavar="NAME", type=Name(METHODS), help="Only paths that this method made.")
@click.option(
    "--to", "file", metavar="FILE", type=click.Path(path_type=Path), help="A .csv table, or a .png, .pdf or .svg file."
)
@json_option
@click.pass_obj
def matrix(
    location: CommandLocation, where: str | None, value: str, method: str | None, file: Path | None, as_json: bool
) -> None:
    """Put all models of one problem against all: the best path known between any two.

    The best has the lowest level, then the stronger certificate. Models are of one problem where network, data and loss
    are the same.
    """
    _check(method, file)
    where = expand("models", where or "")
    with location.open().read() as session:
        problem = _problem(session, where)
        ids, best = _pairs(session, problem, where, method)
    found = {(one.model_a, one.model_b): one for one in best}
    if as_json:
        print_json([_pair(pair, found.get(pair), value) for pair in combinations(ids, 2)])
        return
    grid = as_grid(problem, ids, found, value)
    if file is not None:
        _write(grid, file)
        return
    _print(grid)


def as_grid(problem: "ProblemModels", ids: Sequence[int], found: "dict[tuple[int, int], BestPath]", value: str) -> Grid:
    """Models down and across; the same on both sides of the diagonal, nothing on it."""
    cells = [found.get((min(a, b), max(a, b))) if a != b else None for a in ids for b in ids]
    title = f"{value} between {len(ids)} models of {problem.network} on {problem.data}"
    values = {
        value: tuple(None if one is None else getattr(one, VALUES[value]) for one in cells),
        "certificate": tuple(None if one is None else one.certificate for one in cells),
        "path_id": tuple(None if one is None else one.path_id for one in cells),
    }
    return Grid(title, (Axis("model_a", tuple(ids)), Axis("model_b", tuple(ids))), values)


def _check(method: str | None, file: Path | None) -> None:
    if method is not None and method not in METHODS:
        raise unknown_name("method", method, METHODS)
    if file is not None:
        figure.check(file)


def _problem(session: "Session", where: str) -> "ProblemModels":
    """The problem whose models are asked for: the only one of a filter, otherwise that with the most models."""
    there = store.problems(session, where)
    if not there:
        raise UsageError("No model matches: `thalweg list models` shows all." if where else "There are no models yet.")
    if len(there) > 1 and where:
        several = "; ".join(map(_problem_text, there[:8]))
        raise UsageError(
            f"These models are of {len(there)} problems ({several}), and paths join models of one network, data set "
            "and loss: narrow the conditions down."
        )
    if len(there) > 1:
        note(
            f"Of {len(there)} problems the one with the most models: {_problem_text(there[0])}; "
            "--where chooses another."
        )
    return there[0]


def _problem_text(problem: "ProblemModels") -> str:
    return clean(f"{problem.network} on {problem.data}, {problem.loss}: {problem.count}")


def _pairs(
    session: "Session", problem: "ProblemModels", where: str, method: str | None
) -> "tuple[list[int], list[BestPath]]":

    if problem.count > MOST:
        raise UsageError(
            f"These are {problem.count} models, and a matrix takes at most {MOST}: choose some by --where."
        )
    ids = store.models_in(session, problem, where, MOST)
    return ids, store.best_paths(session, ids, method)


def _pair(pair: tuple[int, int], one: "BestPath | None", value: str) -> dict[str, object]:
    return {
        "model_a": pair[0],
        "model_b": pair[1],
        "path_id": one and one.path_id,
        "value": one and getattr(one, VALUES[value]),
        "certificate": one and one.certificate,
    }


def _write(grid: Grid, file: Path) -> None:
    if file.suffix.lower() == figure.TABLE:
        with write_target(file) as draft, draft.open("w", newline="", encoding="utf-8") as stream:
            grid.write_csv(stream)
    else:
        heatmap.save(grid, file)
    note(f"{clean(grid.title)} written to {file}")


def _print(grid: Grid) -> None:
    """The matrix where it fits, otherwise a line for each pair with a path."""
    value = next(iter(grid.values))
    ids = [str(one) for one in grid.axes[0].ticks]
    shown = [
        _cell(value, one, certificate)
        for one, certificate in zip(grid.values[value], grid.values["certificate"], strict=True)
    ]
    note(f"{clean(grid.title[:1].upper() + grid.title[1:])}." + _legend(value, shown))
    rows = [shown[start : start + len(ids)] for start in range(0, len(shown), len(ids))]
    if len(ids) * (max(map(len, (*shown, *ids))) + GAP) + len("model") <= width_of(sys.stdout):
        table(("model", *ids), [(name, *row) for name, row in zip(ids, rows, strict=True)])
        return
    lines = [
        (str(a), str(b), _cell(value, one, certificate), str(certificate), str(path))
        for a, b, one, certificate, path in grid.rows()
        if path is not None and a < b  # type: ignore[operator]
    ]
    table(("model", "model", value, "certificate", "path"), lines)


def _cell(value: str, given: object, certificate: object) -> str:
    text = number(given if isinstance(given, float) else None)
    return f"{SEEN}{text}" if value == "level" and given is not None and certificate == "sampled" else text


def _legend(value: str, shown: Sequence[str]) -> str:
    return f" {SEEN}: seen at points, not proven." if value == "level" and any(SEEN in one for one in shown) else ""
