"""How a grid is written: each of its values as one tensor (float64) over the axes, NaN where nothing was measured.

The file's header, as JSON: the title, the axes, and the names of the values in their order. With numpy alone, so that
whoever reads a grid needs no torch.
"""

from math import isnan
from pathlib import Path

import msgspec
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from core.errors import UsageError
from core.grid import Axis, Grid, Value

FORMAT = "thalweg-grid-1"


class Header(msgspec.Struct, frozen=True):
    """What a file says of its tensors."""

    title: str
    axes: tuple[Axis, ...]
    names: tuple[str, ...]


def save(grid: Grid, file: Path) -> None:
    """Write a grid whose values are numbers as safetensors."""
    shape = tuple(len(axis.ticks) for axis in grid.axes)
    tensors = {name: _tensor(values).reshape(shape) for name, values in grid.values.items()}
    header = msgspec.json.encode(Header(grid.title, grid.axes, tuple(grid.values)))
    save_file(tensors, file, metadata={"format": FORMAT, "grid": header.decode()})


def _tensor(values: tuple[Value, ...]) -> np.ndarray:
    assert not any(isinstance(one, str) for one in values)
    return np.array([np.nan if one is None else one for one in values], dtype=np.float64)


def load(file: Path) -> Grid:
    """The inverse of `save`. Raises UsageError where the file is no grid."""
    try:
        with safe_open(str(file), "np") as opened:
            metadata = opened.metadata() or {}
            if metadata["format"] != FORMAT:
                raise ValueError(f"its format is {metadata['format']}, not {FORMAT}")
            header = msgspec.json.decode(metadata["grid"], type=Header)
            shape = tuple(len(axis.ticks) for axis in header.axes)
            values = {name: _values(opened.get_tensor(name), shape) for name in header.names}
    except KeyError as error:
        raise UsageError(f"{file} can't be read as a grid: it lacks {error}.") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise UsageError(f"{file} can't be read as a grid: {str(error).rstrip('.')}.") from None
    return Grid(header.title, header.axes, values)


def _values(tensor: np.ndarray, shape: tuple[int, ...]) -> tuple[Value, ...]:
    if tensor.shape != shape:
        raise ValueError(f"a tensor has the shape {tensor.shape}, the axes {shape}")
    return tuple(None if isnan(one) else one for one in tensor.astype(np.float64).ravel().tolist())
