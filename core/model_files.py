"""A model's tensors in a safetensors file: its parameters, and the buffers of its network."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from core.errors import RunError
from core.files import read_whole, write_whole
from core.input_files import InputModel
from core.problem import Problem
from core.specs.networks import read_network


@dataclass(frozen=True)
class Read:
    """What a model's file holds: parameters (P,), and all buffers of its network by name."""

    theta: Tensor
    buffers: dict[str, Tensor]


def read_model(model: InputModel, problem: Problem) -> Read:
    """A model's tensors, in its dtype. Raises RunError where the file is no such model, or not that one.

    Files of the first edition have no buffers: then those count that the network is made with.
    """
    try:
        tensors = load(read_whole(Path(model.file), model.sha256))
    except (OSError, SafetensorError) as error:
        raise RunError("bad data", f"The tensors of model {model.id} can't be read: {error}.") from None
    layout = problem.layout
    expected = dict(zip(layout.names, layout.shapes, strict=True))
    buffers = {name: tuple(one.shape) for name, one in problem.constants.items()}
    found = {name: tuple(one.shape) for name, one in tensors.items()}
    if found not in (expected, expected | buffers):
        network = read_network(model.network).short_text
        raise RunError("bad data", f"The tensors of model {model.id} don't fit its network {network}.")
    return Read(layout.join(tensors), problem.constants | {name: tensors[name] for name in buffers if name in tensors})


def write_model(theta: Tensor, problem: Problem, file: Path) -> None:
    """One safetensors file with a tensor for each name of the module's state: parameters (P,), and buffers."""
    parameters = {name: one[0] for name, one in problem.layout.split(theta[None]).items()}
    write_tensors(parameters, problem.constants, file)


def write_tensors(parameters: Mapping[str, Tensor], buffers: Mapping[str, Tensor], file: Path) -> None:
    """The same of named parameters, no two of them in one memory: they are written from where they are."""
    tensors = {name: one.contiguous().cpu() for name, one in parameters.items()}
    whole = torch.contiguous_format  # and no two in one memory
    tensors |= {name: one.cpu().clone(memory_format=whole) for name, one in buffers.items()}
    write_whole(file, lambda draft: save_file(tensors, draft))
