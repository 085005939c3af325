"""Everything about one row, for the pane beside a table: the facts of `thalweg show`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import store
from tui.shared.columns import Row, cell, excess, kind_and_summary, network, options, spec_options, state_word
from tui.shared.formatting import clean, number, value
from tui.shared.log_reader import last_lines
from tui.shared.references import settle_references
from tui.shared.requests import command_of_spec
from tui.shared.summaries import PATH_FACTS, certificate_text, path_facts, perplexities, whole_facts

if TYPE_CHECKING:
    from core.engine.client import Client

LOG_LINES = 8
MOST_RELATED = 12  # of one sort
APART = ("id", "kind", "state", "spec", "cause", "cause_kind", "starred", "tags", "name")  # told in another way
LINKED = ("run_id", "model_a", "model_b", "model_id", "relaunch_of")  # as links


@dataclass(frozen=True)
class Link:
    """Another row, what it is to this one, and where it is."""

    relation: str
    kind: str
    row_id: int


@dataclass(frozen=True)
class Details:
    """Title, what its run is called, why it failed, names and values, where to go from here, the end of a log."""

    kind: str
    row_id: int
    title: str
    state: str
    cause: str
    log: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    links: tuple[Link, ...]
    spec: str
    environment: str


def read(client: "Client", kind: str, row_id: int) -> Details:
    """All about a row. Raises NotFoundError where it is gone."""
    with client.catalogue.read() as session:
        row = store.show_row(session, kind, row_id)
        if kind == "runs":
            (row,) = settle_references(session, [row])
        run = row if kind == "runs" else vars(store.Runs(session).get(int(str(row["run_id"]))))
    attempts: Any = row.get("attempt_list") or []
    newest: Row = attempts[-1] if attempts else {}
    failed = kind == "runs" and row["state"] in ("failed", "stale")
    return Details(
        kind=kind,
        row_id=row_id,
        title=_title(kind, row),
        state=state_word(run),
        cause=clean(str(row.get("cause") or "")),
        log=tuple(last_lines(client.log_file(row_id), LOG_LINES)) if failed else (),
        facts=tuple(_facts(kind, row, attempts)),
        links=tuple(_links(kind, row)),
        spec=_command_or_spec(str(row["spec"])) if kind == "runs" else "",
        environment=options(newest.get("environment") or "{}"),
    )


def _command_or_spec(spec: str) -> str:
    """The command that starts such a run, or the spec where there is none."""
    return clean(command_of_spec("thalweg", spec)) or spec_options(spec)


def _title(kind: str, row: Row) -> str:
    if kind == "runs":
        return f"run {row['id']}: {kind_and_summary(row)}"
    if kind == "paths":
        return f"path {row['id']}: model {row['model_a']} to {row['model_b']}, {value(row['method'])}"
    if kind == "bounds":
        return f"bound {row['id']}: {value(row['kind'])} of model {row['model_id']} is {number(row['value'])}"
    return f"model {row['id']}: {network(row['network'])} {value(row['data'])}"


def _facts(kind: str, row: Row, attempts: Sequence[Row]) -> Iterator[tuple[str, str]]:
    for key in ("name", "tags"):
        if row.get(key):
            yield key, value(row[key])
    for note in row["notes"]:
        yield "note", value(note["text"])
    shown = {*APART, *LINKED}
    if kind == "paths":
        yield from path_facts(row)
        shown |= PATH_FACTS
    for one in _others_certificates(kind, row):
        of_path = f" of path {one['path_id']}" if kind == "runs" else f" by run {one['run_id']}"
        yield f"certificate {one['id']}", f"{certificate_text(one)},{of_path}"
    yield from _attempts(attempts)
    if kind == "models":
        yield from perplexities(row)
    for key, one in row.items():
        if key not in shown and one is not None and not isinstance(one, list):
            yield key.replace("_", " "), excess(row) if key == "excess" else cell(key, one)
    if kind == "bounds":
        yield from whole_facts(row["measurements"])


def _certifying(kind: str, row: Row) -> Iterator[Link]:
    """From a run to the paths that it certified, and back."""
    for one in _others_certificates(kind, row):
        if kind == "runs":
            yield Link("certified path", "paths", one["path_id"])
        else:
            yield Link("certified by run", "runs", one["run_id"])


def _others_certificates(kind: str, row: Row) -> list[Row]:
    """Of a run those of paths that it has not made, of a path those of other runs."""
    found: list[Row] = row.get("certificates", [])[:MOST_RELATED]
    mine = {one["id"] for one in row.get("paths", [])} if kind == "runs" else set()
    return [one for one in found if one["path_id"] not in mine and (kind == "runs" or one["run_id"] != row["run_id"])]


def _attempts(attempts: Sequence[Row]) -> Iterator[tuple[str, str]]:
    """How earlier ones ended, and where the newest is."""
    for one in attempts[:-1]:
        cause = f": {clean(str(one['cause']))}" if one.get("cause") else ""
        yield f"attempt {one['number']}", f"{value(one['state'])}{cause}"
    newest = attempts[-1] if attempts else {}
    for key in ("host", "device"):
        if newest.get(key):
            yield key, value(newest[key])


def _links(kind: str, row: Row) -> Iterator[Link]:
    if kind != "runs":
        yield Link("made by run", "runs", row["run_id"])
    for key, kin in (("model_a", "joins model"), ("model_b", "and model"), ("model_id", "of model")):
        if row.get(key) is not None:
            yield Link(kin, "models", row[key])
    if row.get("relaunch_of") is not None:
        yield Link("repeats run", "runs", row["relaunch_of"])
    for key, kin in (("needs", "needs run"), ("needed_by", "needed by run"), ("relaunches", "repeated by run")):
        for run_id in row.get(key, [])[:MOST_RELATED]:
            yield Link(kin, "runs", run_id)
    yield from _certifying(kind, row)
    for made in ("models", "paths", "bounds"):
        for one in row.get(made, [])[:MOST_RELATED]:
            yield Link(f"{'made' if kind == 'runs' else 'has'} {made.removesuffix('s')}", made, one["id"])
