"""Wrong usage: exit status 2, one sentence on standard error, nothing on standard output, nothing enqueued."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from commanding import Run

from store import Catalogue, Runs

BAD = [
    ("trian fcn:8 digits", "train"),
    ("assumptions 1", "write `thalweg bound MODEL --kind assumptions`"),
    ("oracle 1 2", "write `thalweg connect A B --method oracle`"),
    ("train fcn:8", "DATA"),
    ("train fnc:8 digits", "fcn"),
    ("train fcn:8 digit", "digits"),
    ("train fcn:0 digits", "at least 1"),
    ("train fcn:8 digits --epoch 3", "--epochs"),
    ("train fcn:8 digits --lr 0.1", "there is no option --lr: write -o lr=VALUE"),
    ("train fcn:8 digits --weight-decay=0.1", "write -o weight_decay=VALUE"),
    ("connect 1 2 --method string --order greedy", "write -o order=VALUE"),
    ("descend 1 --to 0.1 --theorem 2.2", "write -o theorem=VALUE"),
    ("train fcn:8 digits --epochs -1", "epochs"),
    ("train fcn:8 digits --epochs many", "epochs"),
    ("train fcn:8 digits --until-loss -0.1", "above 0"),
    ("train fcn:8 digits --until-loss nan", "until_loss"),
    ("train fcn:8 digits --until 0.1 --until-loss 0.1", "two words for one thing"),
    ("train fcn:8 digits --until 0.1 --on loss", "on must be one of"),
    ("train lstm digits", "reads text, and digits has none"),
    ("train lstm kjv,vocabulary=0", "vocabulary must be a whole number at least 2"),
    ("train fcn:8 digits --until 5 --on test-perplexity", "digits has no words"),
    ("train lstm kjv --loss hinge --until 5 --on test-perplexity", "exponential of the cross-entropy"),
    ("train cnn,kernel=4 mnist", "kernel must be odd"),
    ("train cnn,hidden=0 mnist", "must be at least 1"),
    ("train cnn,pool=3 mnist", "one of 2, 3/2"),
    ("train fcn:8 polynomial", "polynomial needs coefficients"),
    ("train fcn:8 digits -o lrr=1", "lr"),
    ("train fcn:8 digits -o batch=99999999999999999999", "below 2^62"),
    ("train fcn:8 digits,limit=5000", "1500"),
    (
        "connect 1 2 --method linear -o stages=3",
        "Available: below, bn, bn_samples, l1, name, pairs, passes, points, prove, ",
    ),
    ("--catalogue postgresql://me@host/base list runs", "a catalogue is a file"),
    ("--catalogue ~nosuchuser123/x.db list runs", "write the full path"),
    ("train fcn:8 mnist --data-root ~nosuchuser123/data", "write the full path"),
    ("points 1 --count 3 --to /nowhere/at/all.safetensors", "folder"),
    ("points 1 --count 3 --to /dev/null", "not a regular file"),
    ("points 1 --knots --to /dev/null", "not a regular file"),
    ("points 1 --to /tmp/x.safetensors", "--count N for points along the path or --knots for its knots, one of"),
    ("points 1 --count 3 --knots --to /tmp/x.safetensors", "one of the two"),
    ("points 1 --knots", "--to is missing"),
    ("export runs --to /dev/null", "not a regular file"),
    ("export runs --to runs.xlsx", "name it .csv"),
    ("export runs --to runs.json", "add --json, or name it .csv"),
    ("train fcn:8 digits -o lr", "key=value"),
    ("train fcn:8 digits -o epochs=3 --epochs 4", "both"),
    ("train fcn:8 digits --device gpu7", "device"),
    ("train fcn:8 digits --json --epochs x", "epochs"),
    ("train cnn digits", "28x28"),
    ("train vgg11 mnist", "32x32"),
    ("train vgg12 cifar10", "vgg11"),
    ("train vgg11,width=0 cifar10", "above 0"),
    ("train file:net.py digits", "FACTORY"),
    ("train file:/nowhere/net.py:make digits", "can't be read"),
    ("train file:/nowhere/net.py:make,sha256=abc digits", "sha256"),
    ("train torchvision digits", "resnet18"),
    ("train torchvision:resnet18,norm=layer digits", "batch, group, none"),
    ("connect 1 2 --method strnig", "string"),
    ("connect 1 2", "--method"),
    ("connect 1 99 --method linear", "99"),
    ("connect 1 1 --method linear", "two"),
    ("connect 1 2 3 --pairs --method linear", "3 are given: give an even number"),
    ("connect 1 2 3 4 --method linear", "--pairs"),
    ("connect 1 2 2 2 --pairs --method linear", "both are 2"),
    ("connect 1 2 1 2 --pairs --method linear", "The pair 1 2 is given twice"),
    ("connect one 2 --method linear", "one"),
    ("connect 1 2 --method string -o alpha=2", "alpha"),
    ("connect 1 2 --method linear --below -3", "below"),
    ("connect 1 2 --method sparse -o ratio=1.5", "ratio"),
    ("connect 1 2 --method sparse -o ratio=0.3", "at least 0.5"),
    ("connect 1 2 --method sparse -o sizes=3", "layer"),
    ("connect 1 2 --method sparse -o sizes=many", "sizes"),
    ("connect 1 2 --method sparse -o draws=0", "draws"),
    ("connect 1 2 --method dropout -o drop=0.3", "at least 0.5"),
    ("connect 1 2 --method dropout -o drop=0.99", "leaves none"),
    ("bound 1 --kind sparse -o draws=0", "draws"),
    ("bound 1 --kind dropout -o drop=1", "drop"),
    ("bound 1 --kind separability", "Hidden layer 1 has 8 neurons, and separability needs 20"),
    ("bound 1 --kind separability -o minutes=0", "minutes"),
    ("bound 1 --kind genericity", "two hidden layers"),
    ("bound 1 --kind genericity -o samples=0", "samples"),
    ("bound 1 --kind rnak", "rank"),
    ("bound 99 --kind rank", "99"),
    ("list rnus", "runs"),
    ("list runs --where colour=red", "colour"),
    ("list runs --where state", "state"),
    ("list runs --where state=finished", "done"),
    ("list runs --sort colour", "colour"),
    ("list runs --columns id,colour", "colour"),
    ("list runs --limit -1", "-1"),
    ("export runs --where colour=red", "colour"),
    ("export runs --to /nowhere/at/all.csv", "folder"),
    ("show run 99", "99"),
    ("show run x", "whole number"),
    ("show thing 1", "thing"),
    ("compare paths 1", "two"),
    ("plot paths 99", "99"),
    ("plot model 99", "99"),
    ("plot paths 1 --to figure.doc", ".png"),
    ("tag path 99 good", "99"),
    ("tag path 1 two,words", "tag"),
    ("tag path 1 good --remove", "good"),
    ("note path 99 text", "99"),
    ("delete paths 99 --yes", "99"),
    ("delete models 1 --yes", "joins"),
    ("delete path 1", "--yes"),
    ("relaunch", "--failed"),
    ("relaunch 99", "99"),
    ("relaunch 5", "queued"),
    ("cancel 1", "done"),
    ("cancel 99", "99"),
    ("log 99", "99"),
    ("study fb", "fb17-e1"),
    ("study fb17-e1 --scale large", "scale"),
    ("verify 99", "99"),
    ("points 99 --count 3 --to /tmp/x.safetensors", "99"),
    ("points 99 --knots --to /tmp/x.safetensors", "99"),
    ("completion tcsh", "bash"),
    ("--catalogue= list runs", "empty"),
    ("--colour list runs", "no option --colour; did you mean --catalogue?"),
    (
        "list",
        "KIND (runs, models, paths, bounds, profiles, metrics, certificates) is missing: write `thalweg list KIND`",
    ),
    ("connect 1", "--method (linear, string, sparse, dropout, wide, linear-net, oracle) is missing: write `thalweg"),
    ("list runs models", "too many arguments (models): write `thalweg list KIND`; `thalweg list --help` shows how."),
    ("train fcn:8 digits --seed", "--seed needs a value after it."),
    ("export runs --raw=yes", "--raw takes no value: write it alone."),
    ("list runs --limit x", "--limit must be a whole number, at least 0, not 'x'; `thalweg list --help` shows how."),
    ("agent --cpu-jobs 0", "--cpu-jobs must be a whole number, from 1 to 1024, not '0'"),
    (f"show run {'1' * 5000}", "must be an id, a whole number, not '111"),
    ("list runs --limit 1_0", "--limit must be a whole number, at least 0, not '1_0'"),
    ("train fcn:8 MNIST", "Unknown data set 'MNIST'. Did you mean 'mnist'?"),
    ("relaunch 1 --from here", "--from must be checkpoint or scratch, not 'here'"),
]
JARGON = (
    "Invalid value",
    "Missing",
    "No such option",
    "unexpected",
    "requires",
    "Got ",
    "not in the range",
    "valid integer",
)


@pytest.mark.parametrize(("line", "hint"), BAD, ids=[line[:60] for line, _ in BAD])
def test_wrong_usage_is_refused_in_one_sentence(line: str, hint: str, thalweg: Run, seeded: Path) -> None:
    before = rows(seeded)
    said = thalweg(*line.split())
    assert said.status == 2, said
    assert said.out == ""
    assert said.err.startswith("thalweg: ")
    assert said.err.count("\n") == 1
    assert hint in said.err
    assert not [word for word in JARGON if word in said.err]
    assert rows(seeded) == before


def test_bytes_that_are_no_text_are_refused_where_a_text_is_kept(
    thalweg: Run, seeded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, byte = rows(seeded), "\udce9"  # as Python holds it
    monkeypatch.setenv("THALWEG_DATA", f"/caf{byte}")
    for line in (
        f"note run 1 caf{byte}",
        f"tag run 1 caf{byte}",
        f"train fcn:8 folder:/caf{byte}",
        "train fcn:8 digits",
    ):
        said = thalweg(*line.split())
        assert (said.status, said.out, said.err.count("\n")) == (2, "", 1), said
        assert "is not valid UTF-8: give" in said.err
    assert rows(seeded) == before


def rows(path: Path) -> dict[str, int]:
    with Catalogue.open(path) as catalogue, catalogue.read() as session:
        return Runs(session).counts()


def test_a_catalogue_that_is_no_catalogue_is_refused(thalweg: Run, home: Path) -> None:
    (home / "text").write_text("no database, but long enough to be looked at " * 20)
    for place in (home, home / "text"):
        said = thalweg("--catalogue", place, "list", "runs")
        assert (said.status, said.out) == (2, "")
        assert str(place) in said.err


def test_a_command_says_where_it_made_a_catalogue_and_only_then(thalweg: Run, home: Path) -> None:
    asked = ("--catalogue", home / "mistyped.db", "train", "fcn:8", "digits", "--detach")
    assert f"A new catalogue: {home / 'mistyped.db'}" in thalweg(*asked).err
    assert "new catalogue" not in thalweg(*asked).err


def test_bad_input_makes_no_catalogue(thalweg: Run, home: Path) -> None:
    for line in ("train fcn:0 digits", "connect 1 2 --method linear", "show run 1", "relaunch --failed"):
        assert thalweg(*line.split()).status == 2
    assert not (home / "c.db").exists()


def test_a_closed_standard_output_is_no_failure(home: Path) -> None:
    line = f"exec {sys.executable} -m tui.main --catalogue {home / 'c.db'} list models >&-"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)


@pytest.mark.parametrize("command", ["list models", "export models", "show model 1", "list models --json"])
def test_a_reader_that_is_gone_is_told_from_a_run_that_failed(command: str, seeded: Path) -> None:
    line = [sys.executable, "-m", "tui.main", "--catalogue", str(seeded), *command.split()]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(line, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")
