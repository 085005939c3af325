"""Is anything false that a proof says of a piece? Thousands of random networks, and a search for the worst.

    python -m benchmarks.soundness [NETWORKS] [--first SEED]

Networks of every activation, layer, pooling and loss, weights over six decades: two pieces of a segment of each, in
every way that gaps are found, at 100 points a piece. Then weights are sought for which the loss comes closest to what
it is said to stay below. Prints every network that contradicts, and how many there were.
"""

import argparse
import random
import sys
from dataclasses import dataclass

import torch
from torch import Tensor

from core.problem import Problem
from tests.certify.enclosing import (
    ACTIVATIONS,
    LOSSES_OF_ALL,
    POOLS,
    SIDE,
    Convolved,
    drawn_ends,
    losses_of,
    outputs_at,
    problem_with,
    search_on,
)
from tests.certify.test_enclosed_soundness import Move, check_move, fits, ways_of

INSIDE = torch.linspace(0, 1, 100, dtype=torch.float64)
CLIMBS = 30  # searches for the worst
STEPS = 80  # of each


@dataclass(frozen=True)
class Drawn:
    """A random network with data, and a segment of it."""

    loss: str
    activation: str
    widths: tuple[int, ...]
    images: tuple[Convolved, ...]
    move: Move

    @property
    def problem(self) -> Problem:
        return problem_with(
            self.loss, self.activation, widths=self.widths, images=self.images, seed=self.move.seed, samples=3
        )

    @classmethod
    def of(cls, seed: int) -> "Drawn":
        rng = random.Random(seed)
        widths = tuple(rng.randint(1, 7) for _ in range(rng.randint(0, 5)))
        images: tuple[Convolved, ...] = ()
        if rng.random() < 1 / 3:
            drawn = Convolved(
                rng.randint(1, 3), rng.randint(1, 2), rng.randint(0, 2), rng.randint(1, 2), rng.choice(POOLS)
            )
            images, widths = (drawn,) if fits(drawn, SIDE) else (), widths[:2]
        step = 10 ** -rng.choice([0, 0, 0.5, 1, 3, 7])
        move = Move(seed, rng.choice([0.0, 1.0, 3.0, 6.0]), step, rng.random(), 2.0 ** -rng.randint(0, 13))
        return cls(rng.choice(LOSSES_OF_ALL), rng.choice(ACTIVATIONS), widths, images, move)


def used(problem: Problem, ends: Tensor, t: Tensor) -> float:
    """The largest share that a loss takes of the room between its chord and its line: at most 1 in truth."""
    search = search_on(problem, ends)
    found = 0.0
    for by in ways_of(search):
        at = search.looked_at(t, None, by).at
        for g in range(len(t) - 1):
            losses = losses_of(problem, outputs_at(problem, ends, torch.lerp(t[g], t[g + 1], INSIDE)))
            line = torch.lerp(at[0, g], at[1, g], INSIDE[:, None]) * (1 + 1e-9) + 1e-12
            chord = torch.lerp(losses[0], losses[-1], INSIDE[:, None])
            found = max(found, float(((losses - chord) / (line - chord)).max()))
    return found


def climb(drawn: Drawn) -> float:
    """Change the ends at random, and keep what brings a loss closer to its line; how close it came."""
    problem, t = drawn.problem, drawn.move.pieces
    ends = drawn_ends(problem, drawn.move.seed, drawn.move.decades, drawn.move.step)
    generator = torch.Generator().manual_seed(drawn.move.seed)
    best = used(problem, ends, t)
    for _ in range(STEPS):
        some = torch.rand(ends.shape, generator=generator) < 0.3
        size = 10 ** float(-3 * torch.rand((), generator=generator))
        moved = ends * (1 + some * size * torch.randn(ends.shape, generator=generator, dtype=ends.dtype))
        value = used(problem, moved, t)
        if value > best:
            ends, best = moved, value
    return best


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("networks", nargs="?", type=int, default=5000)
    options.add_argument("--first", type=int, default=0, help="seed")
    chosen = options.parse_args()
    torch.set_num_threads(1)  # everything is small
    wrong = 0
    for seed in range(chosen.first, chosen.first + chosen.networks):
        drawn = Drawn.of(seed)
        try:
            check_move(drawn.problem, drawn.move, INSIDE)
        except AssertionError as error:
            wrong += 1
            print(seed, drawn, error, flush=True)
    points = 2 * len(INSIDE)
    print(f"{chosen.networks} networks, {points} points each: {wrong} contradict what was said", flush=True)
    worst = max(climb(Drawn.of(seed)) for seed in range(chosen.first, chosen.first + CLIMBS))
    print(f"{CLIMBS} searches of {STEPS} steps: a loss took {worst:.6f} of the room that it is said to have")
    return int(wrong > 0 or worst > 1)


if __name__ == "__main__":
    sys.exit(main())
