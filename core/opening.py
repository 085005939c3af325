"""From names and files to problems and parameters: for jobs, notebooks and tests."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from core.arithmetic import settle_float32
from core.data.dataset import Dataset
from core.data.files import data_root
from core.data.load import load
from core.errors import RunError
from core.input_files import InputModel
from core.losses import check_targets, loss_named
from core.measuring import require_as_recorded
from core.model_files import Read, read_model
from core.networks.architectures import Architecture, build, folded
from core.networks.folding import Folding
from core.networks.layout import Layout
from core.networks.repeatability import first_difference
from core.networks.statistics import has_norms
from core.path_statistics import Interpolated, Recomputed
from core.problem import Problem
from core.progress import Reporter, SilentReporter, plural
from core.specs.batch_norm import PathNorms
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

    The problem has the buffers of the first one, statistics of batch-norms among them: what is to be joined is opened
    by `open_joined`. A view by layers that was traced and does not hold at one of them is left out. Raises RunError
    where data or file are not those of a model, two models are of two networks, or a loss is not the recorded one.
    """
    opened = _opened(models, device, root, reporter or SilentReporter())
    return opened.problem, [one.theta for one in opened.read]


@dataclass(frozen=True)
class _Opened:
    """The problem with the first model's buffers; what the models' files hold, and their train losses in float64."""

    problem: Problem
    read: list[Read]
    losses: list[float]


def _opened(models: Sequence[InputModel], device: str, root: str | None, reporter: Reporter) -> _Opened:
    first = models[0]
    problem, _ = open_problem(first.network, first.data, first.loss, "cpu", root, reporter, dtype=DTYPES[first.dtype])
    for model in models:
        require_data(problem, model)
    read = [read_model(model, problem) for model in models]
    problem = problem.having(read[0].buffers)
    for model, one in zip(models, read, strict=True):
        require_one_network(problem, (first, read[0]), (model, one))
    problem = problem.to(device, problem.dtype)
    read = [replace(one, theta=one.theta.to(device)) for one in read]
    problem = without_wrong_view(problem, torch.stack([one.theta for one in read]))
    losses = []
    for model, one in zip(models, read, strict=True):
        own = problem.having(one.buffers) if problem.statistics else problem
        losses.append(require_as_recorded(own, model, one.theta, reporter))
    return _Opened(problem, read, losses)


@dataclass(frozen=True)
class Joined:
    """Models as paths join them: their ends `thetas`, each (P,), and the problem at points of paths.

    Of networks with batch-norm, `norms` says how points get their statistics, and `stored` are the models' train losses
    in float64 with those that they are stored with; None of others. What is folded has parameters of its own.
    """

    problem: Problem
    thetas: list[Tensor]
    norms: PathNorms | None
    stored: list[float] | list[None]
    opened: _Opened
    folding: Folding | None = None

    def to(self, dtype: torch.dtype) -> "Joined":
        """The same, computed in another dtype."""
        problem = self.problem.to(self.problem.device, dtype)
        opened = replace(self.opened, problem=self.opened.problem.to(problem.device, dtype))
        return replace(self, problem=problem, opened=opened)

    @property
    def network(self) -> nn.Module:
        """The models' network, which may be another one than that of the path."""
        return self.opened.problem.network

    def between(self, a: int, b: int) -> Problem:
        """The problem at points of paths from model `a` to model `b`, by their numbers here."""
        if self.norms is None or self.norms.bn != "lerp":
            return self.problem
        first, last = self.opened.read[a], self.opened.read[b]
        line = Interpolated(first.theta, last.theta, first.buffers, last.buffers)
        return replace(self.problem, between=line, without="batch-norm statistics are interpolated between the models'")

    def state(self, thetas: Tensor, a: int = 0, b: int = 1) -> dict[str, Tensor]:
        """Whole states (K, ...) of the models' network at points (K, P) of a path from model `a` to `b`, by name."""
        problem = self.between(a, b)
        parameters = problem.layout.split(thetas)
        constants = {name: torch.stack([one] * len(thetas)) for name, one in self.opened.problem.constants.items()}
        if self.folding is None:
            own = {} if problem.between is None else problem.between.at(problem, thetas)
            return {**parameters, **constants, **own}
        points = [{name: one[k] for name, one in parameters.items()} for k in range(len(thetas))]
        models = self.opened.problem.layout.split(self.opened.read[0].theta[None])
        any_state = {**{name: one[0] for name, one in models.items()}, **self.opened.problem.constants}
        states = [self.folding.unfolded(point, any_state) for point in points]
        return {name: torch.stack([one[name] for one in states]) for name in any_state}

    def as_model(self, theta: Tensor) -> tuple[Problem, Tensor]:
        """A point (P,) of a path as a model of their network: the problem with its buffers, and its parameters."""
        if self.norms is None:
            return self.problem, theta
        plain = self.opened.problem
        state = {name: one[0] for name, one in self.state(theta[None]).items()}
        return plain.having({name: state[name] for name in plain.constants}), plain.layout.join(state)


def open_joined(
    models: Sequence[InputModel],
    norms: PathNorms | None,
    device: str = "cpu",
    root: str | None = None,
    reporter: Reporter | None = None,
) -> Joined:
    """Models of one network with what is needed to join them; raises as `open_models`, UsageError for what can't be.

    Where the network has batch-norm, `norms` says how points between them get statistics.
    """
    reporter = reporter or SilentReporter()
    opened = _opened(models, device, root, reporter)
    problem, thetas = opened.problem, [one.theta for one in opened.read]
    if norms is None or not has_norms(problem.network) or not (problem.statistics or norms.bn == "fold"):
        return Joined(problem, thetas, None, [None] * len(models), opened)
    if norms.bn == "fold":
        return _folded(opened, models[0], reporter)
    if norms.bn == "lerp":
        return Joined(problem, thetas, PathNorms("lerp"), opened.losses, opened)
    norms = PathNorms("data", min(norms.samples, len(problem.data.train)), norms.batch)
    why = "batch-norm statistics are recomputed at each point"
    problem = replace(problem, between=Recomputed(norms.samples, norms.batch), without=why)
    reporter.say(f"Of each point {why}, on {norms.samples} train samples.")
    return Joined(problem, thetas, norms, opened.losses, opened)


def _folded(opened: _Opened, model: InputModel, reporter: Reporter) -> Joined:
    """The models with their batch-norms folded into the layers before them."""
    problem = opened.problem
    shape = problem.data.train.shape
    made = folded(problem.network, shape, read_network(model.network).short_text)
    folding, layered, without = made.folding, made.layered, made.without
    layout = Layout.of(folding.module)
    thetas = []
    for one in opened.read:
        parameters = {name: value[0] for name, value in problem.layout.split(one.theta[None]).items()}
        buffers = {name: value.to(one.theta.device) for name, value in one.buffers.items()}
        thetas.append(layout.join(folding.folded({**parameters, **buffers})))
    reporter.say(
        f"{plural(len(folding.pairs), 'batch-norm')} folded into the layers before: {layout.total} parameters."
    )
    rest = {name: problem.constants[name] for name, _ in folding.module.named_buffers()}
    problem = replace(problem, network=folding.module, layered=layered, buffers=rest, without=without)
    problem = without_wrong_view(problem, torch.stack(thetas))
    return Joined(problem, thetas, PathNorms("fold"), opened.losses, opened, folding)


def require_data(problem: Problem, model: InputModel) -> None:
    """Raise RunError where the data set is not what it was."""
    if problem.data.fingerprint != model.data_fingerprint:
        raise RunError(
            "bad data",
            f"The data set {model.data} is not the one that model {model.id} was trained on (its fingerprint "
            "differs): put the old files back, or train again.",
        )


def require_one_network(problem: Problem, first: tuple[InputModel, Read], other: tuple[InputModel, Read]) -> None:
    """Raise RunError where two models differ in a buffer that is no statistic: between them there are two networks."""
    constant = [
        {name: one for name, one in each[1].buffers.items() if name not in problem.statistics}
        for each in (first, other)
    ]
    if odd := first_difference(constant[0].items(), constant[1].items()):
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
