"""Several pairs of models of one problem: a path each, and what their constructions report, each as its own."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path as File
from tempfile import TemporaryDirectory

from safetensors.torch import load_file, save_file
from torch import Tensor

from core.certify.enclosed import Wanted
from core.errors import PremiseError
from core.files import write_whole
from core.methods import METHODS
from core.methods.connect import Connection, connect, examined, with_prover
from core.methods.method import Task, require
from core.progress import Reporter
from core.specs.methods import MethodOptions
from core.specs.runs import name_of_options

Save = Callable[[File], None]


def connect_all(
    options: MethodOptions,
    tasks: Sequence[Task],
    reporter: Reporter,
    points: int = 61,
    wanted: Wanted | None = None,
    must_prove: bool = False,
) -> Iterator[Connection | PremiseError]:
    """As `connect`, of several pairs of one problem, in order; in place of a connection a premise that does not hold.

    A method that can constructs them together: then each took an equal share of the time.
    """
    method = METHODS[name_of_options(options)]
    if method.build_all is None or len(tasks) == 1:
        for task in tasks:
            try:
                yield connect(options, task, points, wanted, must_prove)
            except PremiseError as error:
                yield error
        return
    begun = time.monotonic()
    given = [with_prover(task, wanted, must_prove) for task in tasks]
    missing = [_missing(options, task) for task, _ in given]
    able = [task for (task, _), reason in zip(given, missing, strict=True) if reason is None]
    made = iter(method.build_all(options, able, reporter))
    share = (time.monotonic() - begun) / max(len(able), 1)
    for (task, how), reason in zip(given, missing, strict=True):
        yield reason or examined(next(made), task, points, how, must_prove, share)


def _missing(options: MethodOptions, task: Task) -> PremiseError | None:
    """The first premise that does not hold."""
    try:
        require(METHODS[name_of_options(options)].premises(options, task))
    except PremiseError as error:
        return error
    return None


@dataclass
class Pairs:
    """The reports of `count` pairs, as one: how far they are in the mean, and one checkpoint of all their states."""

    whole: Reporter
    count: int
    states: dict[int, Save] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.fractions = [0.0] * self.count

    def save(self, file: File) -> None:
        """The states of all pairs in one file, each tensor under its pair's position."""
        tensors: dict[str, Tensor] = {}
        with TemporaryDirectory() as folder:
            for position, save in self.states.items():
                save(state := File(folder) / f"{position}.safetensors")
                tensors |= {f"{position}.{name}": one for name, one in load_file(state).items()}
        write_whole(file, lambda draft: save_file(tensors, draft))

    def left(self, position: int) -> File | None:
        """The state of one pair that an earlier run kept, in a file beside that of all."""
        if self.whole.left is None:
            return None
        start = f"{position}."
        every = load_file(self.whole.left)
        tensors = {name.removeprefix(start): one for name, one in every.items() if name.startswith(start)}
        if not tensors:
            return None
        file = self.whole.left.with_name(f"resume-{position}.safetensors")
        write_whole(file, lambda draft: save_file(tensors, draft))
        return file


class OfPair:
    """What one of several pairs reports: sentences and curves say which it is."""

    def __init__(self, pairs: Pairs, position: int) -> None:
        self.pairs, self.position = pairs, position
        self.left = pairs.left(position)

    def progress(self, fraction: float | None, message: str) -> None:
        fractions = self.pairs.fractions
        if fraction is not None:
            fractions[self.position] = fraction
        done = sum(fractions) / len(fractions)
        self.pairs.whole.progress(done or None, f"pair {self.position + 1} of {self.pairs.count}, {message}")

    def say(self, text: str) -> None:
        self.pairs.whole.say(f"Pair {self.position + 1}: {text}")

    def metric(
        self, name: str, step: int, value: float, *, unit: str, family: str, position: int | None = None
    ) -> None:
        place = self.position if position is None else position
        self.pairs.whole.metric(f"{name}.{place}", step, value, unit=unit, family=family, position=place)

    def checkpoint(self, save: Save) -> None:
        self.pairs.states[self.position] = save
        self.pairs.whole.checkpoint(self.pairs.save)

    def keep(self, save: Save) -> None:
        self.pairs.states[self.position] = save
        self.pairs.whole.keep(self.pairs.save)
