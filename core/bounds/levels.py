"""What the bounds that go layer by layer and draw by draw have in common."""

from collections.abc import Callable, Sequence
from math import isnan

from torch import Tensor

from core.bounds.found import Found
from core.errors import PremiseError, UsageError
from core.problem import Problem
from core.results import Measurement
from core.subnetworks import Level
from core.subnetworks.frozen import features_by_level, frozen


def require_layers(problem: Problem, what: str, sizes: Callable[[Sequence[int]], object]) -> None:
    """Raise PremiseError where there is no view by layers, no hidden layer, or one is too narrow for `sizes`."""
    if problem.layered is None:
        raise PremiseError(f"The {what} bound needs a network with a view by layers; this one has none.")
    if problem.layered.depth < 2:
        raise PremiseError(f"The {what} bound needs a hidden layer; this network has none.")
    try:
        sizes([layer.outputs for layer in problem.layered.layers[:-1]])
    except UsageError as error:
        raise PremiseError(str(error)) from None


def found_of(problem: Problem, theta: Tensor, levels: Sequence[Level], what: str) -> Found:
    """The largest over the layers of the lowest over the draws, with every draw beside it."""
    own = float(problem.losses(theta[None])[0])
    lowest = {level.level: level.best.loss for level in levels}
    worst = max(lowest, key=lambda one: lowest[one])
    summary = f"{what} is {lowest[worst]:.4g} at layer {worst}, the highest; the model's own train loss is {own:.4g}"
    measurements = [Measurement(name="model_loss", value=own)]
    for level in levels:
        measurements += measured(level)
    measurements += best_test_errors(problem, theta, levels)
    return Found(lowest[worst], len(levels), summary, measurements)


def best_test_errors(problem: Problem, theta: Tensor, levels: Sequence[Level]) -> list[Measurement]:
    """The test error of every layer's draw with the lowest train loss; none without a test set of classes."""
    if problem.data.test is None:
        return []
    by_level = {level.level: level for level in levels}
    found = []
    for number, data in features_by_level(problem, theta):
        if (level := by_level.get(number)) is None:
            continue
        best = level.best
        reads = None if best.reads is None else best.reads[None].to(problem.device)
        own = frozen(problem, data, number, best.weights.widths, reads)
        error = own.values(best.weights.theta(own)[None], "test").error
        if error is not None:
            draw = int(level.loss.argmin())
            found.append(Measurement(name="test_error", value=float(error), layer=number, draw=draw))
    return found


def measured(level: Level) -> list[Measurement]:
    """Loss, test loss and factor of every draw of a layer; a factor only where a dropped network is the draw's best."""
    columns = {"loss": level.loss, "test_loss": level.test_loss, "scale": level.scale}
    return [
        Measurement(name=name, value=value, layer=level.level, draw=i)
        for name, values in columns.items()
        if values is not None
        for i, value in enumerate(values.tolist())
        if not isnan(value)
    ]
