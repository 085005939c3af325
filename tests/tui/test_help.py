"""Help is quick, fits 80 columns, and ends with an example."""

import re
import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete
from commanding import Run

from tui.main import COMMANDS, cli

HEAVY = ("torch", "numpy", "matplotlib", "sklearn", "plotext")


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_fits_80_columns_and_ends_with_an_example(command: str | None, thalweg: Run) -> None:
    said = thalweg(*([command] if command else []), "--help")
    assert said.status == 0
    assert max(map(len, said.out.splitlines())) <= 80
    example = re.split(r"Examples?:\n", said.out)[-1].strip().splitlines()
    assert example
    assert all(line.strip().startswith("thalweg ") for line in example)


def test_thalweg_alone_prints_its_help(thalweg: Run) -> None:
    said = thalweg()
    assert said.status == 0
    assert all(f"  {name} " in said.out for name in COMMANDS)


def test_the_help_of_a_method_lists_its_options_alone(thalweg: Run) -> None:
    said = thalweg("connect", "--method", "string", "--help")
    assert "alpha=0.9" in said.out
    assert "--method linear" not in said.out.replace("thalweg connect", "")


@pytest.mark.parametrize("arguments", [["--help"], ["list", "runs"], ["train", "--help"], ["connect", "--help"]])
def test_looking_loads_nothing_heavy(arguments: list[str], tmp_path: object) -> None:
    heavy = loaded(arguments, tmp_path)
    assert not [name for name in HEAVY if name in heavy]


def test_help_loads_no_database(tmp_path: object) -> None:
    assert "sqlalchemy" not in loaded(["--help"], tmp_path)


def loaded(arguments: list[str], folder: object) -> list[str]:
    """Names of the modules that a command has imported when it ends."""
    program = (
        "import sys; from tui.main import main; main(sys.argv[1:]); print('\\n'.join(sys.modules), file=sys.stderr)"
    )
    command = [sys.executable, "-c", program, "--catalogue", f"{folder}/none.db", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stderr.splitlines()


def test_completion_offers_names_and_keys() -> None:
    assert complete("thalweg tra") == ["train"]
    assert complete("thalweg train fc") == ["fcn"]
    assert complete("thalweg train fcn:8 dig") == ["digits"]
    assert complete("thalweg connect 1 2 --method str") == ["string"]
    assert complete("thalweg connect 1 2 --method string -o alp") == ["alpha="]
    assert complete("thalweg list mod") == ["models"]


def complete(line: str) -> list[str]:
    *words, incomplete = line.split()[1:]
    found = ShellComplete(cli, {}, "thalweg", "_THALWEG_COMPLETE").get_completions(words, incomplete)
    return [item.value for item in found]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_names_the_program(shell: str, thalweg: Run) -> None:
    said = thalweg("completion", shell)
    assert said.status == 0
    assert "_THALWEG_COMPLETE" in said.out
