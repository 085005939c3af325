"""keys.toml, filters.json and the session: whatever is there in their place is named, and defaults are used."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from piloting import Sitting, play

from core.errors import UsageError
from tui.app.keymap import keymap_file
from tui.app.session import session_file
from tui.shared import named_filters
from tui.shared.files import own_text

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def zeros(file: Path) -> None:
    with file.open("wb") as opened:
        opened.truncate(10**9)


PLACED: dict[str, Callable[[Path], object]] = {
    "a folder": Path.mkdir,
    "a pipe": os.mkfifo,
    "a link to itself": lambda file: file.symlink_to(file),
    "a device": lambda file: file.symlink_to("/dev/zero"),
    "1 GB of zeros": zeros,
    "no UTF-8": lambda file: file.write_bytes(b"\xff\xfe\x00filter"),
    "nothing known": lambda file: file.write_bytes(b"\x00"),
    "brackets": lambda file: file.write_bytes(b"x = " * file.name.endswith("toml") + b"[" * 200_000),
    "control characters": lambda file: file.write_bytes(b'{"\x1b[31m": 3}'),
}


@pytest.mark.parametrize("what", PLACED)
def test_what_stands_in_the_place_of_a_persons_own_file_is_named_and_ends_nothing(what: str, seeded: Path) -> None:
    files = (keymap_file(), named_filters.file(), session_file(seeded))
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        PLACED[what](file)
    begun = time.monotonic()

    async def use(one: Sitting) -> None:
        await one.press("/")
        await one.type("state=failed")
        await one.press("enter")
        await one.until(lambda: one.ids == [3])
        for file in files:
            assert f"{file} cannot be read" in one.told
        assert not CONTROL.search(one.told.replace("\n", ""))

    play(seeded, use)
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    "text",
    [
        '{"kind": "nonsense"}',
        '{"kind": 3}',
        '{"pane": "yes"}',
        '{"filters": [1]}',
        '{"views": {"runs": {"cursor": 9223372036854775808}}}',
        '{"views": {"runs": {"where": "id>0", "seen": [-1, 99999999999999999999]}}}',
        '{"views": {"runs": {"columns": "id"}}}',
    ],
)
def test_a_session_of_wrong_values_is_set_aside_and_named(text: str, seeded: Path) -> None:
    file = session_file(seeded)
    file.parent.mkdir(parents=True)
    file.write_text(text)

    async def look(one: Sitting) -> None:
        assert f"{file} cannot be read" in one.told
        assert one.browser.kind == "runs"
        assert one.ids == [5, 4, 3, 2, 1]

    play(seeded, look)
    assert file.with_suffix(".unreadable").read_text() == text


def test_what_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.open", denied)  # the tests' owner may read everything
    with pytest.raises(UsageError, match=r"keys.toml cannot be read: Permission denied\."):
        own_text(tmp_path / "keys.toml")
