"""Strings of knots in the plane: projected on the first three principal components of the knots of one of them."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[Any]

COMPONENTS = 3
CHUNK = 1 << 16  # parameters at a time: the knots of a large network need not fit into memory twice
FLAT = 1e-13  # share of the variance below which a component is rounding, and nothing has a place on it

Places = list[tuple[float, ...]]


def project(knots: "Array", *others: "Array") -> tuple[list[Places], tuple[float, ...]]:
    """Coordinates (K, 3) of knots (S + 1, P), then of other strings (K, P), and the shares of the knots' variance.

    The axes are the principal components of `knots` alone. From the products of all strings with the centred knots, in
    float64: with an eigenvector of the (S + 1, S + 1) products of the knots themselves, over the root of its
    eigenvalue, they are coordinates. Signs are free; the last knot is never left of or below the first.
    """
    import numpy as np  # noqa: PLC0415 - screens load it only to draw

    strings = (knots, *others)
    products = [np.zeros((len(one), len(knots))) for one in strings]
    for start in range(0, knots.shape[1], CHUNK):
        part = knots[:, start : start + CHUNK].astype(np.float64)
        centre = part.mean(axis=0)
        part -= centre
        for i, string in enumerate(strings):
            products[i] += (string[:, start : start + CHUNK].astype(np.float64) - centre) @ part.T
    values, vectors = np.linalg.eigh(products[0])
    order = np.argsort(values)[::-1][:COMPONENTS]
    total = float(np.maximum(values, 0.0).sum()) or 1.0
    axes = np.zeros((len(knots), COMPONENTS))
    for i, one in enumerate(order):
        if values[one] > FLAT * total:
            axes[:, i] = vectors[:, one] / np.sqrt(values[one])
    ends = products[0][[0, -1]] @ axes
    axes[:, ends[1] < ends[0]] *= -1
    shares = [max(float(values[i]), 0.0) / total for i in order]
    places = [[tuple(row) for row in (own @ axes).tolist()] for own in products]
    return places, tuple(shares + [0.0] * (COMPONENTS - len(shares)))
