"""Looking ahead at what a request would come to: as right as enqueueing it, and cheap."""

from pathlib import Path

import pytest

from core.engine.client import Client
from core.specs.methods import Linear
from core.specs.runs import Connect, ModelRef, to_json
from store import Catalogue, Models, artifacts
from tests.store.filling import finished_run


def failed_connections(catalogue: Catalogue, count: int, folder: Path) -> list[int]:
    """Runs that could not join two models, which have files; their ids."""
    line = Connect(a=ModelRef(model=1), b=ModelRef(model=2), method=Linear())
    facts = {"network": "fcn:8", "data": "digits", "loss": "cross-entropy", "dtype": "float32"}
    with catalogue.write() as session:
        ids = [finished_run(session, "failed", kind="connect", spec=to_json(line)) for _ in range(count)]
        for position in range(2):
            (folder / "tensors").write_bytes(bytes([position]) * 100)
            artifact = catalogue.artifacts.put(folder / "tensors", session, "model")
            Models(session).add(ids[-1], {**facts, "position": position, "artifact": artifact})
    return ids


def test_the_rehearsal_of_a_relaunch_of_many_runs_reads_no_file_of_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Catalogue.open(tmp_path / "c.db") as catalogue:
        ids = failed_connections(catalogue, 20, tmp_path)
        read: list[Path] = []
        monkeypatch.setattr(artifacts, "digest_of", read.append)
        plan, refused = Client(catalogue).rehearse_relaunch(ids, changes={})
        assert ([one.run_id for one in plan], refused, read) == (ids, {}, [])


def test_a_rehearsal_sees_a_file_that_was_written_to_since(tmp_path: Path) -> None:
    with Catalogue.open(tmp_path / "c.db") as catalogue:
        ids = failed_connections(catalogue, 1, tmp_path)
        with catalogue.read() as session:
            file = catalogue.artifacts.path(Models(session).get(2).artifact or "")
        for content, why in (
            (b"\1" * 99 + b"\0", "sha256 differs"),
            (b"\1" * 99, "99 bytes where 100"),
            (b"\1" * 100, ""),
        ):
            file.write_bytes(content)
            refused = Client(catalogue).rehearse_relaunch(ids, changes={})[1]
            assert why in refused.get(ids[0], "")
            assert bool(refused) == bool(why)
