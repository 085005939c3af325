"""Paths keep every certificate, and show the strongest; models know what they are for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    _certificates()
    op.add_column("models", sa.Column("role", sa.Text(), server_default="trained", nullable=False))
    op.create_index(op.f("ix_models_role"), "models", ["role"])


def _certificates() -> None:
    """The table, with one row for each path: what it showed until now."""
    op.create_table(
        "certificates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("path_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=True),  # not known of every path
        sa.Column("level", sa.Float(), nullable=True),
        sa.Column("seen", sa.Float(), nullable=True),
        sa.Column("drift", sa.Float(), nullable=True),
        sa.Column("residual", sa.Float(), nullable=True),
        sa.Column("pieces", sa.Integer(), nullable=True),
        sa.Column("artifact", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["artifact"], ["artifacts.sha256"], name=op.f("fk_certificates_artifact")),
        sa.ForeignKeyConstraint(["path_id"], ["paths.id"], name=op.f("fk_certificates_path_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_certificates_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_certificates")),
        sa.UniqueConstraint("path_id", "run_id", name=op.f("uq_certificates_path_id_run_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_certificates_artifact"), "certificates", ["artifact"])
    op.create_index(op.f("ix_certificates_run_id"), "certificates", ["run_id"])
    op.execute(
        "INSERT INTO certificates (path_id, run_id, kind, level, seen, drift, residual, pieces, created_at) "
        "SELECT id, run_id, certificate, level, max_train_loss, drift, residual, segments, created_at "
        "FROM paths ORDER BY id"
    )
