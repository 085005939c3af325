"""Many models in one batch take the way that each takes alone, and go on exactly where they stopped."""

import math
from pathlib import Path as File

import pytest
import torch
from torch import Tensor, nn

from core.data.dataset import Dataset, Split
from core.errors import UsageError
from core.losses import CrossEntropy, Square
from core.networks.architectures import build
from core.problem import Problem
from core.specs.descent import Descent
from core.specs.networks import Cnn, Fcn, NetworkSpec
from core.training import Step, TrainingResult, TrainingState, Until, train
from core.training import alone as by_themselves
from core.training.train import shuffled

SEEDS = [3, 8, 21]
SAMPLES = 70  # with batches of 16 the last one is short
OPTIMIZERS = [
    Descent(epochs=3, batch=16, optimizer="sgd", lr=0.1),
    Descent(epochs=3, batch=16, optimizer="sgd", lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01),
    Descent(epochs=3, batch=16, optimizer="adam", lr=0.01, weight_decay=0.01, schedule="cosine"),
    Descent(epochs=3, batch=16, optimizer="rmsprop", lr=0.001, momentum=0.5, schedule="linear"),
]


def problem_of(spec: NetworkSpec | None = None, dtype: torch.dtype = torch.float64) -> Problem:
    spec = spec or Fcn(widths=(6, 5), activation="tanh")
    shape = (1, 28, 28) if isinstance(spec, Cnn) else (4,)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(SAMPLES + 20, *shape, generator=generator, dtype=torch.float64).to(dtype)
    y = (x.flatten(1)[:, :3].argmax(1) + (x.flatten(1)[:, 3] > 1).long()) % 3
    data = Dataset("noise", Split(x[:SAMPLES], y[:SAMPLES]), Split(x[SAMPLES:], y[SAMPLES:]), 3)
    made = build(spec, shape, 3)
    return Problem(made.module, data, CrossEntropy(), made.layered)


def starts(problem: Problem, seeds: list[int] = SEEDS) -> Tensor:
    generators = [torch.Generator().manual_seed(seed) for seed in seeds]
    return torch.stack([torch.randn(problem.layout.total, generator=g, dtype=torch.float64) * 0.4 for g in generators])


def alone(problem: Problem, options: Descent, until: Until | None = None) -> list[TrainingResult]:
    pairs = zip(starts(problem), SEEDS, strict=True)
    return [train(problem, theta[None], [seed], options, until=until) for theta, seed in pairs]


@pytest.mark.parametrize("options", OPTIMIZERS, ids=lambda options: options.optimizer)
def test_a_batch_of_models_takes_the_way_of_each_alone(options: Descent) -> None:
    problem = problem_of()
    together = train(problem, starts(problem), SEEDS, options)
    for i, single in enumerate(alone(problem, options)):
        torch.testing.assert_close(together.thetas[i], single.thetas[0], rtol=1e-11, atol=1e-12)
        torch.testing.assert_close(together.values[i], single.values[0], rtol=1e-11, atol=1e-12)


def test_so_it_does_with_convolutions() -> None:
    problem = problem_of(Cnn(channels="2", hidden=4))
    options = Descent(epochs=1, batch=32, lr=0.01)
    together = train(problem, starts(problem), SEEDS, options)
    for i, single in enumerate(alone(problem, options)):
        torch.testing.assert_close(together.thetas[i], single.thetas[0], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("options", OPTIMIZERS[1:3], ids=lambda options: options.optimizer)
def test_it_is_the_way_of_an_ordinary_loop(options: Descent) -> None:
    problem = problem_of()
    theta, split = starts(problem)[0], problem.data.train
    module = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3)).double()
    nn.utils.vector_to_parameters(theta.clone(), module.parameters())
    seen: list[Tensor] = []

    def rate(epoch: int) -> float:
        return options.lr * ((1 + math.cos(math.pi * epoch / 3)) / 2 if options.schedule == "cosine" else 1)

    if options.optimizer == "sgd":
        by: torch.optim.Optimizer = torch.optim.SGD(module.parameters(), 1.0, 0.9, nesterov=True, weight_decay=0.01)
    else:
        by = torch.optim.Adam(module.parameters(), weight_decay=0.01)
    for epoch in range(3):
        by.param_groups[0]["lr"] = rate(epoch)
        for chosen in shuffled(SAMPLES, SEEDS[0], epoch).split(16):
            by.zero_grad()
            nn.functional.cross_entropy(module(split.x[chosen]), split.y[chosen]).backward()
            by.step()
        seen.append(nn.utils.parameters_to_vector(module.parameters()).detach().clone())
    found: list[Tensor] = []
    train(problem, theta[None], SEEDS[:1], options, on_epoch=lambda state: found.append(state.thetas[0].clone()))
    torch.testing.assert_close(torch.stack(found), torch.stack(seen), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("batch", [SAMPLES, 10 * SAMPLES])
def test_a_batch_of_all_samples_is_one_for_all_models_and_none_is_moved(batch: int) -> None:
    problem, seen = problem_of(), []

    def watched(problem: Problem, options: Descent, state: TrainingState) -> Step:
        step = by_themselves(problem, options, state)

        def watching(thetas: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
            seen.append((x, y))
            return step(thetas, x, y)

        return watching

    options = Descent(epochs=2, batch=batch, lr=0.02)
    together = train(problem, starts(problem), SEEDS, options, objective=watched)
    split = problem.data.train
    assert [(x is split.x, y is split.y) for x, y in seen] == [(True, True)] * 2
    for i, single in enumerate(alone(problem, options)):
        torch.testing.assert_close(together.thetas[i], single.thetas[0], rtol=1e-11, atol=1e-12)


def test_models_that_arrive_at_different_times_leave_and_the_others_are_not_disturbed() -> None:
    problem = problem_of()
    options, until = Descent(epochs=60, batch=16, lr=0.02), Until("train-loss", 0.35)
    together = train(problem, starts(problem), SEEDS, options, until=until)
    assert together.reached.all()
    assert len(set(together.epochs.tolist())) > 1
    assert (together.values <= 0.35).all()
    for i, single in enumerate(alone(problem, options, until)):
        assert together.epochs[i] == single.epochs[0]
        torch.testing.assert_close(together.thetas[i], single.thetas[0], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("metric", ["train-loss", "test-loss", "train-error", "test-error"])
def test_a_model_that_is_there_already_is_left_as_it_is(metric: str) -> None:
    problem = problem_of()
    done = train(problem, starts(problem), SEEDS, OPTIMIZERS[0], until=Until(metric, 1e6))  # type: ignore[arg-type]
    assert torch.equal(done.thetas, starts(problem))
    assert done.epochs.tolist() == [0, 0, 0]
    assert done.reached.all()
    torch.testing.assert_close(done.values, problem.losses(starts(problem)))


def test_without_epochs_the_start_comes_back() -> None:
    problem = problem_of()
    done = train(problem, starts(problem), SEEDS, Descent(epochs=0))
    assert torch.equal(done.thetas, starts(problem))
    torch.testing.assert_close(done.values, problem.losses(starts(problem)))
    assert not done.reached.any()
    assert done.diverged.tolist() == [-1, -1, -1]


@pytest.mark.parametrize("until", [None, Until("train-loss", 1e-9)])
def test_a_model_that_diverges_leaves_and_the_others_go_on(until: Until | None) -> None:
    problem = problem_of(Fcn(widths=(6,)))
    options = Descent(epochs=4, batch=16, optimizer="sgd", lr=0.1)
    thetas = torch.stack([starts(problem)[0], torch.full((problem.layout.total,), 1e200, dtype=torch.float64)])
    done = train(problem, thetas, [1, 2], options, until=until)
    assert done.diverged.tolist() == [-1, 0 if until else 1]
    assert torch.isfinite(done.thetas[0]).all()
    assert done.epochs[0] == 4
    single = train(problem, thetas[:1], [1], options, until=until)
    torch.testing.assert_close(done.thetas[0], single.thetas[0], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("options", OPTIMIZERS, ids=lambda options: options.optimizer)
@pytest.mark.parametrize("after", [1, 2])
def test_a_saved_training_goes_on_bit_for_bit(options: Descent, after: int, tmp_path: File) -> None:
    problem, file = problem_of(), tmp_path / "state.safetensors"
    until = Until("train-loss", 1.1)  # after two epochs at least one has left
    whole = train(problem, starts(problem), SEEDS, options, until=until)

    def keep(state: TrainingState) -> None:
        if state.epoch == after:
            state.save(file)

    cut = train(problem, starts(problem), SEEDS, options, until=until, on_epoch=keep, stop=file.exists)
    assert int(cut.epochs.max()) <= after
    if file.exists():
        state = TrainingState.load(file)
        assert after == 1 or len(state.active) < len(SEEDS)
        rest = train(problem, starts(problem), SEEDS, options, until=until, state=state)
        for name in ("thetas", "values", "epochs", "reached", "diverged"):
            assert torch.equal(getattr(rest, name), getattr(whole, name)), name
    assert [one.name for one in tmp_path.iterdir()] in ([], ["state.safetensors"])


def test_the_same_seed_gives_the_same_numbers() -> None:
    problem = problem_of(dtype=torch.float32)
    first, again = (train(problem, starts(problem), SEEDS, OPTIMIZERS[2]) for _ in range(2))
    assert torch.equal(first.thetas, again.thetas)
    assert first.thetas.dtype == torch.float32


def test_what_is_no_training_is_refused(tmp_path: File) -> None:
    for name, content in (("empty", b""), ("noise", b"\x99" * 64)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UsageError, match="can't be read"):
            TrainingState.load(tmp_path / name)
    with pytest.raises(UsageError):
        TrainingState.load(tmp_path / "missing")


def test_any_module_and_regression_can_be_trained() -> None:
    module = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    old = problem_of().data.train
    split = Split(old.x, old.x.sum(1, keepdim=True))
    problem = Problem(module, Dataset("sum", split, None, None), Square())
    thetas = starts(problem)
    done = train(problem, thetas, SEEDS, Descent(epochs=20, batch=16, lr=0.02))
    assert (done.values < 0.2 * problem.losses(thetas)).all()
