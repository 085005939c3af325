"""Paths: continuous maps from [0, 1] into parameter space, exact at both ends.

A path with S segments has S + 1 knots; segment i runs from knot i to knot i + 1 and takes the stretch
[i / S, (i + 1) / S] of t. Neighbours share their knot, so a path has no gaps by construction, bit for bit.
Geometry only: what a claim means is decided in `core.certify`, what a point is worth in `core.problem`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from pathlib import Path as File
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import msgspec
import torch
from safetensors.torch import load, save_file
from torch import Tensor

from core.curves.families import FAMILIES
from core.errors import UsageError
from core.knots import FORMAT, Header, packed, reading, unpacked
from core.specs.batch_norm import PathNorms

CHAIN = 257  # points of the chain by which length along a curve is measured


FORMER = {"bounded": "enclosed"}  # claims as files of the first editions call them


class Claim(StrEnum):
    """Why the loss between a segment's ends is known (METHODS in docs/certificates.md)."""

    INVARIANT = "invariant"
    CONVEX = "convex"
    DATA_INVARIANT = "data-invariant"
    IDENTITY = "identity"
    ENCLOSED = "enclosed"
    SAMPLED = "sampled"

    @classmethod
    def _missing_(cls, value: object) -> "Claim | None":
        return next((cls(now) for before, now in FORMER.items() if before == value), None)


def distance(a: Tensor, b: Tensor) -> float:
    """Euclidean, computed in float64."""
    return float(torch.linalg.vector_norm(b.double() - a.double()))


@runtime_checkable
class Curve(Protocol):
    """An analytic curve c: [0, 1] -> (P,) with a closed form, from a family that can be stored.

    Only differences to the straight line matter: a segment adds (1-t)(start - c(0)) + t(end - c(1)), which
    pins its ends exactly.
    """

    family: ClassVar[str]

    @property
    def parameters(self) -> int:
        """P."""
        ...

    def points(self, t: Tensor) -> Tensor:
        """Points (K, P) at t (K,)."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """What has to be stored to build the curve again."""
        ...

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor]) -> Self: ...


@dataclass(frozen=True)
class Segment:
    """One stretch of a path: a straight line, or an analytic curve pinned to `start` and `end`, each (P,)."""

    start: Tensor
    end: Tensor
    claim: Claim = Claim.SAMPLED
    curve: Curve | None = None

    def at(self, t: Tensor) -> Tensor:
        """Points (K, P) at t (K,) in [0, 1]; exactly `start` at 0 and `end` at 1."""
        t = t.to(self.start)[:, None]
        points = torch.lerp(self.start, self.end, t)
        if self.curve is not None:
            ends = torch.tensor([0.0, 1.0], dtype=t.dtype, device=t.device)
            first, last = self.curve.points(ends).to(self.start)
            shape = self.curve.points(t[:, 0]).to(self.start)
            points = shape + (1 - t) * (self.start - first) + t * (self.end - last)
        # The ends themselves, for rounding (and for the signs of zeros, which interpolation loses).
        for at, end in ((0, self.start), (1, self.end)):
            for k in (t[:, 0] == at).nonzero()[:, 0].tolist():
                points[k] = end
        return points

    @property
    def kind(self) -> str:
        return "straight" if self.curve is None else "analytic"

    def length(self) -> float:
        """Euclidean length; of a curve that of the chain through `CHAIN` of its points."""
        if self.curve is None:
            return distance(self.start, self.end)
        return float(self.steps.sum())

    @cached_property
    def steps(self) -> Tensor:
        """Distances (CHAIN - 1,), float64, between points at equal steps of t."""
        found, before = [], self.start[None].double()
        for t in torch.split(torch.linspace(0, 1, CHAIN, dtype=torch.float64)[1:], 16):
            chain = torch.cat([before, self.at(t).double()])
            found.append(torch.linalg.vector_norm(chain.diff(dim=0), dim=1).cpu())
            before = chain[-1:]
        return torch.cat(found)


@dataclass(frozen=True)
class Path:
    """A chain of segments through `knots` (S + 1, P), with a claim and perhaps a curve for each segment.

    `norms` says how its points get the statistics of batch-norms, None where there are none.
    """

    knots: Tensor
    claims: tuple[Claim, ...]
    curves: Mapping[int, Curve] = field(default_factory=dict)
    norms: PathNorms | None = None

    def __post_init__(self) -> None:
        if len(self.claims) < 1 or len(self.knots) != len(self.claims) + 1:
            raise ValueError(f"{len(self.knots)} knots make no path of {len(self.claims)} segments")

    @classmethod
    def line(cls, start: Tensor, end: Tensor, claim: Claim = Claim.SAMPLED) -> "Path":
        return cls(torch.stack([start, end]), (claim,))

    @classmethod
    def chain(cls, knots: Sequence[Tensor], claim: Claim = Claim.SAMPLED) -> "Path":
        """Straight lines from knot to knot, all with one claim."""
        return cls(torch.stack(list(knots)), (claim,) * (len(knots) - 1))

    def then(self, end: Tensor, claim: Claim, curve: Curve | None = None) -> "Path":
        """This path, continued to `end`."""
        knots = torch.cat([self.knots, end[None]])
        added = {} if curve is None else {len(self.claims): curve}
        return replace(self, knots=knots, claims=(*self.claims, claim), curves={**self.curves, **added})

    def cast(self, dtype: torch.dtype) -> "Path":
        """The same path in another dtype; from float32 to float64 that is exact."""
        if self.knots.dtype == dtype:
            return self
        return replace(self, knots=self.knots.to(dtype))

    def moved(self, device: torch.device | str) -> "Path":
        """The same path on another device, its curves' tensors too."""
        curves = {
            i: type(one).of({name: tensor.to(device) for name, tensor in one.tensors().items()})
            for i, one in self.curves.items()
        }
        return replace(self, knots=self.knots.to(device), curves=curves)

    def __len__(self) -> int:
        return len(self.claims)

    @cached_property
    def _segments(self) -> tuple[Segment, ...]:
        ends = enumerate(pairwise(self.knots))
        return tuple(Segment(start, end, self.claims[i], self.curves.get(i)) for i, (start, end) in ends)

    def segment(self, i: int) -> Segment:
        return self._segments[i]

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._segments)

    @property
    def start(self) -> Tensor:
        return self.knots[0]

    @property
    def end(self) -> Tensor:
        return self.knots[-1]

    def locate(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Segment number (K,) and the parameter in it (K,), float64, for t (K,) in [0, 1]."""
        t = t.double()
        knots = torch.arange(len(self) + 1, dtype=torch.float64, device=t.device) / len(self)
        number = (torch.searchsorted(knots, t, right=True) - 1).clamp(0, len(self) - 1)
        return number, (t - knots[number]) / (knots[number + 1] - knots[number])

    def points(self, t: Tensor) -> Tensor:
        """Points (K, P) at t (K,) in [0, 1]."""
        number, local = self.locate(t)
        out = torch.empty(len(t), self.knots.shape[1], dtype=self.knots.dtype, device=self.knots.device)
        for i in torch.unique(number).tolist():
            here = number == i
            out[here] = self.segment(i).at(local[here])
        return out

    def length(self) -> float:
        """Sum of the segments' lengths."""
        return sum(segment.length() for segment in self)

    def normalized_length(self) -> float:
        """Length / distance of the ends (Freeman and Bruna 2017, section 3.1); nan where they coincide."""
        apart = distance(self.start, self.end)
        return self.length() / apart if apart else float("nan")

    def save(self, file: File, beside: Mapping[str, Tensor] | None = None) -> None:
        """Write one safetensors file that `load` reads back bit for bit; what is `beside` the path it leaves out."""
        tensors = {name: torch.from_numpy(one) for name, one in packed(self.knots.contiguous().cpu().numpy()).items()}
        for i, curve in self.curves.items():
            tensors |= {
                f"curve.{i}.{name}": one.cpu().clone(memory_format=torch.contiguous_format)
                for name, one in curve.tensors().items()
            }
        tensors |= {name: one.contiguous() for name, one in (beside or {}).items()}
        families = {str(i): curve.family for i, curve in self.curves.items()}
        header: dict[str, Any] = {"claims": [str(claim) for claim in self.claims], "curves": families}
        if self.norms is not None:
            header["norms"] = msgspec.to_builtins(self.norms)
        # One entry: of several the order in the file is not fixed, and equal paths have equal files.
        save_file(tensors, file, metadata={FORMAT: json.dumps(header)})

    @classmethod
    def load(cls, file: File, families: Mapping[str, type[Curve]] = FAMILIES, *, sha256: str | None = None) -> "Path":
        """Read what `save` wrote; `families` are the analytic curves that may occur, by name.

        Raises UsageError where the file holds no path, and RunError where its content is not of this `sha256`.
        """
        with reading(file, load, sha256) as (header, tensors):
            return cls._read(header, tensors, families)

    @classmethod
    def _read(cls, header: Header, tensors: Mapping[str, Tensor], families: Mapping[str, type[Curve]]) -> "Path":
        """The path of a header and its tensors; ValueError, KeyError or TypeError where they don't fit."""
        claims = tuple(Claim(claim) for claim in header.claims)
        curves = {}
        for number, family in header.curves.items():
            if not 0 <= number < len(claims):
                raise ValueError(f"there is no segment {number} to be curved")
            prefix = f"curve.{number}."
            own = {name.removeprefix(prefix): one for name, one in tensors.items() if name.startswith(prefix)}
            curves[number] = _family(family, families).of(own)
        arrays = {name: one.numpy() for name, one in tensors.items() if not name.startswith("curve.")}
        knots = torch.from_numpy(unpacked(arrays, len(claims) + 1))
        for number, curve in curves.items():
            if curve.parameters != knots.shape[1]:
                raise ValueError(f"the curve {number} has {curve.parameters} parameters and a knot {knots.shape[1]}")
        return cls(knots, claims, curves, header.norms)


def _family(name: str, families: Mapping[str, type[Curve]]) -> type[Curve]:
    if name not in families:
        raise UsageError(
            f"This path has a curve of the unknown family {name!r}; available: {', '.join(families) or 'none'}."
        )
    return families[name]
