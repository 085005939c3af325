"""A model's loss and error, as recorded and as checked later: the only place that evaluates either."""

import torch
from torch import Tensor

from core.arithmetic import settle_float32
from core.errors import RunError
from core.input_files import InputModel
from core.problem import Part, Problem
from core.progress import Reporter
from core.results import as_loss

ALLOWED = {torch.float32: 1e-4, torch.float64: 1e-9}  # how far a loss may be from the recorded one, relative to 1 + it


def measure(problem: Problem, theta: Tensor, part: Part) -> tuple[float | None, float | None]:
    """Loss and error of one model (P,) on a split, in its whole dtype; (None, None) where there is none.

    By the module itself where the network is somebody else's.
    """
    if problem.part(part) is None:
        return None, None
    settle_float32()
    values = problem.as_module.values(theta[None].to(problem.device), part)
    return as_loss(float(values.loss)), None if values.error is None else float(values.error)


def require_as_recorded(problem: Problem, model: InputModel, theta: Tensor, reporter: Reporter) -> float:
    """The train loss of a model (P,). Raises RunError where it is not the one that the catalogue has of it.

    It is evaluated in float64, as paths are checked, so that a network that depends on the dtype is found out. Of a
    network file that has changed since, and is trusted, another loss is to be expected: that is said in the log.
    """
    exact = problem.on_first(None).to(problem.device, torch.float64)
    now, _ = measure(exact, theta.double(), "train")
    assert now is not None
    if model.train_loss is None:
        return now
    off = abs(now - model.train_loss) / (1 + abs(model.train_loss))  # of an infinite loss no number: it is not allowed
    if now == model.train_loss or off <= ALLOWED[problem.dtype]:
        return now
    both = f"The train loss of model {model.id} is {now:.10g} and was {model.train_loss:.10g} when it was recorded"
    if model.trusted:
        reporter.say(f"{both}, with its network's file as it was then.")
        return now
    raise RunError(
        "bad data",
        f"{both}: its network computes something else than it did, so nothing can be said of it; put back what the "
        "network's file reads or depends on, or train again.",
    )
