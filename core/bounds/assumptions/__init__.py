"""Which theorems of the four papers apply to a model and its data, assumption by assumption.

`theorems` and `nbm21` state what each asks; every assumption is a measurement `THEOREM: ASSUMPTION` that holds, fails
or is open, `THEOREM: all` says it of the theorem. Beside them stand the numbers: N, repeated samples, and of every
layer its width and the ranks of its features F_l and its weight W_l, to rounding.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from core.bounds.assumptions.checklist import Theorem
from core.bounds.assumptions.nbm21 import corollaries
from core.bounds.assumptions.theorems import freeman_bruna_2017, incoming, nguyen_2019, thesis_chapter_2
from core.bounds.levels import require_layers
from core.bounds.result import BoundResult
from core.methods.wide.assumptions import dense
from core.methods.wide.net import Net
from core.methods.wide.ranks import rank
from core.problem import Problem
from core.progress import Reporter
from core.results import NO, OPEN, YES, Measurement
from core.specs.bounds import Assumptions
from core.subnetworks import Weights
from core.subnetworks.weights import with_ones

WORDS = {YES: "Applies", OPEN: "Open", NO: "Does not apply"}


def compute(options: Assumptions, problem: Problem, theta: Tensor, reporter: Reporter) -> BoundResult:
    """Raises PremiseError where the network has no view by layers or no hidden layer."""
    require_layers(problem, "assumptions", lambda _: None)
    exact, theta = problem.to("cpu", torch.float64), theta.to("cpu", torch.float64)
    assert exact.layered is not None
    reporter.progress(0.0, "shapes and ranks")
    net = Net.of(exact, theta) if dense(exact).holds else None
    theorems = nguyen_2019(exact) + thesis_chapter_2(exact, net) + freeman_bruna_2017(exact)
    of_nbm21, epsilons = corollaries(options, exact, theta, reporter)
    theorems += of_nbm21
    for theorem in theorems:
        reporter.say(f"{WORDS[theorem.answer]}: {theorem.name if theorem.answer == YES else theorem.why}.")
    measurements = [one for theorem in theorems for one in theorem.measurements()]
    measurements += [*epsilons, *of_the_data(exact, theta), *of_layers(exact, theta)]
    applying = sum(theorem.answer == YES for theorem in theorems)
    return BoundResult(applying, exact.layered.depth, summary(theorems), measurements)


def summary(theorems: Sequence[Theorem]) -> str:
    """Which apply, which are open and which don't, each with the assumption that decides."""
    by_answer = {answer: [one for one in theorems if one.answer == answer] for answer in (YES, OPEN, NO)}
    parts = [
        f"{len(by_answer[YES])} of {len(theorems)} apply: {', '.join(one.name for one in by_answer[YES]) or 'none'}"
    ]
    parts += [f"open: {why}" for why in by_reason(by_answer[OPEN])]
    parts += [f"not {why}" for why in by_reason(by_answer[NO])]
    return "; ".join(parts)


def by_reason(theorems: Sequence[Theorem]) -> list[str]:
    """Theorems with the assumption that decides, each assumption once."""
    named: dict[str, list[str]] = {}
    for one in theorems:
        named.setdefault(one.reason, []).append(one.name)
    return [f"{', '.join(names)} ({reason})" for reason, names in named.items()]


def of_the_data(exact: Problem, theta: Tensor) -> list[Measurement]:
    X = exact.data.train.x.flatten(1)
    values = {
        "samples": len(X),
        "repeated_samples": len(X) - len(torch.unique(X, dim=0)),
        "inputs": X.shape[1],
        "rank_of_inputs_and_ones": rank(with_ones(X)),
        "largest_incoming_norm": incoming(exact, theta),
    }
    return [Measurement(name=name, value=float(value)) for name, value in values.items()]


def of_layers(exact: Problem, theta: Tensor) -> list[Measurement]:
    """Width, rank of F_l (not of the outputs) and of W_l, of every layer."""
    assert exact.layered is not None
    found = []
    W = Weights.of(exact, theta).W
    for l, layer in enumerate(exact.layered.layers, start=1):
        weight = W[l - 1].flatten(1)
        values = {"width": layer.outputs, "weight_rank": rank(weight), "full_weight_rank": min(weight.shape)}
        if l < exact.layered.depth:
            F = exact.features(theta[None], l, exact.data.train.x)[0].flatten(1)
            values |= {"rank": rank(F), "full_rank": min(F.shape)}
        found += [
            Measurement(name=name, value=float(value), layer=l, role="aside" if name == "width" else "value")
            for name, value in values.items()
        ]
    return found
