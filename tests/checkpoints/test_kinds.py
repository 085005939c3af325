"""Every kind of file that people have: it loads to the same bits, or one sentence says what it is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.checkpoints.network_state import NetworkState
from core.checkpoints.opened import Opened
from core.checkpoints.opening import open_checkpoint
from core.errors import UsageError
from core.specs.checkpoints import HowToRead
from tests.checkpoints.files import LOADED, REFUSED, exact, network, payloads, saved, state, written

STATE = NetworkState.of(network())


def opened(file: Path, **how: object) -> Opened:
    return open_checkpoint(file, HowToRead(**how), STATE)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", LOADED)
def test_weights_are_read_to_the_last_bit(kind: str, tmp_path: Path) -> None:
    found = opened(LOADED[kind](tmp_path))
    assert list(found.tensors) == list(STATE.parameters)
    for name, expected in state().items():
        assert torch.equal(found.tensors[name], expected.to(found.tensors[name].dtype)), name


@pytest.mark.parametrize("kind", REFUSED)
def test_what_holds_no_such_weights_is_refused_in_one_sentence(kind: str, tmp_path: Path) -> None:
    write, words = REFUSED[kind]
    file = write(tmp_path)
    with pytest.raises(UsageError, match=words) as refused:
        opened(file)
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    assert str(file) in sentence


def test_nothing_in_a_file_runs(tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    for kind, write in payloads(trace).items():
        file = write(tmp_path)
        with pytest.raises(UsageError, match=r"would run|plain pickle"):
            opened(file)
        assert not trace.exists(), kind
    torch.load(payloads(trace)["exec"](tmp_path), weights_only=False)
    assert trace.exists(), "it runs where it is let"


def test_classes_are_named_and_never_imported(tmp_path: Path) -> None:
    found = opened(LOADED["argparse namespace"](tmp_path))
    assert found.content.left_out == ("argparse.Namespace",)
    assert found.record()["classes"] == ["argparse.Namespace"]
    whole = opened(LOADED["whole module"](tmp_path))
    assert "torch.nn.modules.linear.Linear" in whole.content.left_out


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float8_e4m3fn, torch.float64])
def test_other_number_types_keep_their_values(dtype: torch.dtype, tmp_path: Path) -> None:
    found = opened(saved(lambda: exact(dtype))(tmp_path))
    assert found.dtypes == {str(dtype).removeprefix("torch."): 4}
    assert found.dtype == ("float64" if dtype == torch.float64 else "float32")
    for name, one in found.tensors.items():
        assert torch.equal(one.double(), exact(dtype)[name].double())


def test_averages_are_taken_only_when_they_are_asked_for(tmp_path: Path) -> None:
    file = LOADED["averages beside"](tmp_path)
    raw, averaged = opened(file), opened(file, ema=True)
    assert raw.choice.averaged == "model_ema"
    assert any("--ema takes them" in sentence for sentence in raw.sentences())
    assert averaged.record()["ema"] is True
    assert torch.equal(averaged.tensors["0.weight"], state(1)["0.weight"])
    with pytest.raises(UsageError, match="no averaged weights"):
        opened(LOADED["plain dict"](tmp_path), ema=True)


def test_a_key_says_which_of_two_networks_is_meant(tmp_path: Path) -> None:
    file = REFUSED["two networks"][0](tmp_path)
    assert torch.equal(opened(file, key="netB").tensors["0.weight"], state(1)["0.weight"])
    with pytest.raises(UsageError, match="no weights under the key 'netC': there are 'netA', 'netB'"):
        opened(file, key="netC")


def beside_one_another(one: str, other: str) -> Callable[[], object]:
    """Two networks' weights in one file, under names that are not the network's."""
    named = [{f"layer{name}": tensor for name, tensor in state(seed).items()} for seed in (0, 1)]
    return lambda: dict(zip((one, other), named, strict=True))


@pytest.mark.parametrize("how", [{"yes": True}, {"map": r"layer(.*)=\1"}])
def test_of_two_networks_under_other_names_none_is_taken_by_itself(how: dict[str, Any], tmp_path: Path) -> None:
    file = saved(beside_one_another("netA", "netB"))(tmp_path)
    with pytest.raises(UsageError, match="at 'netA' and 'netB': say which by --key"):
        opened(file, **how)
    assert torch.equal(opened(file, key="netB", **how).tensors["0.weight"], state(1)["0.weight"])


def test_averages_under_other_names_are_said_and_taken_when_they_are_asked_for(tmp_path: Path) -> None:
    file = saved(beside_one_another("model", "ema"))(tmp_path)
    raw, averaged = opened(file, yes=True), opened(file, yes=True, ema=True)
    assert raw.choice.averaged == "ema"
    assert torch.equal(raw.tensors["0.weight"], state()["0.weight"])
    assert torch.equal(averaged.tensors["0.weight"], state(1)["0.weight"])


@pytest.mark.parametrize("page", ["\ufeff<!DOCTYPE html><html>", "<!-- saved -->\n<html>", "<head></head>"])
def test_web_pages_are_told_however_they_begin(page: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a web page"):
        opened(written(page.encode())(tmp_path))


def test_what_was_found_is_recorded(tmp_path: Path) -> None:
    record = opened(LOADED["lightning"](tmp_path)).record()
    assert record | {"torch": ""} == {
        "file": str(tmp_path / "a.ckpt"),
        "format": "torch",
        "key": "state_dict",
        "prefix": "model.",
        "dtypes": {"float32": 4},
        "torch": "",
        "epoch": 3,
        "global_step": 12,
    }


def test_there_are_at_least_the_35_kinds_of_the_field() -> None:
    assert len(LOADED) + len(REFUSED) >= 35
