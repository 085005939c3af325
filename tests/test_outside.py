"""What outsiders rely on stays."""

import json
from pathlib import Path

import pytest

from tests.outside import names

PROMISED: dict[str, list[str]] = json.loads((Path(__file__).parent / "outside.json").read_text())


@pytest.mark.parametrize("sort", PROMISED)
def test_no_name_that_outsiders_rely_on_has_gone(sort: str) -> None:
    assert set(PROMISED[sort]) <= set(names()[sort])
