"""Attempts know their machine, not only its name; one whose machine isn't heard of can be given up."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

FINDINGS = ("could not connect", "could not descend", "premise", "loss not reached", "ill-conditioned")


def upgrade() -> None:
    op.add_column("attempts", sa.Column("machine", sa.Text(), nullable=True))  # not known of older attempts
    op.add_column("attempts", sa.Column("given_up_at", sa.Text(), nullable=True))
    given_up = sa.text("given_up_at IS NOT NULL")
    op.create_index(op.f("ix_attempts_given_up_at"), "attempts", ["given_up_at"], sqlite_where=given_up)
    kinds = ", ".join(map(repr, FINDINGS))
    op.execute(  # an agent of before 0002 that went on after it says no outcome
        f"UPDATE runs SET outcome = CASE WHEN cause_kind IN ({kinds}) THEN 'finding' ELSE 'fault' END "  # noqa: S608
        "WHERE state = 'failed' AND outcome IS NULL"
    )
