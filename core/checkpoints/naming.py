"""The network's names in a checkpoint: without what wrappers put before them, and as a map says."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.checkpoints.candidates import COUNTER
from core.checkpoints.network_state import Shape
from core.errors import UsageError
from core.specs.checkpoints import is_file

#: What wrappers put before the names of what they wrap: DDP, torch.compile, FSDP.
WRAPPERS = ("module.", "_orig_mod.", "_forward_module.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")
#: And what trainers call a network.
PREFIXES = (*WRAPPERS, "model.", "net.", "network.", "backbone.", "encoder.", "student.")
WITHIN = ("_orig_mod.", "_fsdp_wrapped_module.", "_checkpoint_wrapped_module.")  # also of parts of a network
FORMER = ((".gamma", ".weight"), (".beta", ".bias"))  # as TensorFlow called them
COUNTERS = (COUNTER,)


@dataclass(frozen=True)
class Naming:
    """Keys of a checkpoint by the names that they have without `prefix`, and otherwise `changed`."""

    keys: Mapping[str, str]
    prefix: str = ""
    changed: tuple[str, ...] = ()

    def score(self, shapes: Mapping[str, Shape], wanted: Mapping[str, Shape]) -> int:
        """How many have a name and a shape that are wanted."""
        return sum(wanted.get(name) == shapes[key] for name, key in self.keys.items())

    def left_out(self, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
        """What has no name here, but for counters."""
        known = set(self.keys.values())
        return {key: shape for key, shape in shapes.items() if key not in known and key not in COUNTERS}


def best_naming(shapes: Mapping[str, Shape], wanted: Mapping[str, Shape]) -> Naming:
    """Of all namings the one with the most wanted names, and of these the one that changes the least.

    Where none has any, all names are others: those without what wrappers put before them.
    """
    best = max(namings(shapes), key=lambda one: one.score(shapes, wanted))
    if not best.score(shapes, wanted):
        while (begin := _beginning(best)) in WRAPPERS:
            best = _without(best, str(begin))
    return best


def namings(keys: Mapping[str, Shape]) -> Iterator[Naming]:
    """Every way to read the names of a checkpoint, those that change less first."""
    chain = [Naming({key: key for key in keys})]
    while (begin := _beginning(chain[-1])) is not None:
        chain.append(_without(chain[-1], begin))
    chain += [_without(one, prefix) for one in chain for prefix in PREFIXES if _has_some(one, prefix)]
    yield from chain
    for one in chain:
        yield from _changed(one)


def stripped(keys: Mapping[str, Shape], prefix: str, file: Path) -> Naming:
    """The names that begin with a prefix, without it. Raises UsageError where none does."""
    naming = _without(Naming({key: key for key in keys}), prefix)
    if not naming.keys:
        shown = ", ".join(list(keys)[:3])
        raise UsageError(f"No name in {file} begins with {prefix}, which is to be stripped: its names are {shown}, ...")
    return naming


def _beginning(naming: Naming) -> str | None:
    """The part up to the first dot, where all names share it."""
    names = [name for name in naming.keys if name not in COUNTERS]
    begins = {name.partition(".")[0] for name in names}
    return f"{begins.pop()}." if len(begins) == 1 and all("." in name for name in names) else None


def _has_some(naming: Naming, prefix: str) -> bool:
    return any(name.startswith(prefix) for name in naming.keys)


def _without(naming: Naming, prefix: str) -> Naming:
    begun = {name: key for name, key in naming.keys.items() if name.startswith(prefix)}
    return Naming({name.removeprefix(prefix): key for name, key in begun.items()}, naming.prefix + prefix)


def _changed(naming: Naming) -> Iterator[Naming]:
    """The same without wrappers of parts, and with the names of today."""
    for change, what in ((_unwrapped, "wrappers within names"), (_renamed, "gamma, beta to weight, bias")):
        keys = {change(name): key for name, key in naming.keys.items()}
        if keys != naming.keys and len(keys) == len(naming.keys):
            yield Naming(keys, naming.prefix, (what,))


def _unwrapped(name: str) -> str:
    for wrapper in WITHIN:
        name = name.replace(wrapper, "")
    return name


def _renamed(name: str) -> str:
    for old, new in FORMER:
        name = name.removesuffix(old) + new if name.endswith(old) else name
    return name


def read_map(text: str) -> dict[str, str]:
    """New names by old ones, or by patterns of them. Raises UsageError."""
    if not is_file(text):
        return dict(pair.split("=", 1) for pair in text.split())
    try:
        found = json.loads(Path(text).read_text())
    except (OSError, ValueError) as error:
        raise UsageError(f"The map {text} can't be read: {error}.") from None
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise UsageError(f"The map {text} must be one JSON object of names: {{'old': 'new', ...}}.")
    return found


def mapped(naming: Naming, pairs: Mapping[str, str], file: Path) -> tuple[Naming, dict[str, str]]:
    """The naming with some names changed, and which were. Raises UsageError for a pair that changes none."""
    changes: dict[str, str] = {}
    for old, new in pairs.items():
        found = {name: new for name, key in naming.keys.items() if old in (name, key)} or _by_pattern(naming, old, new)
        if not found:
            raise UsageError(f"No name in {file} is {old}, which is to become {new}: {_some(naming)}.")
        changes |= found
    keys = {changes.get(name, name): key for name, key in naming.keys.items()}
    if len(keys) < len(naming.keys):
        raise UsageError(f"Two names of {file} would become one by this map: map each to a name of its own.")
    return Naming(keys, naming.prefix, naming.changed), changes


def _by_pattern(naming: Naming, old: str, new: str) -> dict[str, str]:
    try:
        pattern = re.compile(old)
        return {name: match.expand(new) for name in naming.keys if (match := pattern.fullmatch(name))}
    except (re.error, IndexError):
        raise UsageError(f"map: {old}={new} is neither a name nor a pattern with its replacement.") from None


def _some(naming: Naming) -> str:
    return f"its names are {', '.join(list(naming.keys)[:3])}, ..."
