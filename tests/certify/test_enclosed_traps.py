"""Segments on which plausible bounds are false: each was a hole in some version of the theorems, or looks like one."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from core.certify.enclosed import Wanted
from core.certify.enclosed.nonlinear import Gap, activation_gap, unknown
from core.certify.enclosed.search import By, Start
from core.data.dataset import Dataset, Split
from core.examination import Examination, examine
from core.losses import LOSSES
from core.networks.layered import Layer
from core.path import Path
from core.problem import Problem
from tests.certify.enclosing import (
    WAYS,
    Convolved,
    drawn_ends,
    losses_of,
    network,
    outputs_at,
    problem_with,
    search_on,
)
from tests.certify.test_enclosed_soundness import check_pieces, last_step

Layers = Sequence[tuple[list[list[float]], list[float]]]


def problem_on(
    x: Sequence[Sequence[float]], y: Sequence[int], widths: tuple[int, ...], loss: str = "cross-entropy"
) -> Problem:
    """A relu network for two classes."""
    inputs = torch.tensor(x, dtype=torch.float64)
    module, layered = network(inputs, 2, "relu", widths)
    return Problem(module, Dataset("made", Split(inputs, torch.tensor(y)), None, 2), LOSSES[loss], layered)


def point(*layers: tuple[list[list[float]], list[float]]) -> Tensor:
    return torch.tensor([one for W, b in layers for one in (*(w for row in W for w in row), *b)], dtype=torch.float64)


def bent(high: float, low: float) -> tuple[Tensor, Tensor]:
    """Ends of one input that are `high` ahead for class 0 where x = 1, and `low` in the middle: low + (high-low)|w|."""
    size = high - low
    above = ([[size, size], [0, 0]], [low, 0.0])
    return point(([[1], [-1]], [0, 0]), above), point(([[-1], [1]], [0, 0]), above)


def largest_seen(problem: Problem, ends: Tensor, points: int = 4001) -> float:
    t = torch.linspace(0, 1, points, dtype=torch.float64)
    return float(losses_of(problem, outputs_at(problem, ends, t)).mean(1).max())


def examined(problem: Problem, ends: Tensor, slack: float = 0.05, passes: float = 4000) -> Examination:
    return examine(problem, Path.line(ends[0], ends[1]), wanted=Wanted(slack, passes))


@pytest.mark.parametrize("by", WAYS)
def test_a_sample_that_is_far_ahead_at_both_ends_may_be_lost_in_the_middle(by: str) -> None:
    problem = problem_on([[1]], [0], (2,))
    ends = torch.stack(bent(40, -40))
    found = search_on(problem, ends).looked_at(torch.tensor([0.0, 1.0]).double(), None, by)
    line = found.at
    assert not bool(found.settled.any())
    assert bool((problem.losses(ends) == 0).all() or (problem.losses(ends) < 1e-15).all())
    assert float(line.amax(0)) >= 40, "of a loss that is computed as 0 nothing would be left"
    assert examined(problem, ends).certificate.level >= 40


def test_a_barrier_between_low_ends_is_found_whatever_is_frozen() -> None:
    x = [[0.6 + 0.02 * i] for i in range(40)]
    problem = problem_on(x, [0] * 40, (2,))
    ends = torch.stack(bent(4, -1.6))
    found = examined(problem, ends, 0.01)
    assert max(found.certificate.loss_a, found.certificate.loss_b) < 0.2
    true = largest_seen(problem, ends)
    assert 1.7 < true <= found.certificate.level <= 1.011 * true
    assert found.certificate.kind == "enclosed"


def test_a_spike_between_all_points_of_a_grid_is_not_missed() -> None:
    """relu(1 - |w|) with w = (t - 0.1234567) / 5e-5: ten times as high as all else, and 1e-4 wide."""
    at, width = 0.1234567, 5e-5
    start, end = -at / width, (1 - at) / width
    problem = problem_on([[1]], [0], (2, 1))
    above = (([[-1, -1]], [1.0]), ([[-20], [0]], [3.0, 0]))
    ends = torch.stack([point(([[start], [-start]], [0, 0]), *above), point(([[end], [-end]], [0, 0]), *above)])
    path = Path.line(*ends)
    assert examine(problem, path).max_train_loss < 0.05, "a grid sees nothing of it"
    found = examine(problem, path, wanted=Wanted(0.05, 5000))
    top = float(losses_of(problem, outputs_at(problem, ends, torch.tensor([at]).double())))
    assert 16 < top <= (found.certificate.level if found.certificate.certified else torch.inf)
    assert found.certificate.kind == "enclosed", found.unproven


def exactly(layers: Sequence[tuple[Tensor, Tensor, Tensor, Tensor]], x: Tensor, t: Fraction) -> list[Fraction]:
    """Outputs of a relu network between two points, (W0, b0, W1, b1) a layer, in rational arithmetic."""
    features = [Fraction(one) for one in x.tolist()]
    for number, (W0, b0, W1, b1) in enumerate(layers, start=1):

        def between(a: float, b: float) -> Fraction:
            return (1 - t) * Fraction(a) + t * Fraction(b)

        rows = zip(W0.tolist(), W1.tolist(), b0.tolist(), b1.tolist(), strict=True)
        Z = [
            sum((between(a, b) * f for a, b, f in zip(w0, w1, features, strict=True)), between(c0, c1))
            for w0, w1, c0, c1 in rows
        ]
        features = Z if number == len(layers) else [max(z, Fraction(0)) for z in Z]
    return features


def layers_of(problem: Problem, ends: Tensor) -> list[tuple[Tensor, Tensor, Tensor, Tensor]]:
    named = problem.layout.split(ends)
    return [
        (named[one.weight][0], named[one.bias][0], named[one.weight][1], named[one.bias][1])
        for one in problem.layered.layers
    ]


@pytest.mark.parametrize("by", WAYS)
@pytest.mark.parametrize("seed", range(6))
def test_what_cancels_between_the_ends_is_within_the_rounding(seed: int, by: str) -> None:
    """A = 1, B = -2 and t = fl(1/3): float64 has twice the true weight there, and inputs of 2^60 make that large."""
    generator = torch.Generator().manual_seed(seed)
    problem = problem_on([[2.0**60, -(2.0**59)]], [0], (3,))
    start = torch.randn(problem.layout.total, generator=generator).double()
    ends = torch.stack([start, -2 * start])
    third = 1 / 3
    assert float(torch.lerp(ends[0], ends[1], third).abs().max()) > 0, "else nothing is rounded"
    t = torch.tensor([third, third, third + 2.0**-50], dtype=torch.float64)
    last = last_step(search_on(problem, ends), t, by)
    for g, s in ((0, Fraction(0)), (1, Fraction(0)), (1, Fraction(1, 2)), (1, Fraction(1))):
        where = Fraction(float(t[g])) * (1 - s) + Fraction(float(t[g + 1])) * s
        true = exactly(layers_of(problem, ends), problem.data.train.x[0], where)
        bar = [
            Fraction(a) * (1 - s) + Fraction(b) * s
            for a, b in zip(last.Z[g, 0].tolist(), last.Z[g + 1, 0].tolist(), strict=True)
        ]
        off = [abs(a - b) for a, b in zip(true, bar, strict=True)]
        assert sum(one**2 for one in off) <= Fraction(float(last.gap.norm[g, 0])) ** 2
        if last.gap.entries is not None:
            assert all(a <= Fraction(b) for a, b in zip(off, last.gap.entries[g, 0].tolist(), strict=True))


def test_a_loss_that_only_float64s_points_reach_is_not_said_to_be_reached() -> None:
    """Two weights that cancel everywhere on the line, but not at its points in float64, where they are rounded."""
    K = 2.0**56
    problem = problem_on([[3 * K, -K]], [0], ())
    q = torch.tensor([1 + 5 * 2.0**-50, -2 - 11 * 2.0**-49], dtype=torch.float64)
    zero = torch.zeros_like(q)
    ends = torch.stack([zero, zero, q, 3 * q, zero, zero], 1)
    assert bool((ends[:, 3] / 3 == q).all()), "three times as much is a number of float64 too"
    search, true = search_on(problem, ends), float(torch.tensor(2.0).double().log())
    reached = [float(losses_of(problem, outputs_at(problem, ends, torch.tensor([t]).double()))) for t in THIRDS]
    assert max(reached) > true + 0.5, "else nothing was tried"
    assert all(search.surely(t) <= true for t in THIRDS)


THIRDS = [k / 3 + j * 2.0**-40 for k in (1, 2) for j in range(8)]


def test_a_float32_path_is_proven_in_float64_and_its_float32_points_are_not_covered() -> None:
    K = 2.0**26
    problem = problem_on([[3 * K, -K], [1, 1]], [0, 1], ())
    q = torch.tensor([1 + 5 * 2.0**-20, -2 - 11 * 2.0**-19], dtype=torch.float64)
    zero = torch.zeros_like(q)
    path = Path.line(*torch.stack([zero, zero, q, 3 * q, zero, zero], 1).float())
    found = examine(problem.to("cpu", torch.float32), path, wanted=Wanted(0.05, 2000))
    assert found.certificate.kind == "enclosed", found.unproven
    t = torch.linspace(0, 1, 1001)
    assert float(problem.losses(path.cast(torch.float64).points(t)).max()) <= found.certificate.level
    assert float(problem.losses(path.points(t).double()).max()) > found.certificate.level, "they are rounded"


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh"])
@pytest.mark.parametrize("loss", ["cross-entropy", "square", "hinge"])
def test_odd_segments_are_enclosed_truly(activation: str, loss: str) -> None:
    one = problem_with(loss, activation, widths=(5, 4), samples=1)
    usual = drawn_ends(one, 1, 1.0, 0.1)
    dead = usual.clone()
    dead[:, : one.layout.sizes[0]] = 0
    dead[:, one.layout.sizes[0] : one.layout.sizes[0] + one.layout.sizes[1]] = -1
    for name, ends in {"usual": usual, "dead": dead, "equal": usual[:1].expand(2, -1), "large": 1e8 * usual}.items():
        found = examined(one, ends)
        if (activation, name) == ("tanh", "large"):  # a step: whether it is proven is a matter of luck
            assert found.certificate.certified or "would be shorter than" in found.unproven
            continue
        assert found.certificate.kind == "enclosed", f"{name}: {found.unproven}"
        assert largest_seen(one, ends, 501) <= found.certificate.level, name
        assert found.max_train_loss <= found.certificate.level, name


@pytest.mark.parametrize("loss", ["cross-entropy", "square", "hinge"])
@pytest.mark.parametrize("size", [1e60, 1e100, 1e154, 1e200, 1e300, float("nan"), float("inf")])
def test_what_float64_cannot_hold_is_sampled_and_nothing_breaks(loss: str, size: float) -> None:
    problem = problem_with(loss, "relu", widths=(5, 4))
    ends = drawn_ends(problem, 1, 1.0, 1.0)
    ends[1] *= size
    found = examine(problem, Path.line(*ends), wanted=Wanted(0.05, 300))
    assert found.certificate.kind == "sampled" or largest_seen(problem, ends, 101) <= found.certificate.level
    assert found.unproven is None or ("nan" not in found.unproven.replace("is nan:", ""))
    if not size <= 1e200:
        assert found.certificate.kind == "sampled"


@pytest.mark.parametrize("loss", ["cross-entropy", "square", "hinge"])
@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -float("inf")])
def test_a_parameter_that_is_no_number_is_named_with_its_segment(loss: str, wrong: float) -> None:
    problem = problem_with(loss, "relu", widths=(5, 4))
    path = Path.chain([*drawn_ends(problem, 1, 0.0, 1.0), drawn_ends(problem, 2, 0.0, 1.0)[0]])
    path.knots[2, 7] = wrong
    found = examine(problem, path, wanted=Wanted(0.05, 300))
    assert found.unproven == f"segment 1: w0, entry 7, of its end is {wrong}: it has to be finite"
    assert (found.certificate.kind, found.proof) == ("sampled", None)


@pytest.mark.parametrize("loss", ["square", "hinge"])
def test_a_loss_that_is_no_number_is_why_a_path_is_sampled(loss: str) -> None:
    problem = problem_with(loss, "relu", widths=(5, 4))
    ends = drawn_ends(problem, 1, 1.0, 1.0)
    found = examine(problem, Path.line(ends[0], 1e160 * ends[1]), wanted=Wanted(0.05, 300))
    assert found.certificate.kind == "sampled"
    assert found.unproven is not None
    assert found.unproven.startswith("segment 0: a loss seen on it is ")


@pytest.mark.parametrize("by", ["norms", "entries"])
@pytest.mark.parametrize(
    ("size", "sizes", "said"),
    [
        (1.0, (1.0, 1e160, 1.0), r"layer 2: the norm of its weights is inf: features or weights are too large for"),
        (1.0, (1e110, 1e110, 1e110), r"sample 3, layer 2: the norm of its outputs is inf: "),
        (1e200, (1.0, 1e120, 1.0), r"sample 3, layer 1: the norm of its outputs is inf: "),
        (1e200, (1e120, 1.0, 1.0), r"sample 3, layer 1: an output is (inf|-inf|nan): "),
    ],
)
def test_what_float64_cannot_hold_is_named_with_sample_and_layer(
    by: By, size: float, sizes: Sequence[float], said: str
) -> None:
    problem = problem_with("cross-entropy", "relu", widths=(5, 4))
    problem.data.train.x[3] *= size
    problem.data.train.x[:3] *= 0
    ends = drawn_ends(problem, 1, 0.0, 1.0)
    named = problem.layout.split(ends)
    for i, times in enumerate(sizes):
        named[f"w{i}"] *= times
        named[f"b{i}"] *= 0
    search = search_on(problem, ends)
    search.start = Start(by, 2, 1.0)
    with pytest.raises(ValueError, match=said):
        search.run()


def layer(**how: object) -> Layer:
    return Layer("w", "b", 1, 1, **how)  # type: ignore[arg-type]


def test_the_slope_below_zero_is_that_of_the_layer() -> None:
    Z = torch.tensor([[[-1.0]], [[1.0]]]).double()
    nothing = Gap(torch.zeros(1, 1).double(), torch.zeros(1, 1, 1).double())
    for activation, k in ((torch.relu, 0.5), (partial(functional.leaky_relu, negative_slope=0.2), 0.4), (None, 0.0)):
        one = layer(activation=activation)
        gap = activation_gap(one, Z, one.after(Z), nothing)
        assert float(gap.norm) == pytest.approx(k, abs=1e-12)
        assert float(gap.norm) >= k


@pytest.mark.parametrize(
    "activation",
    [
        torch.erf,
        partial(functional.elu, alpha=0.5),
        functional.leaky_relu,
        partial(functional.leaky_relu, negative_slope=1.5),
        partial(functional.leaky_relu, negative_slope=-0.1),
        functional.softplus,
    ],
)
def test_activations_of_which_nothing_is_known_are_not_taken_for_others(activation: object) -> None:
    assert unknown(layer(activation=activation)) is not None
    problem = problem_with("cross-entropy", "relu", widths=(3,))
    first, last = problem.layered.layers
    odd = replace(problem.layered, layers=(replace(first, activation=activation), last))
    found = examined(replace(problem, layered=odd), drawn_ends(problem, 0, 0.0, 0.1))
    assert (found.certificate.kind, found.proof) == ("sampled", None)
    assert found.unproven.startswith("segment 0: layer 1 has")


def test_a_pooling_of_another_kind_is_not_taken_for_one_that_is_known() -> None:
    for pool in (
        partial(functional.lp_pool2d, norm_type=2, kernel_size=2),
        torch.abs,
        partial(functional.max_pool2d, 2),
    ):
        assert unknown(layer(pools=(pool,))) == "a pooling that is neither a maximum nor an average"


def score(problem: Problem, ends: Tensor) -> float:
    """How near a loss comes to its line, as a share of what the line is above the chord of losses: 1 is above it."""
    t = torch.tensor([0.0, 1.0]).double()
    s = torch.linspace(0, 1, 17, dtype=torch.float64)[1:-1]
    losses = losses_of(problem, outputs_at(problem, ends, s))
    found, worst = search_on(problem, ends), 0.0
    for by in WAYS:
        line = found.looked_at(t, None, by)
        chord = torch.lerp(line.losses[0], line.losses[1], s[:, None])
        above = torch.lerp(line.at[0, 0], line.at[1, 0], s[:, None])
        worst = max(worst, float(((losses - chord) / (above * (1 + 1e-9) + 1e-12 - chord)).max()))
    return worst


@pytest.mark.parametrize(("loss", "widths"), [("cross-entropy", (2,)), ("square", (2, 2))])
def test_a_search_for_a_loss_above_its_line_finds_none(loss: str, widths: tuple[int, ...]) -> None:
    problem = problem_with(loss, "relu", widths=widths, samples=1, inputs=1)
    ends = drawn_ends(problem, 3, 1.0, 1.0)
    best, size = score(problem, ends), 0.5
    generator = torch.Generator().manual_seed(1)
    begun = best
    for _ in range(150):
        step = (
            size
            * torch.randn(ends.shape, generator=generator).double()
            * (torch.rand(ends.shape, generator=generator) < 0.3)
        )
        now = score(problem, ends + step)
        if now > best:
            ends, best, size = ends + step, now, min(1.5 * size, 2.0)
        else:
            size = max(0.93 * size, 1e-3)
    assert begun < best <= 1, "it climbs, and stays below"
    assert best > 0.5, "else it did not try"


@pytest.mark.parametrize("by", WAYS)
def test_a_bound_comes_down_on_what_is_seen_as_the_square_of_a_pieces_length(by: str) -> None:
    problem = problem_with("cross-entropy", "relu", widths=(8, 8, 8), samples=200)
    search = search_on(problem, drawn_ends(problem, 5, 0.0, 1.0))
    gains = []
    for power in range(5, 11):
        t = torch.tensor([0.5, 0.5 + 2.0**-power], dtype=torch.float64)
        gains.append(float(search.looked_at(t, None, by).gains.mean()))
    assert (gains[0] / gains[-1]) ** (1 / 5) == pytest.approx(4, rel=0.15)


def test_a_kink_in_one_pixel_is_a_gap_in_every_window_that_it_lies_in() -> None:
    """Maxima over 3 x 3 at every pixel: the one that moves is the winner of nine windows, which are added up."""
    threes = partial(functional.max_pool2d, kernel_size=3, stride=1, padding=1)
    x = torch.zeros(1, 1, 7, 7, dtype=torch.float64)
    x[0, 0, 3, 3] = 1
    module, layered = network(x, 1, "relu", (), (Convolved(1, pools=(threes,)),))
    target = Split(x, torch.zeros(1, 1, dtype=torch.float64))
    problem = Problem(module, Dataset("made", target, None, None), LOSSES["square"], layered)
    above = torch.zeros(1, 3, 7, 7, dtype=torch.float64)
    above[0, 0, 2:5, 2:5] = 1
    kernels, nothing = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    kernels[0] = 1
    ends = torch.stack([torch.cat([sign * kernels, nothing, above.flatten(), nothing[:1]]) for sign in (-1.0, 1.0)])
    check_pieces(problem, ends, torch.tensor([0.0, 1.0]).double())
    z = outputs_at(problem, ends, torch.tensor([0.0, 0.5, 1.0]).double()).flatten()
    gap = float(last_step(search_on(problem, ends), torch.tensor([0.0, 1.0]).double(), "norms").gap.norm)
    assert abs(float(z[1] - (z[0] + z[2]) / 2)) == pytest.approx(4.5, rel=1e-12)
    assert gap == pytest.approx(4.5, rel=0.02), "nothing is lost here: a smaller factor would be false"


def test_a_unit_that_may_be_dead_is_not_taken_for_one_that_is_alive() -> None:
    """What it passes on, were it alive, would cancel what the next layer adds; but it is dead in the middle."""
    problem = problem_on([[1.0]], [0], (1, 2))
    ends = torch.stack(
        [
            point(([[1]], [0]), ([[1], [0]], [-0.99, 100]), ([[1, 0.02], [0, 0]], [0, 0])),
            point(([[2]], [0]), ([[5], [0]], [-9.99, 200]), ([[1, -0.02], [0, 0]], [0, 0])),
        ]
    )
    t = torch.tensor([0.0, 1.0], dtype=torch.float64)
    z = outputs_at(problem, ends, torch.tensor([0.0, 0.5, 1.0]).double())[:, 0, 0]
    assert float(z[1] - (z[0] + z[2]) / 2) == pytest.approx(0.99, rel=1e-6)
    last = last_step(search_on(problem, ends), t, "columns")
    assert 0.99 <= float(last.gap.entries[0, 0, 0]) <= 1.1
    check_pieces(problem, ends, t)


def test_to_first_order_too_a_unit_that_may_be_dead_is_not_alive() -> None:
    """The same with outputs so small that the curvature of the loss hides nothing, and the loss rises with the gap."""
    problem = problem_on([[1.0]], [1], (1, 2))
    ends = torch.stack(
        [
            point(([[1]], [0]), ([[1], [0]], [-0.99, 100]), ([[0.01, 0.0002], [0, 0]], [0, 0])),
            point(([[2]], [0]), ([[5], [0]], [-9.99, 200]), ([[0.01, -0.0002], [0, 0]], [0, 0])),
        ]
    )
    check_pieces(problem, ends, torch.tensor([0.0, 1.0], dtype=torch.float64))


def test_a_gap_below_is_met_by_the_weight_of_its_own_place_not_by_that_of_the_middle() -> None:
    """A kink at a tenth of the piece, where the weight above it is not zero as in the middle; all else cancels."""
    problem = problem_on([[1.0]], [1], (2,))
    ends = torch.stack(
        [
            point(([[-1], [1]], [0, 0]), ([[-0.01, 0.009], [0, 0]], [0, 0])),
            point(([[9], [11]], [0, 0]), ([[0.01, -0.009], [0, 0]], [0, 0])),
        ]
    )
    t = torch.tensor([0.0, 0.1, 1.0], dtype=torch.float64)
    z = outputs_at(problem, ends, t)[:, 0, 0]
    assert float(z[1] - torch.lerp(z[0], z[2], 0.1)) == pytest.approx(0.0072, rel=1e-6)
    check_pieces(problem, ends, t[[0, 2]])
