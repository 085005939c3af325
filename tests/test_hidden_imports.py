"""Imports inside functions: each says why, and what they spare the start-up stays spared."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXCEPTION = re.compile(r"# noqa:.*\bPLC0415\b(?P<reason>.*)")
HEAVY = ("torch", "numpy", "scipy", "sklearn", "matplotlib", "torchvision", "alembic", "sqlalchemy", "textual")


def test_each_import_that_is_not_at_the_top_says_why() -> None:
    files = [
        file for folder in ("core", "store", "tui", "benchmarks", "tests") for file in (ROOT / folder).rglob("*.py")
    ]
    found = [(file.name, one["reason"]) for file in files for one in EXCEPTION.finditer(file.read_text())]
    assert found
    assert [one for one in found if not re.match(r" - \S+ \S+", one[1])] == []


@pytest.mark.parametrize("package", ["tui.cli.commands", "tui.shared"])
def test_importing_every_command_and_what_both_rooms_show_loads_nothing_heavy(package: str) -> None:
    """Their help and completion load them."""
    code = (
        f"import sys, pkgutil, importlib, {package} as package;"
        "[importlib.import_module(f'{package.__name__}.{one.name}') for one in pkgutil.iter_modules(package.__path__)];"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
