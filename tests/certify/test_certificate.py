"""Certificates of whole paths: level, excess, kinds, and what they do not depend on."""

from math import inf, nan

import pytest
import torch
from torch import nn

from core.certify import Certificate, certify, decide, knot_losses
from core.errors import UsageError
from core.path import Claim, Path
from core.problem import Problem

from .segments import Net, losses_along, moved_dead, moved_output, normal, outputs_along, problem_of, swap_steps


def exact_path(problem: Problem) -> Path:
    """Three invariant segments of a swap, then a convex one, then an invariant one."""
    nets = swap_steps(problem)
    path = Path.chain([net.theta for net in nets], Claim.INVARIANT)
    generator = torch.Generator().manual_seed(5)
    last = nets[-1].copy()
    last.weight(last.depth)[:, 2:] = normal(generator, *last.weight(last.depth)[:, 2:].shape)
    path = path.then(last.theta, Claim.CONVEX)
    last.redraw_incoming(1, [1], generator)  # unit 1 feeds nothing since the swap
    return path.then(last.theta, Claim.INVARIANT)


def test_an_exact_path_is_certified_at_the_largest_knot_loss() -> None:
    problem = problem_of("fcn:6-5")
    path = exact_path(problem)
    certificate = certify(problem, path, {})
    losses = knot_losses(problem, path).loss
    assert (certificate.kind, certificate.certified, certificate.refused) == ("exact", True, ())
    assert certificate.level == pytest.approx(float(losses.max()) + certificate.drift, abs=1e-15)
    assert 0 < certificate.drift < 1e-11
    assert (certificate.loss_a, certificate.loss_b) == (losses[0], losses[-1])
    assert certificate.excess == certificate.level - max(losses[0], losses[-1])
    for i, one in enumerate(path):
        seen = losses_along(outputs_along(one, problem)[1], problem).max()
        assert seen <= certificate.verdicts[i].bound + 1e-12 <= certificate.level + 1e-12


def test_the_carriers_are_all_segments_at_the_level() -> None:
    problem = problem_of("fcn:6-5")
    path = exact_path(problem)
    losses = knot_losses(problem, path).loss
    expected = (0, 1, 2, 3) if losses[0] > losses[-1] else (3, 4)
    assert certify(problem, path, {}).carries == expected


def test_the_middle_of_a_path_may_carry_it() -> None:
    problem = problem_of("fcn:6-5")
    start, end = moved_output(problem)
    middle = end.copy()
    middle.bias(3)[:] = torch.tensor([40.0, -40.0, 0.0])
    path = Path.chain([start.theta, middle.theta, end.theta], Claim.CONVEX)
    certificate = certify(problem, path, {})
    assert certificate.excess > 1
    assert certificate.carries == (0, 1)
    assert certificate.level - certificate.drift == pytest.approx(
        float(problem.losses(middle.theta[None])[0]), rel=1e-14
    )


def test_a_refused_claim_makes_the_path_sampled() -> None:
    problem = problem_of("fcn:6-5")
    path = exact_path(problem)
    forged = Path(path.knots, (*path.claims[:3], Claim.INVARIANT, path.claims[4]))
    certificate = certify(problem, forged, {3: 7.5})
    assert (certificate.kind, certificate.certified) == ("sampled", False)
    assert certificate.refused == (3,)
    assert [i for i, verdict in enumerate(certificate.verdicts) if not verdict.proven] == [3]
    assert (certificate.level, certificate.carries) == (7.5, (3,))
    assert certificate.verdicts[3].claim is Claim.INVARIANT


def test_a_sampled_segment_counts_with_the_largest_loss_seen_or_its_ends() -> None:
    problem = problem_of("fcn:6-5")
    path = Path(exact_path(problem).knots, (Claim.SAMPLED,) * 5)
    losses = knot_losses(problem, path).loss
    low = certify(problem, path, dict.fromkeys(range(5), 0.0))
    assert (low.kind, low.level, low.refused) == ("sampled", losses.max(), ())
    assert not any(verdict.proven for verdict in low.verdicts)
    for worst in (inf, nan):
        assert certify(problem, path, {**dict.fromkeys(range(5), 0.0), 2: worst}).level == inf


def test_a_segment_without_proof_needs_a_sampled_loss() -> None:
    problem = problem_of("fcn:6-5")
    path = Path(exact_path(problem).knots, (Claim.SAMPLED,) * 5)
    with pytest.raises(ValueError, match=r"segments \[0, 2, 3, 4\] have no proof and no sampled loss"):
        certify(problem, path, {1: 3.0})


def test_losses_are_those_of_the_points_one_by_one() -> None:
    problem = problem_of("fcn:6-5")
    path = Path.chain([*exact_path(problem).knots] * 3)
    each = [float(losses_along(outputs_along(one, problem, 2)[1], problem)[0]) for one in path]
    assert knot_losses(problem, path).loss[:-1].tolist() == pytest.approx(each, rel=1e-13)


def permuted(problem: Problem, theta: torch.Tensor) -> torch.Tensor:
    """The same function with the units of every hidden layer in reverse order."""
    net = Net.at(problem, theta)
    for k in range(1, net.depth):
        net.weight(k)[:], net.bias(k)[:] = net.weight(k).flip(0), net.bias(k).flip(0)
        net.weight(k + 1)[:] = net.weight(k + 1).flip(1)
    return net.theta


@pytest.mark.parametrize("text", ["fcn:6-5", "fcn:5-6-4,activation=tanh", "cnn,channels=4-5,hidden=6"])
def test_the_certificate_does_not_depend_on_the_order_of_units(text: str) -> None:
    problem = problem_of(text)
    path = exact_path(problem)
    other = Path(torch.stack([permuted(problem, knot) for knot in path.knots]), path.claims)
    first, second = (certify(problem, one, {}) for one in (path, other))
    assert first.kind == second.kind == "exact"
    assert first.level == pytest.approx(second.level, rel=1e-13)
    assert first.carries == second.carries


def test_a_path_stored_in_float32_is_checked_in_float64() -> None:
    problem = problem_of("fcn:6-5")
    path = exact_path(problem)
    stored = Path(path.knots.float(), path.claims)
    certificate = certify(problem, stored, {})
    assert certificate.kind == "exact"
    assert certificate.loss_a == float(problem.losses(path.knots[:1].float().double())[0])
    assert certificate.loss_a != float(problem.losses(path.knots[:1])[0])


def test_the_problem_has_to_be_in_float64() -> None:
    problem = problem_of("fcn:6-5")
    path = exact_path(problem)
    single = problem.to("cpu", torch.float32)
    for check in (knot_losses, lambda *given: certify(*given, {}), lambda p, q: decide(p, q.segment(0))):
        with pytest.raises(AssertionError):
            check(single, path)


def test_the_largest_residual_is_reported() -> None:
    problem = problem_of("fcn:6-5", samples=3)
    start, _ = moved_dead(problem)
    end = start.copy()
    end.bias(1)[1] += 1e-13
    path = Path.line(start.theta, end.theta, Claim.DATA_INVARIANT)
    certificate: Certificate = certify(problem, path, {})
    assert certificate.kind == "exact"
    assert certificate.residual == pytest.approx(1e-13, rel=1e-2)
    assert 0 < certificate.drift < 1e-11


def test_a_path_of_another_network_is_a_usage_error() -> None:
    problem = problem_of("fcn:6-5")
    with pytest.raises(UsageError, match="parameters and this network has"):
        certify(problem_of("fcn:6-4"), exact_path(problem), {})


def test_any_module_gets_a_sampled_certificate() -> None:
    known = problem_of("fcn:6-5")
    module = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
    problem = Problem(module, known.data, known.loss)
    ends = normal(torch.Generator().manual_seed(0), 2, problem.layout.total)
    certificate = certify(problem, Path.line(*ends, Claim.CONVEX), {0: 9.0})
    assert (certificate.kind, certificate.level, certificate.refused) == ("sampled", 9.0, (0,))
