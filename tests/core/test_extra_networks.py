"""Networks of packages that Thalweg is installed without: timm and transformers."""

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch

from core.errors import UsageError
from core.networks.architectures import build
from core.specs.networks import read_network

VIT = {
    "model_type": "vit",
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": 8,
    "patch_size": 4,
    "num_channels": 1,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(VIT))
    return tmp_path


@pytest.mark.parametrize(("package", "text"), [("timm", "timm:resnet10t"), ("transformers", "hf:somewhere")])
def test_a_package_that_is_not_installed_is_named_with_the_extra(package: str, text: str) -> None:
    if find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    with pytest.raises(UsageError, match=rf"needs the package {package}.*install thalweg\[{text.partition(':')[0]}\]"):
        build(read_network(text), (1, 8, 8), 10)


def test_a_network_of_timm_is_made_for_its_data() -> None:
    pytest.importorskip("timm", reason="timm is not installed")
    made = build(read_network("timm:resnet10t"), (1, 32, 32), 7)
    assert made.module(torch.zeros(2, 1, 32, 32)).shape == (2, 7)
    assert not torch.equal(made.initial(0, torch.float32), made.initial(1, torch.float32))
    with pytest.raises(UsageError, match="Did you mean 'resnet10t'"):
        build(read_network("timm:resnet10"), (1, 32, 32), 7)


def test_a_folder_that_describes_a_classifier_makes_it_under_its_own_names(folder: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    made = build(read_network(f"hf:{folder}"), (1, 8, 8), 5)
    assert made.module(torch.zeros(2, 1, 8, 8)).shape == (2, 5)
    config = transformers.AutoConfig.from_pretrained(folder, num_labels=5)
    plain = transformers.AutoModelForImageClassification.from_config(config)
    assert list(made.module.state_dict()) == list(plain.state_dict())


def test_a_folder_without_a_description_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    with pytest.raises(UsageError, match=r"no config\.json in this folder"):
        build(read_network(f"hf:{tmp_path}"), (1, 8, 8), 5)


def test_code_that_a_folder_brings_is_not_run(folder: Path) -> None:
    pytest.importorskip("transformers", reason="transformers is not installed")
    brought = {"auto_map": {"AutoConfig": "code.C", "AutoModelForImageClassification": "code.M"}, "model_type": "own"}
    (folder / "config.json").write_text(json.dumps(brought))
    (folder / "code.py").write_text(f"open({str(folder / 'ran')!r}, 'w')\n")
    with pytest.raises(UsageError, match=r"config\.json can't be read"):
        build(read_network(f"hf:{folder}"), (1, 8, 8), 5)
    assert not (folder / "ran").exists()
