"""Exact paths for wide networks: Nguyen 2019, Theorems 3.2, 5.1 and 6.1, for any two models, trained or not.

`theorems` states what each assumes and holds the construction. Proven in real numbers; in float64 a path is only as
good as its matrices are conditioned. So the outputs are looked at in the middle of every segment, where they must be
the mean of those at its ends (on all segments outputs stand still or move on a straight line): a path off by more than
`TOLERANCE` fails to connect, and says which condition number is the largest.
"""

from collections.abc import Iterator
from functools import partial

import torch

from core.methods.method import Construction, Premise, Task
from core.methods.sparse.premises import layered_premises
from core.methods.wide.net import Net
from core.methods.wide.ranks import condition
from core.methods.wide.route import Route
from core.methods.wide.theorems import THEOREMS, first_layer_that_follows, join
from core.path import Path
from core.problem import Problem
from core.specs.methods import Wide

TOLERANCE = 1e-9  # of the outputs, relative to 1 + the largest


def premises(options: Wide, task: Task) -> Iterator[Premise]:
    yield from layered_premises(task)
    assert task.problem.layered is not None
    layers = task.problem.layered.layers
    dense = all(not layer.convolution and layer.block == 1 and layer.bias is not None for layer in layers)
    yield Premise("all layers are dense and have biases", dense)
    claim = "the models are in float64, which exact paths need (train them with -o dtype=float64)"
    yield Premise(claim, task.problem.dtype == torch.float64, f"they are in {task.problem.dtype}".replace("torch.", ""))
    if options.theorem != "auto":
        yield from THEOREMS[options.theorem](task.problem)
    else:
        failed = {name: first_failed(name, task.problem) for name in THEOREMS}
        why = "; ".join(f"{name}: {one.measured}" for name, one in failed.items() if one is not None)
        yield Premise("one of Theorems 3.2, 5.1 and 6.1 applies", None in failed.values(), why)


def first_failed(theorem: str, problem: Problem) -> Premise | None:
    """The first assumption of a theorem that does not hold."""
    return next((one for one in THEOREMS[theorem](problem) if not one.holds), None)


def build(options: Wide, task: Task) -> Construction:
    """Join the models by the theorem asked for, or by the first one whose assumptions hold."""
    problem, theorem = task.problem, str(options.theorem)
    if theorem == "auto":
        theorem = next(name for name in THEOREMS if first_failed(name, problem) is None)
    task.reporter.progress(None, f"Theorem {theorem}")
    a, b = (Net.of(problem, theta) for theta in (task.a, task.b))
    generator = torch.Generator().manual_seed(task.seed)
    route = join(a, b, first_layer_that_follows(theorem, problem), generator)
    path = route.path(task.a, task.b)
    return Construction(path, task.below, gaps=ill_conditioned(problem, path, route))


def ill_conditioned(problem: Problem, path: Path, route: Route) -> str | None:
    """Which segment float64 can't follow, as a sentence; None if it can follow all."""
    middle, x = torch.tensor([0.5], dtype=torch.float64), problem.data.train.x
    outputs = partial(problem.outputs, x=x)
    for i, segment in enumerate(path):
        half = segment.at(middle)
        first, inside, last = (outputs(one) for one in (segment.start[None], half, segment.end[None]))
        off = float((inside - (first + last) / 2).abs().max() / (1 + torch.cat([first, last]).abs().max()))
        if not off <= TOLERANCE:
            worst, where = worst_condition(route.nets[i])
            return (
                f"the outputs on segment {i} ({segment.claim}) are off by {off:.1e} relative, over {TOLERANCE:.0e}: "
                f"weights reach {float(half.abs().max()):.1e} there and {where} has the condition number {worst:.1e}, "
                "too much for float64"
            )
    return None


def worst_condition(net: Net) -> tuple[float, str]:
    """The largest condition number of a weight or of a hidden layer's features, and whose it is."""
    found = [(condition(W), f"the weight of layer {l}") for l, W in enumerate(net.W, start=1)]
    found += [(condition(net.features(l)), f"F_{l}") for l in range(net.depth)]
    return max(found)
