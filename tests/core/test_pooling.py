"""Max pooling by maxima of views: torch's own numbers, bit for bit."""

from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from core.networks.layered import Pooling
from core.networks.pooling import pooled

pairs = st.integers(1, 4) | st.tuples(st.integers(1, 4), st.integers(1, 4))


def images(height: int, width: int, seed: int) -> Tensor:
    """Few different values, so that windows have several maxima; among them -inf, inf and nan."""
    values = torch.tensor([-torch.inf, -1.5, 0.0, 0.25, 2.0, torch.inf, torch.nan])
    generator = torch.Generator().manual_seed(seed)
    kind = torch.randint(0, 6 + seed % 2, (2, 3, height, width), generator=generator)
    return values[kind]


@given(pairs, pairs | st.none(), st.integers(0, 2), st.integers(5, 9), st.integers(5, 9), st.integers(0, 99))
def test_maxima_of_views_are_those_of_windows(
    size: int | tuple[int, int], step: int | tuple[int, int] | None, padding: int, height: int, width: int, seed: int
) -> None:
    least = size if isinstance(size, int) else min(size)
    padding = min(padding, least // 2)
    pool = partial(functional.max_pool2d, kernel_size=size, stride=step, padding=padding)
    given = images(height, width, seed)
    with torch.no_grad():
        torch.testing.assert_close(pooled(pool, given), pool(given), rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    "pool",
    [
        partial(functional.max_pool2d, kernel_size=2, ceil_mode=True),
        partial(functional.max_pool2d, kernel_size=2, dilation=2),
        partial(functional.avg_pool2d, kernel_size=2),
    ],
)
def test_other_poolings_stay_torch_s_own(pool: Pooling) -> None:
    given = torch.randn(2, 3, 7, 7, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.equal(pooled(pool, given), pool(given))


def test_where_gradients_are_asked_for_one_entry_of_a_window_has_them() -> None:
    given = torch.zeros(1, 1, 2, 2, requires_grad=True)
    pooled(partial(functional.max_pool2d, kernel_size=2), given).sum().backward()
    assert given.grad is not None
    assert given.grad.flatten().tolist() == [1.0, 0.0, 0.0, 0.0]
