"""The knots of a path in the plane: projected on the first three principal components of their differences."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.engine.client import Client

COMPONENTS = 3
CHUNK = 1 << 16  # parameters at a time: the knots of a large network need not fit into memory twice


@dataclass(frozen=True)
class Bead:
    """One knot: its place in the three components, where it lies on the path, and what it is worth."""

    t: float
    coordinates: tuple[float, ...]
    train_loss: float | None
    test_loss: float | None


@dataclass(frozen=True)
class BeadProjection:
    """A path's knots from end to end; `shares` of their variance lie in the three components."""

    title: str
    beads: tuple[Bead, ...]
    shares: tuple[float, ...]


def beads_of(client: "Client", path_id: int) -> BeadProjection:
    """Read and project a path's knots. Raises NotFoundError, ArtifactError, UsageError."""
    with client.catalogue.read() as session:
        path, points = store.Paths(session).get(path_id), store.Paths(session).points(path_id)
    places, shares = project(knots_of(client.catalogue.artifacts.verified(path.artifact or "")))
    beads = []
    for i, place in enumerate(places):
        t = i / (len(places) - 1)
        here = min(points, key=lambda point: abs(point.t - t), default=None)
        known = here is not None and abs(here.t - t) < 1e-9
        losses = (here.train_loss, here.test_loss) if here is not None and known else (None, None)
        beads.append(Bead(t, place, *losses))
    return BeadProjection(f"path {path_id} {path.method or ''}".strip(), tuple(beads), shares)


def knots_of(file: Path) -> "NDArray[Any]":
    """A path file's knots (S + 1, P). Raises UsageError."""
    from safetensors.numpy import load  # noqa: PLC0415 - numpy too

    from core.knots import reading, unpacked  # noqa: PLC0415 - numpy, which screens load only to draw

    with reading(file, load) as (header, arrays):
        return unpacked(arrays, len(header.claims) + 1)


def project(knots: "NDArray[Any]") -> tuple[list[tuple[float, ...]], tuple[float, ...]]:
    """Coordinates (S + 1, 3) of knots (S + 1, P) in their principal components, and the shares of variance.

    From the (S + 1, S + 1) products of the centred knots, in float64: their eigenvectors, times the root of the
    eigenvalue, are the coordinates. Their signs are free; the last knot is never left of or below the first.
    """
    import numpy as np  # noqa: PLC0415 - screens load it only to draw

    products = np.zeros((len(knots), len(knots)))
    for start in range(0, knots.shape[1], CHUNK):
        part = knots[:, start : start + CHUNK].astype(np.float64)
        part -= part.mean(axis=0)
        products += part @ part.T
    values, vectors = np.linalg.eigh(products)
    order = np.argsort(values)[::-1][:COMPONENTS]
    places = np.zeros((len(knots), COMPONENTS))
    places[:, : len(order)] = vectors[:, order] * np.sqrt(np.maximum(values[order], 0.0))
    places[:, places[-1] < places[0]] *= -1
    total = float(np.maximum(values, 0.0).sum()) or 1.0
    shares = [max(float(values[i]), 0.0) / total for i in order]
    return [tuple(row) for row in places.tolist()], tuple(shares + [0.0] * (COMPONENTS - len(shares)))
