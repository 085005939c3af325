"""`make bench`: every benchmark, one after the other, each in a process of its own."""

import subprocess
import sys

from core.engine.launch import environment

BENCHMARKS = (
    "quickstart",
    "path_evaluation",
    "certificate",
    "enclosed",
    "experiment_a",
    "experiment_b",
    "kept_sets",
    "wide_paths",
    "wide_holds",
    "batched_training",
    "importing",
    "string_orders",
    "batch_norm",
    "journal",
    "catalogue",
    "log_tail",
    "screen",
    "live",
)


def main() -> int:
    failed = []
    for name in BENCHMARKS:
        print(f"\n== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        if subprocess.run(command, env=environment(), check=False).returncode:  # as jobs are started
            failed.append(name)
    if failed:
        print(f"\nbroken: {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
