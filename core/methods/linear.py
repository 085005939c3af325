"""The straight line between two models: the yardstick of every other method."""

from collections.abc import Iterator

from core.methods.method import Construction, Premise, Task
from core.path import Path
from core.specs.methods import Linear


def premises(options: Linear, task: Task) -> Iterator[Premise]:  # noqa: ARG001 - a line has no options
    yield Premise("the two models have equally many parameters", task.a.shape == task.b.shape)


def build(options: Linear, task: Task) -> Construction:  # noqa: ARG001
    return Construction(Path.line(task.a, task.b), task.below)
