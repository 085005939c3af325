"""Figures for SQLite's query planner; without them it may prefer a useless filter to the order wanted."""

from sqlalchemy import Engine, text

COUNTED = ("runs", "models", "paths", "bounds")  # not the metrics: always asked for by key, and too many
FEW = 1000  # a catalogue with fewer runs is fast whatever the plan
LAST = text("SELECT max(stat + 0) FROM sqlite_stat1 WHERE tbl = 'runs'")


def renew_statistics(engine: Engine) -> None:
    """Count again when the catalogue has doubled since the last time; otherwise quick and without waiting."""
    with engine.connect() as connection:
        runs = connection.scalar(text("SELECT max(id) FROM runs")) or 0
        known = connection.scalar(text("SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'"))
        last = connection.scalar(LAST) if known else 0
    if runs >= max(FEW, 2 * (last or 0)):
        with engine.execution_options(write=True).begin() as connection:
            for name in COUNTED:
                connection.execute(text(f"ANALYZE {name}"))
