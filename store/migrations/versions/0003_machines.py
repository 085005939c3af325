"""Attempts know their machine, not only its name; one whose machine isn't heard of can be given up."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("attempts", sa.Column("machine", sa.Text(), nullable=True))  # not known of older attempts
    op.add_column("attempts", sa.Column("given_up_at", sa.Text(), nullable=True))
    given_up = sa.text("given_up_at IS NOT NULL")
    op.create_index(op.f("ix_attempts_given_up_at"), "attempts", ["given_up_at"], sqlite_where=given_up)
