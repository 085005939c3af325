"""Text as windows of words, and language models on them."""

from math import exp, log
from pathlib import Path

import pytest
import torch
from torch import nn

from core.data.load import load
from core.data.words import bigram, read_streams, unigram
from core.errors import UsageError
from core.losses import LOSSES
from core.networks.architectures import build
from core.networks.layout import Layout
from core.opening import open_problem
from core.problem import Problem
from core.profile import peaks
from core.specs.data import read_data
from core.specs.descent import Descent
from core.specs.networks import read_network
from core.training import Until, train

LINES = ["a b a c", "", "b a <unk> d", *["a b"] * 8]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    file = tmp_path / "text.txt"
    file.write_text("\n".join([*LINES, "a c zebra b"]))
    return file


def problem_on(text: Path, options: str = "window=3,vocabulary=4") -> Problem:
    return open_problem("lstm,embedding=4,hidden=3", f"text:{text},{options}")[0]


def test_a_text_is_one_stream_of_numbers_with_the_last_tenth_of_its_lines_to_test_on(text: Path) -> None:
    data = load(read_data(f"text:{text},window=4,vocabulary=4"), Path())
    assert data.test is not None
    a, b, end, unknown = 1, 3, 2, 0  # 11 a, 10 ends of lines, then 10 b; c and d are too rare
    assert data.classes == data.outputs == 4
    assert data.train.x[:2].tolist() == [[a, b, a, unknown], [end, b, a, unknown]]
    assert data.train.y[:2].tolist() == [[b, a, unknown, end], [b, a, unknown, unknown]]
    assert data.test.x.tolist() == [[a, unknown, unknown, b]]
    assert data.train.x.dtype == data.train.to("cpu", torch.float64).x.dtype == torch.int64


def test_a_folder_has_its_parts_in_two_files_and_a_limit_makes_the_vocabulary(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("x y x\nz z z z z z z\n")
    (tmp_path / "test.txt").write_text("x z y\n")
    whole = read_streams(read_data(f"text:{tmp_path},window=2"), tmp_path)  # type: ignore[arg-type]
    some = read_streams(read_data(f"text:{tmp_path},window=2,limit=1"), tmp_path)  # type: ignore[arg-type]
    assert (len(whole.train), whole.words, whole.test) == (12, 5, [3, 1, 4, 2])
    assert (some.train, some.words, some.test) == ([1, 2, 1], 3, [1, 0, 2, 0])


def test_a_byte_order_mark_is_no_word(tmp_path: Path) -> None:
    for name in ("train.txt", "test.txt"):
        (tmp_path / name).write_text("a b a\n", encoding="utf-8-sig")
    found = read_streams(read_data(f"text:{tmp_path},window=2"), tmp_path)  # type: ignore[arg-type]
    assert found.train == found.test == [1, 3, 1, 2]
    assert found.words == 4


def test_the_yardsticks_are_those_of_counting(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("a b a b\n")
    (tmp_path / "test.txt").write_text("a b\n")
    streams = read_streams(read_data(f"text:{tmp_path},window=2"), tmp_path)  # type: ignore[arg-type]
    b, end = 3 / 9, 2 / 9  # of 5 words, and one more for each of the 4 different ones
    assert unigram(streams) == pytest.approx(exp(-(log(b) + log(end)) / 2))
    assert bigram(streams) == pytest.approx(exp(-(log(0.8 + 0.2 * b) + log(0.8 / 2 + 0.2 * end)) / 2))


def test_too_short_a_text_and_odd_files_are_refused_in_a_sentence(text: Path, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n" * 30)
    for name, words in {
        f"text:{text},window=40": "has 34 words to train on, ends of lines included, and a window of 40 with the word",
        f"text:{text},window=5": "5 words to test on",
        f"text:{text},window=2,limit=18": "more than the 16 train samples",
        f"text:{tmp_path}/latin.txt": "not UTF-8",
        f"text:{tmp_path}": "has no train.txt",
        f"text:{tmp_path}/nowhere": "no such file or folder",
        "kjv": "train.txt and test.txt, one verse a line",
    }.items():
        with pytest.raises(UsageError, match=words):
            load(read_data(name), tmp_path)
    with pytest.raises(UsageError, match="at least 2"):
        read_data("kjv,vocabulary=0")


def test_loss_and_error_are_means_over_all_words_and_perplexity_is_the_exponential(text: Path) -> None:
    problem = problem_on(text).to("cpu", torch.float64)
    assert problem.dtype == torch.float64
    thetas = torch.randn(3, problem.layout.total, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    split = problem.data.train
    for theta, loss, error in zip(thetas, problem.values(thetas).loss, problem.values(thetas).error, strict=True):
        nn.utils.vector_to_parameters(theta, problem.network.double().parameters())
        outputs = problem.network(split.x).flatten(0, 1)
        torch.testing.assert_close(loss, nn.functional.cross_entropy(outputs, split.y.flatten()))
        torch.testing.assert_close(error, (outputs.argmax(-1) != split.y.flatten()).double().mean())
    torch.testing.assert_close(problem.metric(thetas, "train-perplexity"), problem.losses(thetas).exp())
    torch.testing.assert_close(problem.batch_losses(thetas, split.x, split.y).double(), problem.losses(thetas))
    top = peaks(problem, thetas[:1], thetas[1:2], "train-perplexity", 11).value
    torch.testing.assert_close(top, peaks(problem, thetas[:1], thetas[1:2], "train-loss", 11).value.exp())


def test_values_do_not_depend_on_how_many_windows_are_worked_through_at_once(
    text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = problem_on(text)
    thetas = torch.randn(2, problem.layout.total, generator=torch.Generator().manual_seed(0))
    whole = problem.values(thetas)
    monkeypatch.setattr("core.problem.CACHE", 3 * 4 * 2)
    assert problem.samples_at_once == 1
    torch.testing.assert_close(problem.values(thetas).loss, whole.loss)
    torch.testing.assert_close(problem.values(thetas).error, whole.error)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_goes_with_words(text: Path, loss: str) -> None:
    problem = open_problem("lstm,embedding=4,hidden=3", f"text:{text},window=3,vocabulary=4", loss)[0]
    assert problem.losses(torch.zeros(1, problem.layout.total)).isfinite().all()


def test_the_paper_s_language_model_has_its_size_and_starts_small() -> None:
    made = build(read_network("lstm"), (20,), 10_000)
    assert Layout.of(made.module).total == 4_653_200
    start = made.initial(3, torch.float32)
    assert torch.equal(start, made.initial(3, torch.float32))
    assert float(start.abs().max()) == pytest.approx(0.1, rel=1e-3)


def test_language_models_learn_to_a_perplexity(text: Path) -> None:
    problem, architecture = open_problem("lstm,embedding=8,hidden=8", f"text:{text},window=3,vocabulary=4")
    starts = torch.stack([architecture.initial(seed, torch.float32) for seed in (0, 1)])
    done = train(problem, starts, [0, 1], Descent(epochs=200, lr=0.02, batch=4), until=Until("train-perplexity", 2.0))
    assert done.reached.all()
    assert float(problem.metric(done.thetas, "train-perplexity").max()) <= 2.0
    assert float(problem.metric(starts, "train-perplexity").min()) > 3.5


@pytest.mark.parametrize(("network", "data"), [("lstm", "digits"), ("fcn:3", "kjv"), ("file:x.py:make", "kjv")])
def test_words_are_for_language_models_alone(network: str, data: str) -> None:
    with pytest.raises(UsageError, match="text"):
        open_problem(network, data)
