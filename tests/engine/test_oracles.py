"""The method `oracle` and the bounds beside it by real workers: paths, helper models, what is refused beforehand."""

import pytest

from core.errors import UsageError
from core.specs.bounds import Compressibility, Linearisation, ReluFloor
from core.specs.methods import Oracle
from core.specs.runs import Bound, Connect, ModelRef, Train
from core.studies.plan import Planned
from store import Bounds, Models
from tests.engine.conftest import Engine
from tests.engine.test_certify import path_of

A, B = ModelRef(run=0), ModelRef(run=0, position=1)
QUICK = {"epochs": 2, "draws": 1, "units": "3"}
SHALLOW = Train(network="fcn:6", data="teacher,samples=60", epochs=2, batch=20, count=2)


def test_a_path_s_networks_are_helper_models_and_turned_units_are_proven_and_checked_again(engine: Engine) -> None:
    plan = [
        Planned(SHALLOW),
        Planned(Connect(a=A, b=B, method=Oracle(**QUICK, alpha=0.2), points=5, prove="off")),
        Planned(Bound(model=A, bound=Compressibility(**QUICK))),
        Planned(Bound(model=A, bound=Linearisation())),
    ]
    ended = engine.finish(*engine.client.enqueue_plan(plan, study="test"), seconds=150)
    assert [one.state for one in ended] == ["done"] * 4, [one.cause for one in ended]
    path = path_of(engine, 1)
    assert (path.certificate, path.certified, path.beads) == ("enclosed", True, 5)
    with engine.catalogue.read() as session:
        made = Models(session).made_by(ended[1].id)
        kinds = {Bounds(session).get(i).kind for i in (1, 2)}
    assert {one.role for one in made} == {"helper"}
    assert [one.name for one in made] == [
        "best head of a",
        "3 units of a",
        "oracle of 3 units",
        "3 units of b",
        "best head of b",
    ]
    assert max(one.train_loss for one in made) <= path.level
    assert kinds == {"compressibility", "linearisation"}
    found = engine.client.verify(1)
    assert (found["certificate"], found["certified"]) == ("enclosed", True)
    assert found["level"] <= path.level * (1 + 1e-9)


def test_a_network_of_two_hidden_layers_or_too_many_units_are_refused_before_anything_is_enqueued(
    engine: Engine,
) -> None:
    deep = Train(network="fcn:4-4", data="teacher,samples=20", epochs=1, batch=20, count=2)
    trained = engine.finish(*engine.client.enqueue_plan([Planned(deep), Planned(SHALLOW)], study="test"))
    assert [one.state for one in trained] == ["done"] * 2
    a, b, c, d = (ModelRef(model=i) for i in (1, 2, 3, 4))
    with pytest.raises(UsageError, match="oracle is about networks of one hidden layer, and this one has 2"):
        engine.enqueue(Connect(a=a, b=b, method=Oracle()))
    with pytest.raises(UsageError, match="units=7 asks for 7 units and the hidden layer has 6"):
        engine.enqueue(Connect(a=c, b=d, method=Oracle(units="7")))
    with pytest.raises(UsageError, match="compressibility is about networks of one hidden layer"):
        engine.enqueue(Bound(model=a, bound=Compressibility()))
    refused = engine.enqueue(Bound(model=a, bound=ReluFloor()))
    (ended,) = engine.finish(refused)
    assert (ended.state, ended.outcome) == ("failed", "finding")
    assert "needs a network of 2 inputs and 2 hidden units; this one is 2-4-4-1" in ended.cause
