"""Paths keep every certificate and show the strongest; models, curves and measurements know what they are for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

VERDICTS = ("separable", "distinct", "generic", "wide_enough", "proven")
ASIDE = ("seconds", "kept", "width", "least_width", "left_out", "dimensions", "stuck_neurons")
#: Until now a name said it: what its steps count, what it is drawn with, which model of its run it is of.
CURVES = """
INSERT INTO curves (run_id, name, unit, family, position)
SELECT run_id, name,
       CASE WHEN stem IN ('train_loss') THEN 'epoch'
            WHEN stem IN ('gaps', 'worst_gap') THEN 'beads'
            WHEN stem = 'loss' OR name LIKE 'subnetwork loss of model%' THEN 'layer'
            ELSE 'step' END,
       CASE WHEN name LIKE '%loss%' THEN 'loss' WHEN name LIKE '%error%' THEN 'error' ELSE stem END,
       CASE WHEN name <> stem AND ltrim(substr(name, length(stem) + 2), '0123456789') = ''
            THEN CAST(substr(name, length(stem) + 2) AS INTEGER) END
FROM (SELECT DISTINCT run_id, name, substr(name, 1, instr(name || '.', '.') - 1) AS stem FROM metrics)
"""


def upgrade() -> None:
    _certificates()
    op.add_column("models", sa.Column("role", sa.Text(), server_default="trained", nullable=False))
    op.create_index(op.f("ix_models_role"), "models", ["role"])
    _meanings()


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


def _meanings() -> None:
    """What curves and measurements are, which only their names said."""
    op.create_table(
        "curves",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("family", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_curves_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "name", name=op.f("pk_curves")),
    )
    op.execute(CURVES)
    for name, default in (("family", ""), ("role", "value"), ("draws", "draw")):
        op.add_column("measurements", sa.Column(name, sa.Text(), server_default=default, nullable=False))
    for family in ("error", "loss"):  # a loss where a name has both
        _update(f"family = '{family}'", f"name LIKE '%{family}%' AND name <> '{family}'")
    _update("role = 'verdict'", f"name IN {VERDICTS}")
    _update("role = 'aside'", f"name IN {ASIDE}")
    _update("role = 'assumption'", "name LIKE '%: %'")
    _update(
        "draws = 'point'",
        "draw IS NOT NULL AND owner_kind = 'bound' AND owner_id IN (SELECT id FROM bounds WHERE kind = 'unbounded')",
    )


def _update(values: str, where: str) -> None:
    op.execute(f"UPDATE measurements SET {values} WHERE {where}")  # noqa: S608 - all of it stands above
