"""Jobs from being enqueued to their rows, through real workers."""

import json

import msgspec
import pytest

from core.errors import UsageError
from core.specs.bounds import DropoutBound, Genericity, Rank, Separability, SparseBound
from core.specs.methods import Dropout, Linear, Sparse, String
from core.specs.runs import Bound, Connect, Descend, ModelRef, Swap, Train
from core.studies.plan import Planned
from store import Bounds, Metrics, Models, NotFoundError, Paths, Runs
from tests.engine.conftest import TINY, Engine
from tui.shared.charts.beads import beads_of


def plan(**options: object) -> list[Planned]:
    a, b = ModelRef(run=0), ModelRef(run=0, position=1)
    return [
        Planned(Train(**TINY, count=2, epochs=100, until_loss=0.2)),
        Planned(Connect(a=a, b=b, method=Linear())),
        Planned(Connect(a=a, b=b, method=String(lr=0.01, **options), below=0.4)),
        Planned(Bound(model=a, bound=Rank(samples=50))),
        Planned(Swap(model=a)),
    ]


def test_a_plan_of_runs_leaves_models_paths_bounds_and_curves(engine: Engine) -> None:
    ids = engine.client.enqueue_plan(plan(), study="test")
    ended = engine.finish(*ids)
    assert [run.state for run in ended] == ["done"] * 5, [run.cause for run in ended]
    with engine.catalogue.read() as session:
        models = Models(session).made_by(ids[0])
        line, string = Paths(session).get(1), Paths(session).get(2)
        bound = Bounds(session).get(1)
        swapped = Models(session).made_by(ids[4])[0]
        curve = Metrics(session).curve(ids[0], "train_loss.1")
        attempt = Runs(session).attempts(ids[0])[0]
    assert [model.seed for model in models] == [0, 1]
    assert all(model.train_loss <= 0.2 for model in models)
    assert (line.model_a, line.model_b) == (models[0].id, models[1].id)
    assert line.max_train_loss > string.max_train_loss
    assert string.level <= 0.4
    assert string.certificate == "enclosed"
    assert string.beads == string.segments - 1
    assert bound.kind == "rank"
    assert swapped.train_loss == pytest.approx(models[0].train_loss, rel=1e-5)
    assert swapped.artifact != models[0].artifact
    assert len(curve) > 3
    assert json.loads(attempt.environment)["device"] == "cpu"


def test_paths_through_subnetworks_are_stored_with_their_proof(engine: Engine) -> None:
    a, b = ModelRef(run=0), ModelRef(run=0, position=1)
    ids = engine.client.enqueue_plan(
        [
            Planned(Train(**TINY, count=2, epochs=100, until_loss=0.2)),
            Planned(Connect(a=a, b=b, method=Sparse(draws=2, epochs=20))),
            Planned(Connect(a=a, b=b, method=Dropout(draws=3))),
            Planned(Bound(model=a, bound=SparseBound(draws=2, epochs=2))),
            Planned(Bound(model=a, bound=DropoutBound(draws=3))),
        ],
        study="test",
    )
    ended = engine.finish(*ids)
    assert [run.state for run in ended] == ["done"] * 5, [run.cause for run in ended]
    with engine.catalogue.read() as session:
        sparse, dropout = Paths(session).get(1), Paths(session).get(2)
        bounds = [Bounds(session).get(1), Bounds(session).get(2)]
    assert (sparse.certificate, dropout.certificate) == ("exact", "exact")
    assert sparse.level <= dropout.level
    assert [bound.kind for bound in bounds] == ["sparse", "dropout"]
    assert [bound.layer_count for bound in bounds] == [2, 1]


def test_conditions_of_the_corollaries_are_stored_layer_by_layer(engine: Engine) -> None:
    model = ModelRef(run=0)
    ids = engine.client.enqueue_plan(
        [
            Planned(Train(**{**TINY, "network": "fcn:20-20"}, epochs=3)),
            Planned(Bound(model=model, bound=Separability(draws=1))),
            Planned(Bound(model=model, bound=Genericity(draws=1))),
        ],
        study="test",
    )
    ended = engine.finish(*ids)
    assert [run.state for run in ended] == ["done"] * 3, [run.cause for run in ended]
    with engine.catalogue.read() as session:
        bounds = [Bounds(session).get(1), Bounds(session).get(2)]
        layers = {one.layer for one in Bounds(session).measurements("bound", 1) if one.name == "separable"}
    assert [bound.kind for bound in bounds] == ["separability", "genericity"]
    assert layers == {0, 1, 2}
    assert "Corollary 4.3 does not apply" in bounds[1].summary


def test_what_the_stored_facts_refuse_is_not_enqueued(engine: Engine) -> None:
    run_id = engine.enqueue(Train(**{**TINY, "network": "fcn:20-20,activation=tanh"}, epochs=0))
    engine.finish(run_id)
    for bound, match in (
        (Genericity(), "needs ReLU"),
        (Separability(samples=101), "more than the 100 train samples"),
    ):
        with pytest.raises(UsageError, match=match):
            engine.enqueue(Bound(model=ModelRef(model=1), bound=bound))


def test_the_same_seed_gives_the_same_file_bit_for_bit(engine: Engine) -> None:
    ids = [engine.enqueue(Train(**TINY, epochs=3, seed=5)) for _ in range(2)]
    engine.finish(*ids)
    with engine.catalogue.read() as session:
        first, second = (Models(session).made_by(one)[0] for one in ids)
    assert first.artifact == second.artifact


def test_a_loss_that_is_not_a_number_fails_with_epoch_and_learning_rate(engine: Engine) -> None:
    run_id = engine.enqueue(Train(**{**TINY, "lr": 1e30}, optimizer="sgd", epochs=5))
    (run,) = engine.finish(run_id)
    assert run.state == "failed"
    assert run.cause_kind == "diverged"
    assert "epoch 2" in run.cause, "one step an epoch: the first one throws it out"
    assert "1e+30" in run.cause


def test_a_loss_not_reached_fails_keeps_its_model_and_goes_on_when_relaunched(engine: Engine) -> None:
    run_id = engine.enqueue(Train(**TINY, epochs=2, until_loss=0.3))
    (run,) = engine.finish(run_id)
    assert (run.state, run.cause_kind) == ("failed", "loss not reached")
    with engine.catalogue.read() as session:
        assert Models(session).made_by(run_id)[0].reached is False
    (again,) = engine.client.relaunch(engine.client.plan_relaunch([run_id], changes={"epochs": "200"}))
    (second,) = engine.finish(again)
    assert (second.state, second.resume, second.relaunch_of) == ("done", "checkpoint", run_id)
    with engine.catalogue.read() as session:
        steps = [step for step, *_ in Metrics(session).curve(again, "train_loss")]
    assert steps[0] == 3, "it went on after epoch 2"


def test_a_relaunch_with_another_goal_keeps_no_model_that_misses_it(engine: Engine) -> None:
    def losses_of(run_id: int) -> list[float]:
        with engine.catalogue.read() as session:
            return sorted(model.train_loss for model in Models(session).made_by(run_id))

    short = Train(**TINY, epochs=3, count=3)
    aimless = engine.enqueue(short)
    engine.finish(aimless)
    *_, second, last = losses_of(aimless)
    run_id = engine.enqueue(msgspec.structs.replace(short, until_loss=(second + last) / 2))
    assert engine.finish(run_id)[0].state == "failed"
    losses = losses_of(run_id)
    assert losses[0] < (second + last) / 2 < losses[-1], "some have stopped and some have not"
    changes = {"until_loss": str(losses[0] / 2), "epochs": "300"}
    with pytest.raises(UsageError, match="with another until_loss: use --from scratch"):
        engine.client.plan_relaunch([run_id], changes=changes, resume="checkpoint")
    (lower,) = engine.client.relaunch(engine.client.plan_relaunch([run_id], changes=changes))
    (higher,) = engine.client.relaunch(engine.client.plan_relaunch([run_id], changes={"until_loss": "3"}))
    runs = engine.finish(lower, higher)
    assert [(run.state, run.resume) for run in runs] == [("done", "scratch"), ("done", "checkpoint")]
    assert losses_of(lower)[-1] <= losses[0] / 2
    assert losses_of(higher) == losses, "nothing was trained any more"


def test_a_training_stops_at_a_test_error_and_tells_test_loss_and_error_of_every_epoch(engine: Engine) -> None:
    training = Train(**{**TINY, "data": "digits,limit=400"}, epochs=200, until=0.35, on="test-error", count=2)
    run_id = engine.enqueue(training)
    never = engine.enqueue(Train(**TINY, epochs=1, until=0.0, on="train-error"))
    run, missed = engine.finish(run_id, never)
    assert (run.state, missed.cause_kind) == ("done", "loss not reached"), run.cause
    assert "did not reach a train error of 0 in 1 epochs (the highest is 0." in missed.cause
    with engine.catalogue.read() as session:
        models = Models(session).made_by(run_id)
        curves = {
            name: Metrics(session).curve(run_id, name) for name in ("test_loss.0", "test_error.0", "test_error.1")
        }
    assert all(model.test_error <= 0.35 for model in models)
    steps = [step for step, *_ in curves["test_error.0"]]
    assert steps == list(range(1, models[0].epochs + 1)), "those of epochs that it took part in"
    assert curves["test_error.1"][-1][1] == models[1].test_error
    assert curves["test_loss.0"][-1][1] == pytest.approx(models[0].test_loss, rel=1e-5)
    lower = engine.client.plan_relaunch([never], changes={"until": "0.4", "on": "test-error"})
    assert lower[0].resume == "scratch", "the checkpoint has train errors"


def test_a_relaunch_that_came_to_nothing_hands_its_checkpoint_on(engine: Engine) -> None:
    run_id = engine.enqueue(Train(**TINY, epochs=2, until_loss=0.01))
    engine.finish(run_id)
    (idle,) = engine.client.relaunch(engine.client.plan_relaunch([run_id], changes={}))
    engine.finish(idle)
    (plan,) = engine.client.plan_relaunch([idle], changes={"epochs": "3"})
    assert plan.resume == "checkpoint"


def test_a_run_leaves_the_string_as_it_was_in_its_path_and_counts_the_beads_of_each_depth(engine: Engine) -> None:
    ids = engine.client.enqueue_plan(plan(order="constrained", stages=3, snapshots=True)[:3], study="test")
    engine.finish(*ids)
    with engine.catalogue.read() as session:
        path = Paths(session).get(2)
        counts = [value for _, value, _ in Metrics(session).curve(ids[2], "beads_per_depth")]
        (curve,) = [one for one in Metrics(session).curves(ids[2]) if one.name == "beads_per_depth"]
    strings = beads_of(engine.catalogue, 2).strings
    assert [one.name for one in strings] == ["stage 1", "stage 2", "whole"]
    assert sum(counts) == path.beads >= 1
    assert curve.unit == "depth"


def test_a_string_that_does_not_connect_keeps_its_beads_and_goes_on_from_them(engine: Engine) -> None:
    ids = engine.client.enqueue_plan(plan(depth=0), study="test")[:3]
    ended = engine.finish(*ids)
    assert ended[2].state == "failed"
    assert ended[2].cause.startswith("could not connect: 1 gap left, worst ")
    (again,) = engine.client.relaunch(engine.client.plan_relaunch(engine.client.failed(), changes={"depth": "6"}))
    (second,) = engine.finish(again)
    assert second.state == "done", second.cause
    with engine.catalogue.read() as session:
        failed, connected = Paths(session).get(2), Paths(session).get(3)
    assert failed.connected is False
    assert failed.artifact is not None
    assert connected.beads > failed.beads


def test_runs_whose_input_failed_fail_with_it_and_follow_its_relaunch(engine: Engine) -> None:
    training = Train(**TINY, epochs=1, until_loss=0.2, count=2)
    line = Connect(a=ModelRef(run=0), b=ModelRef(run=0, position=1), method=Linear())
    ids = engine.client.enqueue_plan([Planned(training), Planned(line)], study="test")
    first, second = engine.finish(*ids)
    assert first.state == "failed"
    assert second.cause.startswith(f"input failed: run {ids[0]}")
    again = engine.client.relaunch(engine.client.plan_relaunch([ids[0]], changes={"epochs": "100"}))
    again += engine.client.relaunch(engine.client.plan_relaunch(engine.client.failed(), changes={}))
    assert [run.state for run in engine.finish(*again)] == ["done", "done"]


def test_what_cannot_work_is_refused_before_it_is_enqueued(engine: Engine) -> None:
    ids = engine.client.enqueue_plan(
        [Planned(Train(**TINY, epochs=0)), Planned(Train(**{**TINY, "network": "fcn:9"}, epochs=0))], study="test"
    )
    engine.finish(*ids)
    a, b = ModelRef(model=1), ModelRef(model=2)
    for refused, words in (
        (Connect(a=a, b=b, method=Linear()), "differ in their architecture"),
        (Connect(a=a, b=a, method=Linear()), "two different"),
        (Connect(a=a, b=ModelRef(model=99), method=Linear()), "no model 99"),
        (Descend(model=a, to=0.1), "descend needs float64, and model 1 is in float32: train with --dtype float64"),
        (Connect(a=a, b=ModelRef(run=99), method=Linear()), "no run 99"),
        (Train(network="cnn", data="digits"), "28x28 or 32x32"),
        (Train(network="fcn:3", data="quadratic", loss="hinge"), "square loss, or absolute"),
        (
            Train(network="fcn:3", data="polynomial,coefficients=1/1,samples=9,limit=10"),
            "more than the 9 train samples",
        ),
        (
            Train(network="fcn:3", data="quadratic", until=0.1, on="test-error"),
            "has no classes, so models have no test",
        ),
        (Train(network="fcn:3", data="permute3", until=0.1, on="test-loss"), "has no test samples"),
        (Train(network="fcn:3", data="folder:/nowhere"), "/nowhere"),
        (Train(network="fcn:3", data="digits,limit=1501"), "more than the 1500 train samples"),
    ):
        with pytest.raises((UsageError, NotFoundError), match=words):
            engine.enqueue(refused)
    with engine.catalogue.read() as session:
        assert Runs(session).counts()["queued"] == 0


def test_references_to_what_a_run_does_not_make_are_refused(engine: Engine) -> None:
    made = engine.enqueue(Train(**TINY, epochs=0, count=2))
    failed = engine.enqueue(Train(**TINY, epochs=1, until_loss=0.01))
    engine.finish(made, failed)
    line = engine.enqueue(Connect(a=ModelRef(run=made), b=ModelRef(run=made, position=1), method=Linear()))
    waiting = engine.enqueue(Train(**TINY, epochs=0))
    other = ModelRef(model=1)
    for ref, words in (
        (ModelRef(run=made, position=2), "makes 2, numbered from 0"),
        (ModelRef(run=made, position=0), "both are 1"),
        (ModelRef(run=failed), "has failed: give the id of a model"),
        (ModelRef(run=line), "a connect, makes none"),
        (ModelRef(run=waiting, position=1), "makes 1, numbered from 0"),
    ):
        with pytest.raises(UsageError, match=words):
            engine.enqueue(Connect(a=ref, b=other, method=Linear()))
    assert all(run.state == "done" for run in engine.finish(line, waiting))


def test_a_model_whose_file_was_touched_is_refused_by_name(engine: Engine) -> None:
    engine.finish(engine.enqueue(Train(**TINY, epochs=0, count=2)))
    with engine.catalogue.read() as session:
        models = Models(session).made_by(1)
    file = engine.catalogue.artifacts.path(models[0].artifact)
    whole = file.read_bytes()
    line = Connect(a=ModelRef(model=1), b=ModelRef(model=2), method=Linear())
    for broken in (whole[:-8], whole[:-1] + bytes([whole[-1] ^ 1]), None):
        if broken is None:
            file.unlink()
        else:
            file.write_bytes(broken)
        with pytest.raises(Exception, match=str(file)):
            engine.enqueue(line)
    with engine.catalogue.read() as session:
        assert Runs(session).counts()["queued"] == 0
