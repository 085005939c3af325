"""Runs that failed or went stale, together by what went wrong."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import TYPE_CHECKING

import store
from tui.shared.columns import Row, short_state_word, state_word
from tui.shared.formatting import clean
from tui.shared.references import settle_references

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from core.engine.client import Client

FAULTY = "state=failed,stale"
SHOWN = 500  # runs of one group, the newest ones
NUMBER = re.compile(r"\d(?:[\d.,:]*\d)?(?:e[+-]?\d+)?")
SILENT = {"stale": "no sign of life; it may come back", "failed": "no cause is known"}


@dataclass(frozen=True)
class Group:
    """Runs of one cause, newest first; what they are called, and in short; `cause` has … where its numbers differ."""

    word: str
    short: str
    cause: str
    run_ids: tuple[int, ...]

    @property
    def key(self) -> int:
        """What it is known by while it grows: minus its oldest run, which no run is called."""
        return -self.run_ids[-1]


@dataclass(frozen=True)
class Faults:
    """Groups, largest first; the rows of requested runs; the relaunches of some; counts."""

    groups: tuple[Group, ...]
    rows: dict[int, Row]
    again: dict[int, int]
    counts: dict[str, int]


def faults(client: "Client", where: str, opened: set[int] | None, room: int) -> Faults:
    """What failed or is stale of the runs for which `where` holds. Raises StoreError.

    With the rows of `opened` groups; None: of all groups, if not more than `room` lines come of it.
    """
    with client.catalogue.read() as session:
        groups = grouped(_causes(session, where))
        if opened is None:
            fit = len(groups) + sum(len(one.run_ids) for one in groups) <= room
            opened = {one.key for one in groups} if fit else set()
        ids = [run_id for one in groups if one.key in opened for run_id in one.run_ids[:SHOWN]]
        rows = {int(row["id"]): row for row in settle_references(session, store.rows_of(session, "runs", ids))}
        again = store.Runs(session).newest_relaunches(list(rows))
    counts: dict[str, int] = {}
    for one in groups:
        counts[one.word] = counts.get(one.word, 0) + len(one.run_ids)
    return Faults(groups, rows, {old: new for old, new in again.items() if new != old}, counts)


def _causes(session: "Session", where: str) -> list[Row]:
    """Of every run that failed or is stale, newest first, what it died of."""
    columns = [store.columns_of("runs")[name] for name in ("id", "state", "outcome", "cause_kind", "cause")]
    return store.as_dicts(
        session, columns, store.select_cells("runs", f"{where} {FAULTY}", "-id", [one.sql for one in columns])
    )


def grouped(rows: Iterable[Row]) -> tuple[Group, ...]:
    """Runs together that are called alike and whose causes differ in numbers alone."""
    found: dict[tuple[str, str], list[tuple[Row, str]]] = {}
    for row in rows:
        cause = cause_of(row)
        found.setdefault((state_word(row), NUMBER.sub("\0", cause)), []).append((row, cause))  # which no cause holds
    groups = (_group(called, some) for (called, _), some in found.items())
    return tuple(sorted(groups, key=lambda one: (-len(one.run_ids), -one.run_ids[0])))


def _group(called: str, some: Sequence[tuple[Row, str]]) -> Group:
    """Of rows and their causes."""
    rows, causes = zip(*some, strict=True)
    return Group(called, short_state_word(rows[0]), _common(causes), tuple(int(row["id"]) for row in rows))


def _common(causes: Sequence[str]) -> str:
    """What causes say that differ in numbers alone."""
    numbers = (some[0] if len(set(some)) == 1 else "…" for some in zip(*map(NUMBER.findall, causes), strict=True))
    return "".join(chain.from_iterable(zip_longest(NUMBER.split(causes[0]), numbers, fillvalue="")))


def cause_of(row: Row) -> str:
    """Why a run failed, in one line: its kind and what it says."""
    kind, cause = str(row["cause_kind"] or ""), str(row["cause"] or SILENT.get(row["state"], ""))
    return clean(" ".join(cause.split()) if cause.startswith(kind) else f"{kind}: {' '.join(cause.split())}")


def failed_runs(client: "Client", where: str) -> list[int]:
    """Those that weren't relaunched yet, of the runs for which `where` holds."""
    with client.catalogue.read() as session:
        meant = set(store.list_ids(session, "runs", f"{where} state=failed", None, None))
        return [run_id for run_id in store.Runs(session).failed_not_relaunched() if run_id in meant]
