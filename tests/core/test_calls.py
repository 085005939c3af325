"""A module at many points: what torch can't do for several at once is done one by one, with the numbers of alone."""

import logging

import pytest
import torch
from plain import classes
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from core.engine.worker.causes import cause_of
from core.errors import is_out_of_memory
from core.losses import LOSSES
from core.networks import calls
from core.problem import Problem
from core.specs.descent import Descent
from core.training import train

WIDTH, STEPS = 8, 3  # of the samples (STEPS, WIDTH)


class Net(nn.Module):
    """Features of a sequence, averaged, and a dense layer; each kind below has other features."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, 3)

    def features(self, x: Tensor) -> Tensor:
        return self.first(x).relu()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.features(x).mean(1))


class Recurrent(Net):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTM(WIDTH, WIDTH, batch_first=True)

    def features(self, x: Tensor) -> Tensor:
        return self.cell(super().features(x))[0]


class Encoder(Net):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(WIDTH, 2, 16, batch_first=True)

    def features(self, x: Tensor) -> Tensor:
        return self.layer(super().features(x))


class Heads(Net):
    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.MultiheadAttention(WIDTH, 2, batch_first=True)

    def features(self, x: Tensor) -> Tensor:
        h = super().features(x)
        return self.heads(h, h, h, need_weights=False)[0]


class Checkpointed(Net):
    def features(self, x: Tensor) -> Tensor:
        return checkpoint(super().features, x, use_reentrant=False)


class Branching(Net):
    def features(self, x: Tensor) -> Tensor:
        return super().features(x) * (2 if self.first.weight.sum() > 0 else 3)


class Doubled(Net):
    """Silently worth something else where many points are asked for."""

    def features(self, x: Tensor) -> Tensor:
        h = super().features(x)
        return 2 * h if torch._C._functorch.is_batchedtensor(h) else h


def problem_of(module: nn.Module, samples: int = 9) -> Problem:
    return Problem(module, classes((STEPS, WIDTH), samples), LOSSES["cross-entropy"])


def starts(problem: Problem, count: int) -> Tensor:
    drawn = torch.randn(count, problem.layout.total, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return 0.3 * drawn


@pytest.mark.parametrize(
    ("kind", "together"),
    [
        (Net, True),
        (Recurrent, False),
        (Encoder, False),
        (Heads, False),
        (Checkpointed, False),
        (Branching, False),
        (Doubled, False),
    ],
)
@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_models_that_are_trained_together_are_those_trained_alone(kind: type[Net], together: bool) -> None:
    problem = problem_of(kind())
    thetas, options = starts(problem, 3), Descent(epochs=2, lr=0.01, batch=4)
    found = train(problem, thetas, [5, 6, 7], options)
    assert problem.calls.batched is together
    for i, seed in enumerate([5, 6, 7]):
        alone = train(problem_of(problem.network), thetas[i : i + 1], [seed], options)
        torch.testing.assert_close(found.thetas[i], alone.thetas[0], rtol=1e-9, atol=1e-10)
        torch.testing.assert_close(found.values[i], alone.values[0], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("count", [1, 2])
def test_what_is_computed_again_in_the_backward_pass_is_so_at_the_same_parameters(count: int) -> None:
    plain, again = problem_of(Net()), problem_of(Checkpointed())
    thetas, split = starts(plain, count), plain.data.train
    for found, expected in zip(
        again.gradients(thetas, split.x, split.y), plain.gradients(thetas, split.x, split.y), strict=True
    ):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


def test_the_log_says_once_why_models_are_worked_through_one_by_one(caplog: pytest.LogCaptureFixture) -> None:
    calls._say.cache_clear()
    for _ in range(2):
        problem = problem_of(Branching())
        problem.losses(starts(problem, 2))
    (said,) = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert "several models at once (RuntimeError: vmap: " in said
    assert said.endswith("one by one.")
    assert "report" not in said


class Greedy(Net):
    """More memory than there is for many points, as soon as there are more samples than are tried; alone enough."""

    def features(self, x: Tensor) -> Tensor:
        h = super().features(x)
        many = torch._C._functorch.is_batchedtensor(h) and len(h) > calls.TRIED
        return h + (torch.empty(1 << 50).sum() if many else 0)


class Picky(Net):
    def features(self, x: Tensor) -> Tensor:
        if len(x) > calls.TRIED:
            raise ValueError("my own")
        return super().features(x)


def test_want_of_memory_is_not_taken_for_something_that_can_not_be_batched() -> None:
    problem = problem_of(Greedy())
    problem.losses(starts(problem, 1))
    with pytest.raises(RuntimeError) as caught:
        problem.losses(starts(problem, 2))
    assert problem.calls.batched
    kind, cause = cause_of(caught.value)
    assert kind == "out of memory"
    assert "try a smaller count, batch or network" in cause


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_of_the_forward_pass_comes_up_as_it_is(count: int) -> None:
    problem = problem_of(Picky())
    with pytest.raises(ValueError, match=r"^my own$"):
        problem.losses(starts(problem, count))


@pytest.mark.parametrize(
    ("error", "is_it"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: 12"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 80 bytes."), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (MemoryError(), True),
        (RuntimeError("vmap: It looks like you're calling .item() on a Tensor."), False),
    ],
)
def test_want_of_memory_is_known_whoever_says_it(error: Exception, is_it: bool) -> None:
    assert is_out_of_memory(error) is is_it
