"""What applies to a network on a data set before anything is trained: methods, and the certificates of their paths."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch import Tensor, nn

from core.certify.enclosed import unprovable
from core.methods import METHODS
from core.methods.method import Task, first_failed
from core.networks.architectures import Architecture, folded
from core.path import Segment
from core.problem import Problem
from core.specs.methods import METHODS as OPTIONS

NO_CHAIN = "the network is no chain of layers"


@dataclass(frozen=True)
class Part:
    """A part of the network that has parameters of its own, in the order in which it was made."""

    name: str
    kind: str
    parameters: int


@dataclass(frozen=True)
class Applicable:
    """What a method makes of models of a network: paths with a `certificate` of the kinds named; None: nothing.

    The reason says why it doesn't apply, or why its paths can't be proven.
    """

    method: str
    certificate: str | None
    reason: str | None = None


def parts_of(module: nn.Module) -> list[Part]:
    """The network's parts; a parameter that several share belongs to the first."""
    owners: dict[str, int] = {}
    for name, parameter in module.named_parameters():
        owner = name.rpartition(".")[0]
        owners[owner] = owners.get(owner, 0) + parameter.numel()
    parts = dict(module.named_modules())
    return [Part(name, _described(parts[name]), count) for name, count in owners.items()]


def _described(part: nn.Module) -> str:
    """Its class, with what its author chose to say of it."""
    return f"{type(part).__name__}({part.extra_repr()})"


def applicable(problem: Problem, a: Tensor, b: Tensor) -> Iterator[Applicable]:
    """What every method makes of models (P,), in float64, with its default options."""
    beyond = NO_CHAIN if problem.layered is None else unprovable(problem, Segment(a, b))
    for name, method in METHODS.items():
        if method.certificate is None:
            yield Applicable(name, "enclosed" if beyond is None else "sampled", beyond)
            continue
        failed = first_failed(method.premises(OPTIONS[name](), Task(a, b, problem)))
        if failed is None:
            yield Applicable(name, method.certificate)
        else:
            reason = NO_CHAIN if problem.layered is None else f"it assumes that {failed.failure}"
            yield Applicable(name, None, reason)


def folded_starts(architecture: Architecture, problem: Problem, name: str) -> tuple[Problem, Tensor, Tensor]:
    """The problem with each batch-norm folded into the layer before it, and two models as they start.

    Raises UsageError where that can't be.
    """
    made = folded(architecture.module, problem.data.train.shape, name)
    buffers = dict(architecture.module.named_buffers())
    states = [made.folding.folded({**architecture.start(seed), **buffers}) for seed in (0, 1)]
    problem = replace(problem, network=made.folding.module, layered=made.layered, without=made.without)
    a, b = (problem.layout.join(state).double() for state in states)
    return problem, a, b
