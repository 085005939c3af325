"""Five pairs of 1-4-4-1 networks joined by strings: one run for all of them against a run for each.

    python -m benchmarks.pairs [BELOW ...]

CPU seconds of everything that a user pays for: commands, agent and workers, with their starts.
"""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

THALWEG = str(Path(sys.executable).with_name("thalweg"))
PAIRS = 5


def main() -> None:
    for below in map(float, sys.argv[1:] or ("0.01", "0.0003")):
        with tempfile.TemporaryDirectory() as folder:
            environment = {**os.environ, "THALWEG_CATALOGUE": f"{folder}/catalogue.db"}
            network = ["fcn:4x2,activation=sigmoid", "cubic", "--count", str(2 * PAIRS), "--until-loss", str(below / 2)]
            cpu_seconds([["train", *network, "--epochs", "1000", "-o", "lr=0.01"]], environment)
            string = ["--method", "string", "--below", str(below), "-o", "lr=0.01", "-o", "epochs=200"]
            models = [str(i + 1) for i in range(2 * PAIRS)]
            each = [["connect", *pair, *string] for pair in zip(models[::2], models[1::2], strict=True)]
            single = cpu_seconds(each, environment)
            together = cpu_seconds([["connect", *models, "--pairs", *string]], environment)
        print(
            f"below {below:g}: a run for each {single:.1f} s, one run {together:.1f} s, {single / together:.2f} times"
        )


def cpu_seconds(commands: Sequence[Sequence[str]], environment: dict[str, str]) -> float:
    """Of commands, one after the other, and of an agent beside them with its workers."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    agent = subprocess.Popen([THALWEG, "agent"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for one in commands:
        subprocess.run([THALWEG, *one], check=True, env=environment, capture_output=True)
    agent.terminate()
    agent.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
