"""The conditions of Corollary 4.3 on the layers of one model."""

from dataclasses import dataclass

import torch
from torch import Tensor

from core.bounds.clock import Clock
from core.bounds.genericity.conditions import (
    capacity,
    dependent_samples,
    distinct_without_one,
    least_width,
    refitted_loss,
    stuck,
)
from core.bounds.genericity.dependence import dependent, same_rows
from core.bounds.kept_features import Features
from core.problem import Problem
from core.progress import Reporter
from core.results import NO, OPEN, YES, Measurement, Role
from core.specs.bounds import Genericity
from core.subnetworks.draws import mixed
from core.subnetworks.weights import Weights

ROLES: dict[str, Role] = {
    **dict.fromkeys(("distinct", "wide_enough", "generic"), "verdict"),
    **dict.fromkeys(("kept", "left_out", "least_width", "dimensions", "stuck_neurons"), "aside"),
}


@dataclass(frozen=True)
class Condition:
    """One condition on one layer: the answer, a few words on it, and its numbers."""

    name: str
    level: int
    answer: float
    words: str
    measurements: list[Measurement]


@dataclass(frozen=True)
class LayerExamination:
    """At the conditions on one layer, within the time that it has."""

    options: Genericity
    exact: Problem
    layer: Features
    clock: Clock
    reporter: Reporter

    @property
    def samples(self) -> int:
        return len(self.exact.data.train)

    def progress(self, part: float) -> None:
        assert self.exact.layered is not None
        level = self.layer.level
        self.reporter.progress((level + part) / self.exact.layered.depth, f"layer {level}")

    def draw_measurements(self, draw: int | None = None, **values: float) -> list[Measurement]:
        level = self.layer.level
        return [
            Measurement(
                name=name,
                value=float(value),
                layer=level,
                draw=draw,
                family="loss" if name == "kept_loss" else "",
                role=ROLES.get(name, "value"),
            )
            for name, value in values.items()
        ]

    def condition(self, name: str, answer: float, words: str, measurements: list[Measurement]) -> Condition:
        self.reporter.say(f"Layer {self.layer.level}: {words or 'the samples are distinct'}.")
        return Condition(name, self.layer.level, answer, words, measurements)

    def inputs(self) -> Condition:
        """The samples are distinct."""
        pair = same_rows(self.layer.F.flatten(1).numpy())
        words = "" if pair is None else f"samples {pair[0]} and {pair[1]} are equal"
        answer = YES if pair is None else NO
        return self.condition("inputs", answer, words, self.draw_measurements(distinct=answer))

    def distinct(self) -> Condition:
        """A3 on a layer l <= L - 3."""
        found = distinct_without_one(self.layer.F.contiguous().numpy(), self.clock, self.progress)
        numbers = self.draw_measurements(distinct=found.answer, kept=self.layer.F.shape[1] - 1)
        if found.without is not None:
            numbers += self.draw_measurements(left_out=found.without)
        words = f"A3 holds at layer {self.layer.level}"
        if found.answer == OPEN:
            words = f"A3 is open at layer {self.layer.level}: time was up"
        if found.answer == NO:
            words = f"A3 fails at layer {self.layer.level}: without any one neuron two samples have equal features"
        if found.equal is not None:
            words = (
                f"A3 fails at layer {self.layer.level}: samples {found.equal[0]} and {found.equal[1]} are equal there"
            )
        return self.condition("A3", found.answer, words, numbers)

    def width(self) -> Condition:
        """A1."""
        assert self.exact.layered is not None
        below, last = (layer.outputs for layer in self.exact.layered.layers[-3:-1])
        outputs = self.exact.data.outputs
        room = capacity(below, last, half(self.layer), outputs)
        enough = least_width(self.samples, outputs)
        answer = YES if room >= self.samples else NO
        words = f"A1 holds: room for {room} samples, {self.samples} needed"
        if answer == NO:
            words = f"A1 fails: room for {room} of {self.samples} samples (two last hidden layers of {enough} would do)"
        numbers = self.draw_measurements(wide_enough=answer, capacity=room, samples=self.samples, least_width=enough)
        return self.condition("A1", answer, words, numbers)

    def refit(self, theta: Tensor) -> Condition:
        """A1-b: the smallest epsilon over the draws."""
        own = float(self.exact.losses(theta[None])[0])
        weights = Weights.of(self.exact, theta)
        W, b = weights.W[-1], weights.b[-1]
        assert b is not None
        size = half(self.layer)
        numbers, rises = [], []
        sets = list(self.layer.sets(self.options, size))
        for draw, neurons in enumerate(sets):
            self.progress(draw / len(sets))
            start = (W[:, neurons].flatten(1), b)
            clock = self.clock.share(len(sets) - draw)
            loss = refitted_loss(self.layer.of_neurons(neurons), self.exact.data.train.y, self.exact.loss, start, clock)
            rises.append(max(0.0, loss - own))
            numbers += self.draw_measurements(draw, epsilon=rises[-1], kept_loss=loss, kept=size)
        words = f"A1-b holds with epsilon = {min(rises):.4g}"
        return self.condition("A1-b", YES, words, [Measurement(name="model_loss", value=own, family="loss"), *numbers])

    def generic(self) -> Condition:
        """A2: refuted for every set, or open; trivial for few samples."""
        size = half(self.layer)
        d = size * self.layer.F.shape[2]
        if self.samples <= d:
            words = f"A2 holds: {self.samples} samples are in generic position in {d} dimensions"
            return self.condition("A2", YES, words, self.draw_measurements(generic=YES, kept=size, dimensions=d))
        held = stuck(self.layer.F.numpy(), d)
        numbers = self.draw_measurements(kept=size, dimensions=d, stuck_neurons=len(held))
        n = self.layer.F.shape[1]
        if n - len(held) < size:
            neuron, (value, count) = max(held.items(), key=lambda one: one[1][1])
            words = (
                f"A2 fails for every set: {len(held)} of {n} neurons of layer {self.layer.level} have one value on "
                f"more than {d} samples (neuron {neuron}: {value:g} on {count}), and {size} others are needed"
            )
            return self.condition("A2", NO, words, [*self.draw_measurements(generic=NO), *numbers])
        among = torch.tensor([neuron for neuron in range(n) if neuron not in held])
        return self._drawn(list(self.layer.sets(self.options, size, among)), numbers)

    def _drawn(self, sets: list[Tensor], numbers: list[Measurement]) -> Condition:
        """A2 of kept sets without stuck neurons; dependent samples that are so for all neurons refute every set."""
        answers, level = [], self.layer.level
        whole = self.layer.F.flatten(1).numpy()
        for draw, neurons in enumerate(sets):
            self.progress(draw / len(sets))
            clock = self.clock.share(len(sets) - draw)
            F = self.layer.of_neurons(neurons).numpy()
            witness = dependent_samples(F, mixed(self.options.seed, level, draw), clock)
            answers.append(OPEN if witness is None else NO)
            numbers += self.draw_measurements(draw, generic=answers[-1], witness_samples=len(witness or ()))
            if witness is not None and dependent(whole[list(witness)], clock):
                listing = ", ".join(map(str, witness[:5])) + (", ..." if len(witness) > 5 else "")
                words = f"A2 fails for every set: samples {listing} of layer {level} are affinely dependent"
                return self.condition("A2", NO, words, [*self.draw_measurements(generic=NO), *numbers])
        refuted = f", and refuted in {answers.count(NO)}" if NO in answers else ""
        words = f"A2 is open: not refuted in {answers.count(OPEN)} of {len(answers)} kept sets{refuted}"
        return self.condition("A2", OPEN, words, [*self.draw_measurements(generic=OPEN), *numbers])


def half(layer: Features) -> int:
    """ceil(n_l / 2)."""
    return (layer.F.shape[1] + 1) // 2
