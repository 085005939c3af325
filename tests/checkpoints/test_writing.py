"""Models back into files: names, tied tensors and buffers as the file had them."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from core.checkpoints.network_state import NetworkState
from core.checkpoints.opening import open_checkpoint
from core.checkpoints.writing import as_in_file, write_state
from core.specs.checkpoints import HowToRead
from tests.checkpoints.files import network, saved, state
from tests.checkpoints.test_names import Tied


def through(
    content: dict[str, Tensor], folder: Path, asked: NetworkState, suffix: str, **how: object
) -> dict[str, Tensor]:
    """A state dict read from a file and written back into another."""
    found = open_checkpoint(saved(content)(folder), HowToRead(**how), asked)  # type: ignore[arg-type]
    write_state(as_in_file(found.tensors, asked, found.record()), folder / f"back{suffix}", {"network": "own"})
    if suffix == ".safetensors":
        return dict(load_file(folder / "back.safetensors"))
    return dict(torch.load(folder / f"back{suffix}", weights_only=True))


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_network_s_own_module_takes_what_comes_back_with_every_tied_name_and_buffer(
    suffix: str, tmp_path: Path
) -> None:
    net = Tied()
    back = through(net.state_dict(), tmp_path, NetworkState.of(net), suffix)
    assert back.keys() == net.state_dict().keys()
    other = Tied()
    other.load_state_dict(back, strict=True)
    assert all(torch.equal(one, net.state_dict()[name]) for name, one in other.state_dict().items())


@pytest.mark.parametrize("name", ["embed.weight", "head.weight"])
def test_of_tied_names_those_come_back_that_the_file_had(name: str, tmp_path: Path) -> None:
    whole = Tied().state_dict()
    content = {key: one for key, one in whole.items() if not key.endswith("d.weight") or key == name}
    back = through(content, tmp_path, NetworkState.of(Tied()), ".safetensors")
    assert back.keys() == content.keys()
    assert torch.equal(back[name], whole[name])


def test_tied_tensors_stay_one_in_a_file_of_torch(tmp_path: Path) -> None:
    back = through(Tied().state_dict(), tmp_path, NetworkState.of(Tied()), ".pt")
    assert back["embed.weight"].data_ptr() == back["head.weight"].data_ptr()


def test_mapped_names_are_the_file_s_again_and_wrappers_stay_off(tmp_path: Path) -> None:
    content = {f"module.{name.replace('0.', 'first.').replace('2.', 'last.')}": one for name, one in state().items()}
    back = through(content, tmp_path, NetworkState.of(network()), ".pt", yes=True)
    assert list(back) == [name.removeprefix("module.") for name in content]
