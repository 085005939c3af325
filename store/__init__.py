"""The catalogue: what was run, what came of it, and the files of tensors beside it.

Names are imported when first used, so that the command line's help loads no database.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.artifacts import ArtifactFolder
    from store.bounds import Bound, Bounds, Measurement
    from store.catalogue import Catalogue
    from store.errors import ArtifactError, FilterError, NotFoundError, StoreError
    from store.marks import Note, Notes, Tags
    from store.metrics import Metrics
    from store.models import Model, Models
    from store.paths import Path, Paths, ProfilePoint, Segment
    from store.runs import Attempt, Claim, Device, NewRun, Run, Runs

HOMES = {
    "artifacts": ("ArtifactFolder",),
    "bounds": ("Bound", "Bounds", "Measurement"),
    "catalogue": ("Catalogue",),
    "errors": ("ArtifactError", "FilterError", "NotFoundError", "StoreError"),
    "marks": ("Note", "Notes", "Tags"),
    "metrics": ("Metrics",),
    "models": ("Model", "Models"),
    "paths": ("Path", "Paths", "ProfilePoint", "Segment"),
    "runs": ("Attempt", "Claim", "Device", "NewRun", "Run", "Runs"),
}

__all__ = [
    "ArtifactError",
    "ArtifactFolder",
    "Attempt",
    "Bound",
    "Bounds",
    "Catalogue",
    "Claim",
    "Device",
    "FilterError",
    "Measurement",
    "Metrics",
    "Model",
    "Models",
    "NewRun",
    "NotFoundError",
    "Note",
    "Notes",
    "Path",
    "Paths",
    "ProfilePoint",
    "Run",
    "Runs",
    "Segment",
    "StoreError",
    "Tags",
]


def __getattr__(name: str) -> object:
    for module, names in HOMES.items():
        if name in names:
            return getattr(import_module(f"store.{module}"), name)
    raise AttributeError(f"module 'store' has no attribute {name!r}")
