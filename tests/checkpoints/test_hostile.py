"""Files made to do harm: nothing is read outside their folder, no memory is taken that they don't fill."""

import json
import os
import pickle
import resource
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.checkpoints.network_state import NetworkState
from core.checkpoints.opening import open_checkpoint
from core.checkpoints.stand_ins import is_code
from core.errors import KeysError, UsageError
from core.specs.checkpoints import HowToRead
from tests.checkpoints.files import network, saved, sharded, state

STATE = NetworkState.of(network())
HUGE, LONG = 1 << 40, 1 << 20  # numbers


def refusal(file: Path) -> str:
    with pytest.raises(UsageError) as refused:
        open_checkpoint(file, HowToRead(), STATE)
    return str(refused.value)


@pytest.mark.parametrize(
    "place", ["../secret.safetensors", "/etc/passwd", "linked.safetensors", "folder/a.safetensors"]
)
def test_an_index_never_leads_out_of_its_folder(place: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "folder").mkdir(parents=True)
    save_file(state(), tmp_path / "secret.safetensors")
    save_file(state(), folder / "folder" / "a.safetensors")
    (folder / "linked.safetensors").symlink_to(tmp_path / "secret.safetensors")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": dict.fromkeys(state(), place)}))
    assert f"leads out of its folder, to {place}" in refusal(index)


@pytest.mark.parametrize("place", ["a\0b", "x" * 5000, "\ud800", "..", "model.safetensors.index.json/.."])
def test_an_index_that_names_what_no_file_is_called_is_refused(place: str, tmp_path: Path) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": dict.fromkeys(state(), place)}))
    said = refusal(index)
    assert "leads out of its folder" in said
    assert len(said) < 1000


def test_an_index_may_be_reached_by_a_link_and_its_shards_are_beside_it(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    index = sharded("safetensors")(tmp_path / "store")
    (tmp_path / "link.index.json").symlink_to(index)
    found = open_checkpoint(tmp_path / "link.index.json", HowToRead(), STATE)
    assert torch.equal(found.tensors["0.weight"], state()["0.weight"])


def test_an_index_of_files_that_are_missing_says_which(tmp_path: Path) -> None:
    index = sharded("safetensors")(tmp_path)
    (tmp_path / "model-1.safetensors").unlink()
    assert "names model-1.safetensors, which is not beside it" in refusal(index)


def test_a_legacy_file_that_speaks_of_more_than_it_holds_takes_no_memory(tmp_path: Path) -> None:
    file = saved(state, _use_new_zipfile_serialization=False)(tmp_path)
    whole = file.read_bytes()
    twelve = b"K\x0cN"  # the number of values in the storage of 0.weight, then None
    assert whole.count(twelve) == 1
    file.write_bytes(whole.replace(twelve, b"\x8a\x06" + HUGE.to_bytes(6, "little") + b"N"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "speaks of tensors of" in refusal(file)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_a_view_that_repeats_one_number_without_end_is_compared_by_its_shape_alone(tmp_path: Path) -> None:
    file = saved(lambda: {**state(), "0.weight": torch.zeros(1).expand(LONG, LONG)})(tmp_path)
    with pytest.raises(KeysError) as refused:
        open_checkpoint(file, HowToRead(), STATE)
    assert refused.value.rows == (("0.weight", f"{LONG}x{LONG}", "4x3"),)


@pytest.mark.parametrize("length", [100, 99_000_000, 1 << 62])
def test_a_header_longer_than_its_file_is_refused(length: int, tmp_path: Path) -> None:
    file = tmp_path / "a.safetensors"
    file.write_bytes(struct.pack("<Q", length) + b'{"a":1}')
    assert "breaks off" in refusal(file) or "no checkpoint that is known" in refusal(file)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.pt")
    assert "not a regular file" in refusal(tmp_path / "a.pt")


def test_dicts_within_themselves_end(tmp_path: Path) -> None:
    rings: dict[str, object] = {}
    rings["again"] = rings
    assert "holds no tensors by name" in refusal(saved(rings)(tmp_path))


@pytest.mark.parametrize(
    "name", ["os.system", "posix.system", "builtins.eval", "builtins.getattr", "subprocess.Popen", "runpy.run_path"]
)
def test_code_is_told_from_data(name: str) -> None:
    assert is_code(name)


@pytest.mark.parametrize(
    "name", ["argparse.Namespace", "builtins.dict", "types.SimpleNamespace", "pathlib.PosixPath", "my.Config"]
)
def test_data_is_told_from_code(name: str) -> None:
    assert not is_code(name)


def test_the_stream_behind_a_legacy_file_s_first_pickles_is_never_obeyed(tmp_path: Path) -> None:
    """A second pickle with code, where torch expects the storages' names."""

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (os.mkdir, (str(tmp_path / "trace"),))

    file = saved(state, _use_new_zipfile_serialization=False)(tmp_path)
    file.write_bytes(file.read_bytes()[:-120] + pickle.dumps(Evil(), protocol=2))
    refusal(file)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize("name", ["model.safetensors.index.json", "model-1.safetensors"])
def test_a_file_that_has_changed_since_it_was_opened_is_noticed(name: str, tmp_path: Path) -> None:
    content = open_checkpoint(sharded("safetensors")(tmp_path), HowToRead(), STATE).content
    content.require_unchanged()
    (tmp_path / "new").write_bytes((tmp_path / name).read_bytes())
    (tmp_path / "new").rename(tmp_path / name)
    with pytest.raises(UsageError, match=f"{name} has changed while it was read"):
        content.require_unchanged()
