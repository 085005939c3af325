"""Training on a GPU: the CPU's numbers, batches of networks, bfloat16, going on, the same twice."""

from pathlib import Path as File

import msgspec
import pytest
import torch
from torch import Tensor

from core.losses import LOSSES
from core.specs.descent import Descent
from core.training import TrainingResult, TrainingState, Until, train
from core.training.gradients import has_bfloat16
from tests.gpu.both import CLOSE, assert_near, problem_of, starts

pytestmark = pytest.mark.gpu

FCN, CNN = "fcn:24-16", "cnn,channels=4-8,hidden=16"
DATA = "digits,limit=320"
SHORT = Descent(epochs=3, lr=0.003, batch=64)
DESCENTS = {
    "adam": SHORT,
    "sgd": Descent(optimizer="sgd", epochs=3, lr=0.1, batch=64, momentum=0.9),
    # Its first steps divide gradients by themselves: what float32 rounds grows with each.
    "rmsprop": Descent(optimizer="rmsprop", epochs=1, lr=0.0005, batch=64),
}


def run(
    text: str, device: torch.device | str, dtype: torch.dtype, options: Descent = SHORT, count: int = 3
) -> TrainingResult:
    problem = problem_of(text, DATA, dtype, device)
    return train(problem, starts(text, problem, count), range(count), options)


@pytest.mark.parametrize("dtype", CLOSE, ids=str)
@pytest.mark.parametrize("optimizer", DESCENTS)
@pytest.mark.parametrize("text", [FCN, CNN])
def test_a_batch_of_networks_is_trained_as_on_the_cpu(
    text: str, optimizer: str, dtype: torch.dtype, device: torch.device
) -> None:
    options = DESCENTS[optimizer]
    here, there = run(text, "cpu", dtype, options), run(text, device, dtype, options)
    assert there.thetas.device == device
    assert_near(there.values, here.values, dtype)
    assert float(here.values.max()) < 2.31, "something was learned"


def test_models_that_reach_their_goal_leave_the_batch_as_on_the_cpu(device: torch.device) -> None:
    found = []
    for where in (torch.device("cpu"), device):
        problem = problem_of(FCN, DATA, torch.float64, where)
        until = Until("train-loss", 0.7)
        options = Descent(epochs=30, lr=0.01, batch=64)
        found.append(train(problem, starts(FCN, problem, 4), range(4), options, until=until))
    here, there = found
    assert bool(here.reached.all())
    assert len(set(here.epochs.tolist())) > 1, "they leave at different times"
    assert there.epochs.tolist() == here.epochs.tolist()
    assert_near(there.values, here.values)


def test_each_of_64_networks_in_one_batch_is_what_it_is_alone_on_the_cpu(device: torch.device) -> None:
    problem = problem_of(FCN, DATA, torch.float32, device)
    thetas = starts(FCN, problem, 64)
    together = train(problem, thetas, range(64), SHORT)
    on_cpu = problem_of(FCN, DATA, torch.float32)
    for i in (0, 31, 63):
        alone = train(on_cpu, thetas[i : i + 1], [i], SHORT)
        assert_near(together.values[i : i + 1], alone.values, torch.float32)


def test_products_in_bfloat16_end_near_those_in_full_precision(device: torch.device) -> None:
    if not has_bfloat16(device):
        pytest.skip("no bfloat16 in this hardware")
    full = run(FCN, device, torch.float32)
    half = run(FCN, device, torch.float32, Descent(epochs=3, lr=0.003, batch=64, precision="bfloat16"))
    # 8 bits of mantissa: each product is off by 0.4 %, and 15 steps add to that.
    assert torch.allclose(half.values, full.values, rtol=0.02)
    assert not torch.equal(half.values, full.values), "it was another arithmetic"
    assert half.thetas.dtype == torch.float32


@pytest.mark.parametrize("optimizer", DESCENTS)
def test_a_training_goes_on_from_a_file_bit_for_bit(optimizer: str, device: torch.device, tmp_path: File) -> None:
    options = msgspec.structs.replace(DESCENTS[optimizer], epochs=3)
    problem = problem_of(FCN, DATA, torch.float32, device)
    file = tmp_path / "checkpoint.safetensors"

    def keep(state: TrainingState) -> None:
        if state.epoch == 2:
            state.save(file)

    whole = train(problem, starts(FCN, problem, 2), [0, 1], options, on_epoch=keep)
    rest = train(problem, starts(FCN, problem, 2), [0, 1], options, state=TrainingState.load(file))
    assert torch.equal(rest.thetas, whole.thetas)
    on_cpu = problem_of(FCN, DATA, torch.float32)
    elsewhere = train(on_cpu, starts(FCN, on_cpu, 2), [0, 1], options, state=TrainingState.load(file))
    assert_near(elsewhere.values, whole.values, torch.float32)


@pytest.mark.parametrize("dtype", CLOSE, ids=str)
@pytest.mark.parametrize("text", [FCN, CNN])
def test_the_same_training_twice_is_the_same_bit_for_bit(text: str, dtype: torch.dtype, device: torch.device) -> None:
    first, second = run(text, device, dtype), run(text, device, dtype)
    assert torch.equal(first.thetas, second.thetas)
    assert torch.equal(first.values, second.values)


def test_half_precision_twice_is_the_same_bit_for_bit(device: torch.device) -> None:
    if not has_bfloat16(device):
        pytest.skip("no bfloat16 in this hardware")
    options = Descent(epochs=3, lr=0.003, batch=64, precision="bfloat16")
    first, second = (run(FCN, device, torch.float32, options, count=8) for _ in range(2))
    assert torch.equal(first.thetas, second.thetas)


@pytest.mark.parametrize("loss", ["square", "hinge"])
def test_other_losses_have_the_cpu_s_gradients(loss: str, device: torch.device) -> None:
    def gradients(where: torch.device | str) -> tuple[Tensor, Tensor]:
        problem = problem_of(FCN, DATA, torch.float64, where)
        problem.loss = LOSSES[loss]
        split = problem.data.train
        return problem.gradients(starts(FCN, problem, 2).to(where), split.x, split.y)

    for found, wanted in zip(gradients(device), gradients("cpu"), strict=True):
        assert_near(found, wanted)
