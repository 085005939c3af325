"""What Nguyen, Bréchet and Mondelli 2021 ask: Theorem 4.1 and its corollaries, for one of the two models.

4.1 and 4.2 ask for next to nothing and bound the path by numbers of the model: the bounds `sparse` and `dropout`
compute them. For 4.2 epsilon is given here, of a few draws. 4.3 and 4.4 are the bounds `genericity` and `separability`.
"""

from collections.abc import Callable

from torch import Tensor

from core.bounds import dropout, genericity, separability
from core.bounds.assumptions.checklist import Assumption, Theorem
from core.bounds.genericity import answer_of
from core.errors import PremiseError
from core.problem import Problem
from core.progress import Reporter
from core.results import NO, YES, Measurement
from core.specs.bounds import Assumptions, DropoutBound, Genericity, Separability

SHARE = 0.5  # of the time, for each of 4.3 and 4.4


def corollaries(
    options: Assumptions, problem: Problem, theta: Tensor, reporter: Reporter
) -> tuple[list[Theorem], list[Measurement]]:
    """The theorems, and epsilon of Corollaries 4.2 and 4.3."""
    assert problem.layered is not None
    widths = [layer.outputs for layer in problem.layered.layers[:-1]]
    narrow = [f"layer {l} has {n}" for l, n in enumerate(widths, start=1) if n < 2]
    room = Assumption.that("two neurons in every hidden layer", not narrow, "; ".join(narrow))
    flat = Assumption.that("dense layers", not any(layer.convolution for layer in problem.layered.layers))
    numbers: list[Measurement] = []
    if not narrow:
        draws = DropoutBound(draws=options.draws, seed=options.seed)
        found = dropout.compute(draws, problem, theta, reporter)
        own = float(problem.losses(theta[None])[0])
        numbers.append(Measurement(name="epsilon_of_dropout", value=max(0.0, (found.value or 0.0) - own)))
    return [
        Theorem("NBM21 4.1", [room]),
        Theorem("NBM21 4.2", [room]),
        Theorem("NBM21 4.3", [flat, *assumptions_or_refusal(lambda: corollary_4_3(options, problem, theta, reporter))]),
        Theorem("NBM21 4.4", [flat, *assumptions_or_refusal(lambda: corollary_4_4(options, problem, theta, reporter))]),
    ], numbers


def assumptions_or_refusal(examine: Callable[[], list[Assumption]]) -> list[Assumption]:
    """The assumptions examined, or one that says why the corollary isn't about such a network, loss or data."""
    try:
        return examine()
    except PremiseError as refusal:
        return [Assumption("network, loss and targets of its kind", NO, str(refusal).rstrip("."))]


def corollary_4_3(options: Assumptions, problem: Problem, theta: Tensor, reporter: Reporter) -> list[Assumption]:
    bound = Genericity(draws=options.draws, seed=options.seed, minutes=SHARE * options.minutes)
    found = genericity.conditions(bound, problem, theta, reporter)
    words = {one.name: one.words.removeprefix(f"{one.name} fails: ") for one in found if one.answer != YES}
    names = {"inputs": "distinct samples", "A1": "A1", "A1-b": "A1-b", "A2": "A2", "A3": "A3"}
    return [Assumption(name, answer_of(found, key), words.get(key, "")) for key, name in names.items()]


def corollary_4_4(options: Assumptions, problem: Problem, theta: Tensor, reporter: Reporter) -> list[Assumption]:
    bound = Separability(draws=options.draws, seed=options.seed, minutes=SHARE * options.minutes)
    layers = separability.layers(bound, problem, theta, reporter)
    answer = min(one.answer for one in layers)
    left = [str(one.level) for one in layers if one.answer == answer]
    return [Assumption("separable features in every layer", answer, f"not in layers {', '.join(left)}")]
