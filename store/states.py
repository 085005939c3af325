"""The states of a run that last."""

FINISHED = ("done", "failed", "cancelled")
