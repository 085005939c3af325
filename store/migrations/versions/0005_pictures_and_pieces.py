"""Bounds may leave a file; paths, segments and certificates have room for what a certificate of pieces says.

Paths of networks with batch-norm say how their points get its statistics, models where they are from.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

LEVELS = ("error_level", "test_level", "test_error_level", "penalised_level", "ridge", "l1")
STORED = ("stored_train_loss_a", "stored_train_loss_b")
PIECES = {"paths": ("slack", *LEVELS, *STORED), "segments": ("seen",), "certificates": ("slack", *LEVELS)}  # numbers
COUNTS = {"paths": ("pieces", "passes"), "segments": ("pieces",), "certificates": ("passes",)}


def upgrade() -> None:
    _bounds()
    for columns, kind in ((PIECES, sa.Float), (COUNTS, sa.Integer)):
        for table, names in columns.items():
            for name in names:
                op.add_column(table, sa.Column(name, kind(), nullable=True))  # not known of older rows
    op.add_column("segments", sa.Column("certificate", sa.Text(), nullable=True))
    op.add_column("paths", sa.Column("bn", sa.Text(), nullable=True))
    op.add_column("models", sa.Column("source", sa.Text(), nullable=True))


def _bounds() -> None:
    """The table anew, since SQLite adds no foreign key to one that is there; ids stay as they were given."""
    given = sa.text("SELECT seq FROM sqlite_sequence WHERE name = 'bounds'")
    last = op.get_bind().scalar(given)
    with op.batch_alter_table("bounds", recreate="always", table_kwargs={"sqlite_autoincrement": True}) as bounds:
        bounds.add_column(sa.Column("artifact", sa.Text(), nullable=True))
        bounds.create_foreign_key(op.f("fk_bounds_artifact"), "artifacts", ["artifact"], ["sha256"])
        bounds.create_index(op.f("ix_bounds_artifact"), ["artifact"])
    op.execute("DELETE FROM sqlite_sequence WHERE name = 'bounds'")
    if last is not None:
        op.execute(sa.text("INSERT INTO sqlite_sequence VALUES ('bounds', :last)").bindparams(last=last))
