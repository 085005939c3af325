"""What a bound leaves to look at: a file that the catalogue takes in, and lets go of with the bound."""

from core.engine.folders import attempt_folder
from core.grid_files import load
from core.specs.bounds import Rank, SparseBound
from core.specs.runs import Bound, ModelRef, Train
from core.studies.plan import Planned
from store import Bounds, delete, examine, prune, show_row
from tests.engine.conftest import TINY, Engine


def test_the_grid_of_a_bound_is_an_artifact_until_the_bound_is_deleted(engine: Engine) -> None:
    model = ModelRef(run=0)
    ids = engine.client.enqueue_plan(
        [
            Planned(Train(**TINY, epochs=1)),
            Planned(Bound(model=model, bound=Rank(samples=50))),
            Planned(Bound(model=model, bound=SparseBound(draws=1, epochs=1))),
        ],
        study="test",
    )
    assert [run.state for run in engine.finish(*ids)] == ["done"] * 3
    with engine.catalogue.read() as session:
        kept, none = Bounds(session).get(1), Bounds(session).get(2)
        shown = show_row(session, "bound", 1)
        assert show_row(session, "bound", 2)["artifact_bytes"] is None
    assert (none.kind, none.artifact) == ("sparse", None)
    assert kept.artifact is not None
    file = engine.catalogue.artifacts.verified(kept.artifact)
    assert shown["artifact_bytes"] == file.stat().st_size
    (spectrum,) = load(file).table("singular_value")
    measured = {one["name"]: one["value"] for one in shown["measurements"]}  # type: ignore[attr-defined]
    assert (spectrum[0], spectrum[-1]) == (measured["sigma_max"], measured["sigma_min"])
    left = attempt_folder(engine.catalogue.files / "runs", ids[1], 1)
    assert not list(left.glob("*grid*")), "the catalogue has its own"
    assert prune(engine.catalogue, young=-1).files == 0
    with engine.catalogue.write() as session:
        delete(session, "bound", [1])
        delete(session, "run", [ids[1]])
    prune(engine.catalogue, young=-1)
    assert not file.exists()
    assert examine(engine.catalogue) == []
