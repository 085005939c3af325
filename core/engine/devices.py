"""Which devices this machine has, without loading torch."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from itertools import takewhile

from store import Device, Machine

VISIBLE = "CUDA_VISIBLE_DEVICES"


def devices(cpu_jobs: int = 1) -> list[Device]:
    """The GPUs that this process may use, one job each, then the CPU with `cpu_jobs` at once."""
    return [Device(f"cuda:{i}") for i in range(_visible(_gpus()))] + [Device("cpu", cpu_jobs)]


def threads(device: str, cpu_jobs: int = 1) -> int:
    """Threads for one job: its share of the cores it may use."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // cpu_jobs) if device == "cpu" else max(1, min(cores, 4))


def installed_devices() -> list[str]:
    """The names of all devices of this machine, whatever CUDA_VISIBLE_DEVICES leaves of them to this process."""
    return [f"cuda:{i}" for i in range(_gpus())] + ["cpu"]


def devices_text(machine: Machine, devices: Sequence[Device]) -> str:
    """Which devices an agent has, for those who wait for another."""
    visible = os.environ.get(VISIBLE)
    why = "" if visible is None else f", with {VISIBLE}={visible!r}"
    return f"the agent of {machine.host} has {', '.join(device.name for device in devices)}{why}"


def _visible(gpus: int) -> int:
    """How many of these CUDA lets a process have: those listed up to the first that isn't there."""
    listed = os.environ.get(VISIBLE)
    if listed is None:
        return gpus
    names = map(str.strip, listed.split(",")) if gpus else []
    return len(set(takewhile(lambda name: _known(name, gpus), names)))


def _known(name: str, gpus: int) -> bool:
    """Whether CUDA finds a device of this name: a number, or an identity that it alone could judge."""
    return int(name) < gpus if name.isdecimal() else name.startswith(("GPU-", "MIG-"))


def _gpus() -> int:
    command = shutil.which("nvidia-smi")
    if command is None:
        return 0
    try:
        listed = subprocess.run([command, "-L"], capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    return sum(line.startswith("GPU ") for line in listed.stdout.splitlines())
