"""From a file to a network's tensors: what is in it, which weights are meant, and what their names are here."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from core.checkpoints.candidates import candidates, require_weights
from core.checkpoints.choosing import Choice, choose, shapes_of
from core.checkpoints.kinds import Kind
from core.checkpoints.matching import NONE, Fit, counts_text, fit
from core.checkpoints.naming import Naming, mapped, read_map
from core.checkpoints.network_state import NetworkState, shape_text
from core.checkpoints.opened import Opened
from core.checkpoints.proposing import proposal
from core.checkpoints.reading import Content, read
from core.checkpoints.tensors import require_finite, require_plain, require_real
from core.errors import KeysError, UsageError
from core.specs.checkpoints import HowToRead

STEPS = ("epoch", "epochs", "global_step", "step", "iteration")


def open_checkpoint(path: Path, how: HowToRead, wanted: NetworkState) -> Opened:
    """The tensors of a network in a checkpoint.

    Raises UsageError where it can't be read or holds no such weights, KeysError where names or shapes differ.
    """
    content = read(path)
    found = candidates(content.tree)
    require_weights(content.tree, found, content.file)
    choice = choose(found, how, wanted.shapes, content.file)
    _require_fresh(how.fresh_head, wanted)
    naming, renamed = _renamed(choice, content, how, wanted)
    matched = _fit(choice, naming, wanted, how)
    if matched.rows:
        raise KeysError(_wrong(content.file, choice, matched), matched.rows, {})
    tensors = _taken(choice, naming, matched, wanted)
    tied = {name: names for name, names in matched.taken.items() if name in wanted.tied.values()}
    dropped = (*matched.beside, *naming.left_out(shapes_of(choice.candidate)))
    return Opened(
        tensors, matched.taken, content, choice, renamed, tied, matched.filled, dropped, _counts(content.tree)
    )


def _renamed(choice: Choice, content: Content, how: HowToRead, wanted: NetworkState) -> tuple[Naming, dict[str, str]]:
    """The names after a map, given or accepted, and which it changed. Raises KeysError with names to propose."""
    if how.map is not None:
        return mapped(choice.naming, read_map(how.map), content.file)
    rows = _fit(choice, choice.naming, wanted, how).rows
    proposed = _proposed(choice, choice.naming, wanted, content) if rows and how.fresh_head is None else None
    if not proposed:
        return choice.naming, {}
    if not how.yes:
        raise KeysError(_differ(content.file, proposed), rows, proposed)
    return mapped(choice.naming, proposed, content.file)


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
