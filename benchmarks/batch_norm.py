"""Loss along a line between two resnet18 with batch-norm, recomputed at each point, as jobs and as a plain loop do it.

    python -m benchmarks.batch_norm [--samples 400] [--points 3] [--threads N] [--cpu]

The loop is PyTorch on the same batches: the interpolated state is loaded, `update_bn` recomputes the statistics, and a
pass in evaluation mode gives the loss. Both say the same losses, else there is nothing to compare. The images, of
32x32, are random: the time doesn't depend on them.
"""

from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import update_bn

from benchmarks.timing import Clock, begin, timed
from core.data.dataset import Dataset, Split
from core.losses import CrossEntropy
from core.networks.architectures import build
from core.path import Segment
from core.path_statistics import Recomputed
from core.problem import Problem
from core.profile import segment_values
from core.specs.batch_norm import BATCH
from core.specs.networks import Torchvision

CLASSES = 10
State = dict[str, Tensor]


def images(samples: int) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(samples, 3, 32, 32, generator=generator)
    split = Split(x, torch.randint(CLASSES, (samples,), generator=generator))
    return Dataset("random images", split, None, CLASSES, "none")


@torch.no_grad()
def by_loop(module: nn.Module, ends: tuple[State, State], t: Tensor, problem: Problem) -> list[float]:
    """Losses at t, as one would write it."""
    split, found = problem.data.train, []
    for at in t.tolist():
        module.load_state_dict(
            {name: torch.lerp(one, ends[1][name], at) for name, one in ends[0].items()}, strict=False
        )
        update_bn(split.x.split(BATCH), module)
        module.eval()
        total = 0.0
        for x, y in zip(split.x.split(problem.samples_at_once), split.y.split(problem.samples_at_once), strict=True):
            total += float(cross_entropy(module(x), y, reduction="sum"))
        found.append(total / len(split))
    return found


def seconds(work: Callable[[], object], clock: Clock) -> float:
    begun = clock()
    work()
    return clock() - begun


def main() -> None:
    options = timed(__doc__)
    options.add_argument("--samples", type=int, default=400)
    options.add_argument("--points", type=int, default=3)
    options.add_argument("--rounds", type=int, default=5)
    chosen, clock = begin(options)
    print(f"{chosen.samples} samples, {chosen.points} points")
    made = build(Torchvision(builder="resnet18"), (3, 32, 32), CLASSES)
    problem = Problem(made.module, images(chosen.samples), CrossEntropy(), between=Recomputed(chosen.samples, BATCH))
    thetas = [made.initial(seed, torch.float32) for seed in (0, 1)]
    states = [{name: one[0] for name, one in problem.layout.split(theta[None]).items()} for theta in thetas]
    module = build(Torchvision(builder="resnet18"), (3, 32, 32), CLASSES).module
    t = torch.linspace(0, 1, chosen.points, dtype=torch.float64)

    def ours() -> Tensor:
        problem.between = Recomputed(chosen.samples, BATCH)  # which remembers nothing
        return segment_values(problem, Segment(*thetas), t).loss

    def loop() -> list[float]:
        return by_loop(module, (states[0], states[1]), t, problem)

    torch.testing.assert_close(ours(), torch.tensor(loop(), dtype=torch.float64), rtol=1e-5, atol=0)
    rounds = [(seconds(ours, clock), seconds(loop, clock)) for _ in range(chosen.rounds)]
    for name, found in zip(("ours", "loop"), zip(*rounds, strict=True), strict=True):
        best, middle = min(found) / chosen.points, median(found) / chosen.points
        print(f"{name}: {best:.3f} s a point at best, {middle:.3f} s in the middle")
    print(f"the loop takes {median(two / one for one, two in rounds):.3f} times as long as ours")


if __name__ == "__main__":
    main()
