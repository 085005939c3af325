"""All tables together: whoever imports this has `metadata` complete."""

from store import artifacts, bounds, certificates, marks, metrics, models, paths, run_tables
from store.base import Base

DECLARED_IN = (run_tables, artifacts, models, paths, certificates, bounds, metrics, marks)
VERSION_TABLE = "thalweg_version"
metadata = Base.metadata
