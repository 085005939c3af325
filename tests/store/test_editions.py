"""Catalogues that earlier versions made: upgraded, they say what they said, and what they claim still holds."""

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from core.data.load import load
from core.engine import client as client_module
from core.engine.model_inputs import as_input
from core.engine.worker.opening import opened
from core.engine.worker.probe import QUESTIONS
from core.progress import Silent
from core.specs.data import read_data
from core.specs.runs import from_json
from store import Bounds, Catalogue, Certificates, Models, Runs, examine, list_rows
from store.listing import list_ids
from store.migrations import REVISIONS
from store.models import ROLES
from store.schema import VERSION_TABLE
from tests.store.editions.make import PLACE
from tests.store.editions.saying import no_agent, said
from tests.store.tables import schema
from tests.tui.commanding import process
from tui.main import main as command_line

# An edition has the number of its schema's revision.
EDITIONS = sorted(Path(__file__).parent.glob("editions/[0-9]*"), key=lambda folder: int(folder.name))
CERTIFICATES = 4  # the first edition whose paths may have several
TOLERANCE = {"float32": 1e-4, "float64": 1e-9}  # of a loss, relative: other machines add up in another order
Copies = Callable[[Path], Path]


def rows_of(edition: Path, kind: str) -> list[dict[str, Any]]:
    """What was said of a kind when the edition was made."""
    found: list[dict[str, Any]] = json.loads((edition / "said.json").read_text())[f"list {kind}"]
    return found


def each(kind: str) -> pytest.MarkDecorator:
    """A test for every row of a kind in every edition."""
    named = [(edition, row["id"]) for edition in EDITIONS for row in rows_of(edition, kind)]
    return pytest.mark.parametrize(
        ("edition", "row_id"), named, ids=[f"{edition.name}-{row_id}" for edition, row_id in named]
    )


def name_of(edition: Path) -> str:
    return edition.name


each_edition = pytest.mark.parametrize("edition", EDITIONS, ids=name_of)


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Copies:
    """A copy of an edition's catalogue, opened once by the code of today."""

    @cache
    def copied(edition: Path) -> Path:
        folder = tmp_path_factory.mktemp("upgraded") / edition.name
        shutil.copytree(edition, folder)
        Catalogue.open(folder / "catalogue.db").close()
        return folder / "catalogue.db"

    return copied


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory, upgraded: Copies) -> Copies:
    """Another, whose rows name the network file and the images where they lie now: beside it."""

    @cache
    def copied(edition: Path) -> Path:
        folder = tmp_path_factory.mktemp("moved") / edition.name
        shutil.copytree(upgraded(edition).parent, folder)
        with closing(sqlite3.connect(folder / "catalogue.db")) as opened, opened:
            move(opened, folder)
        return folder / "catalogue.db"

    return copied


def move(opened: sqlite3.Connection, folder: Path) -> None:
    """Name `folder` in every text that named PLACE, and in fingerprints: that of a data set holds its name."""
    columns = "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE c.type = 'TEXT'"
    for table, column in opened.execute(columns).fetchall():
        opened.execute(f'UPDATE {table} SET "{column}" = replace("{column}", ?, ?)', (str(PLACE), str(folder)))
    of_folders = "SELECT DISTINCT data FROM models WHERE data LIKE 'folder:%'"
    for (name,) in opened.execute(of_folders).fetchall():
        data = load(read_data(name), folder)
        before = replace(data, name=name.replace(str(folder), str(PLACE)))
        change = "UPDATE models SET data_fingerprint = ? WHERE data_fingerprint = ?"
        opened.execute(change, (data.fingerprint, before.fingerprint))


def lost(before: Any, now: Any, where: str) -> Iterator[str]:
    """What was said before and isn't now; whatever else is said now is fine."""
    match before, now:
        case dict(), dict():
            for key, one in before.items():
                yield from lost(one, now[key], f"{where}, {key}") if key in now else [f"{where} has no {key} any more"]
        case list(), list() if len(before) == len(now):
            for i, (one, other) in enumerate(zip(before, now, strict=True)):
                yield from lost(one, other, f"{where}, {i}")
        case _ if before != now:
            yield f"{where}: it was {before!r} and is {now!r}"


def by_columns(everything: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """What a catalogue says, with the rows of a CSV keyed by its header."""

    def keyed(rows: list[Any]) -> list[Any]:
        return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]

    return {name: keyed(rows) if name.startswith("export ") else rows for name, rows in everything.items()}


@each_edition
def test_all_that_an_edition_listed_showed_and_exported_is_said_today(edition: Path, upgraded: Copies) -> None:
    before = json.loads((edition / "said.json").read_text())
    assert list(lost(by_columns(before), by_columns(said(upgraded(edition))), edition.name)) == []


def test_a_run_that_failed_without_an_outcome_gets_one(tmp_path: Path) -> None:
    """An agent of before outcomes, still at work after the upgrade, left such runs."""
    shutil.copytree(EDITIONS[1], tmp_path / "2")
    file = tmp_path / "2" / "catalogue.db"
    with closing(sqlite3.connect(file)) as opened, opened:
        before = dict(opened.execute("SELECT id, outcome FROM runs").fetchall())
        opened.execute("UPDATE runs SET outcome = NULL")
    with Catalogue.open(file) as catalogue, catalogue.read() as session:
        assert {int(str(row["id"])): row["outcome"] for row in list_rows(session, "runs")} == before
    assert {"finding", "fault"} <= set(before.values())


@each_edition
def test_an_upgraded_edition_has_the_tables_of_a_new_catalogue(edition: Path, upgraded: Copies, tmp_path: Path) -> None:
    Catalogue.open(tmp_path / "new.db").close()
    assert schema(upgraded(edition)) == schema(tmp_path / "new.db")


@pytest.mark.parametrize("edition", [one for one in EDITIONS if int(one.name) < int(REVISIONS[-1])], ids=name_of)
def test_an_edition_is_kept_as_it_was_beside_its_upgrade(edition: Path, upgraded: Copies) -> None:
    (backup,) = upgraded(edition).parent.glob("catalogue.db.backup-*")
    assert everything_in(backup) == everything_in(edition / "catalogue.db")


def everything_in(path: Path) -> list[str]:
    """A catalogue's tables and rows, as statements; nothing is written beside it."""
    with closing(sqlite3.connect(untouched(path), uri=True)) as opened:
        return list(opened.iterdump())


def untouched(path: Path) -> str:
    return f"{path.as_uri()}?immutable=1"


@each_edition
def test_every_cell_of_an_edition_is_in_its_upgrade(edition: Path, upgraded: Copies) -> None:
    with closing(sqlite3.connect(upgraded(edition).as_uri(), uri=True)) as opened:
        opened.execute("ATTACH ? AS before", (untouched(edition / "catalogue.db"),))
        tables = {name for (name,) in opened.execute("SELECT name FROM before.sqlite_schema WHERE type = 'table'")}
        assert "sqlite_sequence" in tables, "which says what ids were given"
        for table in sorted(tables - {VERSION_TABLE}):
            columns = opened.execute("SELECT name FROM pragma_table_info(?, 'before')", (table,)).fetchall()
            cells = ", ".join(f'"{column}"' for (column,) in columns)
            lines = f"SELECT {cells} FROM before.{table} EXCEPT SELECT {cells} FROM main.{table}"
            assert opened.execute(lines).fetchall() == [], table


@pytest.mark.parametrize("edition", [one for one in EDITIONS if int(one.name) < CERTIFICATES], ids=name_of)
def test_every_path_of_an_edition_has_the_certificate_that_it_shows(edition: Path, upgraded: Copies) -> None:
    names = ("certificate", "level", "max_train_loss", "drift", "residual", "segments")
    with Catalogue.open(upgraded(edition)) as catalogue, catalogue.read() as session:
        paths, certificates = list_rows(session, "paths"), list_rows(session, "certificates")
        assert {row["role"] for row in list_rows(session, "models")} == {"trained"}
    columns = ("kind", "level", "seen", "drift", "residual", "pieces", "path_id", "run_id", "created_at")
    shown = [tuple(row[name] for name in (*names, "id", "run_id", "created_at")) for row in paths]
    assert shown
    assert [tuple(row[name] for name in columns) for row in certificates] == shown


@pytest.mark.parametrize("edition", [one for one in EDITIONS if int(one.name) >= CERTIFICATES], ids=name_of)
def test_every_path_of_a_later_edition_shows_the_strongest_of_its_certificates(edition: Path, upgraded: Copies) -> None:
    with Catalogue.open(upgraded(edition)) as catalogue, catalogue.read() as session:
        paths = list_rows(session, "paths")
        kept = {row["id"]: Certificates(session).of(int(str(row["id"]))) for row in paths}
        roles = {row["role"] for row in list_rows(session, "models", f"role={','.join(ROLES)}")}
    columns = {"certificate": "kind", "level": "level", "drift": "drift", "residual": "residual"}
    for row in paths:
        strongest = kept[row["id"]][0]
        assert {name: row[name] for name in columns} == {name: getattr(strongest, of) for name, of in columns.items()}
    assert any(len(some) > 1 for some in kept.values())
    assert roles == set(ROLES)


@each_edition
def test_no_bound_gets_the_number_of_one_that_was_deleted_before_the_upgrade(edition: Path, tmp_path: Path) -> None:
    path = shutil.copytree(edition, tmp_path / edition.name) / "catalogue.db"
    with closing(sqlite3.connect(path)) as opened, opened:
        (last,) = opened.execute("SELECT max(id) FROM bounds").fetchone()
        opened.execute("DELETE FROM bounds WHERE id > 1")
    with Catalogue.open(path) as catalogue, catalogue.write() as session:
        given = Bounds(session).get(1)
        assert Bounds(session).add(given.run_id, {"model_id": 1, "kind": "rank", "position": 1}) == last + 1


@each_edition
def test_the_doctor_finds_nothing_in_an_upgraded_edition(edition: Path, upgraded: Copies) -> None:
    with Catalogue.open(upgraded(edition)) as catalogue:
        assert examine(catalogue) == []


@each_edition
def test_what_an_edition_asked_for_can_be_asked_for_today(edition: Path, moved: Copies) -> None:
    with Catalogue.open(moved(edition)) as catalogue:
        with catalogue.read() as session:
            rows = list_rows(session, "runs")
        for row in rows:
            from_json(str(row["spec"]))
        client = client_module.Client(catalogue)
        ended = [int(str(row["id"])) for row in rows if row["finished_at"] is not None]
        assert [one.run_id for one in client.plan_relaunch(ended, changes={})] == ended


@each_edition
def test_what_an_edition_left_waiting_or_unfinished_is_gone_on_with(
    edition: Path, moved: Copies, tmp_path: Path
) -> None:
    path = shutil.copytree(moved(edition).parent, tmp_path / "on") / "catalogue.db"
    with Catalogue.open(path) as catalogue, no_agent(path):
        client = client_module.Client(catalogue)
        with catalogue.read() as session:
            waiting, *others = list_ids(session, "runs", "state=queued", None, 99)
            (short,) = list_ids(session, "runs", 'cause_kind="loss not reached"', None, 99)
        for run_id in others:
            client.cancel([run_id])
        plan = client.plan_relaunch([short], resume="checkpoint", changes={"until_loss": "100"})
        (again,) = client.relaunch(plan)
    agent = process(["agent", "--drain"], path)
    with Catalogue.open(path) as catalogue, catalogue.read() as session:
        assert [run.state for run in Runs(session).several([waiting, again])] == ["done", "done"], agent.err


@each("models")
def test_a_model_of_an_edition_has_the_loss_it_had(edition: Path, row_id: int, moved: Copies) -> None:
    with Catalogue.open(moved(edition)) as catalogue, catalogue.read() as session:
        model = Models(session).get(row_id)
        given = as_input(catalogue, model)
    problem, (theta,) = opened([given], "cpu", str(moved(edition).parent), Silent())
    loss = float(problem.losses(theta[None])[0])
    assert loss == pytest.approx(model.train_loss, rel=TOLERANCE[given.dtype])


@each("paths")
def test_what_an_edition_claims_of_a_path_holds(
    edition: Path, row_id: int, moved: Copies, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Asked here instead of in a process of its own, which would load torch for every path.
    monkeypatch.setattr(client_module, "ask", lambda question: QUESTIONS[question["question"]](question))
    path = moved(edition)
    asked = ["--catalogue", str(path), "verify", str(row_id), "--json", "--data-root", str(path.parent)]
    assert command_line(asked) == 0, "".join(capsys.readouterr())
