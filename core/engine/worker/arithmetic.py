"""How a GPU computes for a job: in the precision that was asked for, and the same every time."""

import os

import torch


def settle_arithmetic() -> None:
    """Before anything is computed on a GPU. On the CPU nothing changes: there it is so anyway.

    By default torch's convolutions drop 13 of the 23 bits of float32 (TF32), and sum gradients in whatever order the
    threads come by. What has no repeatable way is still done, with a warning in the log.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # matrix products repeat with this one
    torch.backends.cudnn.allow_tf32 = False
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # it would cost time
