"""Opening: new and old catalogues, and every reason why one cannot be opened."""

import importlib.util
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, insert

from store import Catalogue, Runs, StoreError, migrations
from store.base import now, table
from store.filesystems import file_system
from store.schema import VERSION_TABLE, metadata
from store.upgrading import _upgrade
from tests.store.filling import enqueue
from tests.store.tables import schema

NEWEST = migrations.REVISIONS[-1]
NEXT = f"""
import sqlalchemy as sa
from alembic import op
revision, down_revision = "next", "{NEWEST}"
def upgrade() -> None:
    with op.batch_alter_table("runs", table_kwargs={{"sqlite_autoincrement": True}}) as batch:
        batch.add_column(sa.Column("mood", sa.Text()))
        batch.create_check_constraint("mood_known", "mood IN ('good', 'bad')")
"""
OPEN = "import pathlib, sys, store; store.Catalogue.open(pathlib.Path(sys.argv[1])).close()"


@pytest.fixture
def next_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """From here on the program is of a version with one more migration."""
    location = tmp_path / "migrations"
    shutil.copytree(migrations.LOCATION, location)
    (location / "versions" / "next_mood.py").write_text(NEXT)
    monkeypatch.setattr(migrations, "LOCATION", location)
    monkeypatch.setattr(migrations, "REVISIONS", (*migrations.REVISIONS, "next"))
    return location


def mount(folder: Path, *options: str) -> None:
    command = ["mount", "-t", "tmpfs", *options, "tmpfs", folder]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")


def add_and_fail(catalogue: Catalogue) -> None:
    with catalogue.write() as session:
        enqueue(session)
        raise RuntimeError


def fill_the_disk(catalogue: Catalogue) -> None:
    with catalogue.write() as session:
        for _ in range(100):
            enqueue(session, spec="x" * 100_000)


def refusal(path: Path, **options: bool) -> str:
    with pytest.raises(StoreError) as caught:
        Catalogue.open(path, **options)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    return text


def test_a_new_catalogue_is_what_all_migrations_make(tmp_path: Path) -> None:
    Catalogue.open(tmp_path / "new.sqlite").close()
    migrated = tmp_path / "migrated.sqlite"
    engine = create_engine(f"sqlite:///{migrated}")
    with engine.begin() as connection:
        _upgrade(connection, migrated)
    engine.dispose()
    assert schema(tmp_path / "new.sqlite") == schema(migrated)
    assert set(metadata.tables) | {VERSION_TABLE} <= set(schema(migrated))


def test_the_list_of_revisions_is_the_folders() -> None:
    files = sorted((migrations.LOCATION / "versions").glob("0*.py"))
    assert [file.name[:4] for file in files] == list(migrations.REVISIONS)


def test_a_new_catalogue_is_private_and_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "catalogue.sqlite"
    with Catalogue.open(path) as catalogue:
        assert path.stat().st_mode & 0o777 == 0o600
        assert catalogue.files.stat().st_mode & 0o777 == 0o700
        with catalogue.read() as session:
            pragmas = {
                name: session.connection().exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous", "mmap_size")
            }
    settings = {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30_000, "synchronous": 1, "mmap_size": 0}
    assert pragmas == settings


def test_six_processes_make_one_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    makers = [
        subprocess.Popen([sys.executable, "-W", "error", "-c", OPEN, path], stderr=subprocess.PIPE) for _ in range(6)
    ]
    assert [maker.communicate(timeout=60)[1] for maker in makers] == [b""] * 6
    with Catalogue.open(path) as catalogue, catalogue.read() as session:
        assert sum(Runs(session).counts().values()) == 0


def test_opening_and_working_never_import_alembic(tmp_path: Path) -> None:
    code = f"{OPEN}; assert 'alembic' not in sys.modules; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, tmp_path / "catalogue.sqlite"], check=True)


def test_importing_the_package_alone_loads_no_database() -> None:
    code = "import sys, store, store.errors; assert 'sqlalchemy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_an_old_catalogue_is_upgraded_after_a_backup(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = tmp_path / "catalogue.sqlite"
    with Catalogue.open(path) as old, old.write() as session:
        first = enqueue(session, name="kept")
        enqueue(session, needs=(first,))
    before = schema(path)
    request.getfixturevalue("next_revision")
    with Catalogue.open(path) as new, new.read() as session:
        assert Runs(session).get(first).name == "kept"
        assert Runs(session).needs(2) == [first]
    assert "mood" in schema(path)["runs"]
    assert "AUTOINCREMENT" in schema(path)["runs"]
    assert schema(path.with_name(f"catalogue.sqlite.backup-{NEWEST}")) == before
    Catalogue.open(path).close()
    assert sorted(file.name for file in tmp_path.glob("*backup*")) == [f"catalogue.sqlite.backup-{NEWEST}"]


def test_a_failed_upgrade_changes_nothing(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = tmp_path / "catalogue.sqlite"
    Catalogue.open(path).close()
    before = schema(path)
    location: Path = request.getfixturevalue("next_revision")
    broken = NEXT + '    op.execute("DROP TABLE birds")\n'
    (location / "versions" / "next_mood.py").write_text(broken)
    assert "refused the change: no such table: birds" in refusal(path)
    assert schema(path) == before


def test_a_newer_catalogue_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    Catalogue.open(path).close()
    with closing(sqlite3.connect(path)) as opened:
        opened.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
        opened.commit()
    assert "newer version of Thalweg (revision 9999" in refusal(path)


def test_places_that_cannot_hold_a_catalogue(tmp_path: Path) -> None:
    assert "is a folder" in refusal(tmp_path)
    missing = tmp_path / "missing.sqlite"
    assert "There is no catalogue" in refusal(missing, create=False)
    assert "There is no catalogue" in refusal(missing, readonly=True)
    assert not missing.exists()
    file = tmp_path / "file"
    file.write_text("x")
    assert f"File exists: {file}" in refusal(file / "catalogue.sqlite")
    assert "File name too long" in refusal(tmp_path / ("long" * 100))


def test_files_that_are_no_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    path.write_text("This is a letter to my mother, and it is longer than a hundred bytes. " * 9)
    assert "is not an SQLite file" in refusal(path)
    foreign = tmp_path / "foreign.sqlite"
    with closing(sqlite3.connect(foreign)) as opened:
        opened.execute("CREATE TABLE birds (name)")
    assert "not a Thalweg catalogue" in refusal(foreign)
    assert set(schema(foreign)) == {"birds"}
    with closing(sqlite3.connect(foreign)) as opened:
        assert opened.execute("PRAGMA journal_mode").fetchall() == [("delete",)], "other people's file is as it was"
    assert sorted(tmp_path.iterdir()) == [path, foreign], "nothing is made beside it"


def test_a_truncated_catalogue_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    with Catalogue.open(path) as catalogue, catalogue.write() as session:
        for _ in range(50):
            enqueue(session)
    os.truncate(path, path.stat().st_size // 2)
    assert "is damaged" in refusal(path)


def test_an_empty_file_becomes_a_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    path.touch()
    with Catalogue.open(path) as catalogue, catalogue.write() as session:
        enqueue(session)


def test_a_catalogue_opened_to_read_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    with Catalogue.open(path) as catalogue, catalogue.write() as session:
        enqueue(session)
    with Catalogue.open(path, readonly=True) as catalogue:
        with catalogue.read() as session:
            assert Runs(session).counts()["queued"] == 1
        with pytest.raises(StoreError, match="can only be read"), catalogue.write():
            pass


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="needs root to mount")
def test_a_catalogue_on_a_read_only_disk_is_listed(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount(folder)
    try:
        path = folder / "catalogue.sqlite"
        with Catalogue.open(path) as catalogue, catalogue.write() as session:
            enqueue(session)
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        with Catalogue.open(path) as catalogue:
            assert catalogue.readonly
            with catalogue.read() as session:
                assert Runs(session).counts()["queued"] == 1
        assert "Read-only file system" in refusal(folder / "other.sqlite")
    finally:
        subprocess.run(["umount", folder], check=True)


def test_where_nothing_may_be_written_the_catalogue_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "catalogue.sqlite"
    Catalogue.open(path).close()
    monkeypatch.setattr(os, "access", lambda *_: False)
    with Catalogue.open(path) as catalogue:
        assert catalogue.readonly


def test_an_old_catalogue_that_can_only_be_read_is_refused(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = tmp_path / "catalogue.sqlite"
    Catalogue.open(path).close()
    request.getfixturevalue("next_revision")
    assert "is of an earlier version" in refusal(path, readonly=True)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="needs root to mount")
def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount(folder, "-o", "size=2m")
    try:
        with Catalogue.open(folder / "catalogue.sqlite") as catalogue:
            with catalogue.write() as session:
                kept = enqueue(session)
            with pytest.raises(StoreError, match="the disk is full"):
                fill_the_disk(catalogue)
            big = tmp_path / "big"
            big.write_bytes(bytes(4_000_000))
            with pytest.raises(StoreError, match="No space left on device"):
                catalogue.artifacts.bring(big)
            assert list(catalogue.artifacts.root.iterdir()) == []
            with catalogue.read() as session:
                assert Runs(session).counts()["queued"] == kept == 1
    finally:
        subprocess.run(["umount", folder], check=True)


def test_an_error_rolls_back_and_reading_cannot_write(tmp_path: Path) -> None:
    with Catalogue.open(tmp_path / "catalogue.sqlite") as catalogue:
        with pytest.raises(RuntimeError):
            add_and_fail(catalogue)
        with pytest.raises(StoreError, match="read-only"), catalogue.read() as session:
            enqueue(session)
        with catalogue.write() as session:
            assert sum(Runs(session).counts().values()) == 0


def test_a_reader_sees_one_state_while_others_write(tmp_path: Path) -> None:
    with Catalogue.open(tmp_path / "catalogue.sqlite") as catalogue, catalogue.read() as reader:
        before = Runs(reader).counts()
        with catalogue.write() as writer:
            enqueue(writer)
        assert Runs(reader).counts() == before


def test_a_busy_catalogue_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.connecting.BUSY_TIMEOUT", 50)
    path = tmp_path / "catalogue.sqlite"
    with Catalogue.open(path) as catalogue, catalogue.write(), pytest.raises(StoreError, match="is busy"):
        catalogue.write().__enter__()


def test_network_file_systems_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounts = tmp_path / "mounts"
    (tmp_path / "my share").mkdir()
    share = str(tmp_path / "my share").replace(" ", "\\040")
    lines = ["/dev/sda1 / ext4 rw 0 0", f"server:/x {share} nfs4 rw 0 0", f"/dev/sdb {share}/local xfs rw 0 0"]
    mounts.write_text("\n".join(lines))
    assert file_system(tmp_path / "my share" / "a", mounts) == "nfs4"
    assert file_system(tmp_path / "my share" / "local" / "a", mounts) == "xfs"
    assert file_system(tmp_path, mounts) == "ext4"
    assert file_system(tmp_path, tmp_path / "none") is None
    monkeypatch.setattr("store.filesystems.file_system", lambda _: "nfs4")
    assert "network file system (nfs4)" in refusal(tmp_path / "catalogue.sqlite")


def test_the_migrations_are_found_wherever_the_package_is() -> None:
    spec = importlib.util.find_spec("store.migrations")
    assert spec is not None
    assert spec.origin is not None
    assert Path(spec.origin).parent == migrations.LOCATION
    assert (migrations.LOCATION / "env.py").is_file()


def test_closing_counts_for_the_query_planner_when_the_catalogue_has_grown(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    run = {"kind": "train", "state": "done", "spec": "{}", "resume": "scratch", "created_at": now()}
    for number, counted in ((500, False), (600, True)):
        with Catalogue.open(path) as catalogue, catalogue.write() as session:
            session.execute(insert(table("runs")), [run] * number)
        assert ("sqlite_stat1" in schema(path)) == counted


def test_closing_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.sqlite"
    with Catalogue.open(path) as busy:
        other = Catalogue.open(path)
        with other.write() as session:
            enqueue(session)
        with busy.write():
            begun = time.perf_counter()
            other.close()
            assert time.perf_counter() - begun < 5
