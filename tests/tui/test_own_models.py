"""`thalweg import` and `export-model` at the command line: what is shown, what is asked, how they end."""

import json
from pathlib import Path

import click
import pytest
import torch
from commanding import Run
from torch import nn

from core.engine import client as client_module
from core.engine.probe import Answer
from core.engine.probe import _answer_or_error as answer_or_error
from core.engine.worker.probe import answer_to
from core.specs.runs import Import, from_json
from store import Catalogue, Runs

NETWORK = ("--network", "fcn:4", "--data", "digits", "--detach")


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkpoint whose names are not those of fcn:4; what a probe is asked is answered here, and no agent starts."""

    def ask(question: Answer) -> Answer:
        return answer_or_error(json.loads(json.dumps(answer_to(json.loads(json.dumps(question))))))

    monkeypatch.setattr(client_module, "ask", ask)
    monkeypatch.setattr(client_module, "start_agent", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    torch.save(nn.Sequential(nn.Linear(64, 4), nn.ReLU(), nn.Linear(4, 10)).state_dict(), "a b.pt")
    return tmp_path / "a b.pt"


def enqueued(catalogue: Path) -> list[Import]:
    with Catalogue.open(catalogue) as opened, opened.read() as session:
        specs = [from_json(Runs(session).get(1 + i).spec) for i in range(sum(Runs(session).counts().values()))]
    return [one for one in specs if isinstance(one, Import)]


def test_names_that_differ_are_shown_and_taken_only_when_the_answer_is_yes(
    file: Path, tmp_path: Path, thalweg: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalogue = tmp_path / "new.db"
    words = ("--catalogue", str(catalogue), "import", str(file), *NETWORK)
    alone = thalweg(*words)
    assert alone.status == 2
    assert alone.out == ""
    lines = [line.split() for line in alone.err.splitlines()]
    assert [line for line in lines if len(line) == 2] == [
        ["0.weight", "layers.0.weight"],
        ["0.bias", "layers.0.bias"],
        ["2.weight", "layers.1.weight"],
        ["2.bias", "layers.1.bias"],
    ]
    assert "accept that by --yes, or give --map OLD=NEW" in alone.err
    monkeypatch.setattr("tui.cli.commands.import_.in_terminal", lambda: True)
    for answer, status in ((False, 2), (True, 0)):
        monkeypatch.setattr(click, "confirm", lambda *_, answer=answer, **__: answer)
        assert thalweg(*words).status == status
    (spec,) = enqueued(catalogue)
    assert (spec.yes, spec.paths) == (True, (file,))


def test_a_map_may_be_given_in_parts(file: Path, tmp_path: Path, thalweg: Run) -> None:
    catalogue = tmp_path / "new.db"
    words = ("--catalogue", str(catalogue), "import", str(file), *NETWORK)
    said = thalweg(*words, "--map", r"0\.(.*)=layers.0.\1", "--map", r"2\.(.*)=layers.1.\1", "--name", "mine")
    assert said.status == 0, said.err
    (spec,) = enqueued(catalogue)
    assert spec.map == r"0\.(.*)=layers.0.\1 2\.(.*)=layers.1.\1"


def test_what_does_not_fit_is_a_table(file: Path, tmp_path: Path, thalweg: Run) -> None:
    said = thalweg("--catalogue", str(tmp_path / "new.db"), "import", str(file), *NETWORK[2:], "--network", "fcn:5")
    assert said.status == 2
    assert ["layers.0.weight", "-", "5x64"] in [line.split() for line in said.err.splitlines()]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Give a model's id, or --path PATH with --t T"),
        (("1", "--path", "1", "--t", "0.5"), "Give a model's id, or --path PATH with --t T"),
        (("--path", "1"), "Give a model's id, or --path PATH with --t T"),
        (("1", "--to", "a.h5"), "must end in .safetensors, .pt, .pth"),
        (("99",), "There is no model 99"),
    ],
)
def test_what_export_model_refuses(
    words: tuple[str, ...], sentence: str, seeded: Path, thalweg: Run, tmp_path: Path
) -> None:
    said = thalweg("export-model", "--to", str(tmp_path / "a.pt"), *words)
    assert (said.status, said.out) == (2, "")
    assert sentence in said.err
    assert not (tmp_path / "a.pt").exists()
