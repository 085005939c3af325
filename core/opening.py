"""From names and files to problems and parameters: for jobs, notebooks and tests."""

import time
from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from core.arithmetic import settle_float32
from core.data.dataset import Dataset
from core.data.files import data_root
from core.data.load import load
from core.errors import RunError
from core.input_files import InputModel
from core.losses import check_targets, loss_named
from core.measuring import require_as_recorded
from core.model_files import Read, read_model
from core.networks.architectures import Architecture, build
from core.networks.layout import Layout
from core.networks.repeatability import first_difference
from core.problem import Problem
from core.progress import Reporter, SilentReporter, plural
from core.specs.data import read_data
from core.specs.networks import check_kind, read_network
from core.traced_view import without_wrong_view

DTYPES = {"float32": torch.float32, "float64": torch.float64}


def open_problem(  # noqa: PLR0913  what, where from, where to, and who listens
    network: str,
    data: str,
    loss: str | None = None,
    device: str = "cpu",
    root: str | None = None,
    reporter: Reporter | None = None,
    *,
    dtype: torch.dtype = torch.float32,
) -> tuple[Problem, Architecture]:
    """The problem that these names mean, in `dtype` on `device`, and the network's architecture.

    Without `loss` it is the one that suits the data; `root` is the folder of data sets, by default the one that
    `thalweg` uses. Raises UsageError where the data is not there or the network can't read it.
    """
    reporter = reporter or SilentReporter()
    begun = time.monotonic()
    check_kind(read_network(network), read_data(data))
    dataset = load(read_data(data), data_root(root))
    reporter.say(data_sentence(dataset, time.monotonic() - begun))
    architecture = build(read_network(network), dataset.train.shape, dataset.outputs)
    settle_float32()  # a file of somebody's own has just run
    reporter.say(network_sentence(network, architecture))
    phi = loss_named(loss, dataset.classes)
    check_targets(phi, dataset.train.y)
    problem = Problem(architecture.module, dataset, phi, architecture.layered, without=architecture.without)
    return problem.to(device, dtype), architecture


def open_models(
    models: Sequence[InputModel], device: str = "cpu", root: str | None = None, reporter: Reporter | None = None
) -> tuple[Problem, list[Tensor]]:
    """The problem that models of one network were trained on, on a device, and their parameters, each (P,).

    A view by layers that was traced and does not hold at one of them is left out. Raises RunError where data or file
    are not those of a model, two models are of two networks, or a loss is not the recorded one.
    """
    reporter = reporter or SilentReporter()
    first = models[0]
    problem, _ = open_problem(first.network, first.data, first.loss, "cpu", root, reporter, dtype=DTYPES[first.dtype])
    for model in models:
        require_data(problem, model)
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


def require_one_network(first: tuple[InputModel, Read], other: tuple[InputModel, Read]) -> None:
    """Raise RunError where two models differ in a buffer: between them there are two networks."""
    if odd := first_difference(first[1].buffers.items(), other[1].buffers.items()):
        raise RunError(
            "bad data",
            f"Models {first[0].id} and {other[0].id} differ in their buffer {odd}, which is not a parameter: a path "
            "joins two models of one network, and its buffers stay as they are.",
        )


def data_sentence(data: Dataset, seconds: float) -> str:
    """The data set that was read, its sizes, and how long that took."""
    tests = "no" if data.test is None else len(data.test)
    sides = data.train.shape
    shape = plural(sides[0], "number") if len(sides) == 1 else "x".join(map(str, sides))
    targets = f"{plural(data.outputs, 'number')} to predict" if data.classes is None else f"{data.classes} classes"
    if data.train.dtype is None:
        shape, targets = f"{data.train.shape[0]} words", f"{data.classes} different words"
    note = f" ({'; '.join(data.notes)})" if data.notes else ""
    sizes = f"{len(data.train)} train and {tests} test samples of {shape}, {targets}"
    return f"Data {data.name}{note}: {sizes}; read in {seconds:.2f} s."


def network_sentence(name: str, architecture: Architecture) -> str:
    """The network's size and its layers, or why it has no view by layers."""
    total = Layout.of(architecture.module).total
    if architecture.layered is None:
        return f"Network {name}: {total} parameters, no view by layers: {architecture.without}."
    layers = architecture.layered.layers
    widths = "-".join(str(layer.outputs) for layer in layers)
    return f"Network {name}: {total} parameters in {plural(len(layers), 'layer')} of {widths}."
