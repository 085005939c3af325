"""Short ways to fill a catalogue."""

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from store import Device, Machine, Models, NewRun, Paths, Runs


def machine(name: str = "here", **other: object) -> Machine:
    """A computer of this name, which is its id as well."""
    began = datetime(2026, 1, 1, tzinfo=UTC)
    return Machine(**{"id": name, "boot": f"{name}'s first", "began": began, "host": name, **other})  # type: ignore[arg-type]


def enqueue(session: Session, **values: object) -> int:
    return Runs(session).add(NewRun(**{"kind": "train", "spec": "{}", **values}))  # type: ignore[arg-type]


def finished_run(session: Session, state: str = "done", **values: object) -> int:
    """A run that went through the queue; there must be no other that waits."""
    run_id = enqueue(session, **values)
    runs = Runs(session)
    claim = runs.claim(machine(), 1, [Device("cpu", slots=9)])
    assert claim is not None
    assert claim.run.id == run_id
    runs.finish(claim.attempt.id, state, None if state == "done" else "it broke", "exception")
    return run_id


def joined_models(session: Session) -> tuple[int, int, int]:
    """Two models and the path between them."""
    made = finished_run(session)
    a, b = (Models(session).add(made, {"position": place, "train_loss": 0.5}) for place in (0, 1))
    joined = finished_run(session, kind="connect")
    path = Paths(session).add(joined, {"model_a": a, "model_b": b, "barrier": 0.25}, [{"kind": "straight"}], [])
    return a, b, path
