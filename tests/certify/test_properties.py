"""What holds for all segments: mutated true claims are refused, granted claims are true.

`check_random_segment` draws small integer networks with many zeros and equal rows, so that dead units and twins
are everywhere. For a long run by hand: python -m tests.certify.test_properties COUNT (from the repository).
"""

from functools import cache

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.certify import decide
from core.path import Claim, Segment
from core.problem import Problem

from .segments import (
    Net,
    losses_along,
    moved_dead,
    moved_kernel,
    moved_output,
    moved_twins,
    outputs_along,
    problem_of,
    segment,
    swap_steps,
)

known_problem = cache(problem_of)
seeds = st.integers(0, 2**32 - 1)
DEEP = ["fcn:6-5", "fcn:5-6-4,activation=leaky_relu", "fcn:6-9-5,activation=tanh", "fcn:5-4,bias=false"]
SMALL = [
    "fcn:3",
    "fcn:3,bias=false",
    "fcn:2-3",
    "fcn:3-2,activation=leaky_relu",
    "fcn:3-3-2",
    "fcn:2-3-3,activation=tanh",
    "fcn:3-3-3,bias=false",
    "fcn:2-2-2-2",
    "fcn:3-2,activation=linear",
    "fcn:2-3-2,activation=linear",
    "fcn:3-3,activation=linear,bias=false",
]


def true_segment(problem: Problem, kind: str, seed: int) -> tuple[Net, Net, Claim, dict[int, list[int]]]:
    """A true segment and its dead units by layer."""
    if kind == "dead":
        start, end = moved_dead(problem, seed)
        return start, end, Claim.INVARIANT, end.dead
    if kind == "twins":
        return *moved_twins(problem, 1, seed), Claim.INVARIANT, {}
    if kind == "kernel":
        return *moved_kernel(problem, 1, seed), Claim.DATA_INVARIANT, {}
    if kind == "output":
        start, end = moved_output(problem, seed, hidden=True)
        return start, end, Claim.CONVEX, end.dead
    step = int(kind)
    nets = swap_steps(problem, 1, seed)
    return nets[step], nets[step + 1], Claim.INVARIANT, {1: [[0], [], [1]][step]}


@given(st.sampled_from(DEEP), st.sampled_from(["dead", "twins", "kernel", "output", "0", "1", "2"]), seeds)
@settings(deadline=None, max_examples=60)
def test_one_ulp_in_a_live_place_breaks_a_true_claim(text: str, kind: str, seed: int) -> None:
    if kind == "kernel" and "bias=false" in text:
        return
    problem = known_problem(text, samples=3)
    start, end, claim, dead = true_segment(problem, kind, seed)
    assert decide(problem, segment(start, end, claim)).granted is claim
    generator = torch.Generator().manual_seed(seed)

    def draw(count: int) -> int:
        return int(torch.randint(count, (), generator=generator))

    lowest, above = (2, 0) if kind == "kernel" else (1, int(claim is Claim.CONVEX))
    k = lowest + draw(problem.layered.depth - above - lowest + 1)
    live = [r for r in range(len(end.weight(k))) if r not in dead.get(k, [])]
    net, unit = (start, end)[draw(2)], live[draw(len(live))]
    biased = problem.layered.layers[k - 1].bias is not None and draw(3) == 0
    place = net.bias(k)[unit : unit + 1] if biased else net.weight(k)[unit, draw(net.weight(k).shape[1])]
    place[0] = torch.nextafter(place[0], torch.tensor([-1e9, 1e9][draw(2)], dtype=torch.float64))
    verdict = decide(problem, segment(start, end, claim))
    assert verdict.granted is None, (k, unit, biased)


def random_net(problem: Problem, generator: torch.Generator) -> Net:
    """Entries -1, 0, 1, half of them zero, with copied rows and columns of zeros."""
    net = Net.random(problem, generator)
    for one in net.parameters.values():
        kept = torch.rand(one.shape, generator=generator) < 0.5
        one[:] = torch.randint(-1, 2, one.shape, generator=generator).double() * kept
    for _ in range(3):
        random_edit(net, generator, [1, 3, 4, 4])
    return net


def random_edit(net: Net, generator: torch.Generator, among: list[int]) -> None:
    """One change of the kind that constructors make, anywhere."""

    def draw(count: int) -> int:
        return int(torch.randint(count, (), generator=generator))

    k = 1 + draw(net.depth)
    W, b = net.weight(k), net.bias(k)
    r, q, other, value = draw(len(W)), draw(W.shape[1]), draw(W.shape[1]), draw(3) - 1
    match among[draw(len(among))]:
        case 0:
            W[r, q] = value
        case 1:
            net.copy_incoming(k, r, draw(len(W)))
        case 2 if other != q:
            W[:, other] += W[:, q]
            W[:, q] = 0
        case 3:
            W[r], b[r] = 0, 0
        case 4:
            W[:, q] = 0
        case 5:
            b[r] = value
        case 6:
            W[r] = torch.randint(-1, 2, W[r].shape, generator=generator).double()
        case 7:
            net.weight(net.depth)[:] = torch.randint(-1, 2, net.weight(net.depth).shape, generator=generator)


def check_random_segment(text: str, claim: Claim, seed: int) -> bool:
    """Whether a random segment is granted; asserts that the claim is then true."""
    problem = known_problem(text, samples=4)
    generator = torch.Generator().manual_seed(seed)
    problem.data.train.x[:] = torch.randint(-1, 2, problem.data.train.x.shape, generator=generator)
    start = random_net(problem, generator)
    end = start.copy()
    for _ in range(1 + seed % 4):
        random_edit(end, generator, [0, 1, 2, 2, 3, 4, 5, 6, 7])
    one = Segment(start.theta, end.theta, claim)
    verdict = decide(problem, one)
    assert "too coarse" not in verdict.reason  # a wrong rule must not hide behind that check
    if verdict.granted is None:
        return False
    t, outputs = outputs_along(one, problem, 7)
    chord = outputs[:1] if claim is not Claim.CONVEX else torch.lerp(outputs[0], outputs[-1], t[:, None, None])
    assert (outputs - chord).abs().max() <= 1e-12 * (1 + outputs.abs().max())
    assert losses_along(outputs, problem).max() <= verdict.bound + verdict.drift + 1e-12
    return not torch.equal(start.theta, end.theta)


CLAIMS = st.sampled_from([Claim.INVARIANT, Claim.CONVEX, Claim.DATA_INVARIANT])


@given(st.sampled_from(SMALL), CLAIMS, seeds)
@settings(deadline=None, max_examples=100)
def test_whatever_is_granted_is_true(text: str, claim: Claim, seed: int) -> None:
    check_random_segment(text, claim, seed)


def long_run(count: int) -> None:
    for claim in (Claim.INVARIANT, Claim.CONVEX, Claim.DATA_INVARIANT):
        granted = sum(check_random_segment(SMALL[i % len(SMALL)], claim, i) for i in range(count))
        print(f"{claim}: {granted} of {count} granted (and moving), all true")


if __name__ == "__main__":
    import sys

    long_run(int(sys.argv[1]))
