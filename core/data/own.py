"""Data sets of the user's own in arrays, from a file that holds them or from one that makes them."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import torch
from torch import Tensor

from core.data.arrays import is_large, read_arrays
from core.data.cache import delete_others, read_cached, write_cached
from core.data.dataset import Dataset, Say, Split
from core.data.factories import made_arrays
from core.data.files import array_files
from core.data.own_arrays import Checked, checked, splits
from core.data.reading import Reading
from core.data.sampling import limit_samples
from core.data.stamps import stamp_of
from core.errors import UsageError
from core.specs.data import Folder
from core.specs.own_data import Arrays, Constants, DataFile, Tensors

CHECKING = 1  # the way in which numbers are checked: what an earlier one has found out is not relied on
BYTES = 255.0


def load_own(spec: Arrays, cache: Path, say: Say) -> Dataset:
    """The data set of arrays that `spec` names. Raises UsageError where it is not one."""
    key: str | None
    if isinstance(spec, DataFile):
        where, name = f"What {spec.factory} of {spec.path} returns", spec.short_text
        arrays, key = made_arrays(spec, cache, say)
        mapped = is_large(sum(one.nbytes for one in arrays.values()))
    else:
        assert isinstance(spec, Tensors)
        where, name, files = spec.path, str(spec), array_files(Path(spec.path))
        if not files:
            holding = "an .npz or .safetensors file, or a folder of .npy files, that holds the arrays"
            raise UsageError(f"There is no file {spec.path}: give {holding}.")
        before = stamp_of(files)
        arrays, others, mapped = read_arrays(Path(spec.path))
        key = before if before == stamp_of(files) else None
        if others:
            say(f"arrays of other names, left out: {', '.join(others)}")
    return _dataset(spec, name, _checked_once(where, splits(where, arrays), cache, key, say), mapped)


def _dataset(spec: Arrays, name: str, found: Checked, mapped: bool) -> Dataset:
    reading = reading_of(spec, found.train, mapped)
    train, test = (one and replace(one, reading=reading) for one in (found.train, found.test))
    assert train is not None
    content = f"{found.sha256} {reading.facts}"
    if spec.limit is not None:
        train = limit_samples(train, spec.limit, spec.seed)
        content += f" limit={spec.limit} seed={spec.seed}"
    return Dataset(name, train, test, found.classes, content=content)


def _checked_once(where: str, found: Mapping[str, Split], cache: Path, key: str | None, say: Say) -> Checked:
    """What `checked` says, kept under a key of the content where there is one."""
    if key is None:
        return checked(where, found)
    family = "arrays-" + sha256(where.encode()).hexdigest()[:16]
    file = cache / f"{family}-{sha256(f'{CHECKING} {key}'.encode()).hexdigest()[:32]}.safetensors"
    if (known := read_cached(file)) is not None and {"classes", "sha256"} <= known.keys():
        classes = int(known["classes"]) or None
        return Checked(found["train"], found.get("test"), classes, bytes(known["sha256"].tolist()).hex())
    new = checked(where, found)
    facts = {"classes": torch.tensor(new.classes or 0), "sha256": torch.tensor(list(bytes.fromhex(new.sha256)))}
    write_cached(file, facts, say)
    delete_others(cache, family, file)
    return new


def normalised(spec: Folder, data: Dataset) -> Dataset:
    """Images as they are, from 0 to 255, with the reading that `mean` and `std` ask for."""
    mean, std = (per_channel(str(spec), one, data.train.shape) for one in spec.normalisation)
    reading = Reading(BYTES, mean, std)
    train, test = (one and replace(one, reading=reading) for one in (data.train, data.test))
    assert train is not None
    return replace(data, train=train, test=test)


def reading_of(spec: Arrays, train: Split, mapped: bool) -> Reading:
    """How samples are read: bytes are divided by 255 where nothing else is said."""
    usual = BYTES if train.stored.dtype == torch.uint8 else 1.0
    mean, std = (per_channel(str(spec), one, train.shape) for one in spec.normalisation)
    return Reading(usual if spec.scale is None else spec.scale, mean, std, mapped)


def per_channel(name: str, constants: Constants, shape: tuple[int, ...]) -> Tensor | None:
    """Constants (C, 1, ...) for samples of a shape, one for each of the first axis. Raises UsageError."""
    if len(constants) > 1 and len(constants) != shape[0]:
        size = "x".join(map(str, shape))
        raise UsageError(
            f"{name}: mean and std have {len(constants)} numbers, and samples of {size} have {shape[0]} channels: give "
            "one number for all of them or one for each; channels come first."
        )
    return torch.tensor(constants, dtype=torch.float64).view(-1, *[1] * (len(shape) - 1)) if constants else None
