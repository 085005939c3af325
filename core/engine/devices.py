"""Which devices this host has, without loading torch."""

import os
import platform
import shutil
import subprocess

from store import Device


def devices(cpu_jobs: int = 1) -> list[Device]:
    """The GPUs, one job each, then the CPU with `cpu_jobs` at once."""
    return [Device(f"cuda:{i}") for i in range(_gpus())] + [Device("cpu", cpu_jobs)]


def threads(device: str, cpu_jobs: int = 1) -> int:
    """Threads for one job: its share of the cores it may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // cpu_jobs) if device == "cpu" else max(1, min(cores, 4))


def host() -> str:
    """The name by which attempts and leases are told apart between machines."""
    return platform.node() or "localhost"


def _gpus() -> int:
    command = shutil.which("nvidia-smi")
    if command is None:
        return 0
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return len([one for one in visible.split(",") if one.strip() and one.strip() != "-1"])
    try:
        listed = subprocess.run([command, "-L"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
