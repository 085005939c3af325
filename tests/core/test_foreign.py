"""Networks that somebody else wrote: what they are, and in which sentence they are refused."""

from pathlib import Path

import pytest
import torch
from plain import classes, points
from torch import nn

from core.data.dataset import Dataset
from core.errors import UsageError
from core.losses import LOSSES
from core.networks.architectures import Architecture, build
from core.problem import Problem
from core.specs.networks import read_network

NN = "import torch\nfrom torch import nn\n"
MIXING = """
class Mixing(nn.Module):
    def __init__(self):
        super().__init__()
        self.last = nn.Linear(4, 10)

    def forward(self, x):
        return self.last(x - x.mean(0))
"""
RESIDUAL = """
class Residual(nn.Module):
    def __init__(self, shape, outputs):
        super().__init__()
        self.first, self.last = nn.Linear(shape[0], shape[0]), nn.Linear(shape[0], outputs)
        self.register_buffer("shift", torch.arange(shape[0]).double())

    def forward(self, x):
        return self.last(x + torch.relu_(self.first(x)) + self.shift)
"""


def made(folder: Path, content: str, factory: str = "make") -> Architecture:
    """For samples of 4 numbers and 10 classes."""
    (folder / "net.py").write_text(content)
    return build(read_network(f"file:{folder}/net.py:{factory}"), (4,), 10)


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("def make(", "fails with SyntaxError"),
        ("raise SystemExit(3)", "fails with SystemExit: 3"),
        ("import neighbour", "must be self-contained"),
        ("other = 3", "has no function or class make"),
        ("make = 3", "has no function or class make"),
        ("def make(a, b, c): pass", "it requires a, b, c"),
        ("def make(*, width): pass", "it requires width"),
        ("def make(): raise ValueError('no\\nway')", "make of .* fails with ValueError: no way"),
        ("def make(): return 3", "returns an object of type int, not a torch.nn.Module"),
        (f"{NN}def make(): return nn.Linear(7, 10)", "can't read samples of 4: RuntimeError"),
        (
            f"{NN}def make(): return nn.Linear(4, 9)",
            "returns 3x9 for 3 samples: for this data it must return one tensor of 3x10",
        ),
        (f"{NN}def make(): return nn.LSTM(4, 10)", "returns a tuple for 3 samples"),
        (f"{NN}def make(): return nn.ZeroPad1d((0, 6))", "has no parameters"),
        (f"{NN}def make(): return nn.Linear(4, 10).requires_grad_(False)", "keeps weight out of training"),
        (f"{NN}{MIXING}make = Mixing", "something else from a sample alone than from a batch"),
        (f"{NN}{MIXING.replace('x.mean(0)', 'torch.rand(1)')}make = Mixing", "it must not be random"),
        (
            f"{NN}def make(): return nn.Sequential(nn.Unflatten(1, (4, 1)), nn.Conv1d(4, 10, 1), nn.Flatten(),"
            " nn.Unflatten(1, (1, 10)), nn.InstanceNorm1d(1, track_running_stats=True), nn.Flatten())",
            "keeps 4.running_mean from batch to batch in training, .* leave out what keeps it",
        ),
    ],
)
def test_a_file_that_makes_no_network_is_refused_in_a_sentence(tmp_path: Path, content: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint) as caught:
        made(tmp_path, content)
    assert "\n" not in str(caught.value)


def test_a_factory_is_called_with_what_it_requires(tmp_path: Path) -> None:
    of_two = made(tmp_path, f"{NN}def make(shape, outputs, width=3): return nn.Linear(*shape, outputs)")
    of_none = made(tmp_path, f"{NN}def make(width=4, *rest, **more): return nn.Linear(width, 10)")
    lazy = made(tmp_path, f"{NN}def make(): return nn.LazyLinear(10)")
    for one in (of_two, of_none, lazy):
        assert one.initial(0, torch.float32).shape == (50,)


def test_a_network_starts_as_its_makers_would_have_it_from_the_seed_alone(tmp_path: Path) -> None:
    content = f"{NN}class Net(nn.Linear):\n    def __init__(self):\n        super().__init__(4, 10)\n"
    architecture = made(tmp_path, content, "Net")
    state = torch.get_rng_state()
    first = architecture.initial(7, torch.float32)
    torch.manual_seed(7)
    own = torch.nn.Linear(4, 10)
    assert torch.equal(first, torch.nn.utils.parameters_to_vector(own.parameters()))
    torch.set_rng_state(state)
    assert torch.equal(first, architecture.initial(7, torch.float32))
    assert not torch.equal(first, architecture.initial(8, torch.float32))
    assert torch.equal(state, torch.get_rng_state())


def test_a_file_that_is_not_as_it_was_is_not_run(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("raise RuntimeError('it ran')")
    with pytest.raises(UsageError, match=r"its sha256 was 0{12}\.\.\. and is now"):
        build(read_network(f"file:{tmp_path}/net.py:make,sha256={'0' * 64}"), (4,), 10)


def problem_of(architecture: Architecture, data: Dataset) -> Problem:
    return Problem(architecture.module, data, LOSSES["cross-entropy"], architecture.layered)


def test_many_points_of_a_network_without_layers_equal_one_by_one(tmp_path: Path) -> None:
    architecture = made(tmp_path, NN + RESIDUAL, "Residual")
    assert architecture.layered is None
    assert "residual" in architecture.without
    problem = problem_of(architecture, classes((4,), count=10))
    thetas = points(problem, 3)
    together = problem.losses(thetas)
    assert problem.calls.batched
    problem.calls.batched = False
    torch.testing.assert_close(problem.losses(thetas), together)


def test_a_network_that_can_not_be_batched_is_asked_point_by_point(tmp_path: Path) -> None:
    content = NN + RESIDUAL.replace("return self.last(", "return self.last(0 * float(self.first.weight.sum()) + ")
    problem = problem_of(made(tmp_path, content, "Residual"), classes((4,), count=10))
    thetas = points(problem, 2)
    losses = problem.losses(thetas)
    assert not problem.calls.batched
    torch.testing.assert_close(losses, torch.cat([problem.losses(theta[None]) for theta in thetas]))


READING = """
from pathlib import Path

WIDTH = int(Path("width.txt").read_text())


def make():
    import os

    weight = torch.load("ckpt.pth", weights_only=True)
    os.chdir("/")
    module = nn.Linear(WIDTH, 10)
    module.load_state_dict(weight)
    return module


def broken():
    raise OSError(Path.cwd())
"""


def test_a_file_reads_what_lies_beside_it_wherever_the_process_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = nn.Linear(4, 10).state_dict()
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "width.txt").write_text("4")
    torch.save(own, tmp_path / "beside" / "ckpt.pth")
    (tmp_path / "away").mkdir()
    monkeypatch.chdir(tmp_path / "away")
    for seed in (0, 1):
        start = made(tmp_path / "beside", NN + READING).initial(seed, torch.float32)
        assert torch.equal(start, torch.cat([one.flatten() for one in own.values()]))
        assert Path.cwd() == tmp_path / "away"
    with pytest.raises(UsageError, match=f"broken of .* fails with OSError: {tmp_path}/beside"):
        made(tmp_path / "beside", NN + READING, "broken")
    assert Path.cwd() == tmp_path / "away"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("torchvision:resnet19", "Did you mean 'resnet18' or"),
        ("torchvision:squeezenet1_2", "Did you mean 'squeezenet1_1' or 'squeezenet1_0'"),
    ],
)
def test_torchvision_networks_that_can_not_be_are_refused(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        build(read_network(text), (3, 32, 32), 10)


def test_a_torchvision_network_without_batch_norm_is_a_function_of_its_parameters() -> None:
    architecture = build(read_network("torchvision:resnet18,norm=group"), (3, 32, 32), 10)
    assert not any("running" in name for name, _ in architecture.module.named_buffers())
    assert "at add" in architecture.without
    assert architecture.initial(1, torch.float64).dtype == torch.float64


TWICE = """
class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.m = nn.Linear(4, 4)
        self.again = self.m  # one module of two names
        self.other = nn.Linear(4, 4)
        self.other.weight = self.m.weight  # one parameter in two modules
        self.last = nn.Linear(4, 10)

    def forward(self, x):
        return self.last(torch.tanh(self.again(torch.tanh(self.m(x)))) + self.other(x))
"""


def test_a_module_of_two_names_is_called_at_the_point_and_left_as_it_was(tmp_path: Path) -> None:
    architecture = made(tmp_path, NN + TWICE, "Twice")
    module = architecture.module
    before = {name: one for name, one in module.named_parameters()}  # noqa: C416
    data = Dataset("random", classes((4,)).train, None, 10)
    problem = Problem(module, data, LOSSES["cross-entropy"])
    theta = points(problem, 2)
    named = problem.layout.split(theta)
    x = data.train.x.to(theta.dtype)
    W, b, c = named["m.weight"][1], named["m.bias"][1], named["other.bias"][1]
    hidden = torch.tanh(torch.tanh(x @ W.T + b) @ W.T + b) + x @ W.T + c
    expected = hidden @ named["last.weight"][1].T + named["last.bias"][1]
    for _ in range(2):
        torch.testing.assert_close(problem.outputs(theta, x)[1], expected, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(problem.outputs(theta[1:], x)[0], expected, rtol=1e-5, atol=1e-5)
    assert all(one is before[name] for name, one in module.named_parameters())
