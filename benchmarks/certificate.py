"""What a path's certificate and profile cost: all claims decided, losses at all knots in float64, 1,001 points.

    python -m benchmarks.certificate [--data FOLDER] [--points 1001] [--cpu]

fcn:245x10 on MNIST's 60,000 train samples, in plain forward passes of float32 measured in the same run; the knots and
points are evaluated one by one, too, at a few of them, and extrapolated. The networks are untrained: that changes
nothing in what is computed. The path is that of dropped networks; one of trained subnetworks has the same segments.
"""

import argparse
import time
from collections.abc import Callable

import torch

from core.certify.certificate import certificate_of, knot_losses, path_verdicts
from core.data.files import data_root
from core.data.load import load
from core.losses import CrossEntropy
from core.methods.dropout import build as connected
from core.methods.method import Task
from core.networks.architectures import build
from core.problem import Problem
from core.profile import profile
from core.specs.data import Mnist
from core.specs.methods import Dropout
from core.specs.networks import Fcn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="folder of data sets; default: as everywhere")
    parser.add_argument("--points", type=int, default=1001)
    parser.add_argument("--cpu", action="store_true", help="CPU time instead of wall clock: for a busy machine")
    asked = parser.parse_args()
    clock = time.process_time if asked.cpu else time.perf_counter

    data = load(Mnist(), data_root(asked.data))
    made = build(Fcn(widths=(245,) * 10), tuple(data.train.x.shape[1:]), data.outputs)
    problem = Problem(made.module, data, CrossEntropy(), made.layered)
    exact = problem.to("cpu", torch.float64)
    a, b = (made.initial(seed, torch.float32) for seed in (0, 1))
    path = connected(Dropout(draws=1), Task(a, b, problem)).path

    def timed(work: Callable[[], object]) -> tuple[float, object]:
        begun = clock()
        found = work()
        return clock() - begun, found

    one = min(timed(lambda: problem.losses(a[None]))[0] for _ in range(5))
    knot = timed(lambda: [exact.losses(path.knots[i][None].double()) for i in (0, 40, 81)])[0] / 3
    knots, losses = timed(lambda: knot_losses(exact, path))
    assert isinstance(losses, torch.Tensor)
    decided, verdicts = timed(lambda: path_verdicts(exact, path, losses))
    looked, seen = timed(lambda: profile(problem, path, asked.points, granted=[v.granted for v in verdicts]))
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
