"""All that the command line says of a catalogue, and how it is kept beside it."""

import csv
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from core.engine.locks import AgentLock
from core.engine.machines import here
from store.catalogue import companion
from tui.main import main as command_line

MARKED = ("run", "model", "path", "bound")
LISTED = ("runs", "models", "paths", "bounds", "profiles", "metrics", "certificates")


@contextmanager
def no_agent(catalogue: Path) -> Iterator[None]:
    """Nobody works on what is queued meanwhile: the agent's place is taken."""
    with AgentLock(companion(catalogue), here()) as lock:
        assert lock.take()
        yield


def said(catalogue: Path) -> dict[str, list[Any]]:
    """All that the command line says of a catalogue: every `list KIND --json`, `show KIND ID --json` and `export KIND`.

    Of the lists and shows their objects, of each CSV its rows, the header first. Starts no agent.
    """

    def lines(*arguments: str) -> str:
        with redirect_stdout(io.StringIO(newline="")) as out:
            assert command_line(["--catalogue", str(catalogue), *arguments]) == 0
        return out.getvalue()

    with no_agent(catalogue):
        lists = {f"list {kind}": json.loads(lines("list", kind, "--json")) for kind in LISTED}
        shows = {
            f"show {kind}": [
                json.loads(lines("show", kind, str(row["id"]), "--json")) for row in lists[f"list {kind}s"]
            ]
            for kind in MARKED
        }
        tables = {f"export {kind}": list(csv.reader(io.StringIO(lines("export", kind), newline=""))) for kind in LISTED}
    return {**lists, **shows, **tables}


def in_lines(everything: dict[str, list[Any]]) -> str:
    """JSON with a line an object, so that a difference is a line."""
    parts = []
    for name, items in everything.items():
        lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in items)
        parts.append(f"{json.dumps(name)}: [\n{lines}\n]")
    return "{\n" + ",\n".join(parts) + "\n}\n"
