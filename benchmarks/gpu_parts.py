"""What `benchmarks.gpu` measures, part by part; each says its findings as lines of JSON, one as soon as it is there.

A finding is a dict: `what` was done, `where` (a device), in `seconds`, as `work` floating-point operations of `kind`
(a key of PEAKS; None where products aren't what it is about), with a `note`. A peak has `peak` and `rate` instead.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import torch
from torch import Tensor

from benchmarks.batched_training import ways
from benchmarks.experiment_a import DRAWS, PUBLISHED, Level, levels, ours
from benchmarks.path_evaluation import problem_of as mnist_problem
from core.arithmetic import settle_arithmetic
from core.certify.certificate import certificate_of, path_verdicts
from core.certify.knots import knot_losses
from core.data.dataset import Split
from core.data.load import load
from core.losses import CrossEntropy
from core.methods.dropout import build as dropped_path
from core.methods.method import Task
from core.networks.architectures import build
from core.networks.shared_evaluation import Together
from core.path import Path as Curve
from core.path import Segment
from core.problem import Problem
from core.profile import profile, segment_values
from core.profile.segments import Motion
from core.specs.data import Digits
from core.specs.descent import Descent, Precision
from core.specs.methods import Dropout
from core.specs.networks import Cnn, Fcn
from core.training import train
from core.training.gradients import has_bfloat16

PEAKS = ("bfloat16", "float32", "float32 as TF32", "float64")


@dataclass(frozen=True)
class Setting:
    """The card, the data's folder, and whether all sizes are small, to try the script."""

    card: torch.device
    data: Path
    small: bool

    @property
    def samples(self) -> int:
        return 500 if self.small else 60000

    @property
    def mnist(self) -> tuple[Problem, Tensor, Tensor]:
        """fcn:245x10 and as many samples, with two starts, on the CPU in float32."""
        problem, start, end = mnist_problem(self.data, self.samples)
        test = problem.data.test
        assert test is not None
        data = replace(problem.data, test=Split(test.x[: self.samples], test.y[: self.samples]))
        return replace(problem, data=data), start, end

    @property
    def places(self) -> list[torch.device]:
        """The card, then the CPU to compare with."""
        return list(dict.fromkeys([self.card, torch.device("cpu")]))


def say(**finding: object) -> None:
    print(json.dumps(finding), flush=True)


def clock_of(device: torch.device) -> Callable[[], float]:
    """Seconds, when all that was asked of the device is done."""

    def clock() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    return clock


def seconds(work: Callable[[], object], device: torch.device, most: float = 6.0) -> float:
    """The best of up to five runs after a first one, in about `most` seconds; a first one as long as that counts."""
    clock = clock_of(device)
    found: list[float] = []
    while len(found) < 6 and (not found or sum(found) + min(found) < most):
        begun = clock()
        work()
        found.append(clock() - begun)
    return min(found[1:] or found)


def peaks(setting: Setting) -> None:
    """Matrix products of a size that fills the device, on random numbers; and a copy."""
    for device in setting.places:
        for kind in PEAKS:
            if device.type == "cpu" and kind in ("bfloat16", "float32 as TF32"):
                continue
            say(peak=kind, where=str(device), rate=product_rate(device, kind, setting.small))
        numbers = torch.randn((1 if setting.small else 1024) << 20, device=device)
        moved = 2 * numbers.numel() * numbers.element_size()
        say(peak="copied bytes", where=str(device), rate=moved / seconds(numbers.clone, device, 2.0))


def product_rate(device: torch.device, kind: str, small: bool) -> float:
    """Floating-point operations a second of n x n products."""
    n = 512 if small else 8192 if device.type == "cuda" else 4096
    dtype = {"bfloat16": torch.bfloat16, "float64": torch.float64}.get(kind, torch.float32)
    a, b = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
    out = torch.empty_like(a)
    torch.backends.cuda.matmul.allow_tf32 = kind == "float32 as TF32"
    try:
        return 2 * n**3 / seconds(lambda: torch.mm(a, b, out=out), device, 3.0)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False


def multiplications(problem: Problem) -> list[int]:
    """Of one sample, layer by layer."""
    return [size.multiplications for size in problem.sizes]


def training_work(problem: Problem, models: int, samples: int) -> float:
    """Operations of an epoch: every layer forward, for its weights, and, but for the lowest, backward."""
    layers = multiplications(problem)
    return 2 * models * samples * (3 * sum(layers) - layers[0])


def experiment_a(setting: Setting) -> None:
    """20 subnetworks that read layer 5 of fcn:245x10, an epoch."""
    for device in setting.places:
        problem, theta, _ = setting.mnist
        here = problem.to(device, torch.float32)
        (level,) = levels(here, theta.to(device), [5])
        for precision in precisions(device):
            epoch_of(setting, level, device, precision)


def precisions(device: torch.device) -> list[Precision]:
    return ["full", "bfloat16"] if has_bfloat16(device) and device.type == "cuda" else ["full"]


def epoch_of(setting: Setting, level: Level, device: torch.device, precision: Precision) -> None:
    options = msgspec.structs.replace(PUBLISHED, precision=precision)
    found = [ours(level, options, clock_of(device)) for _ in range(3 if device.type == "cuda" else 1)]
    say(
        what=f"Experiment A, layer 5, {DRAWS} draws, an epoch" + bfloat16(precision),
        where=str(device),
        seconds=min(taken for taken, _ in found),
        work=training_work(level.problem, DRAWS, setting.samples),
        kind="float32" if precision == "full" else "bfloat16",
        note=f"mean loss {float(level.problem.losses(found[-1][1]).mean()):.5f}",
    )


def bfloat16(precision: Precision) -> str:
    return "" if precision == "full" else ", bfloat16"


def path_points(setting: Setting) -> None:
    """61 points of a straight line between two fcn:245x10."""
    t = torch.linspace(0, 1, 61, dtype=torch.float64)
    for device in setting.places:
        for dtype in (torch.float32, torch.float64) if device.type == "cuda" else (torch.float32,):
            found, start, end = setting.mnist
            problem = found.to(device, dtype)
            segment = Segment(start.to(problem.data.train.x), end.to(problem.data.train.x))
            passes = Motion.of(problem, segment).passes(problem, len(t))
            values = segment_values(problem, segment, t)
            kind = str(dtype).removeprefix("torch.")
            say(
                what=f"61 points of a line, {kind}",
                where=str(device),
                seconds=seconds(lambda p=problem, s=segment: segment_values(p, s, t), device),  # type: ignore[misc]
                work=2 * passes * sum(multiplications(problem)) * setting.samples,
                kind=kind,
                note=f"highest loss {float(values.loss.max()):.6f}",
            )


def batch(setting: Setting) -> None:
    """64 small networks on digits, and 64 of the paper's size on MNIST, each in one batch."""
    epochs = Descent(epochs=1 if setting.small else 5)
    data = load(Digits(), Path())
    made = build(Fcn(widths=(32, 32)), tuple(data.train.x.shape[1:]), 10)
    for device in setting.places:
        problem = Problem(made.module, data, CrossEntropy(), made.layered).to(device, torch.float32)
        for name, what in (("batched", "in one batch"), ("one by one", "one by one")):
            if (setting.small or device.type == "cuda") and name == "one by one":
                continue
            way = ways(problem, made, 64, epochs)[name]
            work = epochs.epochs * training_work(problem, 64, len(data.train))
            taken = seconds(way, device)
            say(what=f"64 x fcn:32x2 {what}", where=str(device), seconds=taken, work=work, kind="float32", note="")
    for device in setting.places:
        for precision in precisions(device):
            large_batch(setting, device, precision)


def large_batch(setting: Setting, device: torch.device, precision: Precision) -> None:
    """An epoch of 64 x fcn:245x10; on the CPU of a twentieth of the samples, times 20: steps cost the same."""
    share = 1 if device.type == "cuda" else 20
    found, start, _ = mnist_problem(setting.data, setting.samples // share)
    problem = found.to(device, torch.float32)
    models = 4 if setting.small else 64
    thetas = start.expand(models, -1)
    clock, ends = clock_of(device), list[float]()
    options = Descent(epochs=2 if device.type == "cuda" else 1, batch=100, precision=precision)
    begun = clock()
    train(problem, thetas, range(models), options, on_epoch=lambda _: ends.append(clock()))
    say(
        what=f"{models} x fcn:245x10, an epoch of MNIST" + bfloat16(precision),
        where=str(device),
        seconds=share * min(b - a for a, b in zip([begun, *ends], ends, strict=False)),
        work=training_work(problem, models, setting.samples),
        kind="float32" if precision == "full" else "bfloat16",
        note=f"of 1/{share} of the samples, scaled" if share > 1 else "",
    )


def certificate(setting: Setting) -> None:
    """The path of dropped networks between two fcn:245x10: 81 segments, in float64; then its profile in float32."""
    for device in setting.places:
        found, start, end = setting.mnist
        problem = found.to(device, torch.float32)
        path = dropped_path(Dropout(draws=1), Task(start.to(device), end.to(device), problem)).path
        measured(problem, path, 101 if setting.small else 1001)


def measured(problem: Problem, path: Curve, points: int) -> None:
    exact, device = problem.to(problem.device, torch.float64), problem.device
    begun = clock_of(device)()
    losses = knot_losses(exact, path)
    known = clock_of(device)()
    verdicts = path_verdicts(exact, path, losses)
    decided = clock_of(device)()
    looked = profile(problem, path, points, granted=[one.granted for one in verdicts])
    ended = clock_of(device)()
    assert exact.layered is not None
    knots = (one.to(exact.data.train.x) for one in path.knots)
    passes = Together(exact.layered, exact.layout, knots).passes(multiplications(exact))
    one_pass = 2 * sum(multiplications(problem)) * len(problem.data.train)
    level = certificate_of(verdicts, losses, {})
    note = f"{level.kind}, level {level.level:.15g}"
    for what, taken, work, kind in (
        (f"losses at {len(path.knots)} knots, float64", known - begun, passes * one_pass, "float64"),
        (f"claims of {len(path)} segments decided", decided - known, None, None),
        (f"profile of {len(looked.t)} points", ended - decided, looked.forward_passes * one_pass, "float32"),
        ("a sparse path's certificate, all three", ended - begun, None, None),
    ):
        say(what=what, where=str(device), seconds=taken, work=work, kind=kind, note=note if work is None else "")


def arithmetic(setting: Setting) -> None:
    """What repeatable convolutions in float32 cost: small convolutional networks, torch's way and ours."""
    data = setting.mnist[0].on_first(setting.samples // 2).data
    made = build(Cnn(), tuple(data.train.x.shape[1:]), 10)
    problem = Problem(made.module, data, CrossEntropy(), made.layered).to(setting.card, torch.float32)
    thetas = torch.stack([made.initial(i, torch.float32) for i in range(2 if setting.small else 8)]).to(setting.card)

    def epoch() -> Tensor:
        return train(problem, thetas, range(len(thetas)), Descent(epochs=1, batch=100)).thetas

    for way, settle in (("as torch does", as_torch_does), ("as in a job", settle_arithmetic)):
        settle()
        same = torch.equal(epoch(), epoch())
        taken = seconds(epoch, setting.card)
        note = "twice the same" if same else "not the same twice"
        what = f"{len(thetas)} x cnn, half an epoch, {way}"
        say(what=what, where=str(setting.card), seconds=taken, work=None, kind=None, note=note)


def as_torch_does() -> None:
    torch.backends.cudnn.allow_tf32 = True
    torch.use_deterministic_algorithms(False)


PARTS: dict[str, Callable[[Setting], None]] = {
    "peaks": peaks,
    "experiment_a": experiment_a,
    "path_points": path_points,
    "batch": batch,
    "certificate": certificate,
    "arithmetic": arithmetic,
}
