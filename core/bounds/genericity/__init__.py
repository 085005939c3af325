"""The conditions of Corollary 4.3 of Nguyen, Bréchet and Mondelli 2021, for one model.

Let a ReLU network with L >= 3 layers, hidden widths n_l and n_L outputs be trained on N distinct samples with targets
in [-1, 1]^{n_L} by a loss that is convex in the output. If there are sets I_l of neurons of the hidden layers with

    A1    |I_{L-1}| >= n_{L-1} / 2  and  4 floor(n_{L-2} / 8) floor((n_{L-1} - |I_{L-1}|) / (4 n_L)) >= N,
    A1-b  some output layer on the features F_{L-1} of I_{L-1} has at most the model's loss + epsilon,
    A2    |I_{L-2}| = ceil(n_{L-2} / 2), and the N features of I_{L-2} are in generic position:
          no hyperplane of R^d holds more than d of them,
    A3    |I_l| = n_l - 1 for l <= L - 3, and the N features of I_l are distinct,

for two models, then a piecewise linear path joins them on which the loss is at most max(loss A, loss B) + epsilon +
eps for every eps > 0. (The free neurons memorise the samples.)

I_{L-1} has ceil(n_{L-1} / 2) neurons here, which is best for A1: if A1 fails so, it fails. A1-b holds with the epsilon
that is reported, from an output layer that was found. A2 is refuted by a witness that is proven, or not refuted: open,
except for N <= d where it is trivially true. A3 is decided. All of this is about the features as they are computed in
float64. Output layers have the bias that the network's has, where the paper's has none.
"""

import torch
from torch import Tensor

from core.bounds.clock import Clock
from core.bounds.genericity.layers import Condition, LayerExamination
from core.bounds.kept_features import features, layers_text, require
from core.bounds.result import BoundResult
from core.errors import PremiseError
from core.problem import Problem
from core.progress import Reporter
from core.results import NO, OPEN, YES
from core.specs.bounds import Genericity
from core.specs.conditions import check_genericity


def compute(options: Genericity, problem: Problem, theta: Tensor, reporter: Reporter) -> BoundResult:
    """Raises PremiseError where the corollary isn't about such a network or such data."""
    found = conditions(options, problem, theta, reporter)
    measurements = [one for condition in found for one in condition.measurements]
    answers = [answer_of(found, name) for name in ("A1", "A1-b", "A2", "A3")]
    assert problem.layered is not None
    exact = problem.on_first(options.samples)
    return BoundResult(sum(one == YES for one in answers), problem.layered.depth, summary(found, exact), measurements)


def conditions(options: Genericity, problem: Problem, theta: Tensor, reporter: Reporter) -> list[Condition]:
    """All conditions, layer by layer. Raises PremiseError as `compute` does."""
    require(problem, "genericity", check_genericity)
    y = problem.data.train.y
    if y.is_floating_point() and y.abs().max() > 1:
        raise PremiseError(f"Genericity needs targets in [-1, 1] (Corollary 4.3): these reach {y.abs().max():.4g}.")
    exact, clock = problem.on_first(options.samples).to("cpu", torch.float64), Clock.of(60 * options.minutes)
    assert exact.layered is not None
    depth = exact.layered.depth
    found: list[Condition] = []
    for layer in features(options, exact, theta):
        look = LayerExamination(options, exact, layer, clock.share(depth - layer.level), reporter)
        look.progress(0.0)
        if layer.level == 0:
            found.append(look.inputs())
        elif layer.level == depth - 1:
            found += [look.width(), look.refit(theta.to("cpu", torch.float64))]
        else:
            found.append(look.generic() if layer.level == depth - 2 else look.distinct())
    return found


def answer_of(found: list[Condition], name: str) -> float:
    """Of a condition on several layers: all have to hold; on none it holds."""
    return min((one.answer for one in found if one.name == name), default=YES)


def summary(found: list[Condition], exact: Problem) -> str:
    """Which conditions hold, fail or are open, and what follows."""
    assert exact.layered is not None
    every = [answer_of(found, name) for name in ("inputs", "A1", "A1-b", "A2", "A3")]
    by_name = {one.name: one.words for one in found if one.name != "A3"}
    parts = [by_name[name] for name in ("inputs", "A1", "A1-b", "A2") if by_name[name]]
    parts.append(_distinct_words([one for one in found if one.name == "A3"], every[-1]))
    if min(every) == NO:
        parts.append("Corollary 4.3 does not apply")
    elif any(layer.convolution for layer in exact.layered.layers):
        parts.append("Corollary 4.3 is about dense layers, and this network has convolutions")
    elif min(every) == OPEN:
        parts.append("whether Corollary 4.3 applies is open")
    else:
        parts.append(
            "two such models are joined by a path with loss at most the higher one's + epsilon (Corollary 4.3)"
        )
    return "; ".join(parts)


def _distinct_words(found: list[Condition], answer: float) -> str:
    if answer == YES:
        return f"A3 holds at {layers_text([one.level for one in found])}" if found else "A3 holds: it asks nothing here"
    return "; ".join(one.words for one in found if one.answer != YES)
