"""Paths for other people's code: points along one, or its knots with what is proven between them, in one file.

A file of knots holds, of a path of S segments,

    knots.NAME       (S + 1, ...)  parameters at the knots, by their names in the module's state
    buffers.NAME                   what else belongs to that state, the same at every knot
    statistics.NAME  (S + 1, ...)  statistics of batch-norms, where each knot has its own
    curve.I.NAME                   what segment I is a curve by, where it is one

and, where it is enclosed, of each of the M pieces that this is proven on

    pieces.segment            (M,)    its segment, from 0
    pieces.start, pieces.end  (M,)    where in the segment it lies
    pieces.ends               (M, 2)  the train loss is nowhere above the straight line between these two
    pieces.wrong              (M,)    the most samples that may be classified wrongly at one of its points
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path as File

import msgspec
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.files import write_whole
from core.input_files import InputModel
from core.opening import Joined
from core.path import Path
from core.problem import Problem

FORMAT = "thalweg-knots-1"
FLOAT64 = "the level is proven for float64 points of the path; rounded to float32 they are not covered"
"""Why points of an enclosed path are in float64."""

Tensors = dict[str, Tensor]


def points_of(path: Path, joined: Joined, count: int) -> Tensors:
    """Parameter vectors at `count` equally spaced t under the names of the module's state, and `t`.

    Its buffers, too, so each point is a whole state; statistics of batch-norms are those of the point.
    """
    t = torch.linspace(0, 1, count, dtype=torch.float64)
    return {**joined.state(path.points(t)), "t": t}


def knots_of(path: Path, problem: Problem, pieces: File | None) -> Tensors:
    """The knots, bit for bit, and what belongs to them; `pieces` is the file of the path's pieces."""
    tensors = {f"knots.{name}": one for name, one in problem.layout.split(path.knots).items()}
    own = {} if problem.between is None else problem.between.at(problem, path.knots)
    tensors |= {f"statistics.{name}": one for name, one in own.items()}
    tensors |= {f"buffers.{name}": one for name, one in problem.constants.items() if name not in own}
    for i, curve in path.curves.items():
        tensors |= {f"curve.{i}.{name}": one for name, one in curve.tensors().items()}
    if pieces is not None:
        tensors |= {f"pieces.{name}": one for name, one in load_file(pieces).items()}
    return tensors


def about_knots(path: Path, tensors: Tensors, model: InputModel) -> dict[str, str]:
    """What a file of knots says of itself; `model` is one of the path's ends."""
    return {
        "format": FORMAT,
        "network": model.network,
        "data": model.data,
        "data_fingerprint": model.data_fingerprint,
        "loss": model.loss,
        "dtype": name_of(path.knots.dtype),
        "claims": json.dumps([str(claim) for claim in path.claims]),
        "curves": json.dumps({i: curve.family for i, curve in path.curves.items()}),
        "knots_sha256": digest({name: one for name, one in tensors.items() if name.startswith("knots.")}),
        **about_norms(path),
    }


def about_norms(path: Path) -> dict[str, str]:
    """How its points get the statistics of batch-norms, where the network has any."""
    return {} if path.norms is None else {"norms": json.dumps(msgspec.to_builtins(path.norms))}


def write(file: File, tensors: Tensors, metadata: Mapping[str, str]) -> None:
    """One safetensors file, there whole or not at all."""
    whole = torch.contiguous_format  # and no two in one memory
    own = {name: one.clone(memory_format=whole) for name, one in tensors.items()}
    write_whole(file, lambda draft: save_file(own, draft, metadata=dict(metadata)))


def digest(tensors: Tensors) -> str:
    """sha256 of the tensors' bytes, in the order of their names."""
    found = sha256()
    for name in sorted(tensors):
        found.update(tensors[name].contiguous().numpy().data)
    return found.hexdigest()


def name_of(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
