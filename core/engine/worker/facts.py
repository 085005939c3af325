"""What a job runs on, as it is stored with the run and shown by `thalweg doctor`."""

import os
import platform
from importlib.metadata import version
from typing import Any

import psutil
import torch


def environment(device: str) -> dict[str, Any]:
    """Versions, device, threads and host: with spec and seeds all that a repetition needs."""
    facts: dict[str, Any] = {
        "thalweg": version("thalweg"),
        "torch": str(torch.__version__),
        "torchvision": version("torchvision"),
        "numpy": version("numpy"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "host": platform.node(),
        "device": device,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "cuda": torch.version.cuda,
    }
    if device.startswith("cuda"):
        facts["gpu"] = torch.cuda.get_device_name(device)
        facts["gpu_memory_bytes"] = torch.cuda.get_device_properties(device).total_memory
    return facts
