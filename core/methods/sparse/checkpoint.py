"""The subnetworks found so far, in a file from which a relaunched or restarted run resumes."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path as File

import msgspec
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from core.files import write_whole
from core.methods.method import Task
from core.specs.methods import Sparse
from core.subnetworks import Subnetwork, Weights

FORMAT = "thalweg-subnetworks-1"
Key = tuple[str, str, int]  # sizes of the kept sets, model (a or b), level


@dataclass
class Store:
    """Subnetworks by key; `request` says with which options they were found, `same` whether these are today's."""

    ends: str
    request: str
    same: bool = True
    found: dict[Key, Subnetwork] = field(default_factory=dict)

    @classmethod
    def of(cls, options: Sparse, task: Task) -> "Store":
        """What the run to resume from left; empty if there is none, or if it joined other models."""
        digest = sha256()
        for theta in (task.a, task.b):
            digest.update(theta.detach().cpu().contiguous().numpy().tobytes())
        ends, request = digest.hexdigest(), f"{task.seed} {msgspec.json.encode(options).decode()}"
        if task.reporter.left is not None:
            try:
                header, tensors = _read(task.reporter.left)
                if header["ends"] == ends:
                    return cls(ends, request, header["asked"] == request, _subnetworks(header, tensors, task.a))
            except (SafetensorError, OSError, ValueError, KeyError, TypeError):
                pass  # no such file: begin anew
        return cls(ends, request)

    def of_model(self, sizes: str, name: str) -> dict[int, Subnetwork]:
        """By level."""
        return {key[2]: one for key, one in self.found.items() if key[:2] == (sizes, name)}

    def save(self, file: File) -> None:
        """Write one safetensors file that has its name from the moment it is whole."""
        tensors: dict[str, Tensor] = {}
        entries = []
        for i, (key, one) in enumerate(self.found.items()):
            entries.append([*key, one.loss, one.weights.depth])
            named = {"kept": one.kept, "reads": one.reads}
            named |= {f"W{k}": W for k, W in enumerate(one.weights.W)}
            named |= {f"b{k}": b for k, b in enumerate(one.weights.b)}
            tensors |= {f"{i}.{name}": t.contiguous().cpu() for name, t in named.items() if t is not None}
        header = {"ends": self.ends, "asked": self.request, "entries": entries}
        metadata = {"format": FORMAT, "subnetworks": json.dumps(header)}
        write_whole(file, lambda draft: save_file(tensors, draft, metadata=metadata))


def _read(file: File) -> tuple[dict[str, object], dict[str, Tensor]]:
    with safe_open(str(file), "pt") as opened:
        metadata = opened.metadata() or {}
        if metadata.get("format") != FORMAT:
            raise ValueError(metadata.get("format"))
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    return json.loads(metadata["subnetworks"]), tensors


def _subnetworks(header: dict[str, object], tensors: dict[str, Tensor], like: Tensor) -> dict[Key, Subnetwork]:
    entries = header["entries"]
    if not isinstance(entries, list):
        raise TypeError(entries)
    found = {}
    for i, (sizes, name, level, loss, depth) in enumerate(entries):
        W = tuple(tensors[f"{i}.W{k}"].to(like) for k in range(depth))
        b = tuple(None if (one := tensors.get(f"{i}.b{k}")) is None else one.to(like) for k in range(depth))
        kept, reads = (_moved(tensors.get(f"{i}.{what}"), like.device) for what in ("kept", "reads"))
        found[sizes, name, level] = Subnetwork(level, kept, reads, Weights(W, b), loss)
    return found


def _moved(numbers: Tensor | None, device: torch.device) -> Tensor | None:
    return None if numbers is None else numbers.to(device)
