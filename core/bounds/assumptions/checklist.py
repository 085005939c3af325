"""A theorem's assumptions, ticked off."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.methods.method import Premise, first_failed
from core.results import NO, YES, Measurement


@dataclass(frozen=True)
class Assumption:
    """One assumption: YES, OPEN or NO, and what was found where it isn't YES."""

    name: str
    answer: float
    words: str = ""

    @classmethod
    def of(cls, name: str, premises: Iterable[Premise]) -> "Assumption":
        """That all of some premises hold; the first that doesn't is told."""
        failed = first_failed(premises)
        return cls(name, YES) if failed is None else cls(name, NO, failed.measured)

    @classmethod
    def that(cls, name: str, holds: bool, words: str = "") -> "Assumption":
        return cls(name, YES if holds else NO, words)


@dataclass(frozen=True)
class Theorem:
    """One theorem by its paper and number, with all that it assumes."""

    name: str
    assumptions: Sequence[Assumption]

    @property
    def answer(self) -> float:
        """All have to hold."""
        return min(one.answer for one in self.assumptions)

    @property
    def why(self) -> str:
        """Its name, and the first assumption that decides against it."""
        return f"{self.name} ({self.reason})"

    @property
    def reason(self) -> str:
        """The first assumption that decides against it, with its numbers."""
        first = next(one for one in self.assumptions if one.answer == self.answer)
        return f"{first.name}{f': {first.words}' if first.words else ''}"

    def measurements(self) -> list[Measurement]:
        named = [("all", self.answer), *((one.name, one.answer) for one in self.assumptions)]
        return [Measurement(name=f"{self.name}: {name}", value=answer, role="assumption") for name, answer in named]
