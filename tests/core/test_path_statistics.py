"""Statistics of batch-norms along paths, against plain loops of PyTorch that know nothing of this code."""

from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from residual import SOURCE, plain, trained, written
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim.swa_utils import update_bn

from core.certify.enclosed import Wanted
from core.errors import RunError, UsageError
from core.input_files import InputModel
from core.measuring import measure
from core.methods.connect import Connection, connect
from core.methods.method import Task
from core.methods.string import build
from core.model_files import write_model
from core.networks.architectures import folded
from core.opening import Joined, open_joined, open_models, open_problem
from core.path import Path as Curve
from core.problem import Problem
from core.profile import Profile
from core.progress import SilentReporter
from core.specs.batch_norm import PathNorms
from core.specs.methods import Dropout, Linear, String

DATA = "digits,limit=200"
T = torch.linspace(0, 1, 5, dtype=torch.float64).tolist()
State = dict[str, Tensor]


def modules(data: str = DATA, source: str = SOURCE, epochs: int = 6) -> list[nn.Module]:
    """Two networks, trained by a plain loop in float64."""
    problem, _ = open_problem("fcn:1", data)
    x, y = problem.data.train.x.double(), problem.data.train.y
    found = []
    for seed in (1, 2):
        generator = torch.Generator().manual_seed(seed)
        orders = [torch.randperm(len(y), generator=generator) for _ in range(epochs)]
        found.append(trained(plain(source, seed=seed).double(), x, y, orders, 50, 0.01))
    return found


def as_input(module: nn.Module, network: str, folder: Path, number: int, data: str = DATA) -> InputModel:
    """A module's state as a model of the catalogue has it."""
    problem, _ = open_problem(network, data)
    problem = problem.to("cpu", torch.float64)
    state = module.state_dict()
    own = problem.having({name: state[name] for name in problem.constants})
    theta = problem.layout.join(state)
    file = folder / f"model-{number}.safetensors"
    write_model(theta, own, file)
    loss, _ = measure(own, theta, "train")
    of_data = {"data": data, "data_fingerprint": problem.data.fingerprint, "loss": problem.loss.name}
    return InputModel(
        id=number, file=str(file), network=network, seed=0, dtype="float64", epochs=1, train_loss=loss, **of_data
    )


class Pair:
    """Two trained networks, as modules and as models."""

    def __init__(self, folder: Path, source: str = SOURCE, epochs: int = 6) -> None:
        self.network = written(folder, source)
        self.modules = modules(source=source, epochs=epochs)
        self.models = [as_input(one, self.network, folder, i) for i, one in enumerate(self.modules, 1)]

    def joined(self, bn: str, samples: int = 10000, batch: int = 100) -> Joined:
        return open_joined(self.models, PathNorms(bn, samples, batch), reporter=SilentReporter())  # type: ignore[arg-type]

    def line(self, joined: Joined) -> Connection:
        return connect(Linear(), Task(*joined.thetas, joined.between(0, 1)), 5, Wanted(0.01))

    def losses(self, joined: Joined) -> list[float]:
        """On the straight line, at T."""
        losses: list[float] = joined.between(0, 1).losses(Curve.line(*joined.thetas).points(torch.tensor(T))).tolist()
        return losses


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(tmp_path_factory.mktemp("pair"))


def data_of(joined: Joined) -> tuple[Tensor, Tensor]:
    return joined.problem.data.train.x, joined.problem.data.train.y


def between(a: State, b: State, t: float) -> State:
    return {name: torch.lerp(one, b[name], t) if one.is_floating_point() else one for name, one in a.items()}


def plain_loss(module: nn.Module, x: Tensor, y: Tensor) -> float:
    with torch.no_grad():
        return float(cross_entropy(module.eval()(x), y))


def plain_line(pair: Pair, joined: Joined, batches: list[Tensor] | None) -> list[float]:
    """Losses at T with interpolated statistics, or recomputed on `batches` by torch's own function."""
    a, b = (one.state_dict() for one in pair.modules)
    module, losses = deepcopy(pair.modules[0]), []
    for t in T:
        module.load_state_dict(between(a, b, t))
        if batches is not None:
            update_bn(batches, module)
        losses.append(plain_loss(module, *data_of(joined)))
    return losses


def seen(looked: Profile) -> list[float]:
    """The train losses of a profile at T."""
    return [float(looked.train.loss[(looked.t - t).abs().argmin()]) for t in T]


@pytest.mark.parametrize(("samples", "batch"), [(10000, 100), (150, 100), (130, 30)])
def test_recomputed_statistics_give_the_losses_of_a_plain_loop(pair: Pair, samples: int, batch: int) -> None:
    joined = pair.joined("data", samples, batch)
    x = data_of(joined)[0][:samples]
    batches = list(torch.tensor_split(x, -(-len(x) // batch)))
    assert pair.losses(joined) == pytest.approx(plain_line(pair, joined, batches), abs=1e-9)
    assert joined.norms == PathNorms("data", min(samples, 200), batch)


def test_interpolated_statistics_give_the_losses_of_a_plain_loop(pair: Pair) -> None:
    joined = pair.joined("lerp")
    assert pair.losses(joined) == pytest.approx(plain_line(pair, joined, None), abs=1e-9)


def test_a_line_shows_the_losses_of_its_points_and_is_sampled_because_these_are_recomputed(pair: Pair) -> None:
    joined = pair.joined("data")
    made, again = pair.line(joined).examination, pair.line(pair.joined("data")).examination
    assert seen(made.profile) == pytest.approx(pair.losses(joined), abs=1e-9)
    assert made.certificate.loss_a == pytest.approx(pair.losses(joined)[0], abs=1e-9)
    assert made.certificate.kind == "sampled"
    assert str(made.unproven).endswith(": batch-norm statistics are recomputed at each point")
    assert torch.equal(made.profile.t, again.profile.t)  # and the same profile twice, bit for bit
    assert torch.equal(made.profile.train.loss, again.profile.train.loss)
    assert made.certificate == again.certificate


def test_stored_statistics_give_a_models_own_losses_and_stand_beside(pair: Pair) -> None:
    joined = pair.joined("data")
    for module, stored, model in zip(pair.modules, joined.stored, pair.models, strict=True):
        own = plain_loss(module, *data_of(joined))
        assert stored == pytest.approx(own, abs=1e-9)
        assert model.train_loss == pytest.approx(own, abs=1e-9)
        problem, (theta,) = open_models([model])
        assert float(problem.losses(theta[None])) == pytest.approx(own, abs=1e-9)
    assert abs(pair.losses(joined)[0] - (joined.stored[0] or 0)) > 1e-4


def test_points_one_by_one_have_the_statistics_of_points_together(pair: Pair) -> None:
    problem = pair.joined("data").problem
    thetas = torch.stack([torch.lerp(*pair.joined("data").thetas, t) for t in T])
    together = problem.losses(thetas)
    assert problem.learning.batched
    alone = torch.cat([pair.joined("data").problem.losses(theta[None]) for theta in thetas])
    torch.testing.assert_close(together, alone, rtol=1e-9, atol=1e-12)


def test_float32_and_float64_agree(pair: Pair) -> None:
    problem = pair.joined("data").problem
    theta = torch.lerp(*pair.joined("data").thetas, 0.5)[None]
    lower = problem.to("cpu", torch.float32)
    assert float(lower.losses(theta.float())) == pytest.approx(float(problem.losses(theta)), rel=1e-4)


def test_a_folded_network_is_the_same_at_both_ends(pair: Pair) -> None:
    joined = pair.joined("fold")
    assert not any("norm" in name or "bn" in name for name in joined.problem.layout.names)
    assert not joined.problem.statistics
    losses = joined.between(0, 1).losses(torch.stack(joined.thetas)).tolist()
    assert losses == pytest.approx([plain_loss(one, *data_of(joined)) for one in pair.modules], abs=1e-12)


@pytest.mark.parametrize("bn", ["data", "lerp", "fold"])
def test_points_of_a_path_are_whole_states_of_the_users_module(pair: Pair, bn: str) -> None:
    joined = pair.joined(bn)
    states = joined.state(Curve.line(*joined.thetas).points(torch.tensor(T)))
    module = deepcopy(pair.modules[0])
    losses = []
    for k in range(len(T)):
        module.load_state_dict({name: one[k] for name, one in states.items()})
        losses.append(plain_loss(module, *data_of(joined)))
    assert losses == pytest.approx(pair.losses(joined), abs=1e-9)


@pytest.mark.parametrize("bn", ["data", "lerp", "fold"])
def test_a_file_says_how_its_points_get_statistics(pair: Pair, bn: str, tmp_path: Path) -> None:
    joined = pair.joined(bn, 120, 40)
    path = replace(Curve.line(*joined.thetas), norms=joined.norms)
    path.save(tmp_path / "path")
    again = Curve.load(tmp_path / "path")
    assert again.norms == joined.norms
    assert again.cast(torch.float32).moved("cpu").norms == joined.norms
    reopened = open_joined(pair.models, again.norms)
    assert torch.equal(reopened.thetas[0], again.start)
    t = torch.tensor([0.3])
    assert torch.equal(reopened.between(0, 1).losses(again.points(t)), joined.between(0, 1).losses(path.points(t)))


def test_beads_are_trained_and_judged_with_recomputed_statistics(pair: Pair) -> None:
    joined = pair.joined("data")
    problem = joined.between(0, 1)
    ends = problem.losses(torch.stack(joined.thetas))
    below = 0.5 * (float(ends.max()) + float(problem.losses(torch.lerp(*joined.thetas, 0.5)[None])))
    task = Task(*joined.thetas, problem, below)
    made = build(String(lr=0.01, epochs=10, depth=1, beads=1, batch=50, grid=3), task)
    assert made.beads == 1
    bead = made.path.knots[1]
    middle = torch.lerp(*joined.thetas, 0.5)
    assert not torch.equal(bead, middle)
    value = float(problem.losses(bead[None]))
    assert value < float(problem.losses(middle[None]))
    assert value <= 0.9 * below


def test_other_buffers_have_to_be_the_same(tmp_path: Path) -> None:
    source = SOURCE.replace("self.head =", "self.register_buffer('scale', torch.ones(1))\n        self.head =")
    pair = Pair(tmp_path, source, epochs=1)
    other = deepcopy(pair.modules[1])
    other.scale.fill_(2.0)  # type: ignore[operator, union-attr]
    model = as_input(other, pair.network, tmp_path, 3)
    with pytest.raises(RunError, match="Models 1 and 3 differ in their buffer scale"):
        open_joined([pair.models[0], model], PathNorms("data", 100, 100))


CHAIN = """
from torch import nn


def Net(shape, outputs):
    return nn.Sequential(
        nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(96, 9, bias=False), nn.BatchNorm1d(9, affine=False), nn.ReLU(), nn.Linear(9, outputs),
    )
"""


def test_a_chain_is_a_chain_again_once_it_is_folded(tmp_path: Path) -> None:
    pair = Pair(tmp_path, CHAIN, epochs=2)
    assert pair.joined("data").problem.layered is None
    joined = pair.joined("fold")
    assert joined.problem.layered is not None
    assert [layer.outputs for layer in joined.problem.layered.layers] == [6, 9, 10]
    made = connect(Dropout(draws=2), Task(*joined.thetas, joined.between(0, 1)), 5)
    assert made.examination.certificate.kind == "exact"
    problem, theta = joined.as_model(made.construction.path.knots[1])
    assert float(problem.losses(theta[None])) == pytest.approx(
        float(joined.problem.losses(made.construction.path.knots[1:2])), abs=1e-9
    )


@pytest.mark.parametrize(
    "body",
    [
        "nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 10))",
        "nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(8, 10))",
    ],
)
def test_batch_norm_that_follows_no_layer_is_not_folded(body: str) -> None:
    module = eval(body, {"nn": nn})
    with pytest.raises(UsageError, match=r"net can't be folded: its \d does not follow, once, a convolution or dense"):
        folded(module, (1, 8, 8), "net")


def test_the_options_change_nothing_without_batch_norm(tmp_path: Path) -> None:
    problem, architecture = open_problem("fcn:5", DATA)
    problem = problem.to("cpu", torch.float64)
    models = []
    for seed in (1, 2):
        theta = architecture.initial(seed, torch.float64)
        write_model(theta, problem, tmp_path / f"{seed}")
        loss, _ = measure(problem, theta, "train")
        fields = {"data": DATA, "data_fingerprint": problem.data.fingerprint, "loss": problem.loss.name}
        models.append(
            InputModel(
                id=seed,
                file=f"{tmp_path}/{seed}",
                network="fcn:5",
                seed=0,
                dtype="float64",
                epochs=1,
                train_loss=loss,
                **fields,
            )
        )
    for bn in ("data", "lerp", "fold"):
        joined = open_joined(models, PathNorms(bn, 100, 100))  # type: ignore[arg-type]
        assert joined.norms is None
        assert joined.stored == [None, None]
        assert isinstance(joined.between(0, 1), Problem)
        assert joined.between(0, 1).between is None
