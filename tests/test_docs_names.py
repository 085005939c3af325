"""Files, modules, links, targets of make and import contracts that the pages name are there."""

import re
import tomllib
from pathlib import Path
from pkgutil import resolve_name

import pytest

from tests.pages import PAGES, ROOT, text

HOUSE = "core|store|tui|tests|benchmarks"
FILE = re.compile(rf"(?<![\w./-])(?:{HOUSE}|docs|\.ci)/[\w./-]*\w/?")
MODULE = re.compile(rf"(?<![\w./-])(?:{HOUSE})(?:\.\w+)+(?![\w/])")
IMPORT = re.compile(rf"from ((?:{HOUSE})[.\w]*) import ([\w, ]+)")
LINK = re.compile(r"\]\(([^)\s]+)\)")
TEST = re.compile(r"\btest(?:_[a-z0-9]+){3,}(?!\.)\b")  # a sentence
TARGET = re.compile(r"`make ([a-z]+)`|^make ([a-z]+)", re.MULTILINE)
CONTRACT = re.compile(r"contracts?\W+\"([^\"]+)\"")
YOURS = {"detour", "Detour", "test_detour"}  # what somebody who follows a page is about to write
PLACEHOLDER = "NAME"
TO_COME = {"docs/adding-a-run-kind.md"}

TESTS = "".join(file.read_text() for file in (ROOT / "tests").rglob("test_*.py"))
SETTINGS = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
CONTRACTS = {one["name"] for one in SETTINGS}
each_page = pytest.mark.parametrize(
    "page", [*PAGES, ROOT / "benchmarks" / "README.md"], ids=lambda page: str(page.relative_to(ROOT))
)


def headings(page: Path) -> set[str]:
    """The anchors of a page: its headings in lower case, without punctuation, hyphens between words."""
    lines = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in lines}


@each_page
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    named = {one for one in FILE.findall(page.read_text()) if Path(one).stem not in {*YOURS, PLACEHOLDER}}
    assert {one for one in named - TO_COME if not (ROOT / one).exists()} == set()


@each_page
def test_every_module_that_a_page_names_is_there_with_what_is_imported_from_it(page: Path) -> None:
    imported = IMPORT.findall(page.read_text())
    named = {f"{module}.{name.strip()}" for module, names in imported for name in names.split(",")}
    for name in named.union(MODULE.findall(page.read_text())):
        if not {*YOURS, PLACEHOLDER}.intersection(name.split(".")):
            resolve_name(name)  # raises ImportError or AttributeError


@each_page
def test_every_test_that_a_page_names_is_there(page: Path) -> None:
    said = page.read_text()
    assert {one for one in TEST.findall(said) if f"def {one}(" not in TESTS + said} == set()


@each_page
def test_every_link_on_a_page_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(page.read_text()):
        place, _, heading = link.partition("#")
        if ":" in place:
            continue
        file = (page.parent / place).resolve() if place else page
        if str(file.relative_to(ROOT)) in TO_COME:
            continue
        assert file.exists(), link
        assert not heading or heading in headings(file), link


@each_page
def test_every_target_of_make_that_a_page_names_is_there(page: Path) -> None:
    named = {one or other for one, other in TARGET.findall(page.read_text())}
    assert named <= set(re.findall(r"^([a-z]+):", text("Makefile"), re.MULTILINE))


@each_page
def test_every_import_contract_that_a_page_quotes_is_kept(page: Path) -> None:
    assert {" ".join(one.split()) for one in CONTRACT.findall(page.read_text())} <= CONTRACTS


def test_the_page_on_the_architecture_has_every_import_contract() -> None:
    table = text("docs/architecture.md").split("| contract |")[1]
    assert set(re.findall(r"^\| (?!---)(.+?) \|", table.partition("\n")[2], re.MULTILINE)) == CONTRACTS


def test_the_picture_of_the_house_has_the_layers_of_the_mathematics_in_their_order() -> None:
    (layers,) = [one["layers"] for one in SETTINGS if one["name"] == "The mathematics by layers"]
    assert layers[0] == "core.engine"
    picture = text("docs/architecture.md").split("```")[1].splitlines()
    top = layers[1].removeprefix("core.")
    first = next(i for i, line in enumerate(picture) if top in line)
    place = picture[first].index(top)
    drawn = [set(line[place:].split()) for line in picture[first:] if line]
    assert drawn == [set(row.replace("core.", "").split(" | ")) for row in layers[1:]]
