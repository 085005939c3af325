"""From an exception to the cause that is stored with a failed run."""

import errno

from core.errors import PremiseError, RunError, ThalwegError

#: What torch says where memory runs out: its own allocators, the GPU's driver, its matrix library.
WITHOUT_MEMORY = ("OutOfMemory", "can't allocate memory", "CUDA error: out of memory", "STATUS_ALLOC_FAILED")
FULL = "The disk is full: make room, then relaunch the run; nothing half-written was kept."


def cause_of(error: BaseException) -> tuple[str, str]:
    """Short kind and one sentence."""
    if isinstance(error, ThalwegError):
        return error.kind if isinstance(error, RunError | PremiseError) else "bad input", str(error)
    text = f"{type(error).__name__}: {error}".strip()
    if isinstance(error, MemoryError) or any(sign in text for sign in WITHOUT_MEMORY):
        return "out of memory", "The memory did not suffice: try a smaller count, batch or network."
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT) or f"os error {errno.ENOSPC}" in text:
        return "disk full", FULL
    return "exception", text.splitlines()[0][:500]
