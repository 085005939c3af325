"""What README.md, CONTRIBUTING.md and docs/ say of commands, options, columns and numbers is so."""

import re
from pathlib import Path

import click
import pytest

from core.specs.bounds import BOUNDS
from core.specs.kinds import KINDS
from core.specs.methods import METHODS
from core.specs.options import describe
from store import COLUMNS
from store.columns import HEADINGS
from tests.pages import PAGES, text
from tui.cli.results import paths_table
from tui.main import COMMANDS, cli

LINE = re.compile(r"(?:`|^\$ |^)(?:\.venv/bin/)?thalweg ((?:[^`\n]|\n(?=[^`\n]*`))+)", re.MULTILINE)


def options(command: click.Command | None) -> set[str]:
    return set() if command is None else {name for one in command.params for name in one.opts} | {"--help", "-h"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_on_a_page_exists(page: Path) -> None:
    own = options(cli)
    for line in LINE.findall(page.read_text()):
        words = re.split(r"\s+", line.partition("#")[0].partition(";")[0])
        flags = {re.split(r"[=,)]", word)[0] for word in words if re.match(r"--?[a-z]", word)}
        names = [word for word in words if word in COMMANDS]
        if names:
            command = cli.get_command(click.Context(cli), names[0])
            assert flags <= options(command) | own, line
        else:
            assert flags <= own, line


def test_every_option_that_a_page_sets_exists() -> None:
    records = (*METHODS.values(), *BOUNDS.values(), *(kind.spec for kind in KINDS.values()))
    known = {one.name for record in records for one in describe(record)} | {"key"}
    set_ = {name for page in PAGES for name in re.findall(r"-o (\w+)=", page.read_text())}
    assert len(set_) > 5
    assert set_ <= known


def test_the_walk_counts_the_columns_of_a_path() -> None:
    (count,) = re.findall(r"a row for each path and all (\d+) columns", text("docs/walkthrough.md"))
    assert int(count) == len(COLUMNS["paths"])


def test_the_page_on_the_catalogue_lists_the_headings_that_are_other_words_than_columns() -> None:
    section = text("docs/catalogue.md").split("| in | heading | shows |")[1].split("\n\n")[0]
    listed = set()
    for line in section.splitlines()[2:]:
        kinds, headings, shown = line.strip("| ").split(" | ")
        columns = re.findall(r"`(\w+)`", shown.partition("(")[0])
        names = re.findall(r"`(\w+)`", headings)
        each = [columns] if len(names) == 1 else [[one] for one in columns]
        pairs = zip(names, each, strict=True)
        listed |= {(kind, name, tuple(made)) for name, made in pairs for kind in kinds.split(", ")}
    assert listed == {(kind, name, made) for kind, mine in HEADINGS.items() for name, made in mine.items()}


def test_the_page_on_the_catalogue_says_what_every_command_prints_as_json() -> None:
    section = text("docs/catalogue.md").split("## JSON")[1].split("\n## ")[0]
    listed = {name for line in section.splitlines() if line.startswith("| `") for name in _first_cell(line)}
    assert listed == set(COMMANDS) - {"completion"}


def _first_cell(line: str) -> list[str]:
    return re.findall(r"`([\w-]+)`", line.split(" | ", maxsplit=1)[0])


def test_the_page_on_the_methods_has_a_line_and_a_section_for_each() -> None:
    page = text("docs/methods.md")
    assert set(METHODS) <= set(re.findall(r"^## ([\w-]+)$", page, re.MULTILINE))
    assert set(METHODS) == set(re.findall(r"^\| `([\w-]+)` \|", page.partition("\n## ")[0], re.MULTILINE))


def test_the_methods_that_the_readme_names_are_there() -> None:
    (names,) = re.findall(r"methods make paths(.*?)On two ", text("README.md"), re.DOTALL)
    assert set(re.findall(r"`([a-z-]+)`", names)) <= set(METHODS)


def test_the_readme_shows_the_first_table_as_it_is_and_it_fits_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    ends = {"train_loss_a": 0.016624, "train_loss_b": 0.018014}
    rows = [
        {"id": 1, "method": "linear", **ends, "max_train_loss": 1.104, "barrier": 1.086, "beads": 0},
        {"id": 2, "method": "string", **ends, "max_train_loss": 0.0483, "barrier": 0.03029, "beads": 3},
        {"id": 3, "method": "sparse", **ends, "max_train_loss": 0.018014, "barrier": 0.0, "beads": 5},
    ]
    more = zip((1.0, 1.079, 9.623), ("enclosed", "enclosed", "exact"), strict=True)
    paths_table(
        [
            {**row, "normalized_length": length, "certificate": kind}
            for row, (length, kind) in zip(rows, more, strict=True)
        ]
    )
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert printed in text("README.md")


def test_what_the_readme_relaunches_has_failed_before() -> None:
    item = text("README.md").split("**Relaunch what failed.**")[1].split("\n4.")[0]
    commands = re.findall(r"`thalweg ([^`]+)`", item)
    assert [one.split()[0] for one in commands] == ["connect", "relaunch"]
    assert "depth=1" in commands[0]
    assert "--failed" in commands[1]
