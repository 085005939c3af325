"""One agent for each catalogue and host: a lock that the kernel releases when its holder dies."""

import fcntl
import os
from pathlib import Path
from typing import Self


class AgentLock:
    """An exclusive lock on `agent-HOST.lock` in the catalogue's folder."""

    def __init__(self, files: Path, host: str) -> None:
        self.file = files / f"agent-{host}.lock"
        self._handle: int | None = None

    def take(self) -> bool:
        """Whether the lock is now ours."""
        handle = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        self._handle = handle
        return True

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def held(self) -> bool:
        """Whether some process is seen to hold it; another user's lock can't be looked at."""
        try:
            handle = os.open(self.file, os.O_RDONLY | os.O_CLOEXEC)  # the disk may be one that can only be read
        except (FileNotFoundError, PermissionError):
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
