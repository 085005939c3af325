"""Equal rows below a wide layer: told apart at constant loss where a neuron is to spare, else at a stated cost."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.certify import certify
from core.errors import RunError
from core.methods.method import Task
from core.methods.wide.descent import descend
from core.methods.wide.net import Net
from core.methods.wide.parting import move_layer, part_samples, repeated_rows
from core.methods.wide.ranks import rank
from core.methods.wide.route import Route
from core.path import Claim
from tests.core.wide import SLOPED, changed, net_of, problem, seeds

LOSSES = st.sampled_from(["cross-entropy", "square", "hinge"])


def alike(text: str, seed: int, loss: str | None = None) -> Net:
    """Samples 0 and 1 differ in their first entry alone, and nothing reads it: no neuron of layer 1 is to spare."""
    found = problem(f"{text},{SLOPED}", 5, 4, loss, seed % 1000)
    x = found.data.train.x
    x[1] = x[0]
    x[1, 0] += 1
    net = net_of(found, seed)
    first = net.W[0].clone()
    first[0] = 0
    net = net.changed(1, first)
    assert repeated_rows(net, 1) == 1
    return net


@settings(max_examples=25)
@given(seeds, st.sampled_from([("fcn:3-9-5", 2), ("fcn:3-4-9-5", 3)]), LOSSES, st.sampled_from([1e-1, 1e-2, 1e-3]))
def test_a_perturbation_costs_at_most_delta(seed: int, shape: tuple[str, int], loss: str, delta: float) -> None:
    net = alike(shape[0], seed, loss)
    assert rank(net.features(1)) == 3
    made = descend(Task(net.theta, net.theta, net.problem), 1e-3, "4.2", delta)
    if made.gaps is not None:
        assert "has the condition number" in made.gaps
        return
    assert made.path.claims[0] is Claim.ENCLOSED
    found = certify(net.problem, made.path, {})  # raises where a segment has no proof
    assert found.loss_a < found.level <= found.loss_a + delta
    assert found.loss_b <= 1e-3
    losses = net.problem.losses(made.path.points(torch.linspace(0, 1, 20 * len(made.path) + 1, dtype=torch.float64)))
    assert losses.max() <= found.level


@given(seeds, st.sampled_from(["zero", "silent", "twins"]), LOSSES)
@settings(max_examples=25)
def test_where_a_neuron_is_to_spare_nothing_is_paid(seed: int, how: str, loss: str) -> None:
    found = problem(f"fcn:4-4-9-5,{SLOPED}", 5, 2, loss, seed % 1000)
    net = changed(net_of(found, seed), how)
    route = Route([net])
    part_samples(route, 3, 1e-3, torch.Generator().manual_seed(seed))
    assert Claim.ENCLOSED not in route.claims
    assert [repeated_rows(route.here, l) for l in range(3)] == [0, 0, 0]
    torch.testing.assert_close(route.here.features(4), net.features(4), rtol=1e-9, atol=1e-9)
    made = descend(Task(net.theta, net.theta, found), 1e-3, "4.2")
    assert made.gaps is None
    seen = certify(found, made.path, {})
    assert seen.excess - seen.drift <= 1e-9


def test_distinct_rows_are_left_alone() -> None:
    route = Route([net_of(problem(f"fcn:4-9-5,{SLOPED}", 5, 2), 0)])
    part_samples(route, 2, 1e-3, torch.Generator())
    assert len(route.nets) == 1


def test_a_cost_too_small_for_float64_is_refused() -> None:
    route = Route([alike("fcn:3-9-5", 0)])
    with pytest.raises(RunError, match="can't be told apart where the loss may rise by 1e-20"):
        part_samples(route, 2, 1e-20, torch.Generator().manual_seed(0))


def test_steps_are_halved_until_they_are_cheap_enough() -> None:
    net = alike("fcn:3-9-5", 0)
    towards = net.changed(1, net.W[0] + 1, net.b[0] + 1)
    sizes = [float((move_layer(net, towards, 1, delta).W[0] - net.W[0]).abs().max()) for delta in (1e3, 1e-2, 1e-4)]
    assert sizes[0] > 20 * sizes[1] > 400 * sizes[2] > 0
