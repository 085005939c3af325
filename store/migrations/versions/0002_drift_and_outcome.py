"""Paths tell the drift that their level carries; failed runs tell a finding from a fault."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

FINDINGS = ("could not connect", "could not descend", "premise", "loss not reached", "ill-conditioned")


def upgrade() -> None:
    op.add_column("paths", sa.Column("drift", sa.Float(), nullable=True))  # not known of older paths
    op.add_column("runs", sa.Column("outcome", sa.Text(), nullable=True))
    op.create_index(op.f("ix_runs_outcome"), "runs", ["outcome"])
    kinds = ", ".join(map(repr, FINDINGS))
    op.execute(
        f"UPDATE runs SET outcome = CASE WHEN cause_kind IN ({kinds}) THEN 'finding' ELSE 'fault' END "  # noqa: S608
        "WHERE state = 'failed'"
    )
