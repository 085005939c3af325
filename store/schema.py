"""All tables together: whoever imports this has `metadata` complete."""

from store import artifacts, bounds, marks, metrics, models, paths, run_rows
from store.base import Base

DECLARED_IN = (run_rows, artifacts, models, paths, bounds, metrics, marks)
VERSION_TABLE = "thalweg_version"
metadata = Base.metadata
