"""The catalogue: what was run, what came of it, and the files of tensors beside it.

Names are imported when first used, so that the command line's help loads no database.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.artifacts import ArtifactFolder
    from store.bounds import Bound, Bounds, Measurement
    from store.catalogue import Catalogue
    from store.certificates import Certificate, Certificates
    from store.columns import COLUMNS, Column
    from store.deleting import delete
    from store.doctor import Finding, Pruned, examine, prune
    from store.errors import ArtifactError, FilterError, NotFoundError, StoreError
    from store.export import write_csv
    from store.listing import count_rows, list_rows
    from store.marks import Note, Notes, Tags, star, starred
    from store.metrics import Metrics
    from store.models import Model, Models
    from store.paths import Path, Paths, ProfilePoint, Segment
    from store.row_details import show_row
    from store.runs import Attempt, Claim, Device, Machine, NewRun, Run, Runs

HOMES = {
    "artifacts": ("ArtifactFolder",),
    "bounds": ("Bound", "Bounds", "Measurement"),
    "catalogue": ("Catalogue",),
    "certificates": ("Certificate", "Certificates"),
    "columns": ("COLUMNS", "Column"),
    "deleting": ("delete",),
    "doctor": ("Finding", "Pruned", "examine", "prune"),
    "errors": ("ArtifactError", "FilterError", "NotFoundError", "StoreError"),
    "export": ("write_csv",),
    "listing": ("count_rows", "list_rows"),
    "marks": ("Note", "Notes", "Tags", "star", "starred"),
    "metrics": ("Metrics",),
    "models": ("Model", "Models"),
    "paths": ("Path", "Paths", "ProfilePoint", "Segment"),
    "runs": ("Attempt", "Claim", "Device", "Machine", "NewRun", "Run", "Runs"),
    "row_details": ("show_row",),
}

__all__ = [
    "COLUMNS",
    "ArtifactError",
    "ArtifactFolder",
    "Attempt",
    "Bound",
    "Bounds",
    "Catalogue",
    "Certificate",
    "Certificates",
    "Claim",
    "Column",
    "Device",
    "FilterError",
    "Finding",
    "Machine",
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
    "Pruned",
    "Run",
    "Runs",
    "Segment",
    "StoreError",
    "Tags",
    "count_rows",
    "delete",
    "examine",
    "list_rows",
    "prune",
    "show_row",
    "star",
    "starred",
    "write_csv",
]


def __getattr__(name: str) -> object:
    for module, names in HOMES.items():
        if name in names:
            return getattr(import_module(f"store.{module}"), name)
    raise AttributeError(f"module 'store' has no attribute {name!r}")
