"""How jobs compute: in the requested precision, on a GPU the same every time, on as many threads as help."""

import os
from typing import Any

import torch

from core.problem import Problem

SMALL = 5e8  # multiply-adds of one pass over the train set, below which a second thread waits more than it works
BACKENDS: Any = torch.backends  # half of it is made while torch is imported, which no type checker sees
#: Where float32 may be computed with fewer bits: as TF32 on a GPU, as bfloat16 inside oneDNN.
FLOAT32 = (
    BACKENDS,
    *(BACKENDS.cuda.matmul, BACKENDS.cudnn.conv, BACKENDS.cudnn.rnn),
    *(BACKENDS.mkldnn.matmul, BACKENDS.mkldnn.conv, BACKENDS.mkldnn.rnn),
)


def settle_float32() -> None:
    """From now on float32 is float32, whatever a network's file has set.

    By default torch's convolutions on a GPU drop 13 of the 23 bits (TF32): three decimals, and not those of another
    device. Both of torch's ways of setting it are used: where they contradict each other, reading the older one raises.
    """
    torch.set_float32_matmul_precision("highest")
    BACKENDS.cudnn.allow_tf32 = False
    for place in FLOAT32:
        place.fp32_precision = "ieee"


def settle_arithmetic() -> None:
    """Before anything is computed on a GPU. On the CPU nothing else has to be settled: sums there repeat anyway.

    By default torch sums gradients in whatever order the threads come by. What has no repeatable way is still done,
    with a warning in the log.
    """
    settle_float32()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # matrix products repeat with this one
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # it would cost time


def suit_threads(problem: Problem, most: int, models: int = 1) -> None:
    """Use one thread for small problems, `most` for others: a rule of the sizes alone, so runs repeat exactly."""
    work = models * problem.layout.total * len(problem.data.train)
    torch.set_num_threads(1 if work < SMALL else most)
