"""A worker ends when its folder or catalogue is gone: its results would be lost, and its device is needed."""

import os
import threading
import time
from pathlib import Path

from core.engine.folders import GONE, catalogue_of
from core.engine.log import Log

LOOK_SECONDS = 1.0
LOOKS = 3  # in a row, before a place counts as gone: a catalogue may be put back from a copy


def watch(folder: Path, log: Log) -> None:
    """End this process, with the status GONE, soon after its attempt's folder or its catalogue was deleted."""
    threading.Thread(target=_watch, args=(folder, log), name="watch", daemon=True).start()


def _watch(folder: Path, log: Log) -> None:
    missed = 0
    while missed < LOOKS:
        time.sleep(LOOK_SECONDS)
        missed = missed + 1 if (what := missing_folder(folder)) else 0
    log.end(f"Ended: {what} is gone.")
    os._exit(GONE)


def missing_folder(folder: Path) -> Path | None:
    """Which of the attempt's folder, as this process took it, and the catalogue no longer exists."""
    try:
        return next((file for file in (folder / "owner", catalogue_of(folder)) if not file.exists()), None)
    except OSError:  # a disk that doesn't answer may do so later
        return None
