"""From names and files to problems and parameters."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from core.data.files import data_root
from core.data.load import load
from core.engine.folders import InputModel
from core.engine.worker.arithmetic import settle_float32
from core.engine.worker.log_sentences import data_sentence, network_sentence
from core.engine.worker.measuring import require_as_recorded
from core.errors import RunError
from core.files import write_whole
from core.losses import loss_named
from core.networks.architectures import Architecture, build
from core.networks.repeatability import first_difference
from core.problem import Problem
from core.progress import Reporter
from core.specs.data import read_data
from core.specs.networks import read_network
from core.traced_view import without_wrong_view

SMALL = 5e8  # multiply-adds of one pass over the train set, below which a second thread waits more than it works
DTYPES = {"float32": torch.float32, "float64": torch.float64}


def open_problem(
    network: str, data: str, loss: str | None, device: str, root: str | None, reporter: Reporter
) -> tuple[Problem, Architecture]:
    """The problem that these names mean, in float32 on `device`, and the network's architecture.

    Raises UsageError where the data is not there or the network can't read it.
    """
    begun = time.monotonic()
    dataset = load(read_data(data), data_root(root))
    reporter.say(data_sentence(dataset, time.monotonic() - begun))
    architecture = build(read_network(network), tuple(dataset.train.x.shape[1:]), dataset.outputs)
    settle_float32()  # a file of somebody's own has just run
    reporter.say(network_sentence(network, architecture))
    phi = loss_named(loss, dataset.classes)
    problem = Problem(architecture.module, dataset, phi, architecture.layered, without=architecture.without)
    return problem.to(device, torch.float32), architecture


def open_models(
    models: Sequence[InputModel], device: str, root: str | None, reporter: Reporter
) -> tuple[Problem, list[Tensor]]:
    """The problem that models of one network were trained on, on a device, and their parameters, each (P,).

    A view by layers that was traced and does not hold at one of them is left out. Raises RunError where data or file
    are not those of a model, two models are of two networks, or a loss is not the recorded one.
    """
    first = models[0]
    problem, _ = open_problem(first.network, first.data, first.loss, "cpu", root, reporter)
    for model in models:
        require_data(problem, model)
    problem = problem.to("cpu", DTYPES[first.dtype])
    read = [read_model(model, problem) for model in models]
    problem = replace(problem, buffers=read[0].buffers)
    for model, one in zip(models, read, strict=True):
        require_one_network((first, read[0]), (model, one))
    problem = problem.to(device, problem.dtype)
    thetas = [one.theta.to(device) for one in read]
    problem = without_wrong_view(problem, torch.stack(thetas))
    for model, theta in zip(models, thetas, strict=True):
        require_as_recorded(problem, model, theta, reporter)
    return problem, thetas


def require_data(problem: Problem, model: InputModel) -> None:
    """Raise RunError where the data set is not what it was."""
    if problem.data.fingerprint != model.data_fingerprint:
        raise RunError(
            "bad data",
            f"The data set {model.data} is not the one that model {model.id} was trained on (its fingerprint "
            "differs): put the old files back, or train again.",
        )


def suit_threads(problem: Problem, most: int, models: int = 1) -> None:
    """Use one thread for small problems, `most` for others: a rule of the sizes alone, so runs repeat exactly."""
    work = models * problem.layout.total * len(problem.data.train)
    torch.set_num_threads(1 if work < SMALL else most)


@dataclass(frozen=True)
class Read:
    """What a model's file holds: parameters (P,), and all buffers of its network by name."""

    theta: Tensor
    buffers: dict[str, Tensor]


def read_model(model: InputModel, problem: Problem) -> Read:
    """A model's tensors, in its dtype. Raises RunError where the file is no such model.

    Files of the first edition have no buffers: then those count that the network is made with.
    """
    try:
        tensors = load_file(model.file)
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


def require_one_network(first: tuple[InputModel, Read], other: tuple[InputModel, Read]) -> None:
    """Raise RunError where two models differ in a buffer: between them there are two networks."""
    if odd := first_difference(first[1].buffers.items(), other[1].buffers.items()):
        raise RunError(
            "bad data",
            f"Models {first[0].id} and {other[0].id} differ in their buffer {odd}, which is not a parameter: a path "
            "joins two models of one network, and its buffers stay as they are.",
        )


def write_model(theta: Tensor, problem: Problem, file: Path) -> None:
    """One safetensors file with a tensor for each name of the module's state: parameters (P,), and buffers."""
    tensors = {name: one[0].contiguous().cpu() for name, one in problem.layout.split(theta[None]).items()}
    whole = torch.contiguous_format  # and no two in one memory
    tensors |= {name: one.cpu().clone(memory_format=whole) for name, one in problem.constants.items()}
    write_whole(file, lambda draft: save_file(tensors, draft))
