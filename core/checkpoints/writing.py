"""A model back into a file, under the names that it had in the one that it is from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from core.checkpoints.network_state import NetworkState
from core.files import write_whole


def as_in_file(tensors: Mapping[str, Tensor], state: NetworkState, source: Mapping[str, Any]) -> dict[str, Tensor]:
    """A network's state by the file's names, in its order; `source` is what was recorded of the file, {} of none.

    Names that differed are the file's again; a tensor that the network has under several names is there under those
    that the file had. Prefixes of wrappers are not put back: the network itself reads it.
    """
    back = {new: old for old, new in source.get("map", {}).items()}
    tied = source.get("tied", {})
    found: dict[str, Tensor] = {}
    for name in state.names:
        first = state.tied.get(name, name)
        if name in tied.get(first, [name]):
            found[back.get(name, name)] = tensors[first]
    return found


def write_state(state: Mapping[str, Tensor], file: Path, metadata: Mapping[str, str]) -> None:
    """As safetensors, or as torch.save writes it, by the file's suffix; there whole or not at all."""
    if file.suffix == ".safetensors":
        whole = torch.contiguous_format  # and no two in one memory
        own = {name: one.clone(memory_format=whole) for name, one in state.items()}
        write_whole(file, lambda draft: save_file(own, draft, metadata=dict(metadata)))
        return
    copies = {id(one): one.clone() for one in state.values()}  # without what else a storage holds; tied ones stay one
    write_whole(file, lambda draft: torch.save({name: copies[id(one)] for name, one in state.items()}, draft))
