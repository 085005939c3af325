"""Whether files are unchanged, without reading them: by their times and inodes."""

import os
import stat
import time
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import psutil

from core.data.classes import state_of
from core.errors import UsageError

#: File systems that keep an inode's number and the time of its last change, whoever changes what: not those of a
#: network or in user space, nor FAT, which has neither.
RELIABLE = frozenset(
    {"apfs", "bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "hfs", "jfs", "overlay", "tmpfs", "ufs", "xfs", "zfs"}
)
#: Seconds after a change in which another one may leave no trace: some of them count whole seconds, or every other.
SETTLING = 2.5


def stamp_of(files: Sequence[Path]) -> str | None:
    """A digest of path, size, inode and times of modification and change of every file, in order.

    Two equal ones mean equal contents. None where that can't be relied on. Raises UsageError if it is not a file.
    """
    settled = time.time() - SETTLING
    reliable: dict[int, bool] = {}  # by device
    digest = sha256()
    for file in files:
        state = state_of(file)
        if not stat.S_ISREG(state.st_mode):
            raise UsageError(f"{file} is named like an image but is not a file: remove it.")
        if state.st_dev not in reliable:
            reliable[state.st_dev] = file_system(file) in RELIABLE
        reliable[state.st_dev] &= state.st_ctime < settled
        facts = (state.st_size, state.st_ino, state.st_mtime_ns, state.st_ctime_ns)
        digest.update(os.fsencode(file) + f"\0{facts}\n".encode())
    return digest.hexdigest() if all(reliable.values()) else None


def file_system(file: Path) -> str | None:
    """The type of the file system that really holds a file; None if unknown."""
    try:
        mounted = {one.mountpoint: one.fstype for one in psutil.disk_partitions(all=True)}
    except OSError:
        return None
    place = Path(os.path.realpath(file))
    return next((mounted[str(one)] for one in place.parents if str(one) in mounted), None)
