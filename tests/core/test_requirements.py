"""What a network of one's own may not be: each kind refused for its reason, before anything is trained."""

import re
from hashlib import sha256
from pathlib import Path

import pytest
import torch

from core.errors import UsageError, is_out_of_memory
from core.networks.architectures import Architecture, build
from core.specs.networks import read_network

HEAD = """
import random, time
import numpy as np
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(4, 8), nn.Linear(8, 10)
        self.more()

    def more(self): pass
    def mid(self, h): return h
    def forward(self, x): return self.last(self.mid(self.first(x).relu()))
"""
MASK = "def more(self): self.register_buffer('mask', {})\n    def mid(self, h): return h * self.mask"
OF_NUMPY = MASK.format("torch.from_numpy(np.random.rand(8)).float()")
OF_RANDOM = MASK.format("torch.tensor(random.random())")
OF_A_CLOCK = MASK.format("torch.tensor(time.time() % 1)")


def made(folder: Path, body: str, factory: str = "Made") -> Architecture:
    """The network of a class that fills in what `Net` leaves open, under a name that holds its file's sha256."""
    text = f"{HEAD}\nclass Made(Net):\n    {body}\n"
    (folder / "net.py").write_text(text)
    pin = sha256(text.encode()).hexdigest()
    return build(read_network(f"file:{folder}/net.py:{factory},sha256={pin}"), (4,), 10)


REFUSED = [
    (
        "def more(self): self.norm = nn.BatchNorm1d(8, track_running_stats=False)\n"
        "    def mid(self, h): return self.norm(h)",
        r"mixes the samples of a batch, since its norm is batch-norm without running statistics: use nn.GroupNorm",
    ),
    (
        "def more(self): nn.utils.parametrizations.spectral_norm(self.first)",
        r"keeps first.parametrizations.weight.0._u from batch to batch in training, and .*: leave out what keeps it",
    ),
    ("def forward(self, x): x -= 0.5; return super().forward(x)", r"modifies its input samples"),
    ("def mid(self, h): self.first.weight.data.clamp_(-9, 9); return h", r"modifies its own first.weight"),
    (
        "def more(self): self.register_buffer('n', torch.zeros(()))\n    def mid(self, h):\n"
        "        if not self.training: self.n += 1\n        return h",
        r"modifies its own n when it reads",
    ),
    (
        "def more(self): self.kept = [self.first.weight]\n"
        "    def mid(self, h): return h @ self.kept[0] @ self.kept[0].T",
        r"can't be evaluated at other parameters, because it still computes with its own",
    ),
    ("def mid(self, h): return h if torch.is_grad_enabled() else 2 * h", r"else .* when gradients are required"),
    (
        "def mid(self, h): return h.float()",
        r"can't compute in float64, as paths are checked: .*; let",
    ),
    ("def forward(self, x): return super().forward(x).float()", r"makes float32 of samples in float64"),
    ("def mid(self, h): return 2 * h if h.dtype == torch.float32 else h", r"in float64 than in float32"),
    (
        "def mid(self, h): return h.detach()\n    def forward(self, x): return super().forward(x).detach()",
        r"no gradient",
    ),
    (
        "def more(self): self.first = nn.DataParallel(self.first)",
        r"because its first is a DataParallel: use what is inside",
    ),
    ("def more(self): self.first = torch.jit.script(self.first)", r"because its first is scripted \(torch.jit\)"),
    ("def more(self): self.register_buffer('m', torch.eye(3).to_sparse())", r"has the buffer m, which can't be stored"),
    (OF_NUMPY, r"makes a different network each time from the same seed: its buffer mask differs; draw with torch"),
    (OF_RANDOM, r"its buffer mask differs"),
    (OF_A_CLOCK, r"its buffer mask differs"),
    (
        "def more(self): self.first.bias.data += float(np.random.default_rng().random())",
        r"its parameter first.bias differs",
    ),
    (
        "def more(self): self.factor = random.random()\n    def mid(self, h): return self.factor * h",
        r"what it computes with the same parameters and buffers differs",
    ),
    (
        "def more(self): self.first = nn.Linear(4, int(torch.randint(8, 99, ())))\n"
        "    def mid(self, h): return h[:, :8]",
        r"parameters of other names or shapes for another seed",
    ),
]


@pytest.mark.parametrize(("body", "reason"), REFUSED)
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated", "ignore:.*torch.jit.script.*")
def test_each_is_refused_for_its_reason_in_one_sentence_without_a_hash(tmp_path: Path, body: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        made(tmp_path, body)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert "sha256" not in sentence
    assert sentence.endswith(".")


@pytest.mark.parametrize(
    ("body", "seeded"),
    [
        ("pass", True),
        ("def mid(self, h): return torch.relu_(h - 1)", True),
        (MASK.format("torch.rand(8)"), True),
        (MASK.format("torch.ones(1).expand(8)"), True),
        (f"{OF_NUMPY}\n    def __init__(self): np.random.seed(3); super().__init__()", True),
        ("def __init__(self): torch.manual_seed(0); super().__init__()", False),
        ("def more(self): [nn.init.zeros_(one) for one in self.parameters()]", False),
    ],
)
def test_others_are_taken_and_whether_the_seed_matters_is_known(tmp_path: Path, body: str, seeded: bool) -> None:
    architecture = made(tmp_path, body)
    assert architecture.seeded is seeded
    assert torch.equal(architecture.initial(3, torch.float32), architecture.initial(3, torch.float32))


def test_a_compiled_module_is_taken_for_what_it_was_compiled_of(tmp_path: Path) -> None:
    architecture = made(tmp_path, "pass\ndef compiled(): return torch.compile(Net())", "compiled")
    assert next(iter(architecture.module.state_dict())) == "first.weight"
    assert architecture.layered is not None


@pytest.mark.parametrize(
    "body", ["def more(self): torch.empty(1 << 50)", "def mid(self, h): torch.empty(1 << 50); return h"]
)
def test_want_of_memory_is_no_fault_of_the_network(tmp_path: Path, body: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        made(tmp_path, body)
    assert is_out_of_memory(caught.value)
    assert not re.search("fails with|can't read", str(caught.value))
