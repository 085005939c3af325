"""The example of docs/networks.md, as it stands there, with a real engine."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from commanding import end_agent, process

PAGE = (Path(__file__).parents[2] / "docs" / "networks.md").read_text()


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A catalogue's path, in the folder that we are in; the agent that worked for it is ended afterwards."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "c.db"
    yield path
    end_agent(path)


def test_the_example_of_the_page_works(place: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    Path("net.py").write_text(example)
    lines = re.findall(r"^thalweg (.*)$", PAGE, re.MULTILINE)
    assert [line.split()[0] for line in lines] == ["train", "connect", "show"]
    said = [process(shlex.split(line), place) for line in lines]
    assert [one.status for one in said] == [0, 0, 0], [one.err for one in said]
    assert "exact: proven on the whole path" in said[1].out
    assert re.search(r"net\.py:make,sha256=[0-9a-f]{64}", "".join(said[2].out.split()))
