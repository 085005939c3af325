"""What benchmarks that take seconds ask for on their command lines, and the clock that they go by."""

import argparse
import time
from collections.abc import Callable

import torch

Clock = Callable[[], float]


def timed(doc: str) -> argparse.ArgumentParser:
    """A command line with the threads and the clock; `doc` is the benchmark's own."""
    options = argparse.ArgumentParser(description=doc.splitlines()[0])
    options.add_argument("--threads", type=int, default=torch.get_num_threads())
    options.add_argument("--cpu", action="store_true", help="CPU seconds; for a busy machine, with --threads 1")
    return options


def begin(options: argparse.ArgumentParser) -> tuple[argparse.Namespace, Clock]:
    """What was chosen, set, and the clock; begins the line that says how it was measured."""
    chosen = options.parse_args()
    torch.set_num_threads(chosen.threads)
    print(f"torch {torch.__version__}, {chosen.threads} threads, {'CPU' if chosen.cpu else 'wall'} seconds,", end=" ")
    return chosen, time.process_time if chosen.cpu else time.perf_counter
