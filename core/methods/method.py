"""What every method has: premises that are checked first, and a construction."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from core.certify.enclosed import Prover
from core.errors import PremiseError
from core.path import Path
from core.penalty import Penalty
from core.problem import Problem
from core.progress import Reporter, SilentReporter
from core.specs.methods import Metric


@dataclass(frozen=True)
class Premise:
    """An assumption, with what was measured and what is allowed."""

    claim: str
    holds: bool
    measured: str = ""

    @classmethod
    def at_most(cls, claim: str, measured: float, allowed: float) -> "Premise":
        """`measured <= allowed`; NaN fails."""
        return cls(claim, measured <= allowed, f"{measured:.6g} is not at most {allowed:.6g}")

    @property
    def failure(self) -> str:
        """The end of a sentence that says what is assumed, and isn't so."""
        return f"{self.claim}, but {self.measured or 'that is not so'}"


def first_failed(premises: Iterable[Premise]) -> Premise | None:
    """The first one that does not hold; later ones aren't evaluated."""
    return next((one for one in premises if not one.holds), None)


def require(premises: Iterator[Premise]) -> None:
    """Raise PremiseError for the first one that does not hold."""
    if (failed := first_failed(premises)) is not None:
        raise PremiseError(f"The method assumes that {failed.failure}.")


@dataclass(frozen=True)
class Task:
    """What a method is given: two models (P,), the problem, a threshold, and a reporter with a state to resume from.

    With a `prover` the path has to be proven below the threshold in the end, and the checker can be asked on the way.
    `penalty` is what is added to the train loss where a level of both is asked for.
    """

    a: Tensor
    b: Tensor
    problem: Problem
    below: float | None = None
    seed: int = 0
    reporter: Reporter = field(default_factory=SilentReporter)
    prover: Prover | None = None
    penalty: Penalty = field(default_factory=Penalty)


@dataclass(frozen=True)
class Helper:
    """A network (P,) that a path rests on, by what it is."""

    name: str
    theta: Tensor


@dataclass(frozen=True)
class Construction:
    """A path from a to b; `gaps` says in words why it does not connect, None if it does.

    `below` is the threshold on the metric `on`, `beads` the number of interior models that were trained, and `passes`
    how often the train set was passed over for it, a step of training counted for three; 0 where nobody counted.
    `helpers` are kept as models of their own, and `beside` are tensors that the path's file keeps with it, by name
    (core.knots).
    """

    path: Path
    below: float | None = None
    on: Metric = "train-loss"
    gaps: str | None = None
    beads: int = 0
    passes: float = 0.0
    helpers: tuple[Helper, ...] = ()
    beside: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """A construction and what it presupposes; both take the method's options and the task.

    `build_all` constructs paths for several tasks of one problem together, and reports what they have in common.
    `certificate` says in words which kinds its construction earns; None: the path is looked at, and enclosed if it can.
    """

    premises: Callable[[Any, Task], Iterator[Premise]]
    build: Callable[[Any, Task], Construction]
    build_all: Callable[[Any, Sequence[Task], Reporter], list[Construction]] | None = None
    certificate: str | None = None
