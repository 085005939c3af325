"""docs/catalogue.md lists the columns and states there are."""

import re
from pathlib import Path

import pytest

from store import COLUMNS
from store.run_tables import STATES

PAGE = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text()


@pytest.mark.parametrize("kind", COLUMNS)
def test_the_page_lists_the_columns_of_a_kind(kind: str) -> None:
    (section,) = re.findall(rf"^`{kind}`:\n\n(.*?)\n\n", PAGE, re.DOTALL | re.MULTILINE)
    rows = [tuple(cell.strip(" `") for cell in line.strip("|").split("|")) for line in section.splitlines()[2:]]
    assert rows == [(column.name, column.type, column.help) for column in COLUMNS[kind]]


def test_the_page_lists_the_states() -> None:
    section = PAGE.split("## States of a run")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| (\w+) \|", section, re.MULTILINE)) == {"state", *STATES}
