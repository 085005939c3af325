"""Which places on a computer can hold a catalogue."""

from pathlib import Path

from store.errors import StoreError

MOUNTS = Path("/proc/mounts")  # Linux only; elsewhere the user has to know
SHARED = {"nfs", "nfs4", "cifs", "smb", "smb3", "smbfs", "ncpfs", "afs", "davfs", "ceph", "glusterfs"}
CLUSTER = {"lustre", "beegfs", "gpfs", "panfs", "pvfs2"}
USER_SPACE = {"sshfs", "glusterfs", "ceph", "davfs2", "rclone", "s3fs", "gcsfuse"}
NETWORK = SHARED | CLUSTER | {f"fuse.{name}" for name in USER_SPACE}


def refuse_unsuitable(path: Path) -> None:
    """StoreError when a catalogue cannot be at `path`: a folder, a network file system."""
    if path.is_dir():
        raise StoreError(f"{path} is a folder; give the path of a file in it, such as {path / 'catalogue.sqlite'}.")
    if (kind := file_system(path)) in NETWORK:
        raise StoreError(
            f"{path} is on a network file system ({kind}), where SQLite's locks are not reliable; "
            "choose a file on a local disk with --catalogue."
        )


def file_system(path: Path, mounts: Path = MOUNTS) -> str | None:
    """The type of the file system that holds `path` (or will), as in /proc/mounts; None where unknown."""
    try:
        lines = mounts.read_text(errors="replace").splitlines()
    except OSError:
        return None
    place = path.resolve()
    depth, found = -1, None
    for line in lines:
        _, folder, kind, *_ = line.split(" ")
        mounted = Path(folder.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\"))
        # Of equal mount points the later one covers the earlier.
        if len(mounted.parts) >= depth and place.is_relative_to(mounted):
            depth, found = len(mounted.parts), kind
    return found
