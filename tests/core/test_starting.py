"""What a job needs is loaded, and no more: a training starts without a compiler or the scientific libraries."""

import subprocess
import sys
from typing import Any

import pytest
import torch

from core.specs.descent import Descent
from core.training.optimizers import optimizer_for

HEAVY = ("torch._dynamo", "torch._inductor", "sympy", "scipy", "sklearn", "torchvision", "matplotlib")

TRAINING = f"""
import sys, torch
import core.engine.worker.jobs
from core.data.synthetic import digits
from core.specs.descent import Descent
from core.training.optimizers import optimizer_for
digits()
for name in ("adam", "sgd", "rmsprop"):
    leaf = torch.nn.Parameter(torch.ones(1, 3))
    leaf.grad = torch.ones(1, 3)
    optimizer_for(leaf, Descent(optimizer=name), {{}}).step()
print(*[name for name in {HEAVY} if name in sys.modules])
"""


def test_a_training_loads_no_compiler_and_no_library_that_it_does_not_use() -> None:
    done = subprocess.run([sys.executable, "-c", TRAINING], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize(
    ("name", "theirs"), [("adam", torch.optim.Adam), ("sgd", torch.optim.SGD), ("rmsprop", torch.optim.RMSprop)]
)
def test_steps_are_those_of_torch_s_optimizers_bit_for_bit(name: str, theirs: Any) -> None:
    options = Descent(optimizer=name, lr=0.1, weight_decay=0.01)
    start = torch.randn(2, 5, generator=torch.Generator().manual_seed(0))
    ours, others = torch.nn.Parameter(start.clone()), torch.nn.Parameter(start.clone())
    mine = optimizer_for(ours, options, {})
    fused = {} if name == "rmsprop" else {"fused": True}
    one = theirs([others], lr=0.1, weight_decay=0.01, **fused)
    for _ in range(5):
        for optimizer, leaf in ((mine, ours), (one, others)):
            leaf.grad = leaf.detach().sin()
            optimizer.step()
    assert ours.requires_grad
    assert torch.equal(ours, others)
