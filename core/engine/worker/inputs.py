"""From names and files to problems and parameters."""

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.data.files import data_root
from core.data.load import load
from core.engine.folders import InputModel
from core.errors import RunError
from core.files import write_whole
from core.losses import loss_named
from core.networks.architectures import Architecture, build
from core.networks.layout import Layout
from core.problem import Problem
from core.specs.data import read_data
from core.specs.networks import read_network

SMALL = 5e8  # multiply-adds of one pass over the train set, below which a second thread waits more than it works
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def open_problem(
    network: str, data: str, loss: str | None, device: str, root: str | None
) -> tuple[Problem, Architecture]:
    """The problem that these names mean, in float32 on `device`, and the network's architecture.

    Raises UsageError where the data is not there or the network can't read it.
    """
    dataset = load(read_data(data), data_root(root))
    for note in dataset.notes:
        print(f"{data}: {note}.")  # noqa: T201 - what a worker prints is its log
    architecture = build(read_network(network), tuple(dataset.train.x.shape[1:]), dataset.outputs)
    phi = loss_named(loss, dataset.classes)
    problem = Problem(architecture.module, dataset, phi, architecture.layered)
    return problem.to(device, torch.float32), architecture


def problem_of(model: InputModel, device: str, root: str | None) -> Problem:
    """The problem that a model was trained on; raises RunError where the data has changed since."""
    problem, _ = open_problem(model.network, model.data, model.loss, "cpu", root)
    if problem.data.fingerprint != model.data_fingerprint:
        raise RunError(
            "bad data",
            f"The data set {model.data} is not the one that model {model.id} was trained on (its fingerprint "
            "differs): put the old files back, or train anew.",
        )
    return problem.to(device, DTYPES[model.dtype])


def suit_threads(problem: Problem, most: int, models: int = 1) -> None:
    """Use one thread for small problems, `most` for others: a rule of the sizes alone, so runs repeat exactly."""
    work = models * problem.layout.total * len(problem.data.train)
    torch.set_num_threads(1 if work < SMALL else most)


def read_model(model: InputModel, layout: Layout) -> Tensor:
    """Parameters (P,) of a model, in its dtype. Raises RunError where the file is no such model."""
    try:
        tensors = load_file(model.file)
        shapes = {name: tuple(one.shape) for name, one in tensors.items()}
    except (OSError, SafetensorError) as error:
        raise RunError("bad data", f"The tensors of model {model.id} can't be read: {error}.") from None
    if shapes != dict(zip(layout.names, layout.shapes, strict=True)):
        raise RunError("bad data", f"The tensors of model {model.id} don't fit its network {model.network}.")
    return layout.join(tensors)


def write_model(theta: Tensor, layout: Layout, file: Path) -> None:
    """One safetensors file with a tensor for each name of the module's state."""
    tensors = {name: one[0].contiguous().cpu() for name, one in layout.split(theta[None]).items()}
    write_whole(file, lambda draft: save_file(tensors, draft))
