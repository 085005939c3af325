"""From a file to a network's tensors, and what is recorded of how they were found."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from core.checkpoints.candidates import candidates, require_weights
from core.checkpoints.choosing import Choice, choose, shapes_of
from core.checkpoints.kinds import Kind
from core.checkpoints.matching import NONE, Fit, counts_text, fit
from core.checkpoints.naming import Naming, mapped, read_map
from core.checkpoints.network_state import NetworkState, shape_text
from core.checkpoints.proposing import proposal
from core.checkpoints.reading import Content, read
from core.checkpoints.tensors import require_finite, require_plain, require_real
from core.errors import KeysError, UsageError
from core.specs.checkpoints import HowToRead

STEPS = ("epoch", "epochs", "global_step", "step", "iteration")


@dataclass(frozen=True)
class Opened:
    """A network's tensors by its own names, as they lie in the file, and how they were found there.

    `taken` has every name of the file that a tensor was found under, `tied` those of tensors for which the network has
    several; what the network makes itself, `filled` buffers and a fresh head, is not among them.
    """

    tensors: Mapping[str, Tensor]
    taken: Mapping[str, tuple[str, ...]]
    content: Content
    choice: Choice
    renamed: Mapping[str, str]
    tied: Mapping[str, tuple[str, ...]]
    filled: tuple[str, ...]
    left_out: tuple[str, ...]
    counts: Mapping[str, int]

    @property
    def dtypes(self) -> dict[str, int]:
        """How many tensors there are of each number type."""
        names = [str(one.dtype).removeprefix("torch.") for one in self.tensors.values()]
        return {name: names.count(name) for name in dict.fromkeys(names)}

    @property
    def dtype(self) -> str:
        """In which dtype nothing of it is lost."""
        return "float64" if "float64" in self.dtypes else "float32"

    def sentences(self) -> Iterator[str]:
        """What was found and done, for a log."""
        naming, candidate = self.choice.naming, self.choice.candidate
        what = "averaged weights" if candidate.is_averaged else "weights"
        types = ", ".join(f"{count} of {name}" for name, count in self.dtypes.items())
        prefix = f", without the prefix {naming.prefix}" if naming.prefix else ""
        yield f"{self.content.file}: {what} at {candidate.place}{prefix}: {types}."
        if self.choice.averaged is not None:
            yield f"There are averaged weights at {self.choice.averaged!r}, too: --ema takes them."
        for old, new in self.renamed.items():
            yield f"{old} of the file is {new} of the network."
        if self.filled:
            yield f"Left as the network makes them: {', '.join(self.filled)}."
        if self.left_out:
            yield f"Not needed: {', '.join(self.left_out)}."
        if self.content.left_out:
            yield f"Not loaded, as data alone: {', '.join(self.content.left_out)}."

    def record(self) -> dict[str, Any]:
        """What the catalogue keeps of it, beside the files' sha256."""
        found = {
            "file": str(self.content.file),
            "format": str(self.content.kind),
            "key": self.choice.candidate.key,
            "prefix": self.choice.naming.prefix,
            "changed": list(self.choice.naming.changed),
            "map": dict(self.renamed),
            "tied": {name: list(names) for name, names in self.tied.items()},
            "ema": self.choice.candidate.is_averaged,
            "averaged": self.choice.averaged,
            "dtypes": self.dtypes,
            "filled": list(self.filled),
            "left_out": list(self.left_out),
            "classes": list(self.content.left_out),
            "torch": str(torch.__version__),
        }
        return {name: one for name, one in found.items() if one} | dict(self.counts)


def open_checkpoint(path: Path, how: HowToRead, wanted: NetworkState) -> Opened:
    """The tensors of a network in a checkpoint.

    Raises UsageError where it can't be read or holds no such weights, KeysError where names or shapes differ.
    """
    content = read(path)
    found = candidates(content.tree)
    require_weights(content.tree, found, content.file)
    choice = choose(found, how, wanted.shapes, content.file)
    _require_fresh(how.fresh_head, wanted)
    naming, renamed = choice.naming, dict[str, str]()
    if how.map is not None:
        naming, renamed = mapped(naming, read_map(how.map), content.file)
    matched = _fit(choice, naming, wanted, how)
    if matched.rows and how.map is None and how.fresh_head is None:
        proposed = _proposed(choice, naming, wanted, content)
        if proposed and how.yes:
            naming, renamed = mapped(naming, proposed, content.file)
            matched = _fit(choice, naming, wanted, how)
        elif proposed:
            raise KeysError(_differ(content.file, proposed), matched.rows, proposed)
    if matched.rows:
        raise KeysError(_wrong(content.file, choice, matched), matched.rows, {})
    tensors = _taken(choice, naming, matched, wanted)
    tied = {name: names for name, names in matched.taken.items() if name in wanted.tied.values()}
    dropped = (*matched.beside, *naming.left_out(shapes_of(choice.candidate)))
    return Opened(
        tensors, matched.taken, content, choice, renamed, tied, matched.filled, dropped, _counts(content.tree)
    )


def _require_fresh(head: str | None, wanted: NetworkState) -> None:
    """Raise UsageError for a fresh head that a network doesn't have, or that is all of it."""
    if head is None:
        return
    fresh = [name for name in wanted.names if name.startswith(head)]
    if not fresh:
        names = ", ".join(wanted.names[-3:])
        raise UsageError(f"No name of the network begins with {head}, which is to stay fresh: its last are {names}.")
    if len(fresh) == len(wanted.names):
        raise UsageError(f"All names of the network begin with {head!r}: --fresh-head would leave nothing to import.")


def _fit(choice: Choice, naming: Naming, wanted: NetworkState, how: HowToRead) -> Fit:
    """Names that a prefix found here leaves out count as too many; those that a given one does don't."""
    shapes = shapes_of(choice.candidate)
    matched = fit({name: shapes[key] for name, key in naming.keys.items()}, wanted, how.fresh_head)
    rest = {} if how.strip is not None else naming.left_out(shapes)
    rows = tuple((key, shape_text(shape), NONE) for key, shape in rest.items())
    return Fit(matched.taken, (*matched.rows, *rows), matched.filled, matched.beside)


def _proposed(choice: Choice, naming: Naming, wanted: NetworkState, content: Content) -> dict[str, str] | None:
    """New names under which all would fit."""
    shapes = shapes_of(choice.candidate)
    if naming.left_out(shapes):
        return None
    ordered = content.kind in (Kind.TORCH, Kind.LEGACY)
    return proposal({name: shapes[key] for name, key in naming.keys.items()}, wanted, ordered=ordered)


def _differ(file: Path, proposed: Mapping[str, str]) -> str:
    first = next(iter(proposed.items()))
    return (
        f"The names in {file} are not the network's, but shapes and order match one to one, {first[0]} as {first[1]} "
        f"and so on ({len(proposed)} names): accept that by --yes, or give --map OLD=NEW."
    )


def _wrong(file: Path, choice: Choice, matched: Fit) -> str:
    counts, row = counts_text(matched.rows), matched.rows[0]
    return (
        f"The weights of {file} at {choice.candidate.place} don't fit the network: {counts} (the first is {row[0]}, "
        f"{row[1]} in the file and {row[2]} in the network); --key, --strip, --map and --fresh-head say otherwise."
    )


def _taken(choice: Choice, naming: Naming, matched: Fit, wanted: NetworkState) -> dict[str, Tensor]:
    """The tensors by the network's names. Raises UsageError for what can't be a parameter."""
    file = choice.file
    tensors: dict[str, Tensor] = {}
    for name, names in matched.taken.items():
        first, *others = (choice.candidate.tensors[naming.keys[one]].detach() for one in names)
        require_plain(names[0], first, file)
        if name in wanted.parameters:
            require_real(names[0], first, file)
        require_finite(names[0], first, file)
        if odd := [other for other, one in zip(names[1:], others, strict=True) if not torch.equal(first, one)]:
            raise UsageError(
                f"{names[0]} and {odd[0]} of {file} differ, and the network ties them to be one: give a network that "
                "doesn't."
            )
        tensors[name] = first
    return tensors


def _counts(tree: object) -> dict[str, int]:
    """How far the training was, as far as the file says so."""
    if not isinstance(tree, dict):
        return {}
    return {name: tree[name] for name in STEPS if type(tree.get(name)) is int}
