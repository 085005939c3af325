"""`python -m core.engine.worker FOLDER`: do the job in a run folder, and nothing else.

The worker never opens the catalogue. It takes the folder (once), works, and ends with one `Ended` line; if
it can't even write that, its exit status speaks. Its log ends with how the run ended, and where that was a fault, not
an answer, with the traceback.
"""

import faulthandler
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from core.engine.folders import DISK_FULL, REPLACED, Job, Owner, log_of, take
from core.engine.installed import written_since
from core.engine.log import Log
from core.engine.worker.causes import cause_of
from core.engine.worker.folder_watch import watch
from core.engine.worker.journal import Journal
from core.errors import FINDINGS, is_disk_full, sentence
from core.results import Ended

LONGEST = 50_000  # letters of a traceback, its end


class Cancelled(BaseException):
    """SIGTERM came. Code in between may turn it into another exception, so that it came is noted as well."""

    came = False


class ReplacedError(Exception):
    """Other code was installed while this process loaded its own: what it has may be half of each."""


def main(folder: Path) -> int:
    try:
        return _main(folder)
    except ReplacedError:
        return REPLACED
    except OSError as error:
        with suppress(OSError):  # the log may be on the very disk
            print(f"the result could not be written: {error}", file=sys.stderr)
        return DISK_FULL if is_disk_full(error) else 1


def _main(folder: Path) -> int:
    faulthandler.enable()
    if not take(folder, Owner.me()):
        print("another process acts for this attempt", file=sys.stderr)
        return 0
    signal.signal(signal.SIGTERM, _cancel)
    log = Log(log_of(folder))
    sys.stdout, sys.stderr = log.stream(), log.stream()
    watch(folder, log)
    journal = Journal(folder, log)
    ended = _work(folder, journal, log)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    journal.write(ended)
    journal.close()
    return 0


def _cancel(*_: object) -> None:
    Cancelled.came = True
    raise Cancelled


def _work(folder: Path, journal: Journal, log: Log) -> Ended:
    """Do the job; how it ended. Everything that can go wrong becomes a cause."""
    try:
        journal.progress(None, "starting")
        perform = _loaded()
        perform(Job.load(folder), folder, journal)
    except ReplacedError:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever it was, the run says it
        if Cancelled.came:
            log.end(f"Cancelled after {journal.seconds:.1f} s.")
            return Ended(state="cancelled", cause_kind="cancelled", cause="cancelled while running")
        kind, cause = cause_of(error)
        how = "Ended" if kind in FINDINGS else "Failed"
        log.end(sentence(f"{how} after {journal.seconds:.1f} s: {cause}"))
        if kind not in FINDINGS:
            log.end(traceback.format_exc()[-LONGEST:])
        return Ended(state="failed", cause_kind=kind, cause=cause)
    log.end(f"Done after {journal.seconds:.1f} s.")
    return Ended(state="done")


def _loaded() -> Callable[[Job, Path, Journal], None]:
    """What does jobs. Raises ReplacedError."""
    try:
        from core.engine.worker.jobs import perform  # noqa: PLC0415 - loads torch, while the journal already beats
    except Exception as error:
        if written_since(Owner.me().started):
            raise ReplacedError from error
        raise
    return perform


if __name__ == "__main__":
    os._exit(main(Path(sys.argv[1])))  # no teardown: the result is on the disk, and the device is wanted
