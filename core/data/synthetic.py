"""Data sets that need no files: scikit-learn's digits and the small regression problems."""

from collections.abc import Sequence
from importlib.util import find_spec
from math import pi
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import normalize

from core.data.dataset import Split


def digits() -> tuple[Split, Split]:
    """Pixels 0 to 16, (N, 1, 8, 8), in the order of scikit-learn: 1,500 train, 297 test."""
    found = torch.from_numpy(np.loadtxt(_digits_file(), np.uint8, delimiter=","))
    x, y = found[:, :-1].reshape(-1, 1, 8, 8), found[:, -1].long()
    return Split(x[:1500], y[:1500]), Split(x[1500:], y[1500:])


def _digits_file() -> Path:
    """What scikit-learn reads; to load all of it for that would take every job a second of a core."""
    library = find_spec("sklearn")
    assert library is not None
    assert library.submodule_search_locations is not None
    return Path(library.submodule_search_locations[0], "datasets", "data", "digits.csv.gz")


def polynomial(coefficients: Sequence[float], samples: int, seed: int) -> tuple[Split, Split]:
    """A polynomial, the constant first among its coefficients, of x uniform on [0, 1): train and test, (N, 1) each."""
    x = torch.rand(2 * samples, 1, generator=torch.Generator().manual_seed(seed))
    y = torch.full_like(x, coefficients[-1])
    for one in reversed(coefficients[:-1]):
        y = y * x + one
    return halves(x, y)


def permute3() -> Split:
    """The cube roots of unity, (3, 2), each with the next one as its target (Freeman and Bruna 2017, E.1)."""
    angles = 2 * pi / 3 * torch.arange(3, dtype=torch.float64)
    x: Tensor = torch.stack([angles.cos(), angles.sin()], dim=1).float()
    return Split(x, x.roll(-1, 0))


def gaussians(distance: float, samples: int, seed: int) -> tuple[Split, Split]:
    """x = +-distance (1, 1) + N(0, I), the signs alternating, and y = x where it is +, 0 where it is -: (N, 2) each."""
    signs = 1 - 2 * (torch.arange(2 * samples) % samples % 2)[:, None]
    x = distance * signs + torch.randn(2 * samples, 2, generator=torch.Generator().manual_seed(seed))
    y = torch.where(signs > 0, x, 0.0)
    return halves(x, y)


def teacher(inputs: int, units: int, noise: float, samples: int, seed: int) -> tuple[Split, Split]:
    """y = relu(x U') a + noise for x uniform on the sphere of radius sqrt(inputs): (N, inputs) and (N, 1).

    The units u are uniform on the sphere of radius 1, their weights a are 1, -1, 0.7, and these again.
    """
    generator = torch.Generator().manual_seed(seed)
    U = normalize(torch.randn(units, inputs, generator=generator))
    x = inputs**0.5 * normalize(torch.randn(2 * samples, inputs, generator=generator))
    a = torch.tensor([1.0, -1.0, 0.7]).repeat(units)[:units]
    y = (x @ U.T).relu() @ a[:, None] + noise * torch.randn(2 * samples, 1, generator=generator)
    return halves(x, y)


def halves(x: Tensor, y: Tensor) -> tuple[Split, Split]:
    """The first half of an even number of samples to train on, the second to test."""
    samples = len(x) // 2
    return Split(x[:samples], y[:samples]), Split(x[samples:], y[samples:])
