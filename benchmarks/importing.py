"""A large checkpoint imported, but for its evaluation, beside a plain copy of the same bytes: SHA-256, write, fsync.

    python -m benchmarks.importing [--megabytes 1000] [--repeats 3]

Each part is a process of its own, so that its peak memory is its own; a file that is mapped into it counts. "read and
written" is what a job does: find the weights, look at every value, hash the file, write the model's. "and kept" adds
the catalogue's copy of that, with its own hash and fsync.
"""

import argparse
import hashlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch import nn

from core.checkpoints.network_state import NetworkState
from core.checkpoints.opening import open_checkpoint
from core.checkpoints.reading import sha256_of
from core.checkpoints.tensors import separate
from core.model_files import write_tensors
from core.specs.checkpoints import HowToRead
from store.artifacts import ArtifactFolder

CHUNK = 1 << 20
LAYERS = 16


def plain(source: Path, folder: Path) -> None:
    """Copy a file, hashing what is read."""
    digest = hashlib.sha256()
    with source.open("rb") as read, (folder / "copy").open("wb") as written:
        while chunk := read.read(CHUNK):
            digest.update(chunk)
            written.write(chunk)
        written.flush()
        os.fsync(written.fileno())


def ours(source: Path, folder: Path, *, keep: bool) -> None:
    """What the job `import` does with a file but for building the network and evaluating it."""
    width = int((folder / "width").read_text())
    with torch.device("meta"):
        state = NetworkState.of(network(width))
    begun = now()
    opened = open_checkpoint(source, HowToRead(), state)
    sha256_of(source)
    write_tensors(separate(opened.tensors), {}, folder / "model.safetensors")
    if keep:
        ArtifactFolder(folder / "artifacts").bring(folder / "model.safetensors")
    print(*since(begun))


def now() -> tuple[float, float]:
    """Of the clock, and of the processor."""
    return time.perf_counter(), time.process_time()


def since(begun: tuple[float, float]) -> tuple[float, float]:
    """Seconds that went by, and seconds of the processor."""
    clock, processor = now()
    return clock - begun[0], processor - begun[1]


def network(width: int) -> nn.Module:
    return nn.Sequential(*(nn.Linear(width, width) for _ in range(LAYERS)))


def make(folder: str, megabytes: int) -> None:
    """A checkpoint of about this size, as DataParallel leaves it."""
    width = int((megabytes * 1e6 / 4 / LAYERS) ** 0.5)
    Path(folder, "width").write_text(str(width))
    state = network(width).state_dict()
    torch.save({"state_dict": {f"module.{name}": one for name, one in state.items()}}, Path(folder, "a.pt"))


def part(name: str, folder: Path) -> list[float]:
    """Seconds, seconds of the processor and peak memory (bytes) of one part."""
    words = [sys.executable, "-m", "benchmarks.importing", "--part", name, "--folder", str(folder)]
    return [*map(float, subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())]


def run_part(name: str, folder: Path) -> None:
    source = folder / "a.pt"
    if name == "plain":
        begun = now()
        plain(source, folder)
        print(*since(begun))
    else:
        ours(source, folder, keep=name == "and kept")
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--part")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    if given.part:
        run_part(given.part, given.folder)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        making = f"from benchmarks.importing import make; make({str(folder)!r}, {given.megabytes})"
        subprocess.run([sys.executable, "-c", making], check=True)
        size = (folder / "a.pt").stat().st_size
        found: dict[str, list[list[float]]] = {"plain": [], "read and written": [], "and kept": []}
        for _ in range(given.repeats):
            for one, seen in found.items():
                seen.append(part(one, folder))
        print(f"{size / 1e6:.0f} MB")
        base = list(map(statistics.median, zip(*found["plain"], strict=True)))
        for one, seen in found.items():
            clock, processor, _ = map(statistics.median, zip(*seen, strict=True))
            peak = max(peak for _, _, peak in seen)
            print(
                f"{one:17} {clock:6.2f} s  {clock / base[0]:5.2f} times  processor {processor:6.2f} s  "
                f"{processor / base[1]:5.2f} times  peak {peak / size:.2f} times the file"
            )


if __name__ == "__main__":
    main()
