"""What the bounds that go layer by layer and draw by draw have in common."""

from collections.abc import Callable, Mapping, Sequence
from math import isnan

from torch import Tensor

from core.bounds.result import BoundResult
from core.errors import PremiseError, UsageError
from core.problem import Problem
from core.results import Measurement
from core.subnetworks import Level

FAMILIES = {"test_loss": "loss", "test_error": "error"}


def require_layers(problem: Problem, purpose: str, sizes: Callable[[Sequence[int]], object]) -> None:
    """Raise PremiseError if there is no view by layers, no hidden layer, or one too narrow for `sizes`."""
    network = problem.require_layers(f"The {purpose} bound")
    if network.depth < 2:
        raise PremiseError(f"The {purpose} bound needs a hidden layer; this network has none.")
    try:
        sizes([layer.outputs for layer in network.layers[:-1]])
    except UsageError as error:
        raise PremiseError(str(error)) from None


def result_of(
    problem: Problem, theta: Tensor, layers: Mapping[int, Sequence[Measurement]], value_name: str
) -> BoundResult:
    """The largest over the layers of the lowest over the draws, from the draws' `measured` numbers."""
    own = float(problem.losses(theta[None])[0])
    lowest = {level: min(one.value or 0.0 for one in of if one.name == "loss") for level, of in layers.items()}
    worst = max(lowest, key=lambda one: lowest[one])
    summary = (
        f"{value_name} is {lowest[worst]:.4g} at layer {worst}, the highest; the model's own train loss is {own:.4g}"
    )
    measurements = [
        Measurement(name="model_loss", value=own, family="loss"),
        *(one for of in layers.values() for one in of),
    ]
    return BoundResult(lowest[worst], len(layers), summary, measurements)


def draw_measurements(level: Level) -> list[Measurement]:
    """What every draw of a layer is worth; a factor only where a dropped network is the draw's best."""
    return [
        Measurement(name=name, value=value, layer=level.level, draw=i, family=FAMILIES.get(name, ""))
        for name, values in level.measured.items()
        for i, value in enumerate(values.tolist())
        if not isnan(value)
    ]
