"""Seconds and path size of exact paths through wide networks against N and width, and the largest N in a minute.

    python -m benchmarks.wide_paths [--data FOLDER] [--minute 60] [--threads N] [--cpu]

Two random networks on N samples of MNIST, in float64: construction, certificate and profile, as `connect` does it.
Hidden widths are N/2 and N/4 for Theorem 3.2, 2N and 40 for 5.1 (leaky ReLU, slope 0.1), 2N and 2N for 6.1 (ReLU). The
exponents p of a N^p are fitted to the logarithms of the largest three sizes; from that follows the N that should take a
minute, and it is run (not for 3.2, which ends where MNIST's rank [X, 1] does).
"""

from collections.abc import Sequence
from dataclasses import replace
from math import log
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from benchmarks.timing import Clock, begin, timed
from core.data.dataset import Dataset
from core.data.files import data_root
from core.data.load import load
from core.data.sampling import limit_samples
from core.losses import CrossEntropy
from core.methods.connect import connect
from core.methods.method import Task
from core.networks.architectures import build
from core.problem import Problem
from core.specs.data import Mnist
from core.specs.methods import Wide
from core.specs.networks import Fcn

SIZES = {"3.2": (64, 128, 256, 512), "5.1": (64, 128, 256, 512), "6.1": (64, 128, 256, 512)}
FITTED = 3  # sizes, the largest ones
WIDER = (1, 2, 4)
Measured = tuple[float, float, float]


def widths(theorem: str, N: int, times: int = 1) -> tuple[int, int]:
    return {"3.2": (N // 2, N // 4), "5.1": (2 * N * times, 40), "6.1": (2 * N * times, 2 * N * times)}[theorem]


def measured(mnist: Dataset, theorem: str, N: int, clock: Clock, times: int = 1) -> Measured:
    """Seconds, MB of the path's file, and segments. NaN where float64 can't follow."""
    network = Fcn(widths=widths(theorem, N, times), activation="relu" if theorem == "6.1" else "leaky_relu", slope=0.1)
    data = replace(mnist, train=limit_samples(mnist.train, N, 0), test=None)
    built = build(network, tuple(data.train.x.shape[1:]), data.outputs)
    problem = Problem(built.module, data, CrossEntropy(), built.layered).to("cpu", torch.float64)
    a, b = (built.initial(seed, torch.float64) for seed in (0, 1))
    begun = clock()
    made = connect(Wide(theorem=theorem), Task(a, b, problem))
    took = clock() - begun
    if made.failure is not None:
        print(f"N = {N}: {made.failure}")
        return float("nan"), float("nan"), float("nan")
    with TemporaryDirectory() as folder:
        file = Path(folder) / "path.safetensors"
        made.construction.path.save(file)
        return took, file.stat().st_size / 1e6, len(made.construction.path)


def exponent(sizes: Sequence[int], values: Sequence[float]) -> float:
    """p of values = a sizes^p, by least squares on the logarithms."""
    x, y = ([log(one) for one in some] for some in (sizes, values))
    mean = sum(x) / len(x)
    return sum((one - mean) * two for one, two in zip(x, y, strict=True)) / sum((one - mean) ** 2 for one in x)


def grow(mnist: Dataset, theorem: str, minute: float, clock: Clock) -> None:
    """Against N, and the largest in a minute."""
    sizes = SIZES[theorem]
    found = [measured(mnist, theorem, N, clock) for N in sizes]
    for N, (took, size, segments) in zip(sizes, found, strict=True):
        print(
            f"| {theorem} | {N} | {'-'.join(map(str, widths(theorem, N)))} | {took:.2f} | {size:.1f} | {segments:.0f} |"
        )
    last = [one[-FITTED:] for one in (sizes, [one[0] for one in found], [one[1] for one in found])]
    times, space = exponent(last[0], last[1]), exponent(last[0], last[2])
    print(f"{theorem}: seconds as N^{times:.2f}, size as N^{space:.2f}", flush=True)
    if theorem == "3.2":
        return
    N = int(sizes[-1] * (minute / found[-1][0]) ** (1 / times))
    print(f"{theorem}: N = {N} took {measured(mnist, theorem, N, clock)[0]:.1f} s", flush=True)


def main() -> None:
    options = timed(__doc__)
    options.add_argument("--data", type=Path, default=data_root(None))
    options.add_argument("--minute", type=float, default=60.0)
    chosen, clock = begin(options)
    mnist = load(Mnist(), chosen.data)
    print("\n| theorem | N | hidden widths | seconds | MB | segments |\n|---|---|---|---|---|---|")
    for theorem in SIZES:
        grow(mnist, theorem, chosen.minute, clock)
    for theorem in ("5.1", "6.1"):
        found = [measured(mnist, theorem, 128, clock, times) for times in WIDER]
        wide = [widths(theorem, 128, times)[0] for times in WIDER]
        for n, (took, size, _) in zip(wide, found, strict=True):
            print(f"{theorem}, N = 128, width {n}: {took:.2f} s, {size:.1f} MB")
        p, q = (exponent(wide, [one[i] for one in found]) for i in (0, 1))
        print(f"{theorem}: seconds as width^{p:.2f}, size as width^{q:.2f}", flush=True)


if __name__ == "__main__":
    main()
