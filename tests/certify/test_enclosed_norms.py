"""Norms of layers are upper bounds, and tight: held against the matrices that convolutions stand for, and their SVD."""

from fractions import Fraction

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from core.certify.enclosed.moving import NODES, MovingLayer
from core.certify.enclosed.norms import layer_norm, torus_norm
from core.certify.rounding import pool_stretch
from core.networks.layered import Layer
from tests.certify.enclosing import POOLS, Convolved, problem_with
from tests.certify.segments import normal

sizes, seeds = st.integers(1, 3), st.integers(0, 2**32 - 1)


def as_matrix(kernel: Tensor, image: tuple[int, int], one: Convolved) -> Tensor:
    """The convolution of images of a size, without bias, written out: (outputs, inputs)."""
    basis = torch.eye(kernel.shape[1] * image[0] * image[1], dtype=torch.float64).view(-1, kernel.shape[1], *image)
    return functional.conv2d(basis, kernel, None, one.stride, one.padding, one.dilation).flatten(1).T


def layer_of(one: Convolved, channels: int, outputs: int) -> Layer:
    twice = [(number, number) for number in (one.padding, one.stride, one.dilation)]
    return Layer("w", None, channels, outputs, one.kernel**2, *twice)


convolutions = st.builds(
    Convolved, kernel=sizes, stride=sizes, padding=st.integers(0, 3), dilation=sizes, pools=st.just(())
)


@given(convolutions, sizes, sizes, st.tuples(st.integers(5, 8), st.integers(5, 8)), seeds)
@settings(max_examples=80)
def test_the_norm_on_a_torus_is_above_that_of_the_convolution(
    one: Convolved, channels: int, outputs: int, image: tuple[int, int], seed: int
) -> None:
    if min(image) + 2 * one.padding < one.dilation * (one.kernel - 1) + 1:
        return
    kernel = normal(torch.Generator().manual_seed(seed), outputs, channels, one.kernel, one.kernel)
    true = float(torch.linalg.matrix_norm(as_matrix(kernel, image, one), 2))
    bound = layer_norm(layer_of(one, channels, outputs), kernel, image)
    assert true <= bound
    if one.stride == 1 and one.padding >= one.dilation * (one.kernel - 1):
        assert bound <= 1.15 * true, "with full padding nothing but the edge is lost"


def test_the_norm_of_a_circular_convolution_is_met_to_the_64th_root_of_its_rank() -> None:
    kernel = normal(torch.Generator().manual_seed(1), 3, 2, 3, 3)
    h = w = 6  # the torus of images of 4 x 4
    places = torch.fft.fft2(torch.cat([torch.cat([kernel, torch.zeros(3, 2, 3, 3)], 3), torch.zeros(3, 2, 3, 6)], 2))
    true = float(torch.linalg.matrix_norm(places.permute(2, 3, 0, 1).reshape(h * w, 3, 2), 2).max())
    assert true <= torus_norm(kernel, (1, 1), (4, 4)) <= true * 2 ** (1 / 64)


@pytest.mark.parametrize("size", [0.0, 1e-200, 1.0, 1e150, 1e300])
def test_norms_of_kernels_of_any_size_are_finite(size: float) -> None:
    kernel = size * normal(torch.Generator().manual_seed(2), 2, 2, 3, 3)
    one = Convolved(3, padding=1)
    matrix = as_matrix(kernel / (size or 1.0), (5, 5), one)
    true = size * float(torch.linalg.matrix_norm(matrix, 2))
    found = torus_norm(kernel, (1, 1), (5, 5))
    assert true <= found
    assert found <= 1.5 * true or size > 1e150


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_the_norm_of_a_kernel_that_is_not_finite_is_no_number(wrong: float) -> None:
    kernel = normal(torch.Generator().manual_seed(2), 2, 2, 3, 3)
    kernel[0, 1, 2, 0] = wrong
    assert not torch.tensor(torus_norm(kernel, (1, 1), (5, 5))).isfinite()


@pytest.mark.parametrize("convolution", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_the_table_of_norms_is_above_the_norm_at_every_t_of_every_piece(convolution: bool, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    shape, image, one = ((2, 3, 2, 2), (5, 6), Convolved(2, dilation=2)) if convolution else ((4, 5), None, None)
    A = normal(generator, *shape)
    B = (-1.5 * A if seed == 0 else normal(generator, *shape)) * 10 ** (seed - 1)
    layer = layer_of(one, 3, 2) if convolution else Layer("w", None, 5, 4)
    moving = MovingLayer.of(layer, {"w": torch.stack([A, B])}, image)
    for edges in (
        torch.linspace(0, 1, 3),
        torch.linspace(0, 1, NODES),
        torch.linspace(0, 1, 38),
        torch.tensor([0.2, 0.9]),
    ):
        bounds = moving.spectral(edges.double())
        for t in torch.linspace(0, 1, 203, dtype=torch.float64).tolist():
            W = torch.lerp(A, B, t)
            true = torch.linalg.matrix_norm(as_matrix(W, image, one) if convolution else W, 2)
            here = (edges[:-1] <= t) & (t <= edges[1:])
            assert bool((true <= bounds[here] * (1 + 1e-12)).all())
    D = B - A
    change = torch.linalg.matrix_norm(as_matrix(D, image, one) if convolution else D, 2)
    assert float(change) <= moving.stretch.spectral


@pytest.mark.parametrize("cancels", [False, True])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_what_still_features_become_is_a_straight_line_within_half_the_rounding(size: float, cancels: bool) -> None:
    """Half, since the other half is for points that float64 makes of a t; in arithmetic of numbers twice as long."""
    generator = torch.Generator().manual_seed(3)
    A, a = normal(generator, 4, 5), normal(generator, 4)
    B, b = (-2 * A, -2 * a) if cancels else (size * normal(generator, 4, 5), normal(generator, 4))
    moving = MovingLayer.of(Layer("w", "b", 5, 4), {"w": torch.stack([A, B]), "b": torch.stack([a, b])}, None)
    x = normal(generator, 1, 7, 5)
    t = torch.tensor([0.0, 0.1, 1 / 3, 0.5, 2 / 3, 1.0], dtype=torch.float64)
    found = moving.affine(x, t)
    eta = moving.rounding(x, 1)[0]
    exact = [[Fraction(one) for one in row] for row in x[0].tolist()]
    for k, where in enumerate(Fraction(one) for one in t.tolist()):
        for n, row in enumerate(exact):
            off = Fraction(0)
            for i in range(4):
                W = [
                    (1 - where) * Fraction(p) + where * Fraction(q)
                    for p, q in zip(A[i].tolist(), B[i].tolist(), strict=True)
                ]
                true = (1 - where) * Fraction(float(a[i])) + where * Fraction(float(b[i]))
                true += sum((w * f for w, f in zip(W, row, strict=True)), Fraction(0))
                off += (true - Fraction(float(found[k, n, i]))) ** 2
            assert off <= (Fraction(float(eta[n])) / 2) ** 2
            assert cancels or off > 0 or k in (0, 3, 5), "else nothing is rounded"


@pytest.mark.parametrize("number", range(len(POOLS)))
def test_a_pooling_stretches_no_difference_by_more_than_its_factor(number: int) -> None:
    problem = problem_with("square", "linear", images=(Convolved(1, pools=POOLS[number]),), samples=1)
    (layer, _), generator = problem.layered.layers, torch.Generator().manual_seed(number)
    stretch = pool_stretch(layer.pools, 7, 7)
    largest = 0.0
    for size in (1.0, 1e-3):
        for _ in range(60):
            x = normal(generator, 1, 1, 3, 7, 7)
            x[..., 1:] *= size
            change = normal(generator, *x.shape) * (torch.rand(x.shape, generator=generator) < 0.1)
            change = change.abs() if number % 2 else 10 * change
            moved = layer.after(x + change) - layer.after(x)
            if float(change.norm()) > 0:
                largest = max(largest, float(moved.norm() / change.norm()))
    assert largest <= stretch * (1 + 1e-12)


def test_an_average_that_is_blown_up_again_stretches_as_much_as_it_repeats() -> None:
    assert pool_stretch(POOLS[-1][1:], 1, 1) == pytest.approx(7)
    assert pool_stretch(POOLS[2], 7, 7) == pytest.approx(2)
    assert pool_stretch(POOLS[3], 7, 7) == pytest.approx(3)
