"""Gradients by hand are autograd's; products in bfloat16 are close to them, and refused where they can't be had."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.data.files import data_root
from core.data.load import load
from core.errors import RunError
from core.losses import CrossEntropy
from core.networks.architectures import build
from core.problem import Problem
from core.specs.data import Digits
from core.specs.descent import Descent
from core.specs.networks import Fcn
from core.subnetworks.frozen import features_by_level, frozen
from core.training import gradients, train
from core.training.gradients import ByHand, gradients_of, has_bfloat16
from tests.core.plain import ACTIVATIONS, classes, points, problem_of, text_of

SLOPES_UNKNOWN = {"softplus", "elu"}
needs_bfloat16 = pytest.mark.skipif(not has_bfloat16(torch.device("cpu")), reason="no bfloat16 in this processor")


def samples(problem: Problem, models: int, shared: bool) -> tuple[Tensor, Tensor]:
    """A batch (B, ...) that all models share, or (K, B, ...)."""
    train = problem.data.train
    if shared:
        return train.x[:7], train.y[:7]
    chosen = torch.randint(len(train), (models, 5), generator=torch.Generator().manual_seed(models))
    return train.x[chosen], train.y[chosen]


@given(
    st.lists(st.integers(1, 6), min_size=0, max_size=3),
    st.sampled_from(sorted(ACTIVATIONS)),
    st.booleans(),
    st.sampled_from(["cross-entropy", "square", "absolute", "hinge"]),
    st.integers(1, 3),
    st.booleans(),
)
def test_by_hand_they_are_what_autograd_finds(
    widths: list[int], activation: str, bias: bool, loss: str, models: int, shared: bool
) -> None:
    head = "fcn:" + "-".join(map(str, widths or [1]))
    problem = problem_of(text_of(head, activation, bias), classes((2, 2)), loss)
    ours = gradients_of(problem, "full")
    assert isinstance(ours, ByHand) == (activation not in SLOPES_UNKNOWN)
    for count in (models, models + 1):  # models come and go, the memory with them
        thetas = points(problem, count, seed=sum(widths))
        x, y = samples(problem, count, shared)
        found, expected = ours(thetas, x, y), problem.gradients(thetas, x, y)
        torch.testing.assert_close(found[0], expected[0], rtol=1e-12, atol=1e-14)
        torch.testing.assert_close(found[1], expected[1], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("shared", [True, False])
def test_subnetworks_read_their_own_neurons(shared: bool) -> None:
    whole = problem_of("fcn:9-6", classes((4,)))
    *_, (_, data) = (one for one in features_by_level(whole, points(whole, 1)[0]) if one[0] <= 1)
    reads = torch.tensor([[0, 2, 3, 8], [1, 2, 5, 6]])
    problem = frozen(whole, data, 1, (4, 3, 3), reads)
    thetas = points(problem, 2)
    x, y = samples(problem, 2, shared)
    found, expected = gradients_of(problem, "full")(thetas, x, y), problem.gradients(thetas, x, y)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


def test_models_of_one_seed_share_batches_and_take_the_way_of_each_alone() -> None:
    problem = problem_of("fcn:6-5,activation=tanh", classes((4,), samples=50))
    options = Descent(epochs=3, batch=16, lr=0.01)
    starts = points(problem, 3)
    together = train(problem, starts, [5, 5, 5], options).thetas
    apart = torch.cat([train(problem, one[None], [5], options).thetas for one in starts])
    own = train(problem, starts, [5, 5, 6], options).thetas
    torch.testing.assert_close(together, apart, rtol=1e-11, atol=1e-12)
    torch.testing.assert_close(own[:2], apart[:2], rtol=1e-11, atol=1e-12)
    assert not torch.allclose(own[2], apart[2])


@needs_bfloat16
def test_in_bfloat16_training_comes_to_the_same_loss() -> None:
    made = build(Fcn(widths=(32, 32)), (64,), 10)
    problem = Problem(made.module, load(Digits(), data_root(None)), CrossEntropy(), made.layered)
    starts = torch.stack([made.initial(seed, torch.float32) for seed in range(3)])
    full, half = (
        train(problem, starts, [0] * 3, Descent(epochs=15, precision=precision)) for precision in ("full", "bfloat16")
    )
    assert half.thetas.dtype == torch.float32
    assert not torch.equal(half.thetas, full.thetas)
    torch.testing.assert_close(half.values, full.values, rtol=0.05, atol=0)


def test_bfloat16_is_refused_where_it_cannot_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    options = Descent(epochs=1, precision="bfloat16")
    images = problem_of("cnn,channels=2,hidden=3", classes((1, 28, 28)))
    with pytest.raises(RunError, match="needs dense layers"):
        train(images, points(images, 1), [0], options)
    monkeypatch.setattr(gradients, "has_bfloat16", lambda device: False)
    dense = problem_of("fcn:3", classes((4,)))
    with pytest.raises(RunError, match="machine's cpu has no bfloat16"):
        train(dense, points(dense, 1), [0], options)
