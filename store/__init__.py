"""The catalogue: what was run, what came of it, and the files of tensors beside it.

Names are imported when first used, so that the command line's help loads no database: a module that must not load
it either has `import store` at its top and writes `store.Runs`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from store.artifacts import ArtifactFolder
    from store.base import made_at
    from store.bounds import BoundRecord, Bounds, MeasurementRecord
    from store.catalogue import Catalogue
    from store.certificates import CertificateRecord, Certificates
    from store.columns import COLUMNS, Column, columns_of
    from store.deleting import delete
    from store.doctor import HealthIssue, Pruned, examine, prune
    from store.errors import ArtifactError, FilterError, NotFoundError, StoreError
    from store.export import Selection, write_columns, write_csv
    from store.listing import as_dicts, cells, count_rows, list_ids, list_rows, rows_of, select_cells
    from store.marks import Note, Notes, Tags, star, starred_ids
    from store.metrics import Metrics
    from store.models import ModelRecord, Models
    from store.pairs import best_paths, models_in, problems
    from store.paths import PathRecord, Paths, ProfilePointRecord, SegmentRecord
    from store.row_details import show_row
    from store.runs import Attempt, ClaimedRun, Device, Machine, NewRun, Run, Runs

HOMES = {
    "artifacts": ("ArtifactFolder",),
    "base": ("made_at",),
    "bounds": ("BoundRecord", "Bounds", "MeasurementRecord"),
    "catalogue": ("Catalogue",),
    "certificates": ("CertificateRecord", "Certificates"),
    "columns": ("COLUMNS", "Column", "columns_of"),
    "deleting": ("delete",),
    "doctor": ("HealthIssue", "Pruned", "examine", "prune"),
    "errors": ("ArtifactError", "FilterError", "NotFoundError", "StoreError"),
    "export": ("Selection", "write_columns", "write_csv"),
    "listing": ("as_dicts", "cells", "count_rows", "list_ids", "list_rows", "rows_of", "select_cells"),
    "marks": ("Note", "Notes", "Tags", "star", "starred_ids"),
    "metrics": ("Metrics",),
    "models": ("ModelRecord", "Models"),
    "pairs": ("best_paths", "models_in", "problems"),
    "paths": ("PathRecord", "Paths", "ProfilePointRecord", "SegmentRecord"),
    "runs": ("Attempt", "ClaimedRun", "Device", "Machine", "NewRun", "Run", "Runs"),
    "row_details": ("show_row",),
}

__all__ = [
    "COLUMNS",
    "ArtifactError",
    "ArtifactFolder",
    "Attempt",
    "BoundRecord",
    "Bounds",
    "Catalogue",
    "CertificateRecord",
    "Certificates",
    "ClaimedRun",
    "Column",
    "Device",
    "FilterError",
    "HealthIssue",
    "Machine",
    "MeasurementRecord",
    "Metrics",
    "ModelRecord",
    "Models",
    "NewRun",
    "NotFoundError",
    "Note",
    "Notes",
    "PathRecord",
    "Paths",
    "ProfilePointRecord",
    "Pruned",
    "Run",
    "Runs",
    "SegmentRecord",
    "Selection",
    "StoreError",
    "Tags",
    "as_dicts",
    "best_paths",
    "cells",
    "columns_of",
    "count_rows",
    "delete",
    "examine",
    "list_ids",
    "list_rows",
    "made_at",
    "models_in",
    "problems",
    "prune",
    "rows_of",
    "select_cells",
    "show_row",
    "star",
    "starred_ids",
    "write_columns",
    "write_csv",
]


def __getattr__(name: str) -> object:
    for module, names in HOMES.items():
        if name in names:
            return getattr(import_module(f"store.{module}"), name)
    raise AttributeError(f"module 'store' has no attribute {name!r}")
