"""The path of Theorem 4.1 for arbitrary networks, kept sets and subnetworks; sparse and dropout on trained models."""

from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.certify import Certificate, certify
from core.data.dataset import Dataset
from core.methods.sparse.construction import End, complement, theorem_path
from core.path import Claim, Path
from core.problem import Problem
from core.subnetworks import Subnetwork, Weights
from core.subnetworks.draws import pivots
from core.subnetworks.frozen import features_by_level, frozen
from tests.core.plain import ACTIVATIONS, classes, fill, points, problem_of, sequential, text_of

seeds = st.integers(0, 2**32 - 1)


@dataclass
class Case:
    """A network by name, two models, and subnetworks of arbitrary weights on arbitrary kept sets."""

    text: str
    data: Dataset
    problem: Problem
    a: End
    b: End
    xi_0: Subnetwork

    @property
    def path(self) -> Path:
        return theorem_path(self.problem, self.a, self.b, self.xi_0)

    @property
    def subnetworks(self) -> list[Subnetwork]:
        return [*self.a.subnetworks, *self.b.subnetworks, self.xi_0]

    def highest(self) -> float:
        """max of the end losses and those of all subnetworks, as they were measured on frozen features."""
        ends = self.problem.losses(torch.stack([self.a.theta, self.b.theta])).tolist()
        return max(*ends, *(xi.loss for xi in self.subnetworks))


def case_of(text: str, shape: tuple[int, ...], seed: int, loss: str | None = None, dtype=torch.float64) -> Case:
    generator = torch.Generator().manual_seed(seed)
    data = classes(shape, samples=11).to("cpu", dtype)
    problem = problem_of(text, data, loss)
    widths = [layer.outputs for layer in problem.layered.layers[:-1]]
    sizes = [int(torch.randint(n - n // 2, n, (1,), generator=generator)) for n in widths]
    a, b = points(problem, 2, seed % 1000)
    ends = [End(theta, subnetworks_of(problem, theta, sizes, generator)) for theta in (a, b)]
    return Case(text, data, problem, *ends, subnetwork(problem, a, 0, sizes, generator))


def subnetworks_of(problem: Problem, theta: Tensor, sizes: list[int], generator: torch.Generator) -> list[Subnetwork]:
    return [subnetwork(problem, theta, level, sizes, generator) for level in range(1, len(sizes) + 1)]


def subnetwork(problem: Problem, theta: Tensor, level: int, sizes: list[int], generator: torch.Generator) -> Subnetwork:
    """Random weights on a random kept set, perhaps not all of it read, perhaps narrower than there is room."""
    widths = [problem.layered.layers[0].inputs, *(layer.outputs for layer in problem.layered.layers)]

    def below(n: int) -> int:
        return int(torch.randint(max(1, n - 1), n + 1, (1,), generator=generator))

    kept = reads = None
    if level:
        kept = torch.randperm(widths[level], generator=generator)[: sizes[level - 1]].sort().values
        reads = kept[torch.randperm(len(kept), generator=generator)[: below(len(kept))]].sort().values
    rooms = [below(n - K) for n, K in zip(widths[level + 1 : -1], sizes[level:], strict=True)]
    own = [widths[0] if reads is None else len(reads), *rooms, widths[-1]]
    *_, data = (data for k, data in features_by_level(problem, theta) if k <= level)
    here = frozen(problem, data, level, own, None if reads is None else reads[None])
    xi = 0.5 * torch.randn(1, here.layout.total, generator=generator, dtype=torch.float64).to(problem.dtype)
    return Subnetwork(level, kept, reads, Weights.of(here, xi[0]), float(here.losses(xi)[0]))


@st.composite
def cases(draw: st.DrawFn, dtype: torch.dtype = torch.float64) -> Case:
    widths = draw(st.lists(st.integers(2, 9), min_size=1, max_size=4))
    activation = draw(st.sampled_from(sorted(ACTIVATIONS)))
    text = text_of("fcn:" + "-".join(map(str, widths)), activation, draw(st.booleans()))
    loss = draw(st.sampled_from(["cross-entropy", "square", "absolute", "hinge"]))
    return case_of(text, (4,), draw(seeds), loss, dtype)


def certified(case: Case, path: Path) -> Certificate:
    found = certify(case.problem.to("cpu", torch.float64), path, {})  # raises where a segment has no proof
    assert found.kind == "exact", [found.verdicts[i].reason for i in found.refused]
    return found


def plain_losses(case: Case, thetas: Tensor) -> Tensor:
    """Train losses by plain torch modules, point by point."""
    module = sequential(case.text, tuple(case.data.train.x.shape[1:]), case.data.outputs)
    with torch.no_grad():
        outputs = torch.stack([fill(module, theta)(case.data.train.x.double()) for theta in thetas])
    return case.problem.loss.samples(outputs, case.data.train.y[None]).mean(1)


@given(cases())
def test_every_claim_is_granted_and_the_level_is_that_of_the_theorem(case: Case) -> None:
    path = case.path
    certificate = certified(case, path)
    assert certificate.level - certificate.drift == pytest.approx(case.highest(), rel=1e-12)
    depth = case.problem.layered.depth
    assert len(path) <= 8 * depth - 7
    assert set(path.claims) <= {Claim.CONVEX, Claim.INVARIANT}
    assert torch.equal(path.start, case.a.theta)
    assert torch.equal(path.end, case.b.theta)


@settings(max_examples=20)
@given(cases())
def test_no_point_evaluated_by_plain_torch_is_above_the_level(case: Case) -> None:
    path = case.path
    inside = path.points(torch.linspace(0, 1, 4 * len(path) + 1, dtype=torch.float64))
    assert plain_losses(case, inside).max() <= case.highest() * (1 + 1e-9)


@settings(max_examples=20)
@given(cases())
def test_the_loss_of_a_subnetwork_is_what_plain_torch_says(case: Case) -> None:
    module = sequential(case.text, tuple(case.data.train.x.shape[1:]), case.data.outputs)
    bias = case.problem.layered.layers[0].bias is not None
    act = module[2]
    for end in (case.a, case.b):
        for xi in end.subnetworks:
            with torch.no_grad():
                h = fill(module, end.theta)[: 1 + 2 * xi.level](case.data.train.x)[:, xi.reads]
                for i, (W, b) in enumerate(zip(xi.weights.W, xi.weights.b, strict=True)):
                    assert (b is not None) == bias
                    h = h @ W[..., 0].T + (0 if b is None else b)
                    h = act(h) if i < len(xi.weights.W) - 1 else h
            loss = case.problem.loss.samples(h[None], case.data.train.y[None]).mean()
            assert xi.loss == pytest.approx(float(loss), rel=1e-9)


@settings(max_examples=20)
@given(cases(dtype=torch.float32))
def test_claims_hold_exactly_for_models_in_float32(case: Case) -> None:
    assert case.path.knots.dtype == torch.float32
    assert certified(case, case.path).level == pytest.approx(case.highest(), rel=1e-4)


@settings(max_examples=20)
@given(cases(), seeds)
def test_the_level_does_not_depend_on_the_order_of_hidden_units(case: Case, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    ends = []
    for end in (case.a, case.b):
        orders = [torch.randperm(n, generator=generator) for n in Weights.of(case.problem, end.theta).widths[1:-1]]
        ends.append(permuted(case.problem, end, orders))
    path = theorem_path(case.problem, *ends, case.xi_0)
    assert certified(case, path).level == pytest.approx(certified(case, case.path).level, rel=1e-9)


def permuted(problem: Problem, end: End, orders: list[Tensor]) -> End:
    """The same function with unit i of each hidden layer where unit orders[i] was, and its sets moved along."""
    net = Weights.of(problem, end.theta)
    for k, order in enumerate(orders, start=1):
        b = net.b[k - 1]
        net = net.changed(k, net.W[k - 1][order], None if b is None else b[order])
        net = net.changed(k + 1, net.W[k][:, order], net.b[k])
    places = [order.argsort() for order in orders]
    moved = [replace(xi, kept=places[xi.level - 1][xi.kept].sort().values) for xi in end.subnetworks]
    moved = [replace(new, reads=places[xi.level - 1][xi.reads]) for new, xi in zip(moved, end.subnetworks, strict=True)]
    return End(net.theta(problem), moved)


def test_equal_kept_sets_need_no_exchange_of_units() -> None:
    case = case_of("fcn:8x3", (4,), 3)
    sets = {xi.level: xi.kept for xi in case.a.subnetworks}
    same = [replace(xi, kept=sets[xi.level], reads=sets[xi.level][: len(xi.reads)]) for xi in case.b.subnetworks]
    path = theorem_path(case.problem, case.a, End(case.b.theta, same), case.xi_0)
    assert len(path) == 8 * 4 - 9
    certified(case, path)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_channels_of_convolutions_are_neurons(seed: int, dtype: torch.dtype) -> None:
    case = case_of("cnn,channels=4-5,hidden=6,activation=softplus", (2, 28, 28), seed, dtype=dtype)
    path = case.path
    certificate = certified(case, path)
    seen = certificate.level - certificate.drift
    assert seen == pytest.approx(case.highest(), rel=1e-12 if dtype == torch.float64 else 1e-4)
    inside = path.points(torch.linspace(0, 1, 2 * len(path) + 1, dtype=torch.float64))
    if dtype == torch.float64:
        module_losses = case.problem.losses(inside)
        assert module_losses.max() <= case.highest() * (1 + 1e-9)


def test_a_broken_step_is_refused() -> None:
    """The test of the tests: the checker sees a path whose subnetwork reads outside of its kept set."""
    case = case_of("fcn:8x2", (4,), 5)
    (xi_1, xi_2) = case.a.subnetworks
    outside = replace(xi_1, reads=complement(xi_1.kept, 8)[: len(xi_1.reads)])
    weights = Weights((xi_1.weights.W[0][:, : len(outside.reads)], *xi_1.weights.W[1:]), xi_1.weights.b)
    bad = End(case.a.theta, [replace(outside, weights=weights), xi_2])
    found = certify(case.problem, theorem_path(case.problem, bad, case.b, case.xi_0), dict.fromkeys(range(99), 9.9))
    assert found.refused


def test_pivots_take_what_adds_most_first() -> None:
    generator = torch.Generator().manual_seed(0)
    base = torch.randn(50, 3, generator=generator, dtype=torch.float64) * torch.tensor([1.0, 5.0, 2.0])
    F = torch.cat([base, base[:, 1:2] * 0.9, torch.zeros(50, 1)], 1)
    order = pivots(F.T @ F)
    assert sorted(order[:3].tolist()) == [0, 1, 2]
    assert order[0] == 1
    assert sorted(order.tolist()) == list(range(5))
