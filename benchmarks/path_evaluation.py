"""Loss along a straight path of fcn:245x10 on MNIST: by structure, and as loops of this field's code do it.

    python -m benchmarks.path_evaluation [--data FOLDER] [--points 61] [--samples 60000] [--threads N] [--cpu]

All in float32, in one run on one machine, so that the ratios hold where the absolute times don't. The loops are
measured at few points and extrapolated: their cost is the same at every point.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms

from benchmarks.timing import Clock, begin, timed
from core.data.dataset import Dataset, Split
from core.data.files import data_root
from core.data.load import load
from core.losses import CrossEntropy
from core.networks.architectures import build
from core.path import Segment
from core.problem import Problem, Values
from core.profile import segment_values
from core.specs.data import Mnist
from core.specs.networks import Fcn

WIDTH, DEPTH, BATCH = 245, 10, 100


def seconds(work: Callable[[], object], repeats: int, clock: Clock) -> float:
    """The best of some runs: what others do on the machine only ever adds time."""
    found = []
    for _ in range(repeats):
        begun = clock()
        work()
        found.append(clock() - begun)
    return min(found)


def ceiling(samples: int, clock: Clock) -> float:
    """GFLOP/s of samples x 245 @ 245 x 245, with the number of rows at a time that gives the most."""
    x, W = torch.randn(samples, WIDTH), torch.randn(WIDTH, WIDTH)
    out = torch.empty(samples, WIDTH)
    best = 0.0
    for rows in (512, 1024, 2048, 4096, 8192, samples):

        def work(rows: int = rows) -> None:
            for a, b in zip(x.split(rows), out.split(rows), strict=True):
                torch.mm(a, W, out=b)

        best = max(best, 2e-9 * samples * WIDTH**2 / seconds(work, 5, clock))
    return best


def ordinary() -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten(), nn.Linear(784, WIDTH), nn.ReLU()]
    for _ in range(DEPTH - 1):
        layers += [nn.Linear(WIDTH, WIDTH), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(WIDTH, 10)).eval()


@torch.no_grad()
def loop_point(module: nn.Module, theta: Tensor, batches: Iterable[tuple[Tensor, Tensor]]) -> tuple[float, float]:
    """Loss and error of one point, as the published loops get them."""
    nn.utils.vector_to_parameters(theta, module.parameters())
    loss, wrong, count = 0.0, 0, 0
    for x, y in batches:
        outputs = module(x)
        loss += float(nn.functional.cross_entropy(outputs, y)) * len(y)
        wrong += int((outputs.argmax(1) != y).sum())
        count += len(y)
    return loss / count, wrong / count


def from_files(root: Path, samples: int, train: bool = True) -> DataLoader[tuple[Tensor, Tensor]]:
    steps = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    images = datasets.MNIST(str(root), train=train, transform=steps)
    return DataLoader(Subset(images, range(min(samples, len(images)))), batch_size=BATCH)


def problem_of(root: Path, samples: int) -> tuple[Problem, Tensor, Tensor]:
    data: Dataset = load(Mnist(), root, download=False)
    data = replace(data, train=Split(data.train.x[:samples], data.train.y[:samples]))
    made = build(Fcn(widths=(WIDTH,) * DEPTH), tuple(data.train.x.shape[1:]), 10)
    problem = Problem(made.module, data, CrossEntropy(), made.layered)
    return problem, made.initial(0, torch.float32), made.initial(1, torch.float32)


@dataclass(frozen=True)
class Timings:
    """Seconds a point of each way, the ceiling in GFLOP/s, and the work in GFLOP."""

    ways: dict[str, float]
    ceiling: float
    plain_work: float  # of one point's forward pass
    done_work: float  # what was really computed, a point

    def report(self, points: int) -> None:
        ours = self.ways["by structure"]
        for name, one in self.ways.items():
            print(f"{name:16} {one:8.3f} s a point, {points} points {one * points:7.1f} s;", end=" ")
            print(f"ours is {one / ours:.2f} times as fast")
        plain, effective, done = (
            self.plain_work / self.ways["plain point"],
            self.plain_work / ours,
            self.done_work / ours,
        )
        for name, rate in (("plain point", plain), ("ours, effective", effective), ("ours, done", done)):
            print(f"{name:16} {rate:8.1f} GFLOP/s, {rate / self.ceiling:.0%} of the ceiling of {self.ceiling:.0f}")


def main() -> None:
    options = timed(__doc__)
    options.add_argument("--data", type=Path, default=data_root(None))
    options.add_argument("--points", type=int, default=61)
    options.add_argument("--samples", type=int, default=60000)
    chosen, clock = begin(options)
    print(f"{chosen.samples} samples")
    measure(chosen.data, chosen.samples, chosen.points, clock).report(chosen.points)


def measure(root: Path, samples: int, points: int, clock: Clock) -> Timings:
    """All ways side by side; the loops and plain points before and after ours, the best of them counts."""
    problem, start, end = problem_of(root, samples)
    segment, split = Segment(start, end), problem.data.train
    t = torch.linspace(0, 1, points, dtype=torch.float64)
    module, middle = ordinary(), segment.at(torch.tensor([0.5], dtype=torch.float64))[0]
    memory = list(zip(split.x.split(BATCH), split.y.split(BATCH), strict=True))
    files = from_files(root, samples)
    works: dict[str, Callable[[], object]] = {
        "loader loop": lambda: loop_point(module, middle, files),
        "memory loop": lambda: loop_point(module, middle, memory),
        "plain point": lambda: problem.values(middle[None]),
        "by structure": lambda: segment_values(problem, segment, t),
    }
    repeats = {"loader loop": 1, "memory loop": 2, "plain point": 2, "by structure": 2}
    check(loop_point(module, middle, memory), segment_values(problem, segment, torch.tensor([0.5])))
    peak, found = ceiling(samples, clock), {}
    for _ in range(2):
        for name, work in works.items():
            found[name] = min(found.get(name, float("inf")), seconds(work, repeats[name], clock))
        peak = max(peak, ceiling(samples, clock))
    found["by structure"] /= points
    first = 784 * WIDTH
    rest = (DEPTH - 1) * WIDTH**2 + 10 * WIDTH
    done = rest + 2 * first / points
    return Timings(found, peak, 2e-9 * samples * (first + rest), 2e-9 * samples * done)


def check(expected: tuple[float, float], found: Values) -> None:
    assert found.error is not None
    assert abs(float(found.loss) - expected[0]) < 1e-5 * expected[0], "both say the same loss"
    assert abs(float(found.error) - expected[1]) < 1e-3, "both say the same error"


if __name__ == "__main__":
    main()
