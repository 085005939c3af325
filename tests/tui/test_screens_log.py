"""Logs: the end at once however large, followed, searched, harmless."""

import re
from pathlib import Path
from typing import Any

import pytest
from commanding import Run
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from showing import play, press, settle, text, until
from textual.pilot import Pilot

from core.engine.folders import attempt_folder, log_of
from store import Catalogue
from tui.app.screens.log import LogScreen
from tui.app.widgets.log_view import LogView
from tui.shared import log_reader
from tui.shared.log_reader import around, found_after, found_before, start_of_last, tail

HARD = b"\x1b[31mred\x1b[0m \x1b]0;title\x07 [bold]x[/bold] \xff\xfe " + "日本 🌊 \u202e\tend\r\n".encode()
CONTENT = st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"").replace(b"\r", b"")), max_size=60)


@pytest.fixture
def log(seeded: Path) -> Path:
    """The log of run 1, empty."""
    with Catalogue.open(seeded) as catalogue:
        folder = attempt_folder(catalogue.files / "runs", 1, 1)
    folder.mkdir(parents=True)
    log_of(folder).touch()
    return log_of(folder)


def bytes_read() -> int:
    return int(Path("/proc/self/io").read_text().split()[1])


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="counts what the process reads as Linux does")
def test_only_the_end_of_a_huge_log_is_read(log: Path) -> None:
    with log.open("wb") as file:
        file.seek(1_000_000_000)
        file.write(b"\nthe last line\n")
    before = bytes_read()
    window = tail(log)
    assert bytes_read() - before < 1_000_000
    assert (window.lines[-1], window.size) == (b"the last line", 1_000_000_015)
    before = bytes_read()
    assert start_of_last(log, 1) == 1_000_000_001
    assert bytes_read() - before < 3_000_000


def test_a_huge_log_is_shown_from_its_end_and_gone_through(log: Path, seeded: Path) -> None:
    with log.open("wb") as file:
        file.seek(1_000_000_000)
        file.write(b"\nthe last line\n")

    async def use(pilot: Pilot[Any]) -> None:
        view = pilot.app.screen.query_one(LogView)
        assert "the last line" in text(pilot.app)
        await press(pilot, "k", "k", "g")
        assert view.window.start == 0
        assert len(view.rows) <= 4 * log_reader.BLOCK / view.width + 1
        await press(pilot, "G")
        assert "the last line" in text(pilot.app)

    assert "1.0 GB" in text(play(seeded, lambda client: LogScreen(client, 1), use))


def test_escape_sequences_are_shown_and_long_lines_wrapped(log: Path, seeded: Path) -> None:
    log.write_bytes(HARD + "日本".encode() * 60 + b"\n" + b"x" * 200)
    for width in (80, 60, 7):
        app = play(seeded, lambda client: LogScreen(client, 1), size=(width, 24))
        said = "".join(app.shown[1:-1])  # type: ignore[attr-defined]
        assert max(cell_len(line) for line in app.shown) <= width  # type: ignore[attr-defined]
        assert not any(letter < " " or letter in "\u202e\x7f" for letter in said)
    wide = text(play(seeded, lambda client: LogScreen(client, 1), size=(160, 24)))
    assert "\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07 [bold]x[/bold] \ufffd\ufffd 日本 🌊 \\u202e" in wide


def test_a_log_that_grows_is_followed_until_somebody_scrolls_up(log: Path, seeded: Path) -> None:
    log.write_text("".join(f"line {i}\n" for i in range(100)))

    async def use(pilot: Pilot[Any]) -> None:
        with log.open("a") as file:
            file.write("now this\n")
            file.flush()
            await until(pilot, lambda: "now this" in text(pilot.app))
            await press(pilot, "k")
            await settle(pilot)
            assert not pilot.app.screen.following  # type: ignore[attr-defined]
            file.write("and that\n")
            file.flush()
            await pilot.pause(0.4)
            assert "and that" not in text(pilot.app)
            await press(pilot, "G")
            await until(pilot, lambda: "and that" in text(pilot.app))

    play(seeded, lambda client: LogScreen(client, 1), use)


def test_a_search_goes_up_from_the_end_and_back(log: Path, seeded: Path) -> None:
    log.write_text("".join(f"{'Error' if i % 10_000 == 5 else 'line'} {i} {'x' * (i % 90)}\n" for i in range(30_000)))

    async def use(pilot: Pilot[Any]) -> None:
        for keys, seen in ((("slash", *"error", "enter"), 20005), (("n",), 10005), (("N",), 20005)):
            await press(pilot, *keys)
            await until(pilot, lambda seen=seen: f"Error {seen}" in text(pilot.app))
        await press(pilot, "N")
        await until(pilot, lambda: pilot.app.told)  # type: ignore[attr-defined]
        await press(pilot, "slash", "escape")
        assert isinstance(pilot.app.screen, LogScreen)

    app = play(seeded, lambda client: LogScreen(client, 1), use)
    assert "No more matches in this direction." in app.told  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (20, 4)])
def test_logs_work_in_small_terminals(size: tuple[int, int], log: Path, seeded: Path) -> None:
    log.write_bytes(HARD * 10)

    async def use(pilot: Pilot[Any]) -> None:
        await press(pilot, "k", "pageup", "g", "slash", "x", "enter", "G")
        await pilot.resize_terminal(80, 24)

    assert "red" in text(play(seeded, lambda client: LogScreen(client, 1), use, size))


def test_a_log_of_the_first_edition_is_shown_where_it_lies(log: Path, seeded: Path, thalweg: Run) -> None:
    log.unlink()
    (log.parent / "1" / "log.txt").write_text("as it was then\n")
    assert "as it was then" in text(play(seeded, lambda client: LogScreen(client, 1)))
    assert thalweg("log", 1).out == "as it was then\n"


def test_runs_without_a_log_or_that_are_not_there_are_no_crash(seeded: Path) -> None:
    assert "has written nothing yet" in text(play(seeded, lambda client: LogScreen(client, 5)))
    app = play(seeded, lambda client: LogScreen(client, 99), lambda pilot: press(pilot, "n", "g", "G", "k"))
    assert "There is no run 99" in app.told[0]  # type: ignore[attr-defined]


@given(lines=CONTENT, ended=st.booleans(), data=st.data())
def test_windows_hold_whole_lines_wherever_they_lie(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], ended: bool, data: st.DataObject
) -> None:
    content = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    file = written(content, tmp_path_factory)
    offset = data.draw(st.integers(0, len(content)))
    whole = content.split(b"\n")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tui.shared.log_reader.BLOCK", data.draw(st.integers(100, 300)))
        window = around(file, offset)
    assert window.size == len(content)
    assert all(line in whole for line in window.lines)
    assert all(
        content[begin : begin + len(line)] == line for begin, line in zip(window.begins, window.lines, strict=True)
    )
    assert window.start <= offset <= window.end


@given(lines=CONTENT, ended=st.booleans(), count=st.integers(0, 70), chunk=st.integers(1, 100))
def test_the_last_lines_begin_where_they_begin(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], ended: bool, count: int, chunk: int
) -> None:
    content = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    parts = [part for part in re.split(rb"(?<=\n)", content) if part]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tui.shared.log_reader.CHUNK", chunk)
        assert content[start_of_last(written(content, tmp_path_factory), count) :] == b"".join(
            parts[max(len(parts) - count, 0) :]
        )


@given(content=st.text("aAbß\n", max_size=80), wanted=st.text("aAbß", min_size=1, max_size=3), place=st.integers(0, 90))
def test_what_is_searched_is_found_where_it_stands(
    tmp_path_factory: pytest.TempPathFactory, content: str, wanted: str, place: int
) -> None:
    raw, needle = content.encode().lower(), wanted.encode().lower()
    places = [i for i in range(len(raw)) if raw.startswith(needle, i)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tui.shared.log_reader.CHUNK", 7)
        assert found_before(written(content.encode(), tmp_path_factory), wanted, place) == max(
            (i for i in places if i < place), default=None
        )
        assert found_after(written(content.encode(), tmp_path_factory), wanted, place) == min(
            (i for i in places if i > place), default=None
        )


def written(content: bytes, folder: pytest.TempPathFactory) -> Path:
    file = folder.getbasetemp() / "log.txt"
    file.write_bytes(content)
    return file
