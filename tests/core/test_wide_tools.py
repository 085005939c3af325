"""The lemmas behind the paths of wide networks, each on its own."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.methods.wide.freeing import copy_layer, free, make_full_rank
from core.methods.wide.lifting import Lift, freed_rows
from core.methods.wide.net import Net
from core.methods.wide.ranks import independent, rank, solve_full_rank, solve_refined
from core.methods.wide.route import Route
from core.methods.wide.turning import planes_of, polar, rotation, turning
from tests.core.plain import points
from tests.core.wide import SLOPED, changed, net_of, problem, seeds

T = torch.linspace(0, 1, 41, dtype=torch.float64)


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def close(found: Tensor, expected: Tensor, tolerance: float = 1e-10) -> None:
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


# ---- Proposition 3.5

shapes = st.integers(1, 6).flatmap(lambda m: st.tuples(st.integers(m + 1, m + 8), st.just(m)))


@given(shapes, seeds, st.sampled_from(["random", "negative", "equal spans", "mirrored"]))
def test_a_turning_matrix_keeps_the_smallest_singular_value_of_its_ends(
    shape: tuple[int, int], seed: int, how: str
) -> None:
    start = normal(seed, *shape)
    mirror = torch.ones(shape[1], dtype=torch.float64)
    mirror[0] = -1
    ends = {
        "random": normal(seed + 1, *shape),
        "negative": -start,
        "equal spans": start @ normal(seed + 1, shape[1], shape[1]),
        "mirrored": start * mirror,
    }
    curve = turning(start, ends[how])
    assert torch.equal(curve.at(0.0), start)
    assert torch.equal(curve.at(1.0), ends[how])
    smallest = [float(torch.linalg.svdvals(curve.at(float(t)))[-1]) for t in T]
    assert min(smallest) >= min(smallest[0], smallest[-1]) * (1 - 1e-9)
    steps = torch.stack([curve.at(float(t)) for t in T]).diff(dim=0).flatten(1).norm(dim=1)
    assert steps.max() < 0.5 * (start.norm() + ends[how].norm()), "no jump"
    close(curve.left, torch.zeros_like(curve.left), 1e-11 * max(1.0, float(ends[how].norm())))


@given(shapes, seeds)
def test_a_rotation_takes_one_frame_to_the_other(shape: tuple[int, int], seed: int) -> None:
    A, B = (polar(normal(seed + i, *shape))[0] for i in range(2))
    turned = rotation(A, B)
    close(turned @ A, B)
    close(turned.T @ turned, torch.eye(shape[0], dtype=torch.float64))
    assert torch.linalg.det(turned) > 0


@given(st.integers(2, 9), seeds, st.integers(0, 2))
def test_planes_and_angles_make_up_a_rotation(n: int, seed: int, halves: int) -> None:
    q = torch.linalg.qr(normal(seed, n, n)).Q
    signs = torch.ones(n, dtype=torch.float64)
    signs[: 2 * min(halves, n // 2)] = -1  # eigenvalues -1, where a logarithm fails
    for matrix in (q * torch.linalg.det(q), (q * signs) @ q.T):
        if torch.linalg.det(matrix) < 0:
            continue
        Z, angles = planes_of(matrix)
        close(Z.T @ Z, torch.eye(n, dtype=torch.float64))
        J, whole = len(angles), torch.eye(n, dtype=torch.float64)
        whole[range(J), range(J)] = whole[range(J, 2 * J), range(J, 2 * J)] = angles.cos()
        whole[range(J, 2 * J), range(J)], whole[range(J), range(J, 2 * J)] = angles.sin(), -angles.sin()
        close(Z @ whole @ Z.T, matrix)


# ---- Lemmas 3.3 and 3.4

lifted = st.tuples(st.sampled_from(["fcn:12-9-6", "fcn:9-5", "fcn:8-7-6-5"]), st.integers(2, 6), seeds)


def lift_of(drawn: tuple[str, int, int]) -> tuple[Net, Lift]:
    text, samples, seed = drawn
    net = net_of(problem(f"{text},{SLOPED}", samples, samples, seed=seed % 1000), seed)
    return net, Lift.above(net, 1)


@given(lifted)
def test_h_gives_any_features_at_any_layer(drawn: tuple[str, int, int]) -> None:
    net, lift = lift_of(drawn)
    for k in range(2, net.depth + 1):
        A = normal(drawn[2], *net.features(k).shape)
        found = lift.h(net, k, A)
        close(found.features(k), A, 1e-7)
        assert all(torch.equal(*pair) for pair in zip(found.W[1:] + found.b[1:], net.W[1:] + net.b[1:], strict=True))


@given(lifted)
def test_the_fibre_curve_to_h_keeps_the_features(drawn: tuple[str, int, int]) -> None:
    net, lift = lift_of(drawn)
    for k in range(2, net.depth + 1):
        A = net.features(k)
        end = lift.h(net, k, A)
        curve = lift.curve(net, end, k)
        for t in T[::4]:
            theta = torch.lerp(net.theta, end.theta, t) + curve.points(t[None])[0]
            close(Net.of(net.problem, theta).features(k), A, 1e-7)
        U = lift.first(end)
        close(lift.D.T @ torch.linalg.solve(lift.D @ lift.D.T, lift.D @ U), U, 1e-6)  # nothing of it in the kernel


@given(lifted)
def test_the_nearest_preimage_of_features_that_are_there_is_where_one_is(drawn: tuple[str, int, int]) -> None:
    net, lift = lift_of(drawn)
    for k in range(1, net.depth + 1):
        close(lift.preimage(net, k, net.features(k)).theta, net.theta, 1e-9)
        A = net.features(k) + 0.1 * normal(drawn[2], *net.features(k).shape)
        close(lift.preimage(net, k, A).features(k), A, 1e-7)


@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 5), seeds)
def test_freed_rows_may_be_anything(samples: int, m: int, r: int, seed: int) -> None:
    n, r = m + 3, min(r, m - 1)
    F, W = normal(seed, samples, n), normal(seed + 1, n, r) @ normal(seed + 2, r, m)
    A, new = freed_rows(F, W)
    close(A @ W, F @ W)
    close(A @ new, F @ W)
    assert rank(new) == m
    assert int((A == 0).all(0).sum()) >= n - r
    size = float(torch.linalg.matrix_norm(W, 2)) or 1.0
    kept = torch.linalg.svdvals(W[(A != 0).any(0)])
    assert torch.linalg.svdvals(new)[-1] >= 0.99 * min([size, *kept[:r].tolist()])


# ---- Lemmas 4.3, 5.2 and 5.3


def outputs(route: Route) -> Tensor:
    return torch.stack([net.features(net.depth) for net in route.nets])


@given(st.integers(2, 8), st.integers(1, 5), seeds)
def test_columns_that_span_the_others_carry_all(samples: int, r: int, seed: int) -> None:
    F = normal(seed, samples, r) @ normal(seed + 1, r, 9)
    order, found = independent(F)
    assert found == rank(F) == min(samples, r)
    Z = F @ normal(seed + 2, 9, 3)
    close(F[:, order[:found]] @ solve_refined(F[:, order[:found]], Z), Z)


@pytest.mark.parametrize("activation", [SLOPED, "activation=relu", "activation=elu"])
@given(samples=st.integers(2, 6), how=st.sampled_from(["random", "zero", "twins"]), seed=seeds)
@settings(max_examples=15)
def test_features_get_full_rank_and_outputs_stay(activation: str, samples: int, how: str, seed: int) -> None:
    found = problem(f"fcn:{samples + 2}-{samples},{activation}", samples, 2, seed=seed % 1000)
    route = Route([changed(net_of(found, seed), how)])
    for k in (1, 2):
        make_full_rank(route, k, torch.Generator().manual_seed(seed))
        assert rank(route.here.features(k)) == samples
    close(outputs(route), outputs(route)[:1].expand(len(route.nets), -1, -1), 1e-9)


@given(samples=st.integers(2, 6), more=st.integers(0, 9), seed=seeds)
@settings(max_examples=25)
def test_a_layer_is_copied_and_outputs_stay(samples: int, more: int, seed: int) -> None:
    found = problem(f"fcn:{2 * samples + more}-5", samples, 2, seed=seed % 1000)
    route, target = Route([net_of(found, seed)]), Route([net_of(found, seed + 1)])
    for one in (route, target):
        make_full_rank(one, 1, torch.Generator().manual_seed(seed))
    copy_layer(route, 1, target.here)
    assert torch.equal(route.here.W[0], target.here.W[0])
    assert torch.equal(route.here.b[0], target.here.b[0])
    close(outputs(route), outputs(route)[:1].expand(len(route.nets), -1, -1), 1e-9)
    before = len(route.nets)
    copy_layer(route, 1, target.here)
    assert len(route.nets) == before, "nothing is left to do"


def test_what_lay_in_memory_before_does_not_change_a_solution() -> None:
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(5, 12, generator=generator, dtype=torch.float64)
    A[:, :4] = 0  # pixels that are never set
    B = torch.randn(5, 3, generator=generator, dtype=torch.float64)
    for _ in range(20):
        dirty = [torch.ones(12, dtype=torch.int32) for _ in range(50)]
        del dirty
        assert torch.allclose(A @ solve_full_rank(A, B), B, rtol=0, atol=1e-12)


def test_free_neurons_are_read_by_nobody() -> None:
    net = net_of(problem("fcn:12-5", 4, 2), 0)
    route = Route([net])
    order, r = independent(net.features(1))
    free(route, 1, order[:r])
    assert torch.count_nonzero(route.here.W[1][order[r:]]) == 0
    close(route.here.features(2), net.features(2))


def test_the_papers_layout_is_turned_back_bit_for_bit() -> None:
    found = problem("fcn:6-5", 4, 3)
    theta = points(found, 1)[0]
    net = Net.of(found, theta)
    assert [tuple(W.shape) for W in net.W] == [(3, 6), (6, 5), (5, 3)]
    assert torch.equal(net.theta, theta)
    x = found.data.train.x
    close(torch.relu(x @ net.W[0] + net.b[0]), net.features(1))
