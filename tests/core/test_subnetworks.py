"""Sparse and dropout on trained models, and the bounds that share their subnetworks."""

from pathlib import Path as File

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.bounds import dropout as dropout_bound
from core.bounds import sparse as sparse_bound
from core.bounds.result import BoundResult
from core.data.files import data_root
from core.data.load import load
from core.errors import PremiseError, RunError
from core.losses import loss_named
from core.methods.connect import Connection, connect
from core.methods.method import Task
from core.methods.sparse import sizes_tried
from core.networks.architectures import build
from core.problem import Problem
from core.progress import SilentReporter
from core.specs.bounds import DropoutBound, SparseBound
from core.specs.data import read_data
from core.specs.descent import Descent
from core.specs.methods import Dropout, Linear, Sparse
from core.specs.networks import read_network
from core.specs.subnetworks import kept_sizes
from core.subnetworks import Goal, budget, fitting, trained_levels
from core.subnetworks.draws import Sizes, draw_sets
from core.subnetworks.dropping import best_scale
from core.training import train
from tests.core.plain import classes, points, problem_of

QUICK = Sparse(draws=2, epochs=30, lr=0.01)


def quiet(fraction: float, message: str) -> None:
    pass


@pytest.fixture(scope="module")
def task() -> Task:
    """Two networks trained on digits from different seeds."""
    data = load(read_data("digits"), data_root(None))
    made = build(read_network("fcn:32x3"), (64,), 10)
    problem = Problem(made.module, data, loss_named(None, 10), made.layered).to("cpu", torch.float32)
    starts = torch.stack([made.initial(seed, torch.float32) for seed in (0, 1)])
    trained = train(problem, starts, [0, 1], Descent(epochs=30, lr=3e-3, batch=64))
    return Task(trained.thetas[0], trained.thetas[1], problem)


def with_(task: Task, **changes: object) -> Task:
    return Task(**{**vars(task), **changes})


@pytest.fixture(scope="module")
def sparse(task: Task) -> Connection:
    return connect(QUICK, task)


def test_sparse_joins_where_the_line_and_dropout_are_high(task: Task, sparse: Connection) -> None:
    found = sparse.examination.certificate
    assert found.kind == "exact"
    ends = max(found.loss_a, found.loss_b)
    assert found.level < ends + 0.02
    for other in (Linear(), Dropout()):
        assert connect(other, task).examination.certificate.level > ends + 0.5


def test_the_level_is_the_largest_loss_of_ends_and_subnetworks(task: Task) -> None:
    losses = []

    class Listening(SilentReporter):
        def metric(self, name: str, step: int, value: float, **meaning: object) -> None:
            losses.append((name, step, value))

    for options in (Sparse(draws=1, epochs=2), Dropout(draws=3)):
        losses.clear()
        made = connect(options, with_(task, reporter=Listening()))
        inputs = [value for _, level, value in losses if level == 0]
        # The input's subnetwork is the better of two.
        used = [value for _, level, value in losses if level > 0] + ([min(inputs)] if inputs else [])
        certificate = made.examination.certificate
        expected = max(certificate.loss_a, certificate.loss_b, *used)
        assert certificate.level == pytest.approx(expected, rel=1e-5)
        assert certificate.kind == "exact"


@pytest.mark.parametrize("init", ["own", "random"])
def test_sparse_is_never_above_dropout_on_the_same_sets(task: Task, init: str) -> None:
    trained = list(trained_levels(Sparse(draws=3, epochs=1, kept="random", init=init), task.problem, task.a, 7, quiet))
    dropped = list(fitting.dropped_levels(Dropout(draws=3), task.problem, task.a, 7, quiet))
    for mine, other in zip(trained[1:], dropped, strict=True):
        assert mine.level == other.level
        assert (mine.loss <= other.loss * (1 + 1e-6)).all()
    assert (trained[0].loss <= dropped[0].loss * (1 + 1e-6)).all(), "layer 1's dropped networks read the input too"


def test_the_same_seed_gives_the_same_path_and_another_one_another(task: Task) -> None:
    options = Sparse(draws=2, epochs=1, kept="random")
    one, again, other = (connect(options, with_(task, seed=seed)).construction.path for seed in (3, 3, 4))
    assert torch.equal(one.knots, again.knots)
    assert not torch.equal(one.knots, other.knots)


def test_draws_in_one_batch_are_as_one_at_a_time(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    exact = task.problem.to("cpu", torch.float64)
    options = Sparse(draws=3, epochs=3, kept="random")
    together = list(trained_levels(options, exact, task.a.double(), 1, quiet))
    monkeypatch.setattr(fitting, "draws_at_once", lambda *_: 1)
    alone = list(trained_levels(options, exact, task.a.double(), 1, quiet))
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one.measured, other.measured, rtol=1e-7, atol=0, equal_nan=True)


def test_training_ends_when_a_subnetwork_is_low_enough(task: Task) -> None:
    epochs = []

    def listen(fraction: float, message: str) -> None:
        epochs.append(fraction)

    options = Sparse(draws=2, epochs=50)
    assert all(level.best.loss <= 2.0 for level in trained_levels(options, task.problem, task.a, 0, listen, Goal(2.0)))
    early = len(epochs)
    epochs.clear()
    list(trained_levels(Sparse(draws=2, epochs=3), task.problem, task.a, 0, listen))
    assert early <= 2 * 4
    assert len(epochs) == 3 * 4


class Keeping(SilentReporter):
    """Keeps what may be gone on from, and hears which layers were trained."""

    def __init__(self, file: File, most: int = 99, left: File | None = None) -> None:
        self.file, self.most, self.left, self.trained = file, most, left, set()

    def progress(self, fraction: float | None, message: str) -> None:
        if "training" in message:
            self.trained.add(message)

    def checkpoint(self, save: object) -> None:
        save(self.file)
        self.most -= 1
        if self.most == 0:
            raise KeyboardInterrupt

    def keep(self, save: object) -> None:
        self.checkpoint(save)


def test_an_interrupted_run_goes_on_with_the_same_path(task: Task, tmp_path: File) -> None:
    file = tmp_path / "found.safetensors"
    options = Sparse(draws=2, epochs=2, kept="random")
    whole = connect(options, task).construction.path
    with pytest.raises(KeyboardInterrupt):
        connect(options, with_(task, reporter=Keeping(file, most=5)))
    rest = Keeping(file, left=file)
    again = connect(options, with_(task, reporter=rest)).construction.path
    assert torch.equal(again.knots, whole.knots)
    assert len(rest.trained) == 3, "of 8 layers 5 were known"
    other = Keeping(tmp_path / "other.safetensors", left=file)
    connect(options, with_(task, a=task.b, b=task.a, reporter=other))
    assert len(other.trained) == 8, "what was found for other models is not used"


def test_a_relaunch_with_other_options_is_never_worse(task: Task, tmp_path: File) -> None:
    file = tmp_path / "found.safetensors"
    good = connect(QUICK, with_(task, reporter=Keeping(file))).examination.certificate.level
    poor = Sparse(draws=1, epochs=0)
    assert connect(poor, task).examination.certificate.level > good + 0.1
    assert connect(
        poor, with_(task, reporter=Keeping(tmp_path / "again.safetensors", left=file))
    ).examination.certificate.level <= good * (1 + 1e-6)


def test_a_file_that_holds_no_subnetworks_is_not_used(task: Task, tmp_path: File) -> None:
    file = tmp_path / "found.safetensors"
    file.write_bytes(b"nothing")
    options = Sparse(draws=1, epochs=0)
    assert (
        connect(
            options, with_(task, reporter=Keeping(tmp_path / "again.safetensors", left=file))
        ).examination.certificate.kind
        == "exact"
    )


def test_a_search_over_sizes_takes_the_lowest(task: Task) -> None:
    options = Sparse(draws=1, epochs=2, search=3)
    assert sizes_tried(options, (32, 32, 5)) == ["16x2-3", "20x2-4", "24x2-4"]
    single = [
        connect(Sparse(draws=1, epochs=2, sizes=sizes), task).examination.certificate.level
        for sizes in sizes_tried(options, (32, 32, 32))
    ]
    assert connect(options, task).examination.certificate.level == pytest.approx(min(single))


@pytest.mark.parametrize("sizes", ["16-20-31", "16-16-16"])
def test_sizes_can_be_given_layer_by_layer(task: Task, sizes: str) -> None:
    made = connect(Sparse(draws=1, epochs=1, sizes=sizes), task)
    assert made.examination.certificate.kind == "exact"
    assert kept_sizes(Sparse(sizes=sizes), [32] * 3) == [int(one) for one in sizes.split("-")]


def test_subnetworks_of_convolutions_are_trained_on_channels() -> None:
    data = classes((1, 28, 28), samples=40)
    problem = problem_of("cnn,channels=4-6,hidden=8", data)
    a, b = points(problem, 2)
    for options in (Sparse(draws=2, epochs=2), Sparse(draws=1, epochs=1, init="random"), Dropout(draws=2)):
        assert connect(options, Task(a, b, problem)).examination.certificate.kind == "exact"


def refused(options: Sparse | Dropout, task: Task, match: str) -> None:
    with pytest.raises(PremiseError, match=match):
        connect(options, task)


def test_what_a_network_must_have_is_asked_by_name(task: Task) -> None:
    bare = Problem(task.problem.network, task.problem.data, task.problem.loss, None)
    for options in (Sparse(), Dropout()):
        refused(options, with_(task, problem=bare), "has a view by layers")
        refused(options, with_(task, b=task.b[:-1]), "equally many parameters")
    refused(Sparse(ratio=0.4), task, "ratio must be at least 0.5, not 0.4")
    refused(Sparse(ratio=0.99), task, "Hidden layer 1 has 32 neurons: 16 to 31 of them can be kept, not 32")
    refused(Sparse(sizes="16-15-16"), task, "Hidden layer 2 has 32 neurons: 16 to 31 of them can be kept, not 15")
    refused(Sparse(sizes="16-16"), task, "has 2 layers and the network has 3 hidden")
    refused(Dropout(drop=0.3), task, "drop=0.3 keeps more than half of the neurons: a bound, not a path")
    narrow = problem_of("fcn:4-1-4", classes((3,)))
    a, b = points(narrow, 2)
    refused(Sparse(), Task(a, b, narrow), "Hidden layer 2 has 1 neuron and needs 2")
    refused(Dropout(), Task(a, b, narrow), "Hidden layer 2 has 1 neurons and drop=0.5 leaves none")


def test_too_little_memory_is_one_sentence(task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "free_memory", lambda device: 1000)
    with pytest.raises(RunError, match=r"One subnetwork takes about [0-9.]+ MB to train") as caught:
        connect(QUICK, task)
    assert caught.value.kind == "out of memory"


@given(st.lists(st.integers(2, 12), min_size=1, max_size=4), st.floats(0.5, 0.8), st.integers(0, 99))
def test_subnetworks_fit_beside_the_kept_sets(widths: list[int], ratio: float, seed: int) -> None:
    sizes = [min(n - 1, K) for n, K in zip(widths, ([-(-int(ratio * n * 1e6) // 10**6) for n in widths]), strict=True)]
    sizes = [max(K, n - n // 2) for K, n in zip(sizes, widths, strict=True)]
    split = Sizes.sparse(widths, sizes)
    for level in range(len(widths) + 1):
        (draw,) = draw_sets(split, level, [seed], [None] * len(widths))
        room = [n - K for n, K in zip(widths[level:], sizes[level:], strict=True)]
        assert [len(own) for own in draw.own] == room
        if level:
            assert len(draw.kept) == sizes[level - 1]
            assert set(draw.reads.tolist()) <= set(draw.kept.tolist())


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["cross-entropy", "square", "hinge"]))
def test_the_best_factor_is_the_best(seed: int, loss: str) -> None:
    problem = problem_of("fcn:5", classes((3,), samples=30, seed=seed % 1000), loss)
    outputs = 3 * torch.randn(30, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    def at(r: float) -> float:
        return float(problem.loss.samples((r * outputs)[None], problem.data.train.y[None]).mean())

    best = at(best_scale(problem, outputs))
    assert all(best <= at(float(r)) + 1e-9 for r in torch.linspace(-3, 3, 301))


def test_separated_outputs_have_a_factor_that_is_large_but_finite() -> None:
    problem = problem_of("fcn:5", classes((3,), samples=30))
    outputs = torch.nn.functional.one_hot(problem.data.train.y, 3).double()
    r = best_scale(problem, outputs)
    assert 10 < r <= 1e4


def losses_of(found: BoundResult, name: str = "loss") -> dict[int, list[float]]:
    by_layer: dict[int, list[float]] = {}
    for one in found.measurements:
        if one.name == name and one.layer is not None:
            by_layer.setdefault(one.layer, []).append(one.value)
    return by_layer


def test_bounds_give_every_layer_and_draw(task: Task) -> None:
    found = sparse_bound.compute(SparseBound(draws=3, epochs=2), task.problem, task.a, SilentReporter())
    losses = losses_of(found)
    assert {layer: len(some) for layer, some in losses.items()} == dict.fromkeys(range(4), 3)
    assert found.value == pytest.approx(max(min(some) for some in losses.values()))
    assert losses_of(found, "test_loss").keys() == losses.keys()
    half = dropout_bound.compute(DropoutBound(draws=4), task.problem, task.a, SilentReporter())
    assert {layer: len(some) for layer, some in losses_of(half).items()} == dict.fromkeys(range(1, 4), 4)
    fewer = dropout_bound.compute(DropoutBound(draws=4, drop=0.1), task.problem, task.a, SilentReporter())
    assert fewer.value < half.value


def test_test_errors_and_losses_are_those_of_plain_torch(task: Task) -> None:
    options, test = SparseBound(draws=3, epochs=2), task.problem.data.test
    found = sparse_bound.compute(options, task.problem, task.a, SilentReporter())
    errors = losses_of(found, "test_error")
    losses, test_losses = losses_of(found), losses_of(found, "test_loss")
    for level in trained_levels(options, task.problem, task.a, 0, quiet):
        best = level.best
        z = task.problem.features(task.a[None], level.level, test.x)[0].flatten(1)
        z = z if best.reads is None else z[:, best.reads]
        for W, b in zip(best.weights.W, best.weights.b, strict=True):
            z = torch.relu(z) @ W.flatten(1).T + b  # pixels and features are never negative
        draw = losses[level.level].index(min(losses[level.level]))
        assert errors[level.level][draw] == pytest.approx(float((z.argmax(1) != test.y).double().mean()))
        cross_entropy = float(torch.nn.functional.cross_entropy(z, test.y))
        assert test_losses[level.level][draw] == pytest.approx(cross_entropy, rel=1e-4)


def test_an_interrupted_bound_goes_on_with_the_same_numbers(task: Task, tmp_path: File) -> None:
    options, file = SparseBound(draws=2, epochs=2), tmp_path / "layers.safetensors"
    whole = sparse_bound.compute(options, task.problem, task.a, SilentReporter())
    with pytest.raises(KeyboardInterrupt):
        sparse_bound.compute(options, task.problem, task.a, Keeping(file, most=2))
    rest = Keeping(file, left=file)
    assert sparse_bound.compute(options, task.problem, task.a, rest) == whole
    assert len(rest.trained) == 2, "of 4 layers 2 were known"
    for theta, asked in ((task.b, options), (task.a, SparseBound(draws=2, epochs=2, seed=1))):
        other = Keeping(tmp_path / "other.safetensors", left=file)
        sparse_bound.compute(asked, task.problem, theta, other)
        assert len(other.trained) == 4, "what was found for something else is not used"


def test_bounds_need_layers_that_are_wide_enough(task: Task) -> None:
    bare = Problem(task.problem.network, task.problem.data, task.problem.loss, None)
    for compute, options in ((sparse_bound.compute, SparseBound()), (dropout_bound.compute, DropoutBound())):
        with pytest.raises(PremiseError, match="view by layers"):
            compute(options, bare, task.a, SilentReporter())
    with pytest.raises(PremiseError, match="leaves none of them"):
        dropout_bound.compute(DropoutBound(drop=0.99), task.problem, task.a, SilentReporter())
