"""From an exception to the cause that is stored with a failed run."""

from core.errors import PremiseError, RunError, ThalwegError, is_disk_full, is_out_of_memory, printable

FULL = "The disk is full: make room, then relaunch the run; nothing half-written was kept."


def cause_of(error: BaseException) -> tuple[str, str]:
    """Short kind and one sentence."""
    if isinstance(error, ThalwegError):
        return error.kind if isinstance(error, RunError | PremiseError) else "bad input", str(error)
    text = printable(f"{type(error).__name__}: {error}").strip()
    if is_out_of_memory(error):
        return "out of memory", "Memory ran out: try a smaller count, batch or network."
    if is_disk_full(error):
        return "disk full", FULL
    return "exception", text.splitlines()[0][:500]
