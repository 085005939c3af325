"""Questions that need torch, asked of a child process and answered outside the queue."""

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from threading import Condition, Thread
from typing import IO, Any, Self

from core.engine.launch import environment
from core.errors import KeysError, RunError, UsageError

Answer = dict[str, Any]
Ask = Callable[[dict[str, Any]], Answer]


class OutdatedError(Exception):
    """The answer is no longer wanted: a newer question replaced this one, or the probe was closed."""


def ask(question: dict[str, Any]) -> Answer:
    """One answer from a separate process. Raises UsageError for bad input, RunError if the process fails."""
    with Probe() as probe:
        return probe.new_asker()(question)


class Probe:
    """One process that answers (`core.engine.worker.probe`), started by the first question and kept until `close`.

    It needs seconds to import torch, so questions wait until then, and only the newest is sent. A different question
    interrupts the current one and restarts the process. Answers are kept, but for refusals: their reason may have been
    fixed, so the next asker asks again.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._generation = 0
        self._answers: dict[str, Answer] = {}  # by question, both as JSON has them
        self._process: subprocess.Popen[str] | None = None
        self._ready = False
        self._next: str | None = None  # to be put to the process once it is ready
        self._at_work: str | None = None

    def new_asker(self) -> Ask:
        """A function that asks; from now on every earlier one raises OutdatedError, also while it waits."""
        with self._changed:
            self._generation += 1
            generation, self._next = self._generation, None
            self._answers = {question: one for question, one in self._answers.items() if _is_lasting(one)}
            self._changed.notify_all()
        return lambda question: self._answer(generation, json.dumps(question, sort_keys=True))

    def close(self) -> None:
        """End the process, whatever it is doing, and wake all that wait."""
        with self._changed:
            self.new_asker()
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, generation: int, question: str) -> Answer:
        with self._changed:
            while generation == self._generation:
                if (answer := self._answers.get(question)) is not None:
                    return _answer_or_error(answer)
                if self._at_work != question:
                    self._enqueue(question)
                self._changed.wait()
        raise OutdatedError

    def _enqueue(self, question: str) -> None:
        """Have this question answered next, before any other."""
        if self._at_work is not None:
            self._end()
        self._next = question
        if self._process is None:
            self._start()
        elif self._ready:
            self._hand_over()

    def _hand_over(self) -> None:
        """Send the next question, if there is one, to the process, which is ready."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._at_work, self._next = self._next, None
        if self._at_work is not None:
            with suppress(BrokenPipeError):  # it has died, as `_listen` is about to see
                self._process.stdin.write(f"{self._at_work}\n")
                self._process.stdin.flush()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "core.engine.worker.probe"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
            text=True,
            errors="replace",
            start_new_session=True,  # a network file may start processes: they end with it
        )
        Thread(target=self._listen, args=(self._process,), daemon=True).start()

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        """Note when a process is ready, then its answers, then its end."""
        assert process.stdout is not None
        assert process.stderr is not None
        last: deque[str] = deque(["no output"], maxlen=1)
        complaints = Thread(target=_keep_last, args=(process.stderr, last), daemon=True)
        complaints.start()
        with process.stdout:
            for line in process.stdout:
                with self._changed:
                    if process is self._process:
                        self._take_answer(json.loads(line))
        with self._changed:
            if process is self._process:
                self._note_death(process, complaints, last)
        process.wait()

    def _take_answer(self, answer: Answer) -> None:
        if self._at_work is not None:
            self._answers[self._at_work] = answer
        self._ready = True
        self._hand_over()
        self._changed.notify_all()

    def _note_death(self, process: "subprocess.Popen[str]", complaints: Thread, last: "deque[str]") -> None:
        """Wake those who wait; the next question starts a new process."""
        question = self._at_work or self._next
        self._end()
        process.wait()
        complaints.join(1)
        if question is not None:
            why = f"The helper process ended with status {process.returncode}: {last[0].strip()}"
            self._answers[question] = {"failed": why, "kind": "exception"}
        self._next = None
        self._changed.notify_all()

    def _end(self) -> None:
        """Kill the process; the thread that listens to it reaps it, so its id is not reused before."""
        process, self._process, self._ready, self._at_work = self._process, None, False, None
        if process is None:
            return
        with suppress(ProcessLookupError, PermissionError):  # it leads its own group
            os.killpg(process.pid, signal.SIGKILL)
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            process.stdin.close()


def _is_lasting(answer: Answer) -> bool:
    """Whether asking again would give the same answer: it is not a refusal."""
    return not {"usage", "failed"} & answer.keys() and bool(answer.get("found", True))


def _keep_last(lines: IO[str], last: "deque[str]") -> None:
    with lines:
        last.extend(lines)


def _answer_or_error(answer: Answer) -> Answer:
    if "rows" in answer:
        raise KeysError(answer["usage"], [tuple(row) for row in answer["rows"]], answer["proposed"])
    if "usage" in answer:
        raise UsageError(answer["usage"])
    if "failed" in answer:
        raise RunError(answer["kind"], answer["failed"])
    return answer
