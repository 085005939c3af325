"""What K models descend: the loss of each by itself, or an objective that joins them, such as a string's."""

from collections.abc import Callable

from torch import Tensor

from core.problem import Problem
from core.specs.descent import Descent
from core.training.gradients import gradients_of
from core.training.state import TrainingState

Step = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""From parameters (A, P) of the active models, and samples of each or of all: losses (A,), and gradients (A, P) of the
objective, in memory that the next call may overwrite."""

Objective = Callable[[Problem, Descent, TrainingState], Step]
"""Called with the problem of the active models whenever others are active; the state knows where all models are."""


def alone(problem: Problem, options: Descent, state: TrainingState) -> Step:
    """The loss of each model by itself, with batch-norms in training mode; their statistics are kept in the state."""
    plain = gradients_of(problem, options.precision)
    if not state.statistics:
        return plain

    def step(thetas: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        own = state.statistics_of(state.active)
        found = problem.gradients(thetas, x, y, own)
        for name, one in own.items():
            state.statistics[name][state.active] = one
        return found

    return step
