"""References to what runs make, settled to ids once it exists."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import store
from core.errors import UsageError
from core.specs.kinds import inputs_of, with_inputs
from core.specs.runs import Reference, RunSpec, from_json, to_json
from tui.shared.columns import Row

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Made = Mapping[str, Mapping[tuple[int, int], int]]  # ids by what it is, then by run and place within it

BY_RUN = '{"run":'  # in the text of any spec that refers to what a run makes


def settle_references(session: "Session", rows: Sequence[Row]) -> list[Row]:
    """Rows of runs; their specs name models and paths that exist by id. A spec that can't be read stays as it is."""
    specs: dict[int, RunSpec] = {}
    for place, row in enumerate(rows):
        if BY_RUN in row["spec"]:
            with suppress(UsageError):
                specs[place] = from_json(row["spec"])
    made = _rows_made(session, [ref for spec in specs.values() for ref in inputs_of(spec)])
    texts = {place: to_json(with_inputs(spec, lambda ref: _one(ref, made))) for place, spec in specs.items()}
    return [{**row, "spec": texts.get(place, row["spec"])} for place, row in enumerate(rows)]


def settle_names(session: "Session", names: Sequence[str], ref: type[Reference]) -> list[str]:
    """Models or paths as a command line names them, those that exist by id: run:7:1 becomes 12."""
    refs = list(map(ref.read, names))
    made = _rows_made(session, refs)
    return [str(_one(one, made)) for one in refs]


def _rows_made(session: "Session", refs: Iterable[Reference]) -> Made:
    """What is there of what runs were to make."""
    runs: dict[str, set[int]] = {}
    for ref in refs:
        if ref.run is not None:
            runs.setdefault(ref.noun, set()).add(ref.run)
    return {noun: store.made_at(session, f"{noun}s", sorted(ids)) for noun, ids in runs.items()}


def _one(ref: Reference, made: Made) -> Reference:
    row_id = None if ref.run is None else made[ref.noun].get((ref.run, ref.position))
    return ref if row_id is None else ref.to(row_id)
