"""Linear separability of the features of every layer: Corollary 4.4 of Nguyen, Bréchet and Mondelli 2021.

Let a network with n_L outputs, hidden widths n_l >= 2 n_L and an activation that is strictly monotonic on an interval
be trained on N samples by the cross-entropy loss. If each hidden layer l has a set I_l of n_l / 2 to n_l - n_L neurons
such that the features F_l of the samples, restricted to I_l, are linearly separable, and so are the inputs F_0, for two
models, then a piecewise linear path joins them with

    train loss on the path <= max(loss A, loss B) + eps    for every eps > 0.

*Linearly separable* means: for each class a hyperplane has it strictly on one side and all other samples on the other.
Why it follows: n_L neurons a layer are free beside I_l, each can follow one hyperplane within the interval, so that the
classes stay separable up to the output, which is scaled until the loss is below eps: Q_l = 0 in Theorem 4.1.

Where we depart from it. More neurons never harm: I_l has n_l - n_L here, and if all neurons of a layer aren't
separable no set is. Any loss will do whose infimum separable outputs approach: the hinge loss, not the square loss.
The paper's output layer has no bias; the argument needs one, and biases in all layers. It moves free dense neurons,
so that nothing follows from a layer that a convolution reads.
"""

from dataclasses import dataclass
from time import monotonic

import torch
from torch import Tensor

from core.bounds.clock import Clock
from core.bounds.kept_features import Features, features, layers_text, require
from core.bounds.result import BoundResult
from core.bounds.separability.deciding import SeparabilityVerdict, decide
from core.errors import PremiseError
from core.problem import Problem
from core.progress import Reporter
from core.results import NO, OPEN, YES, Measurement, Role
from core.specs.bounds import Separability
from core.specs.conditions import check_separability

ROLES: dict[str, Role] = {"separable": "verdict", "margin": "value"}


def compute(options: Separability, problem: Problem, theta: Tensor, reporter: Reporter) -> BoundResult:
    """Raises PremiseError where a premise of the corollary fails that no choice of kept neurons can mend."""
    found = layers(options, problem, theta, reporter)
    measurements = [one for layer in found for one in layer.measurements()]
    answer = summary(found, problem.on_first(options.samples))
    return BoundResult(sum(layer.answer == YES for layer in found), len(found), answer, measurements)


def layers(options: Separability, problem: Problem, theta: Tensor, reporter: Reporter) -> "list[LayerResult]":
    """What was found of every layer. Raises PremiseError as `compute` does."""
    require(problem, "separability", check_separability)
    exact = problem.on_first(options.samples).to("cpu", torch.float64)
    if len(torch.unique(exact.data.train.y)) < 2:
        raise PremiseError("Separability needs samples of two classes; these are all of one.")
    assert exact.layered is not None
    depth, clock = exact.layered.depth, Clock.of(60 * options.minutes)
    return [
        KeptSetSearch(options, exact, clock.share(depth - found.level), reporter).layer(found)
        for found in features(options, exact, theta)
    ]


@dataclass(frozen=True)
class KeptSetResult:
    """What was found of one kept set: `draw` is None for all neurons."""

    draw: int | None
    kept: int
    verdict: SeparabilityVerdict
    seconds: float


@dataclass(frozen=True)
class LayerResult:
    """What was found of a layer of `width` neurons, of which `least` are needed (None: of the input)."""

    level: int
    width: int
    least: int | None
    results: list[KeptSetResult]

    @property
    def answer(self) -> float:
        """One set that will do is enough; only all neurons together refute the layer."""
        if any(one.verdict.answer == YES for one in self.results if self.level == 0 or one.draw is not None):
            return YES
        return NO if self.results[-1].verdict.answer == NO else OPEN

    @property
    def why(self) -> str:
        """Why it was left open."""
        last = self.results[-1].verdict
        return last.why or "all neurons together are separable, the sets drawn are not"

    def measurements(self) -> list[Measurement]:
        """Every set's numbers, with those that the corollary asks for."""
        found = []
        for one in self.results:
            values = {"separable": one.verdict.answer, "margin": one.verdict.margin, "seconds": one.seconds}
            if self.least is not None:
                values |= {"kept": float(one.kept), "width": float(self.width), "least_width": float(self.least)}
            found += [
                Measurement(name=name, value=value, layer=self.level, draw=one.draw, role=ROLES.get(name, "aside"))
                for name, value in values.items()
                if value is not None
            ]
        return found


@dataclass(frozen=True)
class KeptSetSearch:
    """Through the kept sets of one layer, within the time that it has."""

    options: Separability
    exact: Problem
    clock: Clock
    reporter: Reporter

    def layer(self, found: Features) -> LayerResult:
        """Every draw, and where none will do, all neurons."""
        n, outputs = found.F.shape[1], self.exact.data.outputs
        sets = [] if found.level == 0 else list(found.sets(self.options, n - outputs))
        looks = [self.decide_set(found, neurons, i, len(sets) + 1) for i, neurons in enumerate(sets)]
        if not any(one.verdict.answer == YES for one in looks):
            looks.append(self.decide_set(found, torch.arange(n), None, len(sets) + 1))
        return LayerResult(found.level, n, 2 * outputs if found.level > 0 else None, looks)

    def decide_set(self, found: Features, neurons: Tensor, draw: int | None, count: int) -> KeptSetResult:
        """Decide about one of `count` sets."""
        assert self.exact.layered is not None
        depth = self.exact.layered.depth
        began, place = monotonic(), count - 1 if draw is None else draw
        message = f"layer {found.level}" + ("" if draw is None else f", draw {draw + 1} of {count - 1}")

        def heard(part: float) -> None:
            self.reporter.progress((found.level + (place + part) / count) / depth, message)

        verdict = decide(found.of_neurons(neurons), self.exact.data.train.y, self.clock.share(count - place), heard)
        seconds = monotonic() - began
        what = f"{len(neurons)} neurons" if found.level > 0 else "the inputs"
        self.reporter.say(f"{message.capitalize()}, {what}: {verdict.summary}, after {seconds:.1f} s.")
        return KeptSetResult(draw, len(neurons), verdict, seconds)


def summary(layers: list[LayerResult], exact: Problem) -> str:
    """At which layers the features are separable, and what follows."""
    by_answer = {answer: [one for one in layers if one.answer == answer] for answer in (YES, NO, OPEN)}
    parts = [f"separable, proven: {len(by_answer[YES])} of {len(layers)} layers"]
    if by_answer[NO]:
        parts.append(f"not separable, proven: {layers_text([one.level for one in by_answer[NO]])}")
    parts += [f"left open: layer {one.level} ({one.why})" for one in by_answer[OPEN]]
    return "; ".join([*parts, _consequence(by_answer, exact)])


def _consequence(by_answer: dict[float, list[LayerResult]], exact: Problem) -> str:
    assert exact.layered is not None
    if by_answer[NO] or by_answer[OPEN]:
        return "Corollary 4.4 does not apply" if by_answer[NO] else "whether Corollary 4.4 applies is open"
    if any(layer.convolution for layer in exact.layered.layers):
        return "Corollary 4.4 is about dense layers, and convolutions read some of these"
    count = len(exact.data.train)
    return (
        f"two such models are joined by a path whose loss on these {count} samples is at most the higher one's + eps, "
        "for every eps > 0 (Corollary 4.4)"
    )
