"""Questions that need torch, asked of a child process and answered at once, outside the queue."""

import json
import subprocess
import sys
from typing import Any

from core.engine.launch import environment
from core.errors import RunError, UsageError


def ask(question: dict[str, Any]) -> dict[str, Any]:
    """The answer of `core.engine.worker.desk`. Raises UsageError for bad input, RunError where it broke."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", "core.engine.worker.desk"],
        input=json.dumps(question),
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise RunError("exception", f"The helper process ended with status {done.returncode}: {last}") from None
    if "usage" in answer:
        raise UsageError(answer["usage"])
    if "failed" in answer:
        raise RunError(answer["kind"], answer["failed"])
    return answer
