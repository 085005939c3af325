"""Views that were traced, at the points that matter: what a module does beside them is found out, with the number."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from plain import classes
from torch import Tensor, nn

from core.certify.certificate import certify
from core.certify.decide import decide
from core.certify.knots import knot_losses
from core.errors import PremiseError
from core.examination import examine
from core.losses import LOSSES
from core.methods.connect import connect
from core.methods.method import Task
from core.networks.agreement import difference
from core.networks.tracing import NoLayersError, layers_of
from core.path import Claim, Path
from core.problem import Problem
from core.specs.methods import Sparse
from core.traced_view import view_differences, without_wrong_view

SHAPE = (4,)


class Misread(nn.Module):
    """A chain to whoever traces it; what it does besides, `bend` says."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 6), nn.Linear(6, 3)

    def bend(self, h: Tensor) -> Tensor:
        return h

    def forward(self, x: Tensor) -> Tensor:
        h = self.first(x).relu()
        return self.last(self.bend(h) if isinstance(h, Tensor) else h)


class Clamped(Misread):
    """As reported: only features above 8 are touched."""

    def bend(self, h: Tensor) -> Tensor:
        return h.clamp(max=8)


class Windowed(Misread):
    """Bent where its largest parameter is in a window that no probe looks through."""

    low, high, push = 60.0, 90.0, 1.0

    def bend(self, h: Tensor) -> Tensor:
        top = max(float(one.detach().abs().max()) for one in self.parameters())
        return h + self.push if self.low < top < self.high else h


class Pushed(Windowed):
    push = 1000.0


class Batchwise(Misread):
    def bend(self, h: Tensor) -> Tensor:
        return h if len(h) < 5 else 1.001 * h


def problem_of(module: nn.Module, samples: int = 9) -> Problem:
    module = module.double()
    return Problem(module, classes(SHAPE, samples), LOSSES["cross-entropy"], layers_of(module, SHAPE))


WINDOWED = problem_of(Windowed())


def point(problem: Problem, top: float, seed: int = 0) -> Tensor:
    """Random parameters (P,) of which the largest is `top`."""
    theta = torch.rand(problem.layout.total, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 0.5
    return theta * top / theta.abs().max()


def by_hand(problem: Problem, theta: Tensor) -> Tensor:
    """The module's own outputs (N, C), its parameters set in place."""
    nn.utils.vector_to_parameters(theta, problem.network.parameters())
    with torch.no_grad():
        return problem.network(problem.data.train.x)


def test_what_only_large_values_show_leaves_no_view() -> None:
    with pytest.raises(
        NoLayersError, match=r"what was traced differs from what it computes, by .* where outputs reach"
    ):
        layers_of(Clamped(), SHAPE)


@settings(max_examples=40, deadline=None)
@given(st.floats(1.0, 200.0), st.integers(0, 9))
def test_a_view_is_held_exactly_where_it_is_what_the_module_computes(top: float, seed: int) -> None:
    problem = WINDOWED
    theta = point(problem, top, seed)
    expected = by_hand(problem, theta)
    off = (problem.outputs(theta[None], problem.data.train.x)[0] - expected).abs().max()
    here = without_wrong_view(problem, theta[None])
    assert (here is problem) == bool(off <= 1e-9 * (1 + expected.abs().max()))
    torch.testing.assert_close(here.outputs(theta[None], problem.data.train.x)[0], expected, rtol=1e-12, atol=1e-12)
    assert here is problem or f"differ by {float(off):.3g} from what it computes" in here.without


def test_points_are_compared_once_each_and_views_of_our_own_never(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = problem_of(Misread())
    points = torch.stack([point(problem, top) for top in (1.0, 2.0, 1.0, 2.0, 2.0)])
    assert len(view_differences(problem, points)) == 2
    assert all(one.holds for one in view_differences(problem, points))
    assert without_wrong_view(problem, points[:0]) is problem
    assert problem.layered is not None
    own = replace(problem, network=Clamped().double(), layered=replace(problem.layered, traced=False))
    assert without_wrong_view(own, 1e6 * points) is own


@pytest.mark.parametrize("knot", [0, 1, 2])
def test_no_claim_is_granted_on_a_path_with_a_knot_at_which_the_view_does_not_hold(knot: int) -> None:
    problem = problem_of(Windowed())
    start = point(problem, 1.0)
    knots = torch.stack([start] * 3)
    last = problem.layout.names.index("last.bias")
    at = sum(problem.layout.sizes[:last])
    knots[1:, at] += 1.0  # the output layer alone: convex, invariant
    knots[knot, at + 1 :] = 70.0
    path = Path(knots, (Claim.CONVEX, Claim.CONVEX))
    found = examine(problem, path)
    assert found.certificate.kind == "sampled"
    assert not any(verdict.proven for verdict in found.certificate.verdicts)
    expected = [nn.functional.cross_entropy(by_hand(problem, one), problem.data.train.y).item() for one in knots]
    torch.testing.assert_close(knot_losses(without_wrong_view(problem, knots), path).loss.tolist(), expected)
    assert found.certificate.level >= max(expected) - 1e-9
    assert float(found.profile.train.loss.max()) >= max(expected) - 1e-9
    sampled = {0: 0.0, 1: 0.0}
    verdicts = certify(problem, path, sampled).verdicts
    for verdict in (*verdicts, *found.certificate.verdicts):
        assert verdict.granted is None
        assert "the layers that were traced differ by" in verdict.reason
    alone = [decide(problem, segment).granted for segment in path]
    assert alone == [None if knot in (i, i + 1) else Claim.CONVEX for i in (0, 1)]


def test_the_same_path_is_granted_where_the_view_holds() -> None:
    problem = problem_of(Misread())
    knots = torch.stack([point(problem, 1.0)] * 2)
    knots[1, -1] = 70.0
    assert examine(problem, Path(knots, (Claim.CONVEX,))).certificate.kind == "exact"


def test_between_the_knots_unproven_segments_are_looked_at_by_the_module() -> None:
    """The window lies inside the line: neither end shows it, and the view knows nothing of it."""
    problem = problem_of(Pushed())
    ends = torch.stack([point(problem, 50.0), point(problem, 100.0)])
    found = examine(problem, Path(ends, (Claim.SAMPLED,)), points=41)
    assert without_wrong_view(problem, ends) is problem
    inside = [
        nn.functional.cross_entropy(by_hand(problem, torch.lerp(*ends, t)), problem.data.train.y).item()
        for t in found.profile.t.tolist()
    ]
    torch.testing.assert_close(found.profile.train.loss.tolist(), inside)
    assert max(inside) > 2 * max(inside[0], inside[-1])
    assert found.certificate.level == pytest.approx(max(inside), rel=1e-12)


def test_a_method_that_needs_layers_says_by_how_much_they_are_off() -> None:
    problem = problem_of(Batchwise())
    thetas = torch.stack([point(problem, 1.0, seed) for seed in (0, 1)])
    here = without_wrong_view(problem, thetas)
    with pytest.raises(
        PremiseError, match=r"view by layers.*the layers that were traced differ by .*, over \d\.\de-09"
    ):
        connect(Sparse(draws=1, epochs=1), Task(*thetas, here))


@pytest.mark.parametrize(
    ("found", "expected", "off", "size"),
    [
        ([1.0, 2.0], [1.0, 2.5], 0.5, 2.5),
        ([torch.inf, 1.0], [torch.inf, 1.0], 0.0, 1.0),
        ([torch.nan, 1.0], [torch.nan, 3.0], 2.0, 3.0),
        ([torch.nan, 1.0], [2.0, 1.0], torch.inf, 2.0),
        ([torch.inf], [-torch.inf], torch.inf, 0.0),
        ([1.0], [torch.nan], torch.inf, 0.0),
    ],
)
def test_what_is_no_finite_number_differs_from_all_but_its_like(
    found: list[float], expected: list[float], off: float, size: float
) -> None:
    assert difference(torch.tensor(found), torch.tensor(expected)) == (off, size)
