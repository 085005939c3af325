"""`show network`: what a network is, before there are models of it."""

import json
from pathlib import Path

import pytest

from tests.pages import text
from tests.tui.commanding import Run

CHAIN = ("show", "network", "fcn:12-11,activation=linear", "--data", "digits,limit=20")


def test_the_page_shows_what_is_printed(thalweg: Run) -> None:
    said = thalweg(*CHAIN)
    assert said.status == 0
    assert f"$ thalweg {' '.join(CHAIN)}\n{said.out}" in text("docs/networks.md")


def test_a_network_that_is_no_chain_says_why(thalweg: Run, tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(RESIDUAL)
    found = json.loads(thalweg("show", "network", f"file:{file}:Net", "--data", "digits,limit=20", "--json").out)
    assert not found["chain"]
    assert "residual" in found["without"]
    assert {one["method"]: one["certificate"] for one in found["methods"]}["linear"] == "sampled"
    assert found["parameters"] == sum(one["parameters"] for one in found["parts"]) == 64 * 64 + 64 + 650


RESIDUAL = """
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner, self.last = nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, x):
        x = x.flatten(1)
        return self.last(x + self.inner(x).relu())
"""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("network", "fcn:2"), "add --data"),
        (("network", "fcn:2", "--data", "digit"), "Did you mean 'digits'"),
        (("network", "fcn:2", "--data", "digits", "--loss", "mean"), "must be cross-entropy"),
        (("network", "fcn:2", "--data", "quadratic", "--loss", "hinge"), "needs classes"),
        (("run", "x"), "ID must be an id"),
        (("run", "3", "--data", "digits"), "go with `show network` alone"),
    ],
)
def test_bad_input_is_one_sentence(thalweg: Run, arguments: tuple[str, ...], said: str) -> None:
    found = thalweg("show", *arguments)
    assert (found.status, found.out) == (2, "")
    assert said in found.err
    assert "Traceback" not in found.err


NORMED = """
from torch import nn

def make(shape, outputs):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, outputs)
    )
"""


def test_what_folding_batch_norm_would_allow_is_said(thalweg: Run, tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(NORMED)
    found = json.loads(thalweg("show", "network", f"file:{file}:make", "--data", "digits,limit=20", "--json").out)
    kept, folded = ({one["method"]: one["certificate"] for one in found[part]} for part in ("methods", "folded"))
    assert (kept["linear"], kept["sparse"]) == ("sampled", None)
    assert (folded["linear"], folded["sparse"]) == ("enclosed", "exact")


def test_a_folder_of_data_in_the_environment_stands_in_no_row_s_way(
    thalweg: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THALWEG_DATA", str(tmp_path))
    assert "There is no catalogue" in thalweg("show", "run", "3").err
    assert "go with `show network` alone" in thalweg("show", "run", "3", "--data-root", str(tmp_path)).err
