"""The application, noting its frames: `python -m benchmarks.frames CATALOGUE FILE` writes them down when it is left.

A frame goes from where the screen begins to lay out and draw until the terminal's driver has it.
"""

import sys
import time
from pathlib import Path
from unittest.mock import patch

import msgspec
from textual.screen import Screen

from tui.app.app import ThalwegApp
from tui.shared.location import Location


class Frame(msgspec.Struct, frozen=True):
    """When a frame began, and the seconds that it took, by the clock and of the processor."""

    begun: float
    wall: float
    cpu: float


def watched(catalogue: Path) -> list[Frame]:
    """Be the application until it is left."""
    frames: list[Frame] = []
    shown: list[bool] = []
    update = Screen._on_timer_update

    def timed(screen: "Screen[object]") -> None:
        shown.clear()
        begun, cpu = time.perf_counter(), time.thread_time()
        update(screen)
        if shown:
            frames.append(Frame(begun, time.perf_counter() - begun, time.thread_time() - cpu))

    with (
        patch.object(Screen, "_on_timer_update", timed),
        patch.object(ThalwegApp, "post_display_hook", lambda _: shown.append(True)),
    ):
        ThalwegApp(Location(catalogue)).run()
    return frames


def read(file: Path) -> list[Frame]:
    """What it wrote down."""
    return msgspec.json.decode(file.read_bytes(), type=list[Frame])


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(msgspec.json.encode(watched(Path(sys.argv[1]))))
