"""Which name is which where names differ: a proposal, made only where shapes and order leave no doubt."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from core.checkpoints.matching import BESIDE
from core.checkpoints.network_state import NetworkState, Shape

Entry = tuple[str, str, Shape]  # module, what it is called in it, shape


def proposal(found: Mapping[str, Shape], wanted: NetworkState, *, ordered: bool) -> dict[str, str] | None:
    """New names by old ones, module for module in order of definition; None where that is open to doubt.

    Of a file that keeps no order (`ordered` is false) the names' own order is taken, numbers by their value. In a row
    of modules that are alike names must ascend, as layers.1, layers.2 do and query, key, value don't.
    """
    names = [name for name in found if name.rpartition(".")[2] not in BESIDE]
    if not ordered:
        names.sort(key=natural)
    theirs = _modules(names, found)
    network = {name: shape for name, shape in wanted.shapes.items() if name not in wanted.tied}
    ours = _modules([name for name in network if name.rpartition(".")[2] not in BESIDE], network)
    if len(theirs) != len(ours) or not all(map(_alike, theirs, ours)) or not _ascend(theirs):
        return None
    pairs = ((old, new) for a, b in zip(theirs, ours, strict=True) for old, new in _paired(a, b))
    return {old: new for old, new in pairs if old != new}


def natural(name: str) -> list[tuple[int, int, str]]:
    """A key for sorting: numbers by their value."""
    parts = re.findall(r"\d+|\D+", name)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def _modules(names: Sequence[str], shapes: Mapping[str, Shape]) -> list[list[Entry]]:
    """Names by the module that they are of, in order of its first."""
    found: dict[str, list[Entry]] = {}
    for name in names:
        module, _, own = name.rpartition(".")
        found.setdefault(module, []).append((module, own, shapes[name]))
    return list(found.values())


def _alike(one: Sequence[Entry], other: Sequence[Entry]) -> bool:
    """Whether two modules have the same tensors: by name, or where these differ by shapes that are all different."""
    by_name = {own: shape for _, own, shape in one} == {own: shape for _, own, shape in other}
    shapes = [shape for _, _, shape in one]
    return by_name or (shapes == [shape for _, _, shape in other] and len(set(shapes)) == len(shapes))


def _ascend(modules: Sequence[Sequence[Entry]]) -> bool:
    """Whether in every row of modules that are alike the names ascend."""
    for _, row in groupby(modules, key=lambda one: sorted((own, shape) for _, own, shape in one)):
        places = [natural(one[0][0]) for one in row]
        if places != sorted(places):
            return False
    return True


def _paired(one: Sequence[Entry], other: Sequence[Entry]) -> Iterator[tuple[str, str]]:
    by_name = {own: shape for _, own, shape in one} == {own: shape for _, own, shape in other}
    if by_name:
        other = sorted(other, key=lambda entry: [own for _, own, _ in one].index(entry[1]))
    for (module, own, _), (new_module, new_own, _) in zip(one, other, strict=True):
        yield f"{module}.{own}".lstrip("."), f"{new_module}.{new_own}".lstrip(".")
