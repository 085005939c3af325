"""What both constructions through subnetworks presuppose of the network."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from core.errors import UsageError
from core.methods.method import Premise, Task


def layered_premises(task: Task) -> Iterator[Premise]:
    """Two models of one network that is a chain of layers, each with parameters of its own."""
    yield Premise("the two models have equally many parameters", task.a.shape == task.b.shape)
    network = task.problem.layered
    yield Premise("the network has a view by layers, as this method needs", network is not None, task.problem.without)
    assert network is not None  # whoever asks for premises stops at the first that fails
    yield Premise("the network has a hidden layer", network.depth > 1)
    used = Counter(name for layer in network.layers for name in (layer.weight, layer.bias) if name is not None)
    odd = [name for name in task.problem.layout.names if used[name] != 1]
    yield Premise("every parameter belongs to one layer", not odd, f"{', '.join(odd[:3])} doesn't")


def sizes_premise(claim: str, sizes: Callable[[Sequence[int]], object], task: Task) -> Premise:
    """That `sizes` of the hidden widths can be had."""
    assert task.problem.layered is not None
    try:
        sizes([layer.outputs for layer in task.problem.layered.layers[:-1]])
    except UsageError as error:
        return Premise(claim, False, str(error).rstrip("."))
    return Premise(claim, True)
