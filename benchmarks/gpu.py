"""The tests that need a GPU, then what is fast on it: one table, against the CPU of the same machine.

    python -m benchmarks.gpu --to FOLDER [--data FOLDER] [--minutes 8] [--small] [--device cuda:0]

Every part is a process of its own with a time limit; one that fails takes nothing else with it. What it says is shown
as it comes, and in FOLDER are afterwards: tests.txt (pytest's whole output), gpu.json (every number) and gpu.md (the
table). Shares of a peak are of matrix products measured in the same run; float32 is float32, without TF32. `--small
--device cpu` tries out the script on a machine without a GPU.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from core.arithmetic import settle_arithmetic
from core.data.files import data_root
from core.engine.launch import environment
from core.engine.worker.facts import environment as facts

#: Seconds that each part has at most. The tests come first.
LIMITS = {
    "tests": 230,
    "peaks": 60,
    "experiment_a": 75,
    "path_points": 60,
    "batch": 90,
    "certificate": 90,
    "arithmetic": 60,
}
Finding = dict[str, Any]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--to", type=Path, required=True)
    options.add_argument("--data", type=Path, default=data_root(None))
    options.add_argument("--minutes", type=float, default=8.0)
    options.add_argument("--device", default="cuda:0")
    options.add_argument("--small", action="store_true")
    options.add_argument("--only", default=",".join(LIMITS), help="some parts, with commas")
    options.add_argument("--part", help=argparse.SUPPRESS)  # what a part's process is called with
    chosen = options.parse_args()
    if chosen.part:
        return part(chosen)
    chosen.to.mkdir(parents=True, exist_ok=True)
    ends = time.monotonic() + 60 * chosen.minutes
    found: list[Finding] = []
    for name in chosen.only.split(","):
        limit = min(LIMITS[name], ends - time.monotonic())
        found += tested(chosen, limit) if name == "tests" else heard(name, limit)
        write(chosen.to, found)
    print((chosen.to / "gpu.md").read_text(), flush=True)
    return int(any("failed" in one for one in found))


def part(chosen: argparse.Namespace) -> int:
    """In a process of its own: one part, its findings on standard output."""
    from benchmarks.gpu_parts import PARTS, Setting  # noqa: PLC0415 - where it can't be imported, only this part fails

    settle_arithmetic()
    PARTS[chosen.part](Setting(torch.device(chosen.device), chosen.data, chosen.small))
    return 0


def heard(name: str, limit: float) -> list[Finding]:
    """What a part says within its time; that it failed, if it did, is a finding too."""
    print(f"\n== {name}, {limit:.0f} s at most", flush=True)
    if limit < 5:
        return [{"part": name, "failed": "no time was left"}]
    command = [sys.executable, "-m", "benchmarks.gpu", *sys.argv[1:], "--part", name]
    begun = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())  # as jobs are started
    timer = threading.Timer(limit, child.kill)
    timer.start()
    assert child.stdout is not None
    found: list[Finding] = []
    for line in child.stdout:
        print(line, end="", flush=True)
        if line.startswith("{"):
            found.append({"part": name, **json.loads(line)})
    status = child.wait()
    timer.cancel()
    print(f"-- {time.monotonic() - begun:.0f} s", flush=True)
    if status:
        why = f"stopped after {limit:.0f} s" if status == -9 else f"ended with status {status}"
        found.append({"part": name, "failed": why})
    return found


def tested(chosen: argparse.Namespace, limit: float) -> list[Finding]:
    """All tests marked `gpu`: how many passed, and which did not."""
    print(f"== tests, {limit:.0f} s at most", flush=True)
    report = Path(tempfile.mkdtemp()) / "tests.xml"
    command = [sys.executable, "-m", "pytest", "tests/gpu", "-m", "gpu", "-n", "4", "-v", "-rfEs", "-W", "default"]
    command += ["--timeout=100", "--durations=15", "-p", "no:cacheprovider", f"--junitxml={report}"]
    output = chosen.to / "tests.txt"
    into = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    child: subprocess.Popen[str] = subprocess.Popen(command, env=for_tests(chosen), **into)
    ended = ended_in_time(child, limit)
    assert child.stdout is not None
    with output.open("w") as kept:
        for line in child.stdout:
            kept.write(line)
            kept.flush()
            if " FAILED" in line or " ERROR" in line or "passed" in line or line.startswith("E  "):
                print(line, end="", flush=True)
    status = child.wait()
    ended()
    counts = counted(report) if report.exists() else {}
    finding: Finding = {"part": "tests", "tests": counts, "status": status}
    if status:
        why = {2: f"interrupted, by hand or after {limit:.0f} s", -9: f"killed after {limit:.0f} s"}
        finding["failed"] = why.get(status, f"pytest's status is {status}")
    print(f"tests: {counts}, status {status}; all of it in {output}", flush=True)
    return [finding]


def ended_in_time(child: "subprocess.Popen[str]", limit: float) -> Callable[[], None]:
    """Interrupt a child when its time is up, so that it can still say what it knows, and kill it if that doesn't help.

    What comes back is to be called when it has ended.
    """
    timers = [
        threading.Timer(limit, child.send_signal, [signal.SIGINT]),
        threading.Timer(limit + 15, child.kill),
    ]
    for timer in timers:
        timer.start()

    def ended() -> None:
        for timer in timers:
            timer.cancel()

    return ended


def for_tests(chosen: argparse.Namespace) -> dict[str, str]:
    return {**os.environ, "THALWEG_TEST_DEVICE": chosen.device, "THALWEG_DATA": str(chosen.data.absolute())}


def counted(report: Path) -> dict[str, Any]:
    """Numbers of tests by what became of them, and the names of those that failed."""
    cases = ET.parse(report).getroot().findall(".//testcase")
    failed = [one for one in cases if one.find("failure") is not None or one.find("error") is not None]
    skipped = [one for one in cases if one.find("skipped") is not None]
    return {
        "passed": len(cases) - len(failed) - len(skipped),
        "failed": [f"{one.get('classname')}::{one.get('name')}" for one in failed],
        "skipped": [f"{one.get('classname')}::{one.get('name')}" for one in skipped],
    }


def write(folder: Path, found: Sequence[Finding]) -> None:
    (folder / "gpu.json").write_text(json.dumps({"machine": machine(), "findings": list(found)}, indent=1))
    (folder / "gpu.md").write_text(report_of(found))


def machine() -> dict[str, Any]:
    return facts("cuda:0" if torch.cuda.is_available() else "cpu")


def report_of(found: Sequence[Finding]) -> str:
    """The table, with what was measured as peaks above it and what failed below."""
    facts = machine()
    about = f"{facts.get('gpu', 'no GPU')}, {facts['cores']} cores, torch {facts['torch']}, Python {facts['python']}"
    peaks = {(one["where"], one["peak"]): one["rate"] for one in found if "peak" in one}
    said = [f"{peak} {rate / 1e12:.3g}e12 on {where}" for (where, peak), rate in peaks.items()]
    by_what: dict[str, dict[str, Finding]] = {}
    for one in found:
        if "seconds" in one:
            by_what.setdefault(one["what"], {})[one["where"]] = one
    rows = ["| | card | of its peak | CPU | as fast | |", "|---|---|---|---|---|---|"]
    rows += [row(what, by_place, peaks) for what, by_place in by_what.items()]
    rest = [f"{one['part']}: {one['failed']}" for one in found if "failed" in one]
    tests = [f"tests: {one['tests']}" for one in found if "tests" in one]
    return "\n".join([about, "", "Peaks: " + "; ".join(said), "", *rows, "", *tests, *rest, ""])


def row(what: str, by_place: Mapping[str, Finding], peaks: Mapping[tuple[str, str], float]) -> str:
    """One line: seconds on the card and on the CPU."""
    card = next((one for where, one in by_place.items() if where != "cpu"), None)
    cpu = by_place.get("cpu")
    share = ""
    if card is not None and card["work"] and (card["where"], card["kind"]) in peaks:
        rate = card["work"] / card["seconds"]
        share = f"{rate / peaks[card['where'], card['kind']]:.1%} of {card['kind']}"
    ratio = f"{cpu['seconds'] / card['seconds']:.1f} times" if card is not None and cpu is not None else ""
    notes = "; ".join(dict.fromkeys(one["note"] for one in by_place.values() if one["note"]))
    times = [f"{one['seconds']:.4g} s" if one is not None else "" for one in (card, cpu)]
    return f"| {what} | {times[0]} | {share} | {times[1]} | {ratio} | {notes} |"


if __name__ == "__main__":
    sys.exit(main())
