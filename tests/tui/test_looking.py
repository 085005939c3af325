"""list, show, compare: complete, harmless, and JSON that any parser takes."""

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commanding import HOSTILE, Run, add, process
from sqlalchemy import update

from core.engine.client import Client
from core.specs.bounds import BOUNDS
from core.specs.runs import Bound, ModelRef
from store import COLUMNS, Bounds, Catalogue, NewRun, Notes, Runs, Tags
from store.columns import called, stored_columns, table_of
from store.schema import metadata
from tui.cli.arguments import MARKED
from tui.main import main
from tui.shared import details
from tui.shared.columns import ListColumn, all_columns
from tui.shared.summaries import perplexities

KINDS = ("runs", "models", "paths", "bounds", "profiles", "metrics")
SGR = re.compile(r"\x1b\[[0-9;]*m")  # colours are ours
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]")


def strict(text: str) -> object:
    def refuse(name: str) -> float:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_in_json_has_every_row_and_column(kind: str, thalweg: Run, seeded: Path) -> None:
    said = thalweg("list", kind, "--json")
    rows = strict(said.out)
    assert isinstance(rows, list)
    assert rows
    assert all(list(row) == [column.name for column in COLUMNS[kind]] for row in rows)


@pytest.mark.parametrize("kind", KINDS)
def test_a_catalogue_that_is_not_there_lists_and_exports_as_empty(kind: str, thalweg: Run, home: Path) -> None:
    listed = thalweg("list", kind, "--json")
    assert (listed.status, strict(listed.out)) == (0, [])
    assert thalweg("list", kind).out == ""
    exported = thalweg("export", kind)
    assert exported.out.strip() == ",".join(column.name for column in COLUMNS[kind])
    assert not (home / "c.db").exists()


def test_an_infinite_number_is_a_string_in_json(thalweg: Run, seeded: Path) -> None:
    rows = strict(thalweg("list", "models", "--columns", "id,train_loss", "--json").out)
    assert rows == [{"id": 1, "train_loss": 0.01}, {"id": 2, "train_loss": "inf"}]


@pytest.mark.parametrize("kind_id", ["run 3", "model 1", "path 2", "bound 1"])
def test_show_prints_one_object_with_the_id(kind_id: str, thalweg: Run, seeded: Path) -> None:
    row = strict(thalweg("show", *kind_id.split(), "--json").out)
    assert isinstance(row, dict)
    assert row["id"] == int(kind_id.split()[1])
    assert row["state"] in ("done", "failed")


@pytest.mark.parametrize("command", ["list runs", "list bounds", "show run 3", "show run 5", "show bound 1"])
@pytest.mark.parametrize("terminal", [True, False])
def test_texts_of_the_catalogue_are_shown_and_not_obeyed(
    command: str, terminal: bool, seeded: Path, thalweg: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    if terminal:
        monkeypatch.setattr("tui.cli.output.terminal", lambda _: True)
        monkeypatch.setenv("COLUMNS", "400")
        monkeypatch.setenv("TERM", "xterm")
    said = thalweg(*command.split())
    assert "[red]x[/red]" in said.out
    assert "\\x1b[31m\\x07" in said.out
    assert not CONTROL.search(SGR.sub("", said.out).replace("\n", ""))


def overwritten(path: Path) -> None:
    """Hostile texts wherever the catalogue holds a text that somebody has written."""
    ours = ("kind", "state", "outcome", "spec", "resume", "certificate", "on", "artifact", "relaunch_of")
    with Catalogue.open(path) as catalogue, catalogue.write() as session:
        for kind in MARKED:
            table = table_of(kind)
            texts = [one.name for one in stored_columns(table) if one.type == "text" and one.name not in ours]
            session.execute(update(table).values(dict.fromkeys(texts, HOSTILE)))
            Tags(session).add(kind, [1], "t\x1b[2Jag")
            Notes(session).add(kind, [1], HOSTILE)
        session.execute(update(metadata.tables["segments"]).values(reason=HOSTILE))
        for table in (metadata.tables["measurements"], metadata.tables["metrics"]):
            session.execute(update(table).values(name=table.c.name.concat(HOSTILE)))


READING = [
    *(f"{command} {kind}" for command in ("list", "export") for kind in KINDS),
    *(f"list {kind} --all-columns" for kind in MARKED),
    *(f"show {kind} 1" for kind in MARKED),
    *(f"show {kind} 1 --json" for kind in MARKED),
    *(f"compare {kind} 1 2" for kind in ("runs", "models", "paths")),
    *(f"plot {kind} 1" for kind in MARKED),
    *("tag run 1 other", "note run 1 other", "relaunch 3 --dry-run", "log 5", "delete path 9", "doctor"),
    *("export runs --raw", "export runs --json", "plot paths 1 --json", "list runs --where name=nobody's"),
]


def test_no_command_sends_a_control_character_to_a_terminal(
    thalweg: Run, seeded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overwritten(seeded)
    monkeypatch.setattr("tui.cli.output.terminal", lambda _: True)
    monkeypatch.setattr("tui.cli.commands.doctor._machine", lambda: {"error": HOSTILE})  # it takes torch to know
    monkeypatch.setenv("THALWEG_DATA", "/data\x1b[2J")
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setenv("NO_COLOR", "1")
    for command in READING:
        said = thalweg(*command.split())
        assert said.status in (0, 2), (command, said)
        assert said.out + said.err, command
        assert not CONTROL.search((said.out + said.err).replace("\n", "")), (command, said)


def test_csv_has_texts_as_they_are_where_no_terminal_reads_it(thalweg: Run, seeded: Path, home: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(thalweg("export", "runs").out, newline="")))
    assert rows[4]["name"] == HOSTILE
    assert thalweg("export", "runs", "--to", home / "runs.csv").status == 0
    with (home / "runs.csv").open(newline="") as written:
        assert list(csv.DictReader(written)) == rows


def test_a_list_of_runs_fits_80_columns(seeded: Path, capsys: pytest.CaptureFixture[str], monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("tui.cli.output.terminal", lambda _: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "xterm")
    for kind in KINDS:
        assert main(["list", kind]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert max(len(SGR.sub("", line)) for line in lines) <= 80
        assert "○ finding" in "".join(lines) or kind != "runs"


def test_a_piped_list_is_plain_and_whole(ended: Path) -> None:
    said = process(["list", "runs", "--columns", "id,spec"], ended, THALWEG_AGENT_IDLE="0")
    assert "\x1b" not in said.out
    assert len(said.out.splitlines()) == 6
    assert max(map(len, said.out.splitlines())) > 200
    assert "…" not in said.out


def test_a_reader_that_goes_away_is_no_error(seeded: Path) -> None:
    command = f"{sys.executable} -m tui.main --catalogue {seeded} list metrics --json | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[", "")


def test_filters_orders_limits_and_columns_are_obeyed(thalweg: Run, seeded: Path) -> None:
    said = thalweg("list", "runs", "--where", "kind=connect", "--sort=-id", "--columns", "id,state", "--json")
    assert strict(said.out) == [{"id": 3, "state": "failed"}, {"id": 2, "state": "done"}]
    assert len(thalweg("list", "run", "--limit", "2").out.splitlines()) == 3
    assert "No runs" in thalweg("list", "runs", "--where", "kind=descend").err


def test_compare_shows_what_differs_and_what_came_of_it(thalweg: Run, seeded: Path) -> None:
    document = strict(thalweg("compare", "paths", 1, 2, "--json").out)
    assert isinstance(document, dict)
    assert document["differences"]["method"] == ["string", "linear"]
    assert "model_a" not in document["differences"]
    assert document["results"]["max_train_loss"] == [0.02, 3.0]
    assert "string" in thalweg("compare", "paths", 1, 2).out


def test_no_color_is_respected(thalweg: Run, seeded: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tui.cli.output.terminal", lambda _: True)
    monkeypatch.setenv("TERM", "xterm")
    assert "\x1b[" in thalweg("list", "runs").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in thalweg("list", "runs").out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_a_full_disk_behind_standard_output_is_one_sentence(ended: Path) -> None:
    for arguments in ("list runs", "export runs", "--help"):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "tui.main", "--catalogue", str(ended), *arguments.split()],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == 2
        assert done.stderr == "thalweg: The system reports an error: No space left on device.\n"


def test_verdicts_are_words_in_tables_and_no_curves(thalweg: Run, seeded: Path) -> None:
    measured = [
        {"name": name, "layer": layer, "draw": 0, "value": number, "role": role}
        for layer, answer in enumerate((1.0, 0.0, -1.0))
        for name, number, role in (
            ("separable", answer, "verdict"),
            ("margin", 0.25 + layer, "value"),
            ("seconds", 77.0, "aside"),
        )
    ]
    with Catalogue.open(seeded) as catalogue:
        run_id = add(catalogue, Bound(model=ModelRef(model=1), bound=BOUNDS["separability"]()), "done")
        with catalogue.write() as session:
            values = {"model_id": 1, "kind": "separability", "value": 1.0, "summary": "so"}
            bound_id = Bounds(session).add(run_id, values, measured)
    rows = [line.split(maxsplit=2) for line in thalweg("show", "bound", bound_id).out.splitlines()]
    said = [row[2] for row in rows if len(row) == 3 and row[1] == "0"]
    assert [one.split("  ")[0] for one in said] == ["yes, proven", "open", "no, proven"]
    drawn = thalweg("plot", "bound", bound_id).out
    assert "margin" in drawn
    assert "separable" not in drawn
    assert "seconds" not in drawn


def test_a_bound_s_draws_are_one_row_a_layer_with_what_counts_and_the_spread(thalweg: Run, seeded: Path) -> None:
    drawn = {1: [(0.5, 0.1), (0.25, 0.9), (0.75, 0.2)], 2: [(2.0, 0.3)]}
    measured = [{"name": "model_loss", "layer": None, "draw": None, "value": 0.125}]
    for layer, draws in drawn.items():
        for i, (loss, error) in enumerate(draws):
            measured.append({"name": "loss", "layer": layer, "draw": i, "value": loss})
            measured.append({"name": "test_error", "layer": layer, "draw": i, "value": error})
    with Catalogue.open(seeded) as catalogue:
        run_id = add(catalogue, Bound(model=ModelRef(model=1), bound=BOUNDS["dropout"]()), "done")
        with catalogue.write() as session:
            bound_id = Bounds(session).add(run_id, {"model_id": 1, "kind": "dropout", "value": 2.0}, measured)
    lines = thalweg("show", "bound", bound_id).out.splitlines()
    rows = [line.split() for line in lines[lines.index("measurements") + 2 :]]
    assert rows[:2] == [["1", "3", "0.25", "0.5", "0.75", "0.9"], ["2", "1", "2", "2", "2", "0.3"]]
    assert rows[-1] == ["model_loss", "0.125"]


def test_different_bounds_differ_in_kind(thalweg: Run, seeded: Path) -> None:
    with Catalogue.open(seeded) as catalogue:
        run_id = add(catalogue, Bound(model=ModelRef(model=1), bound=BOUNDS["dropout"]()), "done")
        with catalogue.write() as session:
            other = Bounds(session).add(run_id, {"model_id": 1, "kind": "dropout"}, [])
    found = strict(thalweg("compare", "bounds", 1, other, "--json").out)
    assert found["differences"]["kind"] == ["rank", "dropout"]


def headings() -> list[tuple[str, ListColumn]]:
    return [(kind, one) for kind in MARKED for one in all_columns(kind, "utf-8") if one.title != "cause or message"]


@pytest.mark.parametrize(("kind", "shown"), headings(), ids=[f"{kind}: {one.title}" for kind, one in headings()])
def test_what_a_heading_says_can_be_filtered_sorted_and_asked_for_by(
    kind: str, shown: ListColumn, thalweg: Run, seeded: Path
) -> None:
    """And it means the columns that the heading shows, the one to sort by first."""
    meant = [column.name for column in called(shown.title, kind)]
    assert meant == list(shown.made_of[: len(meant)])
    name = shown.title.replace(" ", "_")
    lists = [
        strict(thalweg("list", kind, "--where", f"{one}!=null", f"--sort=-{one}", "--json").out)
        for one in (name, shown.title)
    ]
    assert lists[0] == lists[1]
    assert thalweg("list", kind, "--columns", name).out.split("\n")[0].split() == meant
    assert thalweg("export", kind, "--columns", shown.title).out.split("\r\n")[0] == ",".join(meant)


def test_a_heading_that_is_a_column_s_name_shows_that_column() -> None:
    for kind in MARKED:
        names = [column.name for column in COLUMNS[kind]]
        wrong = [one.title for one in all_columns(kind, None) if one.title in names and one.title not in one.made_of]
        assert wrong == []


def test_a_spec_of_a_newer_version_is_named_as_such_wherever_it_is_shown(thalweg: Run, seeded: Path) -> None:
    spec = '{"version":99,"run":{"kind":"train","network":"fcn:3","data":"digits","warmth":"high"}}'
    with Catalogue.open(seeded) as catalogue, catalogue.write() as session:
        newer = Runs(session).add(NewRun(kind="train", spec=spec, network="fcn:3"))
        Runs(session).request_cancel([newer])
    assert "spec of a newer version" in thalweg("list", "runs").out
    said = "This spec is of version 99, and this Thalweg reads version 1"
    for command in (("show", "run", newer), ("compare", "runs", 1, newer)):
        out = " ".join(thalweg(*command).out.split())
        assert said in out
        assert "warmth" not in out
    assert thalweg("compare", "runs", 1, newer).out.startswith("options that differ\n")
    refused = thalweg("relaunch", newer)
    assert refused.status == 2
    assert said in " ".join(refused.err.split())
    with Catalogue.open(seeded) as catalogue:
        assert said in details.read(Client(catalogue), "runs", newer).spec


@pytest.mark.parametrize("loss", ["cross-entropy", "hinge"])
def test_a_perplexity_is_shown_where_the_loss_is_the_cross_entropy(loss: str) -> None:
    row = {"data": "kjv", "loss": loss, "train_loss": 0.0, "test_loss": None}
    assert dict(perplexities(row)) == ({"train perplexity": "1"} if loss == "cross-entropy" else {})
