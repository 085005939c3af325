"""What a path's certificate and profile cost: all claims decided, losses at all knots in float64, 1,001 points.

    python -m benchmarks.certificate [--data FOLDER] [--points 1001] [--threads N] [--cpu]

fcn:245x10 on MNIST's 60,000 train samples, in plain forward passes of float32 measured in the same run; the knots and
points are evaluated one by one, too, at a few of them, and extrapolated. The networks are untrained: that changes
nothing in what is computed. The path is that of dropped networks; one of trained subnetworks has the same segments.
"""

from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.path_evaluation import problem_of
from benchmarks.timing import begin, timed
from core.certify.certificate import certificate_of, path_verdicts
from core.certify.knots import knot_losses
from core.data.files import data_root
from core.methods.dropout import build as connected
from core.methods.method import Task
from core.profile import profile
from core.specs.methods import Dropout


def main() -> None:
    options = timed(__doc__)
    options.add_argument("--data", type=Path, default=data_root(None))
    options.add_argument("--points", type=int, default=1001)
    chosen, clock = begin(options)
    problem, a, b = problem_of(chosen.data, 60000)
    exact = problem.to("cpu", torch.float64)
    path = connected(Dropout(draws=1), Task(a, b, problem)).path

    def taken(work: Callable[[], object]) -> tuple[float, object]:
        begun = clock()
        found = work()
        return clock() - begun, found

    one = min(taken(lambda: problem.losses(a[None]))[0] for _ in range(5))
    knot = taken(lambda: [exact.losses(path.knots[i][None].double()) for i in (0, 40, 81)])[0] / 3
    knots, losses = taken(lambda: knot_losses(exact, path))
    assert isinstance(losses, torch.Tensor)
    decided, verdicts = taken(lambda: path_verdicts(exact, path, losses))
    looked, seen = taken(lambda: profile(problem, path, chosen.points, granted=[v.granted for v in verdicts]))
    points = len(seen.t)
    known = certificate_of(verdicts, losses, {})
    print(f"{len(path)} segments, {known.kind}; {points} points; one forward pass {one:.2f} s")
    alone = knot * len(path.knots) / one
    for what, took, note in (
        ("losses at the knots, float64", knots, f" ({alone:.0f} one by one)"),
        ("claims decided", decided, ""),
        ("profile, train and test", looked, f" ({points * 7 / 6:.0f} point by point)"),
        ("together", knots + decided + looked, "; the goal is 80"),
    ):
        print(f"{what:30s} {took:7.2f} s  {took / one:6.1f} passes{note}")


if __name__ == "__main__":
    main()
