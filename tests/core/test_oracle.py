"""Theorem 2.4 of Freeman and Bruna 2017: six subpaths between networks of one hidden ReLU layer."""

from math import pi

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.certify import certify
from core.certify.enclosed import Wanted
from core.data.dataset import Dataset, Split
from core.errors import PremiseError
from core.losses import LOSSES as LOSS
from core.methods.connect import Connection, connect
from core.methods.method import Task
from core.methods.oracle.caps import turned_units
from core.methods.oracle.choosing import along
from core.methods.oracle.closed_form import closed_form
from core.methods.oracle.elimination import Kept, costs, kept_units, padded, without_one
from core.methods.oracle.heads import best_head, constant, gap
from core.methods.oracle.route import Side, six_subpaths
from core.methods.oracle.shallow import Head, Shallow, Target, outputs
from core.methods.oracle.trained import Oracles
from core.path import Claim
from core.problem import Problem
from core.progress import SilentReporter
from core.specs.methods import Oracle
from tests.core.plain import classes, points, problem_of

LOSSES = ("square of values", "square", "cross-entropy", "hinge")
QUICK = Oracle(epochs=5, draws=1)
INVARIANT = 1e-10
QUICK_FIT = 40
seeds = st.integers(0, 2**32 - 1)


def values(samples: int, outputs: int, seed: int) -> Dataset:
    generator = torch.Generator().manual_seed(seed)
    x, y = (torch.randn(samples, n, generator=generator, dtype=torch.float64) for n in (3, outputs))
    return Dataset("random", Split(x, y), None, None)


def problem(m: int, loss: str = "square of values", bias: bool = True, samples: int = 25, outputs: int = 2) -> Problem:
    data = values(samples, outputs, 0) if loss.endswith(" of values") else classes((3,), samples)
    return problem_of(f"fcn:{m},bias={str(bias).lower()}", data, loss.removesuffix(" of values"))


def normed(case: Problem, thetas: Tensor) -> list[Tensor]:
    """The same functions with units of norm 1."""
    return [Shallow.of(case, theta).of_norm_one.theta(case) for theta in thetas]


def drawn_side(case: Problem, theta: Tensor, k: int, turned: bool, generator: torch.Generator) -> Side:
    """Arbitrary heads and kept units, perhaps turned a little."""
    own = Shallow.of(case, theta)
    units = torch.randperm(own.width, generator=generator)[:k].sort().values

    def head(width: int) -> Head:
        V = torch.randn(len(own.head.V), width, generator=generator, dtype=torch.float64)
        return Head(V, None if own.head.c is None else V.sum(1))

    rows = own.W[units]
    if turned:
        rows = rows + 0.01 * torch.randn(rows.shape, generator=generator, dtype=torch.float64)
    return Side(theta, own.W, head(own.width), rows, Kept(units, head(k)))


@settings(max_examples=60)
@given(
    m=st.integers(1, 9),
    loss=st.sampled_from(LOSSES),
    bias=st.booleans(),
    turned=st.booleans(),
    seed=seeds,
    data=st.data(),
)
def test_arbitrary_heads_units_and_oracles_are_joined_by_the_six_subpaths(
    m: int, loss: str, bias: bool, turned: bool, seed: int, data: st.DataObject
) -> None:
    case, generator = problem(m, loss, bias, 9), torch.Generator().manual_seed(seed)
    l = data.draw(st.integers(0, m))
    a, b = (drawn_side(case, theta, m - l, turned, generator) for theta in points(case, 2, seed % 1000))
    net = Shallow.of(case, points(case, 1, seed % 1000 + 1)[0])
    oracle = Shallow(net.W[:l], Head(net.head.V[:, :l], net.head.c))
    path = six_subpaths(case, a, b, oracle)
    assert torch.equal(path.start, a.theta)
    assert torch.equal(path.end, b.theta)
    assert path.claims.count(Claim.ENCLOSED) == (2 if turned and l < m else 0)
    found = certify(case, path, {i: 0.0 for i in range(len(path)) if path.claims[i] is Claim.ENCLOSED})
    wrong = [one.reason for one in found.verdicts if one.granted is None and one.claim is not Claim.ENCLOSED]
    assert wrong == []
    for segment in path:
        if segment.claim is Claim.INVARIANT:
            first, last = case.outputs(torch.stack([segment.start, segment.end]), case.data.train.x)
            assert float((first - last).abs().max()) <= INVARIANT
    networks = [a.theta, *(one.theta(case) for one in (a.predictor, a.compressed, b.compressed, b.predictor)), b.theta]
    highest = max(float(case.losses(torch.stack(networks)).max()), float(case.losses(widened(case, oracle)[None])[0]))
    assert float(case.losses(path.knots).max()) == pytest.approx(highest, rel=1e-12)


def widened(case: Problem, oracle: Shallow) -> Tensor:
    net = Shallow.of(case, torch.zeros(case.layout.total, dtype=torch.float64))
    net.W[: oracle.width] = oracle.W
    net.head.V[:, : oracle.width] = oracle.head.V
    return Shallow(net.W, Head(net.head.V, oracle.head.c)).theta(case)


def test_networks_survive_their_view() -> None:
    for loss, bias in (("square of values", True), ("hinge", False)):
        case = problem(5, loss, bias)
        theta = points(case, 1)[0]
        net, target = Shallow.of(case, theta), Target.of(case, 0.0)
        assert torch.equal(net.theta(case), theta)
        Z = case.outputs(theta[None], case.data.train.x)[0]
        torch.testing.assert_close(outputs(target.features(net.W), net.head), Z, rtol=1e-12, atol=1e-12)
        same = net.of_norm_one
        torch.testing.assert_close(same.W.norm(dim=1), torch.ones(5).double())
        torch.testing.assert_close(outputs(target.features(same.W), same.head), Z, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("kappa", [0.0, 0.01])
def test_the_best_head_is_never_above_its_start_and_no_step_from_it_leads_lower(loss: str, kappa: float) -> None:
    case = problem(6, loss)
    target, net = Target.of(case, kappa), Shallow.of(case, points(case, 1)[0])
    H = target.features(net.W)
    best = best_head(target, H, net.head)
    assert best.value <= target.value(H, net.head)
    assert best.value == target.value(H, best)
    generator = torch.Generator().manual_seed(0)
    for size in (1e-3, 1e-2, 1e-1):
        step = size * torch.randn(best.V.shape, generator=generator, dtype=torch.float64)
        near = 2e-3 if loss == "hinge" else 1e-6
        assert target.value(H, Head(best.V + step, best.c)) >= best.value - near


def test_the_gap_says_how_far_from_the_lowest_a_head_may_be() -> None:
    case = problem(6)
    target, net = Target.of(case, 0.01), Shallow.of(case, points(case, 1)[0])
    H = target.features(net.W)
    best, early = best_head(target, H, net.head), best_head(target, H, net.head, 3)
    assert 0 <= gap(target, H, best) + 1e-15 <= 1e-6
    assert early.value - best.value <= gap(target, H, early)


def test_near_twins_get_no_huge_weights() -> None:
    """Least squares of two features 1e-9 apart fits noise by weights of 1e8, and the path would lose these digits."""
    case = problem(4)
    net = Shallow.of(case, points(case, 1)[0])
    net.W[1] = net.W[0] * (1 + 1e-9)
    net.W[1, 0] += 1e-9
    target = Target.of(case, 0.0)
    found = best_head(target, target.features(net.W), net.head)
    assert float(found.V.abs().max()) < 1e3


@settings(max_examples=12)
@given(m=st.integers(1, 6), loss=st.sampled_from(LOSSES), kappa=st.sampled_from([0.0, 0.02]), seed=seeds)
def test_fewer_units_never_do_better(m: int, loss: str, kappa: float, seed: int) -> None:
    case = problem(m, loss, samples=12)
    target, net = Target.of(case, kappa), Shallow.of(case, points(case, 1, seed % 1000)[0])
    H = target.features(net.W)
    beta = best_head(target, H, net.head, QUICK_FIT)
    found = kept_units(target, net.W, beta, set(range(m + 1)), [torch.arange(m)])
    assert sorted(found) == list(range(m + 1))
    for k, kept in found.items():
        assert len(kept.units) == k
        assert torch.equal(kept.units, kept.units.unique())
        assert target.value(H[:, kept.units], kept.head) == pytest.approx(kept.value, rel=1e-12)
        assert k == 0 or kept.value <= found[k - 1].value
    assert found[0].value <= constant(target).value


def test_twins_are_merged_at_no_cost() -> None:
    case = problem(6)
    net = Shallow.of(case, points(case, 1)[0])
    net.W[3:] = net.W[:3]
    target = Target.of(case, 0.0)
    H = target.features(net.W)
    beta = best_head(target, H, net.head)
    kept = kept_units(target, net.W, beta, {3}, [])[3]
    assert sorted((kept.units % 3).tolist()) == [0, 1, 2]
    assert kept.value == pytest.approx(beta.value, rel=1e-10)


@settings(max_examples=30)
@given(m=st.integers(2, 7), bias=st.booleans(), kappa=st.sampled_from([0.0, 0.05]), seed=seeds)
def test_what_a_unit_costs_that_goes_is_told_exactly_for_the_square_loss(
    m: int, bias: bool, kappa: float, seed: int
) -> None:
    case = problem(m, bias=bias, samples=12)
    target, net = Target.of(case, kappa), Shallow.of(case, points(case, 1, seed % 1000)[0])
    H = target.features(net.W)
    start = best_head(target, H, net.head, QUICK_FIT)
    if start.c is not None:  # the best bias for these weights, which costs are reckoned from
        start = Head(start.V, (target.y - H @ start.V.T).mean(0))
    before = target.value(H, start)
    least = float(costs(target, H, start).min())
    stays, head = without_one(target, H, start)
    assert int(stays.sum()) == m - 1
    assert target.value(H[:, stays], head) - before == pytest.approx(least, rel=1e-9, abs=1e-12)


def test_units_of_fewer_are_padded_by_units_that_do_nothing() -> None:
    kept = Kept(torch.tensor([1, 4]), Head(torch.tensor([[2.0, 3.0]]), None, 0.5))
    more = padded(kept, 4, 6)
    assert more.units.tolist() == [0, 1, 2, 4]
    assert more.head.V.tolist() == [[0.0, 2.0, 0.0, 3.0]]


@settings(max_examples=12)
@given(alpha=st.floats(0.01, 1.5), loss=st.sampled_from(LOSSES), seed=seeds)
def test_turned_units_stay_in_their_caps_and_never_do_worse(alpha: float, loss: str, seed: int) -> None:
    case = problem(4, loss, samples=12)
    target, net = Target.of(case, 0.0), Shallow.of(case, points(case, 1, seed % 1000)[0])
    net.W[2] = 0
    before = target.value(target.features(net.W), net.head)
    rows, head = turned_units(target, net.W, net.W, net.head, alpha)
    assert head.value <= before
    assert head.value == pytest.approx(target.value(target.features(rows), head), rel=1e-12)
    torch.testing.assert_close(rows.norm(dim=1), net.W.norm(dim=1))
    assert torch.equal(rows[2], net.W[2])
    u, w = (torch.nn.functional.normalize(one[[0, 1, 3]]) for one in (rows, net.W))
    angles = 2 * torch.atan2((u - w).norm(dim=1), (u + w).norm(dim=1))
    assert float(angles.max()) <= alpha + 1e-9


@settings(max_examples=40)
@given(alpha=st.floats(0, 1.5), kappa=st.sampled_from([0.0, 0.05]), bias=st.booleans(), seed=seeds)
def test_the_closed_form_is_above_what_is_seen_on_subpath_2(alpha: float, kappa: float, bias: bool, seed: int) -> None:
    case = problem(5, bias=bias, samples=12, outputs=1)
    target, net = Target.of(case, kappa), Shallow.of(case, points(case, 1, seed % 1000)[0])
    generator = torch.Generator().manual_seed(seed)
    side = drawn_side(case, net.theta(case), 5, turned=False, generator=generator)
    aside = torch.randn(net.W.shape, generator=generator, dtype=torch.float64)
    turned = Side(side.theta, side.W, side.beta, net.W + alpha * aside, side.kept)
    assert along(target, turned) <= closed_form(target, turned) * (1 + 1e-12)


def test_the_closed_form_is_reached() -> None:
    """One unit whose output weight changes its sign, and a bias that keeps the chord of the outputs level."""
    x, y = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    target = Target(x, y, LOSS["square"], 1, 0.0, True)
    beta, gamma = (Head(torch.tensor([[v]]).double(), torch.tensor([c]).double()) for v, c in ((1.0, 0.0), (-1.0, 3.0)))
    side = Side(x[0], x, beta, 2 * x, Kept(torch.tensor([0]), gamma))
    assert along(target, side) == pytest.approx(1.125, rel=1e-12)
    assert closed_form(target, side) == pytest.approx(1.125, rel=1e-12)


def test_the_closed_form_is_of_the_square_loss_with_one_output() -> None:
    for loss, count in (("square of values", 2), ("cross-entropy", 3)):
        case = problem(3, loss, outputs=count)
        side = drawn_side(case, points(case, 1)[0], 3, True, torch.Generator().manual_seed(0))
        assert closed_form(Target.of(case, 0.0), side) is None


def joined(case: Problem, a: Tensor, b: Tensor, options: Oracle = QUICK, reporter: SilentReporter | None = None):
    task = Task(a, b, case, seed=1, reporter=reporter or SilentReporter())
    return connect(options, task, wanted=Wanted(0.05))


def seen(case: Problem, made: Connection) -> float:
    t = torch.linspace(0, 1, 501, dtype=torch.float64)
    return float(case.losses(made.construction.path.points(t)).max())


class Noting(SilentReporter):
    """Keeps all points of curves."""

    def __init__(self) -> None:
        self.points: dict[str, dict[int, float]] = {}

    def metric(self, name: str, step: int, value: float, **_: object) -> None:  # type: ignore[override]
        self.points.setdefault(name, {})[step] = value


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("bias", [True, False])
def test_without_turning_the_path_is_exact_and_its_level_is_the_largest_of_the_minima(loss: str, bias: bool) -> None:
    case, noted = problem(8, loss, bias), Noting()
    a, b = points(case, 2)
    made = joined(case, a, b, Oracle(epochs=5, draws=1, units="4", alpha=0.0), noted)
    certificate = made.examination.certificate
    assert (made.failure, certificate.kind) == (None, "exact")
    quantities = [*case.losses(torch.stack([a, b])).tolist(), noted.points["e"][4]]
    quantities += [noted.points[f"delta of model {name}, alpha 0"][4] for name in "ab"]
    assert certificate.level - certificate.drift == pytest.approx(max(quantities), rel=1e-12)
    assert seen(case, made) <= certificate.level
    assert len(made.construction.path) <= 11


def test_the_best_number_of_units_is_taken() -> None:
    case, noted = problem(8), Noting()
    a, b = points(case, 2)
    made = joined(case, a, b, Oracle(epochs=5, draws=1, alpha=0.0), noted)
    ends = float(case.losses(torch.stack([a, b])).max())
    delta = [noted.points[f"delta of model {name}, alpha 0"] for name in "ab"]
    assert list(noted.points["e"]) == list(range(1, 8))
    least = min(max(ends, noted.points["e"][l], *(one[l] for one in delta)) for l in range(1, 8))
    certificate = made.examination.certificate
    assert certificate.level - certificate.drift == pytest.approx(least, rel=1e-12)


@pytest.mark.parametrize("loss", ["square of values", "cross-entropy"])
def test_with_turned_units_the_path_is_enclosed(loss: str) -> None:
    case, noted = problem(6, loss), Noting()
    a, b = points(case, 2)
    made = joined(case, a, b, Oracle(epochs=5, draws=1, units="3", alpha=0.2), noted)
    certificate = made.examination.certificate
    assert (made.failure, certificate.kind) == (None, "enclosed")
    assert made.construction.path.claims.count(Claim.ENCLOSED) == 2
    assert seen(case, made) <= certificate.level
    plain = Noting()
    joined(case, a, b, Oracle(epochs=5, draws=1, units="3", alpha=0.0), plain)
    for name in "ab":
        turned = noted.points[f"delta of model {name}, alpha 0.2"][3]
        assert turned < plain.points[f"delta of model {name}, alpha 0"][3]


def test_what_is_claimed_to_be_enclosed_is_searched_even_where_no_proof_was_asked_for() -> None:
    case = problem(6)
    task = Task(*points(case, 2), case)
    assert connect(Oracle(epochs=1, draws=1, units="3", alpha=0.2), task).examination.certificate.kind == "enclosed"
    short = connect(Oracle(epochs=1, draws=1, units="3", alpha=0.2), task, wanted=Wanted(1e-7, passes=3.0))
    assert short.failure is not None
    assert "claims to be enclosed, which the checker refuses: seen nowhere above " in short.failure


@pytest.mark.parametrize("kappa", [1e-3, 0.1])
def test_with_a_penalty_units_have_norm_one_at_most_all_along(kappa: float) -> None:
    case = problem(6, outputs=1)
    a, b = normed(case, points(case, 2))
    made = joined(case, a, b, Oracle(epochs=5, draws=1, kappa=kappa))
    assert made.failure is None
    assert made.examination.certificate.certified
    target = Target.of(case, kappa)
    knots = [Shallow.of(case, theta) for theta in made.construction.path.knots]
    assert all(float(net.W.norm(dim=1).max()) <= 1 + 1e-9 for net in knots)
    named = {one.name: Shallow.of(case, one.theta) for one in made.construction.helpers}
    networks = [knots[0], knots[-1], *named.values()]
    worth = [target.value(target.features(net.W), net.head) for net in networks]
    highest = max(target.value(target.features(net.W), net.head) for net in knots)
    assert highest == pytest.approx(max(worth), rel=1e-12)


@pytest.mark.parametrize("units", [0, 3, 6])
@pytest.mark.parametrize("case", ["equal ends", "zero W_1", "all rows equal", "one of both"])
def test_odd_models_are_joined(case: str, units: int) -> None:
    here = problem(6)
    a, b = points(here, 2)
    nets = [Shallow.of(here, one) for one in (a, b)]
    if case == "equal ends":
        nets[1] = nets[0]
    elif case == "zero W_1":
        nets = [Shallow(torch.zeros_like(net.W), net.head) for net in nets]
    elif case == "all rows equal":
        nets = [Shallow(net.W[:1].expand(6, -1), net.head) for net in nets]
    else:
        nets = [Shallow(nets[0].W * 0, nets[0].head), Shallow(nets[1].W[:1].expand(6, -1), nets[1].head)]
    ends = [net.theta(here) for net in nets]
    for alpha in (0.0, 0.1):
        made = joined(here, *ends, Oracle(epochs=2, draws=1, units=str(units), alpha=alpha))
        assert made.failure is None
        assert made.examination.certificate.certified
        assert seen(here, made) <= made.examination.certificate.level * (1 + 1e-12)


def test_no_units_are_the_best_constant_and_all_of_them_leave_none_of_the_model_s() -> None:
    case, noted = problem(5), Noting()
    y = case.data.train.y
    joined(case, *points(case, 2), Oracle(epochs=2, draws=1, units="0", alpha=0.0), noted)
    assert noted.points["e"][0] == pytest.approx(float((y - y.mean(0)).square().sum(1).mean()) / 2, rel=1e-12)
    joined(case, *points(case, 2), Oracle(epochs=2, draws=1, units="5", alpha=0.0), noted)
    assert noted.points["delta of model a, alpha 0"][5] == pytest.approx(noted.points["e"][0], rel=1e-12)


@pytest.mark.parametrize(("loss", "kappa"), [("square of values", 0.01), ("cross-entropy", 0.0), ("hinge", 0.0)])
def test_no_units_and_no_biases_are_one_network_that_needs_no_fit(loss: str, kappa: float) -> None:
    case = problem(2, loss, bias=False)
    a, b = normed(case, points(case, 2))
    for units in ("0", "2"):
        options = Oracle(epochs=5, draws=1, units=units, kappa=kappa)
        made = connect(options, Task(a, b, case))
        assert made.examination.certificate.certified
    target = Target.of(case, kappa)
    zero = float(case.losses(torch.zeros_like(a)[None])[0])
    assert constant(target).value == pytest.approx(zero, rel=1e-12)


def test_oracles_learn() -> None:
    """A teacher of one unit is found by one unit."""
    case = problem(4, samples=60, outputs=1)
    y = (case.data.train.x @ torch.tensor([1.0, -1.0, 0.5]).double()).relu()[:, None]
    taught = Problem(case.network, Dataset("taught", Split(case.data.train.x, y), None, None), case.loss, case.layered)
    target = Target.of(taught, 0.0)
    found = Oracles(taught, target, Oracle(epochs=150, batch=20, draws=4, lr=0.03), seed=0).of(1)
    assert found.width == 1
    assert found.head.value < 0.05 * constant(target).value


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("fcn:4-4", {}, "there is one hidden layer, but this network has 2"),
        ("fcn:4,activation=elu", {}, "the hidden units are ReLU, but they are elu"),
        (
            "fcn:4",
            {"units": "2-5"},
            "no more units than there are, but units=2-5 asks for 5 units and the hidden layer has 4",
        ),
        ("fcn:4", {"units": "few"}, "units=few must be whole numbers, such as 3 or 3-8"),
        ("fcn:4", {"kappa": 0.1}, r"unit 2 of model b has norm 1.7; with kappa=0 norms don't matter"),
    ],
)
def test_what_the_theorem_asks_and_does_not_find_is_refused(
    text: str, options: dict[str, str | float], said: str
) -> None:
    case = problem_of(text, values(9, 2, 0))
    a, b = 0.1 * points(case, 2)
    if "kappa" in options:
        net = Shallow.of(case, b)
        net.W[2] *= 1.7 / net.W[2].norm()
        b = net.theta(case)
    with pytest.raises(PremiseError, match=said):
        joined(case, a, b, Oracle(**options))


def test_alpha_is_below_a_right_angle() -> None:
    assert Oracle.read({"alpha": "1.57"}, "oracle").alpha == 1.57 < pi / 2
    with pytest.raises(Exception, match="alpha must be a number at least 0 and below"):
        Oracle.read({"alpha": "1.58"}, "oracle")
