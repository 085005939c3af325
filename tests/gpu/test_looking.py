"""Looking along paths on a GPU: profiles, peaks and values, as on the CPU."""

from collections.abc import Callable

import pytest
import torch

from core.losses import loss_named
from core.path import Path
from core.problem import Problem
from core.profile import Profile, peaks, profile
from tests.gpu.both import CLOSE, Plain, assert_near, assert_values_near, problem_of, trained, without_layers

pytestmark = pytest.mark.gpu

FCN, CNN = "fcn:24-16", "cnn,channels=4-8,hidden=16"
DATA = "digits,limit=320"


def plain(problem: Problem) -> Problem:
    """Another network on the same data, a module without layers."""
    torch.manual_seed(0)
    module = Plain(problem.data.train.x[0].numel(), problem.data.outputs)
    return Problem(module, problem.data, loss_named(None, problem.data.classes), None)


NETWORKS: dict[str, tuple[str, Callable[[Problem], Problem]]] = {
    "dense": (FCN, lambda problem: problem),
    "convolutions": (CNN, lambda problem: problem),
    "dense, layers unknown": (FCN, without_layers),
    "a module": (FCN, plain),
}


def ends(problem: Problem, text: str, name: str) -> torch.Tensor:
    if name == "a module":
        generator = torch.Generator().manual_seed(1)
        drawn = torch.randn(2, problem.layout.total, generator=generator, dtype=torch.float64)
        return (0.3 * drawn).to(problem.dtype)
    return trained(text, problem_of(text, DATA, problem.dtype))


@pytest.mark.parametrize("dtype", CLOSE, ids=str)
@pytest.mark.parametrize("name", NETWORKS)
def test_61_points_of_a_line_have_the_cpu_s_losses_and_errors(
    name: str, dtype: torch.dtype, device: torch.device
) -> None:
    text, as_seen = NETWORKS[name]
    looked = []
    for where in (torch.device("cpu"), device):
        problem = as_seen(problem_of(text, DATA, dtype, where))
        a, b = ends(problem, text, name).to(where)
        looked.append(profile(problem, Path.line(a, b), 61, refine=False))
    here, there = looked
    assert len(here.t) == 61
    assert there.train.loss.device.type == "cpu"
    assert_same(there, here, dtype)


def assert_same(found: Profile, wanted: Profile, dtype: torch.dtype) -> None:
    assert torch.equal(found.t, wanted.t)
    assert_values_near(found.train, wanted.train, dtype, 320)
    assert found.test is not None
    assert wanted.test is not None
    assert_values_near(found.test, wanted.test, dtype, 297)
    assert_near(found.arc, wanted.arc, dtype)
    assert found.forward_passes == wanted.forward_passes


def test_where_a_line_is_highest_is_found_as_on_the_cpu(device: torch.device) -> None:
    thetas = trained(FCN, problem_of(FCN, DATA, torch.float64), count=4)
    found = []
    for where in (torch.device("cpu"), device):
        problem = problem_of(FCN, DATA, torch.float64, where)
        starts, stops = thetas[:2].to(where), thetas[2:].to(where)
        found.append([peaks(problem, starts, stops, metric, 11) for metric in ("train-loss", "test-error")])
    for here, there in zip(*found, strict=True):
        assert_near(there.value, here.value)
        assert_near(there.t, here.t)


def test_a_profile_twice_is_the_same_bit_for_bit(device: torch.device) -> None:
    problem = problem_of(CNN, DATA, torch.float32, device)
    a, b = trained(CNN, problem_of(CNN, DATA, torch.float32)).to(device)
    first, second = (profile(problem, Path.line(a, b), 21) for _ in range(2))
    assert torch.equal(first.train.loss, second.train.loss)
    assert torch.equal(first.t, second.t)
