"""Models that runs were to make, under the numbers that they have now that they are there."""

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import store

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Row = dict[str, Any]

#: As specs are stored, and as they are written on a command line. Quotes within a name have a backslash before them.
STORED = re.compile(r'\{"run":(\d+)(?:,"position":(\d+))?\}')
WRITTEN = re.compile(r"run:(\d+)(?::(\d+))?")


def settled(session: "Session", rows: Sequence[Row]) -> list[Row]:
    """Rows of runs; their specs name models that exist by id."""
    texts = [str(row["spec"]) for row in rows]
    return [
        {**row, "spec": text} for row, text in zip(rows, _named(session, STORED, '{{"model":{}}}', texts), strict=True)
    ]


def settled_names(session: "Session", texts: Sequence[str]) -> list[str]:
    """Models as a command line names them, those that exist by id: run:7:1 becomes 12."""
    return _named(session, WRITTEN, "{}", texts)


def _named(session: "Session", pattern: "re.Pattern[str]", written: str, texts: Sequence[str]) -> list[str]:
    wanted = chain.from_iterable(map(pattern.finditer, texts))
    known = store.Models(session).made_at(sorted({int(match[1]) for match in wanted}))
    return [pattern.sub(lambda match: _one(match, known, written), text) for text in texts] if known else list(texts)


def _one(match: "re.Match[str]", known: Mapping[tuple[int, int], int], written: str) -> str:
    model = known.get((int(match[1]), int(match[2] or 0)))
    return match[0] if model is None else written.format(model)
