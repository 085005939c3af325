"""The history of the schema, for catalogues of earlier versions; Alembic is imported only to upgrade one.

A rebuilt table (`batch_alter_table`) forgets that ids are never reused: give it
`table_kwargs={"sqlite_autoincrement": True}` where the model says NEVER_REUSED. It forgets
ids of deleted rows even so, until its line in `sqlite_sequence` is put back.

A catalogue of every schema lies in tests/store/editions/. Before a revision is added, its `make.py` makes that of the
schema so far; tests/store/test_editions.py upgrades them all.
"""

from pathlib import Path

LOCATION = Path(__file__).parent
REVISIONS = ("0001", "0002", "0003", "0004", "0005")  # oldest first; a test holds it equal to versions/
