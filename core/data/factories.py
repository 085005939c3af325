"""Data that a Python file of the user's own makes: run in workers and probes only, read twice, and kept.

What can't be had twice alike is refused: models trained on it could never be judged on the same data again.
"""

import random
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.code_files import pinned_source, run_source, sha256_of
from core.data.cache import read_cached, write_cached
from core.data.dataset import Say
from core.errors import UsageError, is_out_of_memory, sentence_of
from core.specs.own_data import DataFile

PARTS = ("train", "test")


def made_arrays(spec: DataFile, cache: Path, say: Say) -> tuple[Mapping[str, Tensor], str]:
    """The arrays that a file makes, and the key of its content, by which they are found again.

    Raises UsageError where the file has changed, fails, returns something else, or something else the second time.
    """
    source = pinned_source(spec)
    key = sha256(f"{sha256_of(source)} {spec.factory}".encode()).hexdigest()
    file = cache / f"made-{key[:32]}.safetensors"
    if (found := read_cached(file)) is not None:
        return found, key
    with _own_randomness(0):
        made = _arrays_of(spec, _returned(spec, source))
    with _own_randomness(1):
        _require_same(spec, made, _arrays_of(spec, _returned(spec, source)))
    write_cached(file, {name: one.clone() for name, one in made.items()}, say)  # parts may share memory
    return made, key


@contextmanager
def _own_randomness(seed: int) -> Iterator[None]:
    """Global generators begin with a seed, which differs between two readings, and are then as they were."""
    of_numpy, of_python = np.random.get_state(), random.getstate()
    with torch.random.fork_rng(devices=[]):
        try:
            torch.manual_seed(seed)
            np.random.seed(seed)
            random.seed(seed)
            yield
        finally:
            np.random.set_state(of_numpy)
            random.setstate(of_python)


def _returned(spec: DataFile, source: bytes) -> Any:
    factory = getattr(run_source(spec, source), spec.factory, None)
    if not callable(factory):
        raise UsageError(f"{spec.path} has no function {spec.factory} that could make the data.")
    try:
        with chdir(spec.path.parent):
            return factory()
    except (Exception, SystemExit) as error:
        raise _failed(spec, error) from error


def _failed(spec: DataFile, error: Exception | SystemExit) -> BaseException:
    if is_out_of_memory(error) or isinstance(error, UsageError):
        return error
    return UsageError(f"{spec.factory} of {spec.path} fails with {sentence_of(error)}.")


def _arrays_of(spec: DataFile, returned: Any) -> dict[str, Tensor]:
    """x and y of each part: of a pair (train, test), or of train alone."""
    pair = isinstance(returned, (tuple, list)) and len(returned) == 2 and not any(map(_is_array, returned))
    parts = returned if pair else [returned]
    found: dict[str, Tensor] = {}
    for part, one in zip(PARTS, parts, strict=False):
        if one is not None or part == "train":
            with chdir(spec.path.parent):
                found[f"x_{part}"], found[f"y_{part}"] = _read(spec, part, one)
    return found


def _is_array(one: object) -> bool:
    return isinstance(one, (Tensor, np.ndarray))


def _read(spec: DataFile, part: str, one: Any) -> tuple[Tensor, Tensor]:
    """Samples and targets of a pair (x, y) of arrays, or of a data set, every sample of which is asked for."""
    if isinstance(one, (tuple, list)) and len(one) == 2 and all(map(_is_array, one)):
        x, y = (_tensor(spec, f"{name} of its {part} part", array) for name, array in zip("xy", one, strict=True))
        return x.contiguous(), y.contiguous()
    if (
        not hasattr(one, "__len__")
        or not hasattr(one, "__getitem__")
        or isinstance(one, (str, bytes, tuple, list, dict))
    ):
        raise UsageError(
            f"{spec.factory} of {spec.path} returns {_kind(one)} as its {part} part: it must return the train and the "
            "test part, each a torch Dataset with a length or a pair (x, y) of tensors."
        )
    return _materialised(spec, part, one)


def _materialised(spec: DataFile, part: str, dataset: Any) -> tuple[Tensor, Tensor]:
    try:
        samples = [_pair(spec, part, i, dataset[i]) for i in range(len(dataset))]
        if not samples:
            raise UsageError(f"{spec.factory} of {spec.path} returns an empty {part} part.")
        return torch.stack([x for x, _ in samples]), torch.stack([y for _, y in samples])
    except Exception as error:
        raise _failed(spec, error) from error


def _pair(spec: DataFile, part: str, i: int, sample: Any) -> tuple[Tensor, Tensor]:
    if not isinstance(sample, (tuple, list)) or len(sample) != 2:
        raise UsageError(f"Sample {i} of the {part} part of {spec.path} is {_kind(sample)}, and must be a pair (x, y).")
    return _tensor(spec, f"x of its {part} sample {i}", sample[0]), _tensor(
        spec, f"y of its {part} sample {i}", sample[1]
    )


def _tensor(spec: DataFile, what: str, one: Any) -> Tensor:
    if isinstance(one, Tensor):
        if one.layout != torch.strided or one.is_meta or one.is_quantized or one.is_nested:
            raise UsageError(f"{spec.factory} of {spec.path}: {what} is sparse, nested, quantised or without values.")
        return one.detach().to("cpu")
    if isinstance(one, (np.ndarray, np.generic, int, float)) and not isinstance(one, bool):
        try:
            return torch.as_tensor(np.asarray(one) if isinstance(one, np.generic) else one)
        except TypeError as error:
            raise UsageError(f"{spec.factory} of {spec.path}: {what} is no array of numbers ({error}).") from None
    raise UsageError(
        f"{spec.factory} of {spec.path}: {what} is {_kind(one)}, and must be a tensor, an array or a number; an image "
        "becomes one by a transform such as torchvision's ToTensor or PILToTensor."
    )


def _kind(one: object) -> str:
    name = type(one).__name__
    return f"a {name} of {len(one)}" if isinstance(one, (tuple, list)) else f"an object of type {name}"


def _require_same(spec: DataFile, first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> None:
    for name, one in first.items():
        other = second.get(name)
        if other is None or one.shape != other.shape or one.dtype != other.dtype or not _same(one, other):
            raise UsageError(
                f"{spec.factory} of {spec.path} returns another {name} the second time: data must be the same whenever "
                "it is read, so leave random augmentation out, and draw what is random by a generator with a seed."
            )


def _same(one: Tensor, other: Tensor) -> bool:
    """Bit for bit, NaN included: what is odd about them is said later."""
    return torch.equal(one.contiguous().view(torch.uint8), other.contiguous().view(torch.uint8)) if one.dim() else True
