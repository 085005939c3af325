"""Small problems that the theorems for wide networks apply to, and starts that make them work for it."""

from dataclasses import dataclass

import torch
from hypothesis import strategies as st
from torch import Tensor

from core.methods.method import Task
from core.methods.wide.net import Net
from core.path import Path
from core.problem import Problem
from tests.core.plain import classes, points, problem_of

seeds = st.integers(0, 2**32 - 1)
SLOPED = "activation=leaky_relu,slope=0.2"


ADMITTED = {
    "3.2": [SLOPED, "activation=linear", "activation=leaky_relu,slope=1", "activation=leaky_relu,slope=0.05"],
    "5.1": [SLOPED, "activation=leaky_relu,slope=0.9", "activation=leaky_relu,slope=0.05"],
    "6.1": [SLOPED, "activation=relu", "activation=elu"],
}


@dataclass
class Case:
    theorem: str
    problem: Problem
    a: Tensor
    b: Tensor
    seed: int

    @property
    def task(self) -> Task:
        return Task(self.a, self.b, self.problem, seed=self.seed)


def problem(text: str, samples: int, inputs: int, loss: str | None = None, seed: int = 0) -> Problem:
    return problem_of(text, classes((inputs,), samples, seed=seed), loss)


def net_of(problem: Problem, seed: int) -> Net:
    """Random weights that keep the sizes of features, and biases."""
    generator = torch.Generator().manual_seed(seed)
    net = Net.of(problem, points(problem, 1)[0])
    W = tuple(torch.randn(one.shape, generator=generator, dtype=torch.float64) / len(one) ** 0.5 for one in net.W)
    b = tuple(0.3 * torch.randn(one.shape, generator=generator, dtype=torch.float64) for one in net.b)
    return Net(problem, W, b)


def changed(net: Net, how: str) -> Net:
    """Degenerate networks: nothing in them has full rank any more, or all of it is far away."""
    match how:
        case "zero":
            return Net(net.problem, tuple(0 * W for W in net.W), tuple(0 * b for b in net.b))
        case "twins":  # the first two neurons of every hidden layer are one
            W = [one.clone() for one in net.W]
            b = [one.clone() for one in net.b]
            for k in range(net.depth - 1):
                W[k][:, 1], b[k][1] = W[k][:, 0], b[k][0]
            return Net(net.problem, tuple(W), tuple(b))
        case "silent":  # the second layer reads nothing
            return net.changed(2, 0 * net.W[1])
        case "far":
            return Net(net.problem, tuple(10 * W for W in net.W), net.b)
        case "negative":
            return Net(net.problem, tuple(-W for W in net.W), tuple(-b for b in net.b))
        case _:
            return net


HOW = ["random", "random", "zero", "twins", "silent", "far", "negative"]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    theorem = draw(st.sampled_from(["3.2", "5.1", "6.1"]))
    samples, depth = draw(st.integers(2, 6)), draw(st.integers(2, 5))
    inputs = samples + draw(st.integers(0, 3)) if theorem == "3.2" else draw(st.integers(1, 4))
    outputs = 3
    narrowing = [outputs + depth - k + draw(st.integers(0, 1)) for k in range(1, depth)]
    widths = [width + 2 * (depth - k) for k, width in enumerate(narrowing)]
    if theorem == "5.1":
        widths[0] = max(widths[0], 2 * samples + draw(st.integers(0, 3)))
    if theorem == "6.1":
        widths = [2 * samples + draw(st.integers(0, 3)) for _ in widths]
    activation = draw(st.sampled_from(ADMITTED[theorem]))
    text = f"fcn:{'-'.join(map(str, widths))},{activation}"
    loss = draw(st.sampled_from(["cross-entropy", "square", "absolute", "hinge"]))
    seed = draw(seeds)
    found = problem(text, samples, inputs, loss, seed % 1000)
    a, b = (changed(net_of(found, seed + i), draw(st.sampled_from(HOW))) for i in range(2))
    return Case(theorem, found, a.theta, b.theta, seed % 1000)


def off_the_line(problem: Problem, path: Path, count: int) -> float:
    """How far outputs are from the line between those at the ends of each segment, relative, on `count` points."""
    t = torch.linspace(0, 1, count, dtype=torch.float64)
    worst = 0.0
    for segment in path:
        outputs = problem.outputs(segment.at(t), problem.data.train.x)
        line = torch.lerp(outputs[:1], outputs[-1:], t[:, None, None])
        worst = max(worst, float((outputs - line).abs().max() / (1 + outputs.abs().max())))
    return worst
