"""The history of the schema, for catalogues of earlier versions; Alembic is imported only to upgrade one."""

from pathlib import Path

LOCATION = Path(__file__).parent
REVISIONS = ("0001",)  # oldest first; a test holds it equal to versions/
