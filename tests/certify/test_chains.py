"""Certificates of a module that somebody else wrote, with strides, dilation and average pooling.

The module itself, in plain torch, is the judge; the view by layers is only what the checker sees.
"""

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call

from core.certify import decide
from core.certify.residual import data_residual
from core.data.dataset import Dataset, Split
from core.losses import LOSSES
from core.methods.connect import connect
from core.methods.method import Task
from core.networks.architectures import build
from core.networks.tracing import layers_of
from core.path import Claim, Segment
from core.problem import Problem
from core.specs.methods import Dropout, Sparse
from core.specs.networks import read_network

from .segments import CLASSES, Net, moved_dead, moved_kernel, moved_output, moved_twins, normal, segment, swap_steps

SHAPE = (2, 9, 9)
HIDDEN = 3


def made(samples: int = 7) -> Problem:
    """Two convolutions, one with strides and average pooling, one dilated with both poolings, and two dense layers."""
    module = nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=2),
        nn.Tanh(),
        nn.AvgPool2d(2, 1, padding=1),
        nn.Conv2d(4, 5, 2, dilation=2),
        nn.MaxPool2d(2, 1),
        nn.LeakyReLU(0.1),
        nn.AdaptiveAvgPool2d((2, 3)),
        nn.Flatten(),
        nn.Linear(30, 6, bias=False),
        nn.Softplus(),
        nn.Linear(6, CLASSES),
    )
    generator = torch.Generator().manual_seed(5)

    def split(count: int) -> Split:
        return Split(normal(generator, count, *SHAPE), torch.randint(0, CLASSES, (count,), generator=generator))

    data = Dataset("random", split(samples), split(3), CLASSES)
    return Problem(module.double(), data, LOSSES["cross-entropy"], layers_of(module, SHAPE))


def judged(problem: Problem, one: Segment, points: int = 5) -> tuple[Tensor, Tensor]:
    """Outputs (K, N, C) and train losses (K,) of the module itself along a straight segment."""
    t = torch.linspace(0, 1, points, dtype=torch.float64)[:, None]
    thetas = (1 - t) * one.start + t * one.end
    named = problem.layout.split(thetas)
    points_by_name = ({name: value[k] for name, value in named.items()} for k in range(points))
    with torch.no_grad():
        outputs = torch.stack(
            [functional_call(problem.network, one, (problem.data.train.x,)) for one in points_by_name]
        )
    return outputs, torch.stack([nn.functional.cross_entropy(z, problem.data.train.y) for z in outputs])


def test_true_invariant_segments_are_granted_and_the_module_does_not_change() -> None:
    problem = made()
    pairs = [moved_dead(problem)]
    pairs += [moved_twins(problem, k) for k in range(1, HIDDEN + 1)]
    pairs += pairwise(swap_steps(problem, 2))
    for start, end in pairs:
        one = segment(start, end, Claim.INVARIANT)
        verdict = decide(problem, one)
        assert verdict.granted is Claim.INVARIANT, verdict.reason
        outputs, _ = judged(problem, one)
        assert (outputs - outputs[0]).abs().max() <= 1e-12 * (1 + outputs.abs().max())


@pytest.mark.parametrize("hidden", [False, True])
def test_true_convex_segments_are_granted_and_the_module_stays_below_the_bound(hidden: bool) -> None:
    problem = made()
    one = segment(*moved_output(problem, hidden=hidden), Claim.CONVEX)
    verdict = decide(problem, one)
    assert verdict.granted is Claim.CONVEX, verdict.reason
    assert judged(problem, one)[1].max() <= verdict.bound * (1 + 1e-12)


@pytest.mark.parametrize("claim", [Claim.INVARIANT, Claim.CONVEX, Claim.DATA_INVARIANT])
@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("where", ["weight", "bias", "out"])
def test_a_change_in_a_live_unit_is_refused(claim: Claim, k: int, where: str) -> None:
    problem = made()
    start, end = moved_dead(problem)
    if where == "weight":
        end.weight(k)[1, 1, -1] += 1e-3
    elif where == "bias" and k != HIDDEN:  # which has none
        end.bias(k)[1] += 1e-3
    else:
        end.weight(k + 1)[1, 2, 0] += 1e-3  # unit 2 of layer k is read by a live one
    verdict = decide(problem, segment(start, end, claim))
    assert verdict.granted is None
    if where == "weight" and claim is not Claim.DATA_INVARIANT:
        assert verdict.reason.startswith(f"layer {k}, unit 1: its weight from")


def test_a_dense_layer_that_reads_average_pooled_images_may_move_in_its_kernel_and_no_further() -> None:
    problem = made()
    start, end = moved_kernel(problem, 3)
    one = segment(start, end, Claim.DATA_INVARIANT)
    assert decide(problem, one).granted is Claim.DATA_INVARIANT
    outputs, _ = judged(problem, one)
    assert (outputs - outputs[0]).abs().max() <= 1e-9
    end.weight(3)[0, 0, 0] += 1e-6
    assert decide(problem, segment(start, end, Claim.DATA_INVARIANT)).granted is None


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("size", [1e-6, 1e-2, 10.0])
def test_what_a_residual_may_add_to_the_loss_is_bounded(k: int, size: float) -> None:
    problem = made()
    generator = torch.Generator().manual_seed(k)
    for _ in range(2):
        start = Net.random(problem, generator)
        end = start.copy()
        end.weight(k)[:] += size * normal(generator, *end.weight(k).shape)
        one = segment(start, end, Claim.DATA_INVARIANT)
        found = data_residual(problem, torch.stack([one.start, one.end]), k)
        losses = judged(problem, one)[1]
        assert losses.max() - losses[0] <= found.drift + 1e-12


@pytest.mark.parametrize("k", [1, 2])
def test_dead_units_that_may_overflow_are_refused(k: int) -> None:
    problem = made()
    start, end = moved_dead(problem)
    start.weight(k)[0], end.weight(k)[0] = 1e200, 0
    start.weight(k + 1)[0, 0], end.weight(k + 1)[0, 0] = 0, 1e200
    verdict = decide(problem, segment(start, end, Claim.INVARIANT))
    if k == 1:  # tanh keeps it finite
        assert verdict.granted is Claim.INVARIANT
    else:
        assert "layer 3, unit 0: its pre-activation may reach" in verdict.reason


@pytest.mark.parametrize("options", [Sparse(draws=1, epochs=1), Dropout(draws=2)])
def test_paths_of_theorem_4_1_are_exact_and_the_module_stays_below_their_level(options: Sparse | Dropout) -> None:
    problem = made(samples=12)
    generator = torch.Generator().manual_seed(3)
    a, b = (Net.random(problem, generator).theta for _ in range(2))
    connection = connect(options, Task(a, b, problem), points=5)
    certificate, path = connection.examination.certificate, connection.construction.path
    assert certificate.kind == "exact", [one.reason for one in certificate.verdicts if not one.proven]
    assert len(path) <= 8 * 4 - 7
    highest = max(float(judged(problem, one, 5)[1].max()) for one in path)
    assert highest <= certificate.level * (1 + 1e-9)


def test_a_path_between_two_thin_vgg11_is_exact() -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = normal(generator, 6, 3, 32, 32), torch.randint(0, CLASSES, (6,), generator=generator)
    data = Dataset("random", Split(x, y), None, CLASSES)
    architecture = build(read_network("vgg11,width=0.03,hidden=4"), (3, 32, 32), CLASSES)
    problem = Problem(architecture.module.double(), data, LOSSES["cross-entropy"], architecture.layered)
    a, b = (architecture.initial(seed, torch.float64) for seed in range(2))
    certificate = connect(Dropout(draws=1), Task(a, b, problem), points=2).examination.certificate
    assert certificate.kind == "exact", [one.reason for one in certificate.verdicts if not one.proven]
    assert len(certificate.verdicts) <= 8 * 11 - 7
