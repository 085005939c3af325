"""Wall time and peak memory of `thalweg quickstart`, on a catalogue of its own; and of the commands people wait for."""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

THALWEG = str(Path(sys.executable).with_name("thalweg"))


def timed(arguments: list[str], environment: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run([THALWEG, *arguments], check=True, env=environment, capture_output=True)
    return time.perf_counter() - begun


class PeakMemory(threading.Thread):
    """The largest sum of resident memory of all processes that have `word` in their command line."""

    def __init__(self, word: str) -> None:
        super().__init__(daemon=True)
        self.word, self.peak, self.ending = word, 0, threading.Event()

    def run(self) -> None:
        while not self.ending.wait(0.1):
            self.peak = max(self.peak, sum(map(self.resident, psutil.process_iter(["cmdline", "memory_info"]))))

    def resident(self, process: psutil.Process) -> int:
        words = process.info["cmdline"] or []
        memory = process.info["memory_info"]
        return memory.rss if memory and any(self.word in word for word in words) else 0


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "THALWEG_CATALOGUE": f"{folder}/catalogue.db", "THALWEG_AGENT_IDLE": "1"}
        memory = PeakMemory(folder)
        memory.start()
        seconds = timed(["quickstart"], environment)
        memory.ending.set()
        print(f"quickstart      {seconds:6.1f} s, agent and worker {memory.peak / 2**20:.0f} MB at most")
        for arguments in (["--help"], ["list", "runs"], ["show", "path", "2"]):
            several = [timed(arguments, environment) for _ in range(5)]
            print(f"{' '.join(arguments):15} {statistics.median(several):6.2f} s")
        time.sleep(3)  # the agent leaves before its folder does


if __name__ == "__main__":
    main()
