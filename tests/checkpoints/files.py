"""Files as people have them: 35 kinds that hold a network's weights in some way, and those that don't.

Each function writes one into a folder and returns its path. Those of `LOADED` hold the parameters of `network()`, bit
for bit; those of `REFUSED` are refused by a sentence with these words.
"""

import argparse
import collections
import json
import os
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Write = Callable[[Path], Path]
State = dict[str, Tensor]


def network(seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def state(seed: int = 0) -> State:
    return network(seed).state_dict()


def exact(dtype: torch.dtype) -> State:
    """Values that the number type holds, in it."""
    return {name: one.to(dtype) for name, one in state().items()}


def stepped() -> tuple[nn.Sequential, torch.optim.Optimizer]:
    """A network and its optimiser after a step, whose momentum is not the network's."""
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.0, momentum=0.9)
    net(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    return net, optimizer


def saved(content: Any, name: str = "a.pt", **options: Any) -> Write:
    def write(folder: Path) -> Path:
        torch.save(
            content() if callable(content) and not isinstance(content, nn.Module) else content, folder / name, **options
        )
        return folder / name

    return write


def written(content: bytes, name: str = "a.pt") -> Write:
    def write(folder: Path) -> Path:
        (folder / name).write_bytes(content)
        return folder / name

    return write


def prefixed(prefix: str, **beside: Tensor) -> State:
    return {**{prefix + name: one for name, one in state().items()}, **beside}


def histories() -> dict[str, list[float]]:
    found = collections.defaultdict(list)
    found["loss"].append(0.5)
    return found


class Custom(dict):  # type: ignore[type-arg]
    """A dict of somebody's own class."""


class Runs:
    """What a pickle can be made to do."""

    def __init__(self, function: Callable[..., object], *given: object) -> None:
        self.call = (function, given)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return self.call


def safetensors(folder: Path) -> Path:
    save_file(state(), folder / "a.safetensors")
    return folder / "a.safetensors"


def sharded(suffix: str) -> Write:
    def write(folder: Path) -> Path:
        places = {}
        for i, (name, one) in enumerate(state().items()):
            shard = f"model-{i}.{suffix}"
            places[name] = shard
            if suffix == "safetensors":
                save_file({name: one}, folder / shard)
            else:
                torch.save({name: one}, folder / shard)
        index = folder / f"model.{suffix}.index.json"
        index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
        return index

    return write


def hugging_face(folder: Path) -> Path:
    save_file(state(), folder / "model.safetensors")
    (folder / "config.json").write_text("{}")
    return folder


def compiled() -> State:
    return torch.compile(network()).state_dict()


def of_huge_storage() -> State:
    whole = torch.zeros(100_000)
    found: State = {}
    for place, (name, one) in enumerate(state().items()):
        view = whole[place * 1000 : place * 1000 + one.numel()].view(one.shape)
        found[name] = view.copy_(one)
    return found


def script(folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(network()), folder / "a.pt")
    return folder / "a.pt"


def exported(folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.save(torch.export.export(network(), (torch.ones(2, 3),)), folder / "a.pt2")
    return folder / "a.pt2"


def truncated(folder: Path) -> Path:
    torch.save(state(), folder / "a.pt")
    whole = (folder / "a.pt").read_bytes()
    (folder / "a.pt").write_bytes(whole[: len(whole) // 2])
    return folder / "a.pt"


def truncated_safetensors(folder: Path) -> Path:
    file = safetensors(folder)
    file.write_bytes(file.read_bytes()[:-8])
    return file


def deflated(folder: Path) -> Path:
    torch.save(state(), folder / "whole.pt")
    with (
        zipfile.ZipFile(folder / "whole.pt") as whole,
        zipfile.ZipFile(folder / "a.pt", "w", zipfile.ZIP_DEFLATED) as small,
    ):
        for name in whole.namelist():
            small.writestr(name, whole.read(name))
    return folder / "a.pt"


def quantised() -> State:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {name: torch.quantize_per_tensor(one, 0.1, 0, torch.qint8) for name, one in state().items()}


def with_nan() -> State:
    found = state()
    found["2.bias"] = torch.tensor([1.0, float("nan")])
    return found


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 123\n"

LOADED: dict[str, Write] = {
    "ordered dict": saved(lambda: collections.OrderedDict(state())),
    "plain dict": saved(lambda: dict(state())),
    "parameters": saved(lambda: dict(network().named_parameters())),
    "float64": saved(lambda: exact(torch.float64)),
    "averaged model": saved(lambda: AveragedModel(network()).state_dict()),
    "with optimiser": saved(
        lambda: {"model_state_dict": stepped()[0].state_dict(), "optimizer_state_dict": stepped()[1].state_dict()}
    ),
    "lightning": saved(
        lambda: {"state_dict": prefixed("model."), "epoch": 3, "global_step": 12, "hyper_parameters": {"lr": 0.1}},
        "a.ckpt",
    ),
    "legacy": saved(state, "a.pth", _use_new_zipfile_serialization=False),
    "legacy with a namespace": saved(
        lambda: {"state_dict": state(), "args": argparse.Namespace(lr=1)}, _use_new_zipfile_serialization=False
    ),
    "torch's own types": saved(
        lambda: {"state_dict": state(), "dtype": torch.float16, "device": torch.device("cpu"), "seen": {1, 2}}
    ),
    "argparse namespace": saved(lambda: {"state_dict": state(), "args": argparse.Namespace(model="r", lr=0.1)}),
    "path": saved(lambda: {"state_dict": state(), "output": Path("runs/1")}),
    "numpy scalar": saved(lambda: {"state_dict": state(), "best_acc": np.float64(0.93)}),
    "numpy array and random state": saved(
        lambda: {"state_dict": state(), "confusion": np.eye(3), "rng": np.random.RandomState(0).get_state()}
    ),
    "defaultdict": saved(lambda: {"state_dict": state(), "history": histories()}),
    "optimiser object": saved(lambda: {"model": stepped()[0].state_dict(), "optimizer": stepped()[1]}),
    "whole module": saved(network()),
    "whole module inside": saved(lambda: {"model": network(), "epoch": 2}),
    "data parallel": saved(lambda: nn.DataParallel(network()).state_dict(), "a.bin"),
    "compiled": saved(compiled),
    "compiled in data parallel": saved(lambda: {"state_dict": prefixed("module._orig_mod.")}),
    "data parallel in compiled": saved(lambda: {"state_dict": prefixed("_orig_mod.module.")}),
    "compiled parts": saved(lambda: {name.replace("0.", "0._orig_mod."): one for name, one in state().items()}),
    "a prefix of nobody's": saved(lambda: prefixed("my_net.")),
    "counters beside": saved(lambda: {**state(), "total_ops": torch.zeros(1), "total_params": torch.zeros(1)}),
    "gamma and beta": saved(
        lambda: {name.replace("weight", "gamma").replace("bias", "beta"): one for name, one in state().items()}
    ),
    "averages beside": saved(lambda: {"model": state(), "model_ema": state(1)}),
    "two names for the same": saved(lambda: {"model": (shared := state()), "copy": dict(shared)}),
    "views of a huge storage": saved(of_huge_storage),
    "safetensors": safetensors,
    "shards of safetensors": sharded("safetensors"),
    "shards of bin": sharded("bin"),
    "folder of Hugging Face": hugging_face,
}
REFUSED: dict[str, tuple[Write, str]] = {
    "nothing": (written(b""), "is empty: copy or download it again"),
    "text": (written(b"epoch 1 loss 0.5\n"), "is a text, not a checkpoint"),
    "web page": (written(b"\n<!DOCTYPE html><html>Sign in</html>"), "is a web page"),
    "pointer": (written(POINTER), "is a Git LFS pointer"),
    "gzip": (written(b"\x1f\x8b\x08\x00" + b"0" * 40), "compressed by gzip"),
    "HDF5": (written(b"\x89HDF\r\n\x1a\n" + b"0" * 40), "is an HDF5 file"),
    "GGUF": (written(b"GGUF\x03\x00\x00\x00"), "is a GGUF file"),
    "other bytes": (written(bytes(range(256))), "is no checkpoint that is known"),
    "JSON": (written(b'{"epoch": 3}'), "is JSON, not a checkpoint"),
    "truncated": (truncated, "breaks off or is damaged"),
    "truncated safetensors": (truncated_safetensors, "is damaged"),
    "raw pickle": (written(pickle.dumps({"a": 1})), "is a plain pickle"),
    "another protocol": (saved(state, pickle_protocol=4), "was pickled by another protocol"),
    "TorchScript": (script, "is a TorchScript program"),
    "torch.export": (exported, "is a program of torch.export"),
    "deflated": (deflated, "is compressed"),
    "somebody's dict": (
        saved(lambda: {"state_dict": state(), "history": Custom(loss=1)}),
        "Custom in 'history', which can't be read without running its code",
    ),
    "optimiser alone": (saved(stepped()[1].state_dict()), "the state of an optimiser alone"),
    "LoRA": (saved(lambda: {"0.lora_A.weight": torch.ones(1, 3)}), "LoRA parts"),
    "numbers": (saved({"epoch": 3, "loss": [0.5]}), "holds no tensors by name: its keys are epoch, loss"),
    "quantised": (saved(quantised), "0.weight .* is quantised"),
    "whole numbers": (saved(lambda: {name: one.to(torch.int8) for name, one in state().items()}), "is of int8"),
    "sparse": (saved(lambda: {name: one.to_sparse() for name, one in state().items()}), "is sparse or nested"),
    "meta": (saved(lambda: {name: one.to("meta") for name, one in state().items()}), "has no values"),
    "complex": (saved(lambda: {name: one.to(torch.complex64) for name, one in state().items()}), "is complex"),
    "NaN": (saved(with_nan), "2.bias .* holds NaN"),
    "two networks": (saved(lambda: {"netA": state(), "netB": state(1)}), "weights at 'netA' and 'netB': say which"),
    "another head": (saved(lambda: {**state(), "2.bias": torch.ones(3)}), "1 of another shape"),
    "a layer more": (saved(lambda: {**state(), "4.weight": torch.ones(2, 2)}), "1 too many"),
    "a layer less": (saved(lambda: {name: one for name, one in state().items() if name != "2.bias"}), "1 missing"),
    "a criterion beside": (saved(lambda: prefixed("model.", **{"criterion.weight": torch.ones(2)})), "1 too many"),
}


def payloads(trace: Path) -> dict[str, Write]:
    """Files that would leave a trace if anything in them ran."""
    command, code = f"touch {trace}", f"open({str(trace)!r}, 'w').close()"
    calls = {
        "os.system": Runs(os.system, command),
        "exec": Runs(exec, code),
        "open": Runs(open, str(trace), "w"),
        "eval": Runs(eval, code),
    }
    whole = {name: saved(lambda call=call: {"state_dict": state(), "note": call}) for name, call in calls.items()}
    legacy = {
        f"{name}, legacy": saved(
            lambda call=call: {"state_dict": state(), "note": call}, _use_new_zipfile_serialization=False
        )
        for name, call in calls.items()
    }
    raw = {f"{name}, raw": written(pickle.dumps(call, protocol=2)) for name, call in calls.items()}
    return {**whole, **legacy, **raw}
