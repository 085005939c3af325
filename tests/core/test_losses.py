"""Losses against formulas written a second time, in plain numpy and Python."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from core.errors import UsageError
from core.losses import LOSSES, ConvexLoss, check_targets, loss_named, missed_labels, misses

sizes = st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 5), st.integers(0, 2**31))


def cross_entropy(z: NDArray[np.float64], y: int) -> float:
    return float(np.log(np.exp(z - z.max()).sum()) + z.max() - z[y])


def square(z: NDArray[np.float64], y: int) -> float:
    return sum(0.5 * (one - (1.0 if j == y else 0.0)) ** 2 for j, one in enumerate(z))


def hinge(z: NDArray[np.float64], y: int) -> float:
    return max([0.0, *(1 - (z[y] - one) for j, one in enumerate(z) if j != y)])


def absolute(z: NDArray[np.float64], y: int) -> float:
    return sum(abs(one - (1.0 if j == y else 0.0)) for j, one in enumerate(z))


def binary_cross_entropy(z: NDArray[np.float64], y: int) -> float:
    shares = 1 / (1 + np.exp(-z))
    return float(-np.mean([np.log(p if j == y else 1 - p) for j, p in enumerate(shares)]))


FORMULAS = {
    "cross-entropy": cross_entropy,
    "square": square,
    "absolute": absolute,
    "hinge": hinge,
    "binary-cross-entropy": binary_cross_entropy,
}


def drawn(size: tuple[int, int, int, int]) -> tuple[Tensor, Tensor, torch.Generator]:
    """Outputs (K, N, C) in float64 and labels (K, N)."""
    k, n, c, seed = size
    generator = torch.Generator().manual_seed(seed)
    outputs = 3 * torch.randn(k, n, c, generator=generator, dtype=torch.float64)
    return outputs, torch.randint(c, (k, n), generator=generator), generator


def test_every_loss_has_a_formula_here() -> None:
    assert set(FORMULAS) == set(LOSSES)
    assert all(loss.name == name for name, loss in LOSSES.items())
    assert all(isinstance(loss, ConvexLoss) for loss in LOSSES.values())


@pytest.mark.parametrize("name", LOSSES)
@given(sizes)
def test_losses_equal_their_formulas(name: str, size: tuple[int, int, int, int]) -> None:
    outputs, labels, _ = drawn(size)
    for targets in (labels, labels[:1]):  # of each network its own, or shared
        found = LOSSES[name].samples(outputs, targets)
        for k, n in np.ndindex(*outputs.shape[:2]):
            label = int(targets.expand(outputs.shape[:2])[k, n])
            assert float(found[k, n]) == pytest.approx(
                FORMULAS[name](outputs[k, n].numpy(), label), rel=1e-12, abs=1e-12
            )


@given(sizes)
def test_the_square_loss_of_values_is_half_the_squared_distance(size: tuple[int, int, int, int]) -> None:
    outputs, _, generator = drawn(size)
    targets = torch.randn(outputs.shape[1:], generator=generator, dtype=torch.float64)
    expected = 0.5 * ((outputs.numpy() - targets.numpy()) ** 2).sum(-1)
    np.testing.assert_allclose(LOSSES["square"].samples(outputs, targets[None]).numpy(), expected, rtol=1e-12)


@given(sizes)
def test_the_loss_of_several_labels_is_torch_s(size: tuple[int, int, int, int]) -> None:
    outputs, _, generator = drawn(size)
    targets = torch.randint(2, outputs.shape[1:], generator=generator).double()
    expected = [functional.binary_cross_entropy_with_logits(one, targets) for one in outputs]
    found = LOSSES["binary-cross-entropy"].samples(outputs, targets[None]).mean(-1)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-12, atol=1e-14)


def test_the_error_of_several_labels_is_the_share_of_wrong_ones() -> None:
    outputs = torch.tensor([[[2.0, -1.0, 0.5, -3.0], [torch.nan, 1.0, -torch.inf, 1.0]]])
    targets = torch.tensor([[1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]])
    assert missed_labels(outputs, targets).tolist() == [2 / 4 + 3 / 4]
    check_targets(LOSSES["binary-cross-entropy"], targets)
    check_targets(LOSSES["binary-cross-entropy"], torch.tensor([0, 3]))  # classes
    check_targets(LOSSES["square"], targets / 2)
    with pytest.raises(UsageError, match="needs targets of 0 and 1"):
        check_targets(LOSSES["binary-cross-entropy"], targets / 2)


@given(sizes)
def test_the_absolute_loss_of_values_is_the_sum_of_their_distances(size: tuple[int, int, int, int]) -> None:
    outputs, _, generator = drawn(size)
    targets = torch.randn(outputs.shape[1:], generator=generator, dtype=torch.float64)
    expected = abs(outputs.numpy() - targets.numpy()).sum(-1)
    np.testing.assert_allclose(LOSSES["absolute"].samples(outputs, targets[None]).numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
@given(sizes, st.floats(0, 10))
def test_no_loss_changes_by_more_than_it_says(name: str, size: tuple[int, int, int, int], radius: float) -> None:
    outputs, labels, generator = drawn(size)
    loss, width = LOSSES[name], outputs.shape[-1]
    directions = torch.randn(outputs.shape, generator=generator, dtype=torch.float64)
    for move in (directions, torch.sign(directions), torch.ones_like(directions)):
        step = radius * move / move.norm(dim=-1, keepdim=True)
        before, after = loss.samples(outputs, labels), loss.samples(outputs + step, labels)
        most = loss.change(before, torch.full_like(before, radius), width)
        assert ((after - before).abs() <= most * (1 + 1e-9) + 1e-9).all()


@pytest.mark.parametrize("name", LOSSES)
@given(sizes)
def test_losses_are_convex_along_lines(name: str, size: tuple[int, int, int, int]) -> None:
    a, labels, generator = drawn(size)
    b = 3 * torch.randn(a.shape, generator=generator, dtype=torch.float64)
    loss = LOSSES[name]
    low, high = loss.samples(a, labels), loss.samples(b, labels)
    for t in torch.linspace(0, 1, 7, dtype=torch.float64):
        assert (loss.samples(torch.lerp(a, b, t), labels) <= torch.lerp(low, high, t) + 1e-12).all()


@pytest.mark.parametrize("name", LOSSES)
@given(sizes)
def test_the_infimum_is_below_everything_and_approached(name: str, size: tuple[int, int, int, int]) -> None:
    outputs, labels, _ = drawn(size)
    loss = LOSSES[name]
    assert (loss.samples(outputs, labels) >= loss.infimum).all()
    scale = 1.0 if name in ("square", "absolute") else 50.0
    best = scale * functional.one_hot(labels, outputs.shape[-1]).double()
    if name == "binary-cross-entropy":  # which sees every output, not only differences
        best = 2 * best - scale
    assert (loss.samples(best, labels) <= loss.infimum + 1e-9).all()


def test_the_hinge_holds_at_ties_and_at_the_margin() -> None:
    outputs = torch.tensor([[[1.0, 1.0, 1.0], [2.0, 1.0, 1.0], [0.0, 5.0, 5.0]]])
    assert LOSSES["hinge"].samples(outputs, torch.tensor([[0, 0, 0]])).tolist() == [[1.0, 0.0, 6.0]]


def test_cross_entropy_stands_large_outputs() -> None:
    outputs = torch.tensor([[[1e4, -1e4]]])
    assert LOSSES["cross-entropy"].samples(outputs, torch.tensor([[1]])).tolist() == [[2e4]]


def test_losses_have_defaults_and_needs() -> None:
    assert loss_named(None, 10).name == "cross-entropy"
    assert loss_named(None, None).name == loss_named("square", 10).name == "square"
    assert loss_named("absolute", None).name == loss_named("absolute", 10).name == "absolute"
    with pytest.raises(UsageError, match="use the square loss"):
        loss_named("hinge", None)
    with pytest.raises(UsageError, match="Did you mean 'hinge'"):
        loss_named("hing", 10)


def test_errors_count_wrong_and_broken_answers() -> None:
    nan, inf = float("nan"), float("inf")
    outputs = torch.tensor([[[2.0, 1.0], [1.0, 2.0], [nan, 0.0], [inf, 0.0]], [[1.0, 2.0]] * 4])
    assert misses(outputs, torch.zeros(4, dtype=torch.int64)).tolist() == [3, 4]
    assert misses(outputs, torch.zeros(4, 2)) is None
