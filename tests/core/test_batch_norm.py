"""Networks with batch-norm: trained as PyTorch trains them, and evaluated with the statistics they are stored with."""

from pathlib import Path
from typing import Any

import pytest
import torch
from residual import SOURCE, plain, trained, written
from torch import Tensor, nn

from core.errors import UsageError
from core.networks.architectures import build
from core.opening import open_problem
from core.problem import Problem
from core.specs.networks import read_network
from core.specs.runs import Train
from core.training import TrainingState, Until, train
from core.training.train import shuffled

DATA = "digits,limit=150"
DENSE = """
from torch import nn


def Net(shape, outputs):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 12), nn.BatchNorm1d(12), nn.Dropout(0.5), nn.Tanh(),
                         nn.Linear(12, outputs))
"""


def opened(folder: Path, source: str = SOURCE, dtype: torch.dtype = torch.float64) -> tuple[Problem, Tensor]:
    """The problem of a network on some digits, and where two models start."""
    problem, architecture = open_problem(written(folder, source), DATA)
    return problem.to("cpu", dtype), torch.stack([architecture.initial(seed, dtype) for seed in (0, 1)])


def options(**given: Any) -> Train:
    return Train(network="-", data="-", **{"lr": 0.01, "batch": 40, "epochs": 3, **given})


def state_of(problem: Problem, theta: Tensor, statistics: dict[str, Tensor]) -> dict[str, Tensor]:
    parameters = {name: one[0] for name, one in problem.layout.split(theta[None]).items()}
    return {**parameters, **statistics}


@pytest.mark.parametrize("alone", [False, True])
def test_models_train_to_the_parameters_and_running_statistics_of_a_plain_loop(tmp_path: Path, alone: bool) -> None:
    problem, start = opened(tmp_path)
    if alone:
        problem.learning.batched = False
    found = train(problem, start, [0, 1], options())
    assert problem.learning.batched is not alone
    x, y = problem.data.train.x, problem.data.train.y
    for k, seed in enumerate((0, 1)):
        orders = [shuffled(len(y), seed, epoch) for epoch in range(3)]
        own = trained(plain(seed=seed).double(), x, y, orders, 40, 0.01)
        mine = state_of(problem, found.thetas[k], {name: one[k] for name, one in found.statistics.items()})
        assert mine.keys() == own.state_dict().keys()
        for name, value in own.state_dict().items():
            torch.testing.assert_close(mine[name], value, rtol=1e-6, atol=1e-9)
        assert int(mine["norm.num_batches_tracked"]) == 12
        with torch.no_grad():
            loss = nn.functional.cross_entropy(own(x), y)
        assert float(found.values[k]) == pytest.approx(float(loss), rel=1e-6)


@pytest.mark.parametrize("source", [SOURCE, DENSE])
def test_a_training_resumes_from_a_checkpoint_bit_for_bit_with_its_statistics(tmp_path: Path, source: str) -> None:
    problem, start = opened(tmp_path, source, torch.float32)
    whole = train(problem, start, [0, 1], options(epochs=4), until=Until("train-loss", 1e-9))
    file = tmp_path / "state.safetensors"
    train(problem, start, [0, 1], options(epochs=2), on_epoch=lambda state: state.save(file))
    state = TrainingState.load(file)
    assert state.epoch == 2
    rest = train(problem, start, [0, 1], options(epochs=4), until=Until("train-loss", 1e-9), state=state)
    assert torch.equal(rest.thetas, whole.thetas)
    assert torch.equal(rest.values, whole.values)
    assert rest.statistics.keys() == whole.statistics.keys() == problem.statistics.keys() != set()
    assert all(torch.equal(rest.statistics[name], one) for name, one in whole.statistics.items())


def test_a_goal_is_judged_with_the_running_statistics(tmp_path: Path) -> None:
    problem, start = opened(tmp_path)
    found = train(problem, start, [0, 1], options(epochs=10, batch=15), until=Until("train-error", 0.6))
    for k in range(2):
        row = {name: one[k] for name, one in found.statistics.items()}
        values = problem.having(row).values(found.thetas[k : k + 1])
        assert values.error is not None
        assert float(values.error) == float(found.metric[k])
        assert float(values.error) <= 0.6 or not found.reached[k]
    assert found.reached.any()


def test_dropout_does_nothing_though_batch_norm_trains(tmp_path: Path) -> None:
    problem, start = opened(tmp_path, DENSE)
    x, y = problem.data.train.x[:20], problem.data.train.y[:20]
    statistics = {name: torch.stack([one] * 2) for name, one in problem.statistics.items()}
    losses, _ = problem.gradients(start, x, y, statistics)
    again, _ = problem.gradients(start, x, y, {name: one.clone() for name, one in statistics.items()})
    assert torch.equal(losses, again)
    assert not problem.network.training
    assert not any(one.training for one in problem.network.modules())


def test_batch_norm_that_a_module_keeps_frozen_is_left_so(tmp_path: Path) -> None:
    frozen = ("def train(self, mode=True):", "    super().train(mode)", "    self.norm.eval()", "    return self")
    problem, _ = opened(tmp_path, SOURCE + "".join(f"\n    {line}" for line in frozen))
    assert {name.partition(".")[0] for name in problem.statistics} == {"blocks"}
    assert "norm.running_mean" in problem.constants


def test_a_last_batch_of_one_sample_is_refused(tmp_path: Path) -> None:
    problem, start = opened(tmp_path)
    with pytest.raises(UsageError, match=r"With batch=149 the last batch of 150 samples is a single one, .* choose"):
        train(problem, start, [0, 1], options(batch=149))


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2"])  # vgg11_bn has 129 million parameters
def test_torchvision_networks_with_batch_norm_are_taken(name: str) -> None:
    architecture = build(read_network(f"torchvision:{name}"), (3, 32, 32), 10)
    assert architecture.layered is None
    assert any("running_mean" in name for name, _ in architecture.module.named_buffers())
