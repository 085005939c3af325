"""`make bench`: every benchmark, one after the other, each in a process of its own."""

import subprocess
import sys

BENCHMARKS = ("quickstart", "path_evaluation", "batched_training", "string_orders", "journal", "catalogue")


def main() -> int:
    failed = []
    for name in BENCHMARKS:
        print(f"\n== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        print(f"\nbroken: {', '.join(failed)}")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
