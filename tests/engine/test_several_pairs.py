"""A run of several pairs: paths at their positions, a finding where one doesn't connect, and its relaunch."""

import pytest
from msgspec.structs import replace

from core.errors import UsageError
from core.specs.methods import Linear, String
from core.specs.runs import Certify, Connect, ModelRef, PathRef, Train
from store import Models, Paths
from tests.engine.conftest import TINY, Engine

M = [ModelRef(run=1, position=i) for i in range(4)]


def test_every_pair_leaves_a_path_at_its_position_and_those_that_do_not_connect_are_counted(engine: Engine) -> None:
    trained = engine.enqueue(Train(**TINY, count=2, epochs=100))
    fresh = engine.enqueue(Train(**TINY, epochs=0))
    a, b, c = ModelRef(run=trained), ModelRef(run=trained, position=1), ModelRef(run=fresh)
    spec = Connect(a=a, b=b, further=(c, b), pairs=True, method=Linear(), below=2.0, prove="off")
    run = engine.finish(trained, fresh, engine.enqueue(spec))[-1]
    assert (run.state, run.outcome, run.cause_kind) == ("failed", "finding", "could not connect")
    assert str(run.cause).startswith("could not connect 1 of 2 pairs: models 3 and 2: the path's train loss reaches")
    with engine.catalogue.read() as session:
        made = Paths(session).made_by(run.id)
    assert [(one.position, one.model_a, one.model_b) for one in made] == [(0, 1, 2), (1, 3, 2)]
    assert [one.connected for one in made] == [True, False]
    (repeated,) = engine.finish(*engine.client.relaunch(engine.client.plan_relaunch([run.id], changes={"below": "9"})))
    assert repeated.state == "done"
    engine.client.rehearse(Certify(path=PathRef(run=repeated.id, position=1)))
    with pytest.raises(UsageError, match="makes 2, numbered from 0"):
        engine.client.rehearse(Certify(path=PathRef(run=repeated.id, position=2)))


def test_a_pair_that_a_premise_forbids_leaves_no_path_and_the_others_theirs(engine: Engine) -> None:
    trained = engine.enqueue(Train(**TINY, count=2, epochs=100))
    fresh = engine.enqueue(Train(**TINY, count=2, epochs=0))
    a, b, c, d = (ModelRef(run=one, position=i) for one in (trained, fresh) for i in (0, 1))
    spec = Connect(a=c, b=d, further=(a, b), pairs=True, method=String(), below=1.0)  # nobody knows their losses yet
    run = engine.finish(trained, fresh, engine.enqueue(spec))[-1]
    assert run.cause_kind == "could not connect"
    assert "1 of 2 pairs: models 3 and 4: The method assumes that the train loss of model a is below" in str(run.cause)
    with engine.catalogue.read() as session:
        (path,) = Paths(session).made_by(run.id)
    assert (path.position, path.model_a, path.model_b, path.connected) == (1, 1, 2, True)


def test_a_model_that_misses_its_goal_stops_no_other_pair_where_none_is_required(engine: Engine) -> None:
    training = Train(**TINY, count=4, epochs=20)
    run_id = engine.enqueue(training)
    engine.finish(run_id)
    with engine.catalogue.read() as session:
        losses = [model.train_loss for model in Models(session).made_by(run_id)]
    last, next_to_last = sorted(losses)[:-3:-1]
    goal = (last + next_to_last) / 2
    missing = replace(training, until=goal, required=3)
    trained = engine.enqueue(missing)
    a, b, *further = (ModelRef(run=trained, position=i) for i in range(4))
    joined = engine.enqueue(Connect(a=a, b=b, further=tuple(further), pairs=True, method=String(beads=9), below=goal))
    strict = engine.enqueue(replace(missing, required=4))
    run, connection, refused = engine.finish(trained, joined, strict)
    assert (run.state, connection.outcome, refused.cause_kind) == ("done", "finding", "loss not reached")
    log = engine.client.log_file(trained)
    assert log is not None
    assert "1 of 4 models did not reach a train loss of" in log.read_text()
    with engine.catalogue.read() as session:
        reached = {model.position: model.reached for model in Models(session).made_by(trained)}
        (path,) = Paths(session).made_by(joined)
    assert reached == {i: loss < last for i, loss in enumerate(losses)}
    assert path.position == 1 - losses.index(last) // 2
    assert "The method assumes that the train loss of model" in str(connection.cause)


@pytest.mark.parametrize(
    ("models", "pairs", "said"),
    [
        ((0, 1, 2), True, "3 are given: give an even number of them"),
        ((0, 1, 2, 3), False, "4 are given: give two, or --pairs as well"),
    ],
)
def test_models_that_are_no_pairs_are_refused_in_one_sentence(models: tuple[int, ...], pairs: bool, said: str) -> None:
    a, b, *further = (M[i] for i in models)
    with pytest.raises(UsageError, match=said):
        Connect(a=a, b=b, further=tuple(further), pairs=pairs, method=Linear())


def test_pairs_of_two_problems_and_a_pair_given_twice_are_refused(engine: Engine) -> None:
    engine.finish(engine.enqueue(Train(**TINY, count=2, epochs=1)))
    engine.finish(engine.enqueue(Train(**{**TINY, "network": "fcn:9"}, count=2, epochs=1)))
    a, b, c, d = (ModelRef(model=i) for i in range(1, 5))
    with pytest.raises(UsageError, match=r"Models 1 and 3 differ in their architecture.*all pairs of a run are of one"):
        engine.enqueue(Connect(a=a, b=b, further=(c, d), pairs=True, method=Linear()))
    with pytest.raises(UsageError, match="The pair 1 2 is given twice"):
        engine.enqueue(Connect(a=a, b=b, further=(a, b), pairs=True, method=Linear()))
    with pytest.raises(UsageError, match="both are 2"):
        engine.enqueue(Connect(a=a, b=b, further=(b, b), pairs=True, method=Linear()))
