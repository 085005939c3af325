"""A file's content as plain values and tensors, which lie in the file itself as long as nobody copies them."""

import hashlib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals
from torch.utils import _pytree

from core.checkpoints.kinds import AGAIN, RESAVE, Kind, kind_of
from core.checkpoints.pickles import names_in
from core.checkpoints.shards import shards_of, weights_in
from core.checkpoints.stand_ins import require_data, stand_ins
from core.errors import UsageError, is_out_of_memory, sentence_of
from core.files import amount

Stamp = tuple[int, ...]


def stamp_of(file: Path) -> Stamp | None:
    """Which file it is, its size and its times; None where there is none."""
    try:
        about = file.stat()
    except OSError:
        return None
    return (about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns, about.st_ctime_ns)


@dataclass(frozen=True)
class Content:
    """What a checkpoint holds: of which files, each as it was before it was read, and the classes left out."""

    file: Path
    kind: Kind
    tree: object
    files: Mapping[Path, Stamp | None]
    left_out: tuple[str, ...] = ()

    def require_unchanged(self) -> None:
        """Raise UsageError where a file is not what it was: tensors lie in it, and may be of two trainings' steps."""
        if changed := [file for file, stamp in self.files.items() if stamp_of(file) != stamp]:
            raise UsageError(f"{changed[0]} has changed while it was read: import it again once it is whole.")


def read(path: Path) -> Content:
    """A checkpoint's content; of a folder that of the weights in it. Raises UsageError where there is none."""
    file = weights_in(path) if path.is_dir() else path
    files = {file: stamp_of(file)}
    kind = kind_of(file)
    if kind is Kind.INDEX:
        shards = shards_of(file)
        files |= {shard: stamp_of(shard) for shard in shards}
        tensors: dict[str, object] = {}
        for shard, names in shards.items():
            tensors |= _shard(shard, names, file)
        return Content(file, kind, tensors, files)
    if kind is Kind.SAFETENSORS:
        return Content(file, kind, _safetensors(file), files)
    tree, left_out = _torch(file, legacy=kind is Kind.LEGACY)
    return Content(file, kind, tree, files, left_out)


def sha256_of(file: Path) -> str:
    """Of a file's content, hexadecimal."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _shard(shard: Path, names: tuple[str, ...], index: Path) -> dict[str, Tensor]:
    """The tensors that an index places in a shard. Raises UsageError."""
    kind = kind_of(shard)
    tree = _safetensors(shard) if kind is Kind.SAFETENSORS else _torch(shard, legacy=kind is Kind.LEGACY)[0]
    held = tree if isinstance(tree, dict) else {}
    if missing := [name for name in names if not isinstance(held.get(name), Tensor)]:
        raise UsageError(f"{shard} has no tensor {missing[0]}, which {index.name} places there: download both again.")
    return {name: held[name] for name in names}


def _safetensors(file: Path) -> dict[str, Tensor]:
    try:
        with safe_open(file, framework="pt") as opened:
            return {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - it is no dict
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise UsageError(f"{file} is a safetensors file that is damaged ({sentence_of(error)}): {AGAIN}.") from None


def _torch(file: Path, *, legacy: bool) -> tuple[object, tuple[str, ...]]:
    """What torch.save has written, and the classes in it that stand-ins were taken for."""
    with _translated(file):
        names = _unsafe_names(file, legacy=legacy)
        require_data(names, file)
        with safe_globals(stand_ins(names)), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if not legacy:
                return torch.load(file, map_location="cpu", weights_only=True, mmap=True), names
            require_room(file)
            return torch.load(file, map_location="cpu", weights_only=True), names
    raise AssertionError("unreachable")


def _unsafe_names(file: Path, *, legacy: bool) -> tuple[str, ...]:
    """Full names of what a file wants to be loaded and torch refuses."""
    if not legacy:
        return tuple(sorted(get_unsafe_globals_in_checkpoint(file)))
    allowed = torch._weights_only_unpickler._get_allowed_globals()
    return tuple(sorted(set(names_in(file)) - set(allowed)))


def require_room(file: Path) -> None:
    """Raise UsageError where a legacy file claims tensors larger than itself: torch would make room for them first."""
    with FakeTensorMode():
        tree = torch.load(file, weights_only=True)
    tensors = [one for one in _pytree.tree_leaves(tree) if isinstance(one, Tensor)]
    storages = {id(one.untyped_storage()): one.untyped_storage().nbytes() for one in tensors}
    if (claimed := sum(storages.values())) > (size := file.stat().st_size):
        raise UsageError(f"{file} has {amount(size)} and speaks of tensors of {amount(claimed)}: {AGAIN}.")


@contextmanager
def _translated(file: Path) -> Iterator[None]:
    """Turn what torch says of a file that it can't read into one sentence."""
    try:
        yield
    except UsageError:
        raise
    except UnpicklingError as error:
        raise UsageError(_refused(file, str(error))) from None
    except (EOFError, RuntimeError, KeyError, ValueError, OSError, AttributeError, TypeError, IndexError) as error:
        if is_out_of_memory(error):
            raise
        raise UsageError(f"{file} breaks off or is damaged ({sentence_of(error)}): {AGAIN}.") from None


def _refused(file: Path, why: str) -> str:
    """The sentence for what torch's unpickler refuses."""
    if "is blocked" in why:
        return f"{file} would run code when it is unpickled, and is not read: take the weights from somewhere else."
    if "Unsupported operand" in why:
        return f"{file} was pickled by another protocol than torch's own: {RESAVE}."
    if "persistent_load" in why:
        return f"{file} is a whole module in torch's format of before 2020, which names its source: {RESAVE}."
    own = _to_blame(file)
    culprit = next((name for name in own if name in why), None) or next(reversed(own), "a class")
    key = own.get(culprit, "")
    where = f" in {key!r}" if key else ""
    kept = f"{{k: v for k, v in torch.load({file.name!r}, weights_only=False).items() if k != {key!r}}}"
    return (
        f"{file} holds an object of {culprit}{where}, which can't be read without running its code: where you trust "
        f"the file, write it without that, torch.save({kept}, 'plain.pt'), and import plain.pt."
    )


def _to_blame(file: Path) -> dict[str, str]:
    """The classes that a file names and torch doesn't know, with the key before each; those of torch come first."""
    try:
        named = names_in(file)
    except (ValueError, EOFError):
        return {}
    known = torch._weights_only_unpickler._get_allowed_globals()
    own = [name for name in named if name not in known]
    return {name: named[name] for name in sorted(own, key=lambda name: not name.startswith("torch."))}
