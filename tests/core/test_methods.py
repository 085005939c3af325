"""What holds of every method, and the line and the string in particular."""

import math
from dataclasses import replace
from pathlib import Path as File

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.bounds import BOUNDS
from core.certify.enclosed import Wanted
from core.data.dataset import Dataset, Split
from core.engine.worker.verifying import passes_of
from core.errors import PremiseError
from core.examination import examine
from core.losses import loss_named
from core.methods import METHODS, string
from core.methods.connect import Connection, connect, examination_sentence, failure_of
from core.methods.method import Task
from core.methods.string.beads import Beads, Gap
from core.methods.swapping import swap_units
from core.networks.architectures import build
from core.path import Claim, Path
from core.problem import Problem
from core.progress import SilentReporter
from core.specs import bounds as bound_specs
from core.specs import methods as specs
from core.specs.descent import Descent
from core.specs.methods import Dropout, Linear, LinearNetwork, MethodOptions, Metric, Oracle, Sparse, String, Wide
from core.specs.networks import read_network
from core.training import Until, train

QUICK = String(lr=0.02, epochs=200, grid=9, batch=64)
BELOW = 0.3


def spirals(count: int = 60) -> Dataset:
    """Two interleaved spirals: small, and not convex."""
    generator = torch.Generator().manual_seed(0)
    angle = 4 * torch.rand(count, generator=generator, dtype=torch.float64)
    label = torch.arange(count) % 2
    turn = angle + math.pi * label
    x = torch.stack([angle * turn.cos(), angle * turn.sin()], 1) / 4
    split = Split(x, label)
    return Dataset("spirals", split, split, 2)


@pytest.fixture(scope="module")
def task() -> Task:
    """Two networks trained below the threshold from different seeds."""
    data = spirals()
    architecture = build(read_network("fcn:16x2"), (2,), 2)
    problem = Problem(architecture.module, data, loss_named(None, 2), architecture.layered)
    starts = torch.stack([architecture.initial(seed, torch.float64) for seed in (0, 1)])
    trained = train(problem, starts, [0, 1], Descent(lr=0.02, epochs=800, batch=20), until=Until("train-loss", 0.15))
    assert trained.reached.all()
    return Task(trained.thetas[0], trained.thetas[1], problem, BELOW)


def with_(task: Task, **changes: object) -> Task:
    return Task(**{**vars(task), **changes})


OPTIONS: dict[str, MethodOptions] = {
    "linear": Linear(),
    "breadth": QUICK,
    "greedy": String(lr=0.02, epochs=200, grid=9, batch=64, order="greedy", at="maximum"),
    "constrained": String(lr=0.02, epochs=200, grid=9, batch=64, order="constrained", stages=4),
    "sparse": Sparse(draws=2, epochs=100, lr=0.02),
    "dropout": Dropout(draws=5),
    "wide": Wide(),
    "linear-net": LinearNetwork(),
    "oracle": Oracle(epochs=5, draws=1, units="8"),
}


@pytest.fixture(scope="module", params=OPTIONS.values(), ids=OPTIONS)
def options(request: pytest.FixtureRequest) -> MethodOptions:
    return request.param


@pytest.fixture(scope="module")
def suited(options: MethodOptions, task: Task) -> Task:
    """The task; for wide networks with as few samples as they are wide for.

    For linear ones without activations, and with one hidden layer for oracles.
    """
    if isinstance(options, LinearNetwork):
        architecture = build(read_network("fcn:16x2,activation=linear"), (2,), 2)
        return with_(task, problem=replace(task.problem, network=architecture.module, layered=architecture.layered))
    if isinstance(options, Oracle):
        shallow = build(read_network("fcn:16"), (2,), 2)
        a, b = (shallow.initial(seed, torch.float64) for seed in (0, 1))
        return with_(task, a=a, b=b, problem=replace(task.problem, network=shallow.module, layered=shallow.layered))
    if not isinstance(options, Wide):
        return task
    few = Split(task.problem.data.train.x[:8], task.problem.data.train.y[:8])
    data = Dataset("few", few, task.problem.data.test, 2)
    return with_(task, problem=Problem(task.problem.network, data, task.problem.loss, task.problem.layered))


@pytest.fixture(scope="module")
def connection(options: MethodOptions, suited: Task) -> Connection:
    return connect(options, suited)


def test_every_method_that_can_be_asked_for_can_be_built() -> None:
    assert METHODS.keys() == specs.METHODS.keys()
    assert BOUNDS.keys() == bound_specs.BOUNDS.keys()
    assert {type(options).__struct_config__.tag for options in OPTIONS.values()} == METHODS.keys()


def test_a_path_has_exact_ends_and_no_gaps(suited: Task, connection: Connection) -> None:
    path = connection.construction.path
    assert torch.equal(path.start, suited.a)
    assert torch.equal(path.end, suited.b)
    for before, after in zip(list(path), list(path)[1:], strict=False):
        assert torch.equal(before.at(torch.ones(1)), after.at(torch.zeros(1)))


def test_the_level_is_above_every_loss_that_is_seen(suited: Task, connection: Connection) -> None:
    path, level = connection.construction.path, connection.examination.certificate.level
    t = torch.linspace(0, 1, 1009, dtype=torch.float64)
    assert suited.problem.losses(path.points(t)).max() <= level * (1 + 1e-4), "sampled: stable to 1e-5, seen on a grid"


def test_the_summary_agrees_with_the_certificate(connection: Connection) -> None:
    examined = connection.examination
    ends = max(examined.certificate.loss_a, examined.certificate.loss_b)
    assert examined.barrier == pytest.approx(examined.max_train_loss - ends)
    assert examined.profile.summary()["max_train_loss"] <= examined.max_train_loss * (1 + 1e-9)
    assert connection.construction.path.normalized_length() >= 1


def test_a_line_is_one_sampled_segment_that_fails_above_the_threshold(task: Task) -> None:
    made = connect(Linear(), task)
    assert made.construction.path.claims == (Claim.SAMPLED,)
    assert made.construction.path.normalized_length() == pytest.approx(1)
    level = made.examination.certificate.level
    assert level > BELOW, "or the example is too easy"
    assert made.failure == f"the path's train loss reaches {level:.4g}, above the threshold 0.3"
    assert connect(Linear(), with_(task, below=level * 1.01)).failure is None


def test_a_proven_line_fails_by_what_it_reaches_and_by_its_level_only_where_it_reaches_less(task: Task) -> None:
    made = connect(Linear(), task, wanted=Wanted(0.05), must_prove=True)
    seen, level = made.examination.max_train_loss, made.examination.certificate.level
    assert f"{seen:.4g}" != f"{level:.4g}"
    assert made.failure == f"the path's train loss reaches {seen:.4g}, above the threshold 0.3"
    between = failure_of(replace(made.construction, below=(seen + level) / 2), made.examination, must_prove=True)
    assert between is not None
    assert "is not proven to stay below the threshold" in between
    assert between.endswith(f"only below {level:.4g}")
    assert failure_of(replace(made.construction, below=level), made.examination, must_prove=True) is None


@pytest.mark.parametrize("order", ["breadth", "greedy"])
@pytest.mark.parametrize("at", ["midpoint", "maximum"])
def test_a_string_stays_below_its_threshold(task: Task, order: str, at: str) -> None:
    options = QUICK.changed({"order": order, "at": at}, "string")
    made = connect(options, task)
    assert made.failure is None
    assert made.examination.certificate.level <= BELOW
    assert made.construction.beads == len(made.construction.path) - 1 >= 1
    beads = made.construction.path.knots[1:-1]
    assert (task.problem.losses(beads) <= BELOW).all()


@pytest.mark.parametrize("on", ["test-loss", "train-error", "test-error"])
def test_a_string_can_watch_another_metric(task: Task, on: str) -> None:
    made = connect(QUICK.changed({"on": on}, "string"), with_(task, below=0.3))
    assert made.failure is None, made.failure
    values = made.examination.profile.test if on.startswith("test") else made.examination.profile.train
    assert (values.loss if on.endswith("loss") else values.error).max() <= 0.3 + 1e-9


def test_a_gap_that_is_no_number_is_the_worst(task: Task) -> None:
    gaps = [Gap(0, 0, 1.0, 0.5), Gap(1, 0, math.nan, 0.5), Gap(2, 0, 5.0, 0.5)]
    beads = Beads([task.a] * 4, [0.1] * 4, [0] * 3, gaps)
    assert beads.worst is gaps[1]
    assert (beads.worst_text or "").startswith("nan at t = 0.5")


def test_limits_make_a_string_fail_with_what_is_left(task: Task) -> None:
    for limits in ({"depth": "0"}, {"beads": "0"}, {"minutes": "1e-9"}):
        made = connect(QUICK.changed(limits, "string"), task)
        assert made.construction.beads == 0
        assert made.failure is not None
        assert made.failure.startswith("1 gap left, worst ")
    one = connect(QUICK.changed({"beads": "1", "epochs": "0"}, "string"), task)
    assert "1 bead not trained below 0.3" in (one.failure or "")


class Keeping(SilentReporter):
    """Keeps a state in a file."""

    def __init__(self, file: File) -> None:
        self.file = file

    def keep(self, save: object) -> None:
        save(self.file)  # type: ignore[operator]


class Left(SilentReporter):
    """Has a state left in a file."""

    def __init__(self, file: File) -> None:
        self.left = file


def test_a_string_goes_on_from_its_beads(task: Task, tmp_path: File) -> None:
    file = tmp_path / "beads.safetensors"
    first = connect(QUICK.changed({"beads": "1", "epochs": "0"}, "string"), with_(task, reporter=Keeping(file)))
    assert first.failure is not None
    second = connect(QUICK, with_(task, reporter=Left(file)))
    assert second.failure is None
    other = connect(QUICK, with_(task, a=task.b, b=task.a, reporter=Left(file)))
    assert other.failure is None, "beads between other ends are not used"


def test_ends_exactly_at_the_threshold_are_not_trained_on_when_a_string_goes_on(
    task: Task, tmp_path: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "beads.safetensors"
    connect(QUICK.changed({"beads": "1"}, "string"), with_(task, reporter=Keeping(file)))
    right = string.values_of

    def rounded(problem: Problem, thetas: torch.Tensor, on: Metric) -> list[float]:
        """Values that depend on the size of the batch, as rounding does."""
        return [value * (1 + 1e-12 * len(thetas)) for value in right(problem, thetas, on)]

    monkeypatch.setattr(string, "values_of", rounded)
    largest = max(rounded(task.problem, torch.stack([task.a, task.b]), "train-loss"))
    made = connect(QUICK, with_(task, below=largest, reporter=Left(file)))
    assert torch.equal(made.construction.path.start, task.a)
    assert torch.equal(made.construction.path.end, task.b)


def test_a_string_needs_both_ends_below_the_threshold(task: Task) -> None:
    with pytest.raises(PremiseError, match="the train loss of model a is below the threshold"):
        connect(QUICK, with_(task, below=0.01))


def test_error_thresholds_need_classes(task: Task) -> None:
    data = Dataset("line", Split(torch.rand(9, 2).double(), torch.rand(9, 2).double()), None, None)
    problem = Problem(task.problem.network, data, loss_named("square", None), task.problem.layered)
    with pytest.raises(PremiseError, match="has classes"):
        connect(QUICK.changed({"on": "train-error"}, "string"), with_(task, problem=problem))
    with pytest.raises(PremiseError, match="has test samples"):
        connect(QUICK.changed({"on": "test-loss"}, "string"), with_(task, problem=problem))


@settings(max_examples=20, deadline=None)
@given(layer=st.integers(1, 2), units=st.permutations(range(16)))
def test_exchanging_units_keeps_the_function(task: Task, layer: int, units: list[int]) -> None:
    pair = (units[0], units[1])
    swapped = swap_units(task.problem, task.a, layer, pair)
    x = task.problem.data.train.x
    torch.testing.assert_close(
        task.problem.outputs(swapped[None], x), task.problem.outputs(task.a[None], x), rtol=1e-12, atol=1e-12
    )
    assert not torch.equal(swapped, task.a)
    assert torch.equal(swap_units(task.problem, swapped, layer, pair), task.a)


@pytest.mark.parametrize(("layer", "units"), [(0, (0, 1)), (3, (0, 1)), (1, (0, 16)), (1, (-1, 0))])
def test_units_that_are_not_there_cannot_be_exchanged(task: Task, layer: int, units: tuple[int, int]) -> None:
    with pytest.raises(PremiseError):
        swap_units(task.problem, task.a, layer, units)


def test_units_of_a_layer_that_shares_its_weights_cannot_be_exchanged(task: Task) -> None:
    """Exchanged in one layer alone, they would be in both: another function."""
    assert task.problem.layered is not None
    first, second, last = task.problem.layered.layers
    shared = replace(task.problem.layered, layers=(first, second, replace(second, activation=None), last))
    problem = replace(task.problem, layered=shared)
    for layer in (1, 2, 3):
        with pytest.raises(PremiseError, match=r"layers\.1\.weight belongs to several layers"):
            swap_units(problem, task.a, layer, (0, 1))


def test_noise_leads_out_of_the_symmetry_between_exchanged_units(task: Task) -> None:
    """In the middle between a network and its twin both units are equal, and descent keeps them so."""
    twin = task.a
    for unit in range(0, 16, 2):
        twin = swap_units(task.problem, twin, 1, (unit, unit + 1))
    pair = with_(task, b=twin)
    layer = task.problem.layered.layers[0].weight

    def halves_apart(noise: float) -> float:
        made = connect(QUICK.changed({"noise": str(noise), "beads": "1"}, "string"), with_(pair, below=0.16))
        assert made.construction.beads == 1
        weights = task.problem.layout.split(made.construction.path.knots[1:2])[layer][0]
        return float((weights[0] - weights[1]).abs().max())

    assert halves_apart(0.0) < 1e-9
    assert halves_apart(0.05) > 1e-3


def test_the_log_tells_as_many_passes_of_a_proof_as_the_catalogue_keeps(task: Task) -> None:
    found = examine(task.problem, Path.line(task.a, task.b), wanted=Wanted(0.05))
    assert found.proof is not None
    half = replace(found, proof=replace(found.proof, passes=75.2))
    assert f" in {passes_of(half)} passes: " in examination_sentence(half)
    assert passes_of(half) == 76
