"""Running the command line, and a catalogue with a little of everything."""

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from core.errors import FINDINGS
from core.specs.bounds import BOUNDS
from core.specs.methods import METHODS
from core.specs.runs import Bound, Connect, ModelRef, RunSpec, Train, kind_of, to_json
from store import Bounds, Catalogue, Device, Metrics, Models, NewRun, Paths, Runs
from tests.store.filling import machine

HOSTILE = "[red]x[/red] \x1b[31m\x07 \u202egnp.exe"


@dataclass(frozen=True)
class Said:
    """What a command answered."""

    status: int
    out: str
    err: str


Run = Callable[..., Said]


def process(arguments: Sequence[object], catalogue: Path, **environment: str) -> Said:
    """Run the command line as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tui.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "THALWEG_CATALOGUE": str(catalogue), **environment},
        stdin=subprocess.DEVNULL,
        timeout=120,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def fill(catalogue: Catalogue) -> None:
    """Two models, a good path and one that failed, a bound, a queued run and a hostile one."""
    trained = add(catalogue, Train(network="fcn:8", data="digits", count=2), "done")
    a, b = ModelRef(model=1), ModelRef(model=2)
    with catalogue.write() as session:
        for position, loss in enumerate((0.01, float("inf"))):
            facts = {"network": "fcn:8", "data": "digits", "seed": position, "train_loss": loss, "test_error": 0.1}
            Models(session).add(trained, {"position": position, **facts})
        Metrics(session).add(trained, [("train_loss", i, 2.0 / (i + 1), 0.1) for i in range(5)])
        Metrics(session).describe(trained, "train_loss", "epoch", "loss")
        Metrics(session).add(trained, [("broken_loss", i, float("nan"), 0.1) for i in range(5)])
    string = METHODS["string"]()
    good = add(catalogue, Connect(a=a, b=b, method=string), "done")
    add_path(catalogue, good, "string", [0.01, 0.02, 0.015])
    bad = add(catalogue, Connect(a=a, b=b, method=METHODS["linear"](), below=0.02), "failed")
    add_path(catalogue, bad, "linear", [0.01, 3.0, float("nan"), 0.015])
    ranked = add(catalogue, Bound(model=a, bound=BOUNDS["rank"]()), "done")
    measured = [{"name": "rank", "layer": i, "value": 10.0 - i} for i in range(3)]
    with catalogue.write() as session:
        Bounds(session).add(ranked, {"model_id": 1, "kind": "rank", "value": 8.0, "summary": HOSTILE}, measured)
    add(catalogue, Train(network="fcn:8", data="digits", name=HOSTILE), "queued")


def add(catalogue: Catalogue, spec: RunSpec, state: str, cause_kind: str = "could not connect") -> int:
    """A run that has come to this state, failed of a cause of this kind; its id."""
    method = spec.method if isinstance(spec, Connect) else None
    new = NewRun(
        kind=kind_of(spec),
        spec=to_json(spec),
        name=spec.name,
        network="fcn:8",
        data="digits",
        method=None if method is None else str(type(method).__struct_config__.tag),
    )
    with catalogue.write() as session:
        run_id = Runs(session).add(new)
        if state != "queued":
            claim = Runs(session).claim(machine("elsewhere"), 1, [Device("cpu", 1)])
            assert claim is not None
            ending: dict[str, str] = {}
            if state == "failed":
                outcome = "finding" if cause_kind in FINDINGS else "fault"
                ending = {"cause": f"{cause_kind}: {HOSTILE}", "cause_kind": cause_kind, "outcome": outcome}
            Runs(session).finish(claim.attempt.id, state, **ending)  # type: ignore[arg-type]
    return run_id


def add_path(catalogue: Catalogue, run_id: int, method: str, losses: Sequence[float]) -> None:
    points = [
        {"t": i / (len(losses) - 1), "segment": 0, "train_loss": one, "test_loss": one, "train_error": 0.0}
        for i, one in enumerate(losses)
    ]
    values = {
        "model_a": 1,
        "model_b": 2,
        "method": method,
        "train_loss_a": losses[0],
        "train_loss_b": losses[-1],
        "max_train_loss": max(losses[:2]),
        "level": max(losses[:2]),
        "certificate": "sampled",
        "certified": False,
        "barrier": 0.005,
        "beads": 3,
    }
    with catalogue.write() as session:
        Paths(session).add(run_id, values, [{"kind": "line", "claim": "sampled"}], points)


def end_agent(catalogue: Path) -> None:
    """End the agent that works for a catalogue."""
    for one in psutil.process_iter(["cmdline"]):
        if str(catalogue) in (one.info["cmdline"] or []) and "core.engine.agent" in one.info["cmdline"]:
            one.terminate()
            one.wait(10)
