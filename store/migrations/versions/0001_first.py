"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Each text is the columns of one index.
INDEXES = {
    "measurements": ["owner_kind owner_id"],
    "notes": ["kind owner_id"],
    "runs": [
        "cause_kind",
        "created_at",
        "data",
        "finished_at",
        "kind",
        "method",
        "name",
        "network",
        "relaunch_of",
        "seconds",
        "seed",
        "started_at",
        "state",
        "state created_at",
        "state finished_at",
        "state seconds",
        "study",
    ],
    "tags": ["kind tag"],
    "attempts": ["state host"],
    "models": ["artifact", "created_at", "data", "name", "network", "test_error", "train_loss"],
    "run_dependencies": ["needs_run_id"],
    "bounds": ["created_at", "kind", "model_id", "value"],
    "device_leases": ["host device"],
    "paths": [
        "artifact",
        "barrier",
        "certified",
        "created_at",
        "data",
        "length",
        "level",
        "max_train_loss",
        "method",
        "model_a",
        "model_b",
        "network",
    ],
}


def upgrade() -> None:
    _artifacts()
    _measurements()
    _notes()
    _runs()
    _tags()
    _attempts()
    _metrics()
    _models()
    _run_dependencies()
    _bounds()
    _device_leases()
    _paths()
    _profile_points()
    _segments()
    for table, indexes in INDEXES.items():
        for columns in map(str.split, indexes):
            op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)


def _artifacts() -> None:
    op.create_table(
        "artifacts",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("bytes", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_artifacts")),
    )


def _measurements() -> None:
    op.create_table(
        "measurements",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner_kind", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("layer", sa.Integer(), nullable=True),
        sa.Column("draw", sa.Integer(), nullable=True),
        sa.Column("value", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_measurements")),
        sa.CheckConstraint(
            "owner_kind IN ('bound', 'model', 'path', 'run')", name=op.f("ck_measurements_owner_kind_known")
        ),
    )


def _notes() -> None:
    op.create_table(
        "notes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
        sqlite_autoincrement=True,
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("network", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=True),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("seed", sa.Integer(), nullable=True),
        sa.Column("study", sa.Text(), nullable=True),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("device_requested", sa.Text(), nullable=True),
        sa.Column("data_root", sa.Text(), nullable=True),
        sa.Column("resume", sa.Text(), nullable=False),
        sa.Column("relaunch_of", sa.Integer(), nullable=True),
        sa.Column("fraction", sa.Float(), nullable=True),
        sa.Column("eta_seconds", sa.Float(), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("cause_kind", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=True),
        sa.Column("finished_at", sa.Text(), nullable=True),
        sa.Column("cancel_requested_at", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("git_commit", sa.Text(), nullable=True),
        sa.Column("starred", sa.Boolean(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'stale', 'cancelled')", name=op.f("ck_runs_state_known")
        ),
        sa.CheckConstraint("resume IN ('scratch', 'checkpoint')", name=op.f("ck_runs_resume_known")),
        sa.ForeignKeyConstraint(["relaunch_of"], ["runs.id"], name=op.f("fk_runs_relaunch_of"), ondelete="SET NULL"),
        sqlite_autoincrement=True,
    )


def _tags() -> None:
    op.create_table(
        "tags",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "owner_id", "tag", name=op.f("pk_tags")),
    )


def _attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("agent_pid", sa.Integer(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=True),
        sa.Column("pid_started", sa.Float(), nullable=True),
        sa.Column("boot_id", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Text(), nullable=False),
        sa.Column("heartbeat_at", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.Text(), nullable=True),
        sa.Column("offset", sa.Integer(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=True),
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("exit_signal", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("run_id", "number", name=op.f("uq_attempts_run_id_number")),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'failed', 'stale', 'cancelled')",
            name=op.f("ck_attempts_state_known"),
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_attempts_run_id"), ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )


def _metrics() -> None:
    op.create_table(
        "metrics",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "name", "step", name=op.f("pk_metrics")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_metrics_run_id"), ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )


def _models() -> None:
    op.create_table(
        "models",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("network", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=True),
        sa.Column("loss", sa.Text(), nullable=True),
        sa.Column("architecture", sa.Text(), nullable=True),
        sa.Column("data_fingerprint", sa.Text(), nullable=True),
        sa.Column("parameters", sa.Integer(), nullable=True),
        sa.Column("seed", sa.Integer(), nullable=True),
        sa.Column("dtype", sa.Text(), nullable=True),
        sa.Column("train_loss", sa.Float(), nullable=True),
        sa.Column("train_error", sa.Float(), nullable=True),
        sa.Column("test_loss", sa.Float(), nullable=True),
        sa.Column("test_error", sa.Float(), nullable=True),
        sa.Column("epochs", sa.Integer(), nullable=True),
        sa.Column("reached", sa.Boolean(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("artifact", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("starred", sa.Boolean(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_models")),
        sa.UniqueConstraint("run_id", "position", name=op.f("uq_models_run_id_position")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_models_run_id")),
        sa.ForeignKeyConstraint(["artifact"], ["artifacts.sha256"], name=op.f("fk_models_artifact")),
        sqlite_autoincrement=True,
    )


def _run_dependencies() -> None:
    op.create_table(
        "run_dependencies",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("needs_run_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "needs_run_id", name=op.f("pk_run_dependencies")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_dependencies_run_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["needs_run_id"], ["runs.id"], name=op.f("fk_run_dependencies_needs_run_id"), ondelete="CASCADE"
        ),
    )


def _bounds() -> None:
    op.create_table(
        "bounds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("layer_count", sa.Integer(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("starred", sa.Boolean(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bounds")),
        sa.UniqueConstraint("run_id", "position", name=op.f("uq_bounds_run_id_position")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_bounds_run_id")),
        sa.ForeignKeyConstraint(["model_id"], ["models.id"], name=op.f("fk_bounds_model_id")),
        sqlite_autoincrement=True,
    )


def _device_leases() -> None:
    op.create_table(
        "device_leases",
        sa.Column("attempt_id", sa.Integer(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("acquired_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_device_leases")),
        sa.ForeignKeyConstraint(
            ["attempt_id"], ["attempts.id"], name=op.f("fk_device_leases_attempt_id"), ondelete="CASCADE"
        ),
    )


def _paths() -> None:
    op.create_table(
        "paths",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("model_a", sa.Integer(), nullable=False),
        sa.Column("model_b", sa.Integer(), nullable=False),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("network", sa.Text(), nullable=True),
        sa.Column("data", sa.Text(), nullable=True),
        sa.Column("on", sa.Text(), nullable=True),
        sa.Column("threshold", sa.Float(), nullable=True),
        sa.Column("connected", sa.Boolean(), nullable=True),
        sa.Column("train_loss_a", sa.Float(), nullable=True),
        sa.Column("train_loss_b", sa.Float(), nullable=True),
        sa.Column("max_train_loss", sa.Float(), nullable=True),
        sa.Column("mean_train_loss", sa.Float(), nullable=True),
        sa.Column("integral_train_loss", sa.Float(), nullable=True),
        sa.Column("train_error_a", sa.Float(), nullable=True),
        sa.Column("train_error_b", sa.Float(), nullable=True),
        sa.Column("max_train_error", sa.Float(), nullable=True),
        sa.Column("mean_train_error", sa.Float(), nullable=True),
        sa.Column("integral_train_error", sa.Float(), nullable=True),
        sa.Column("test_loss_a", sa.Float(), nullable=True),
        sa.Column("test_loss_b", sa.Float(), nullable=True),
        sa.Column("max_test_loss", sa.Float(), nullable=True),
        sa.Column("mean_test_loss", sa.Float(), nullable=True),
        sa.Column("integral_test_loss", sa.Float(), nullable=True),
        sa.Column("test_error_a", sa.Float(), nullable=True),
        sa.Column("test_error_b", sa.Float(), nullable=True),
        sa.Column("max_test_error", sa.Float(), nullable=True),
        sa.Column("mean_test_error", sa.Float(), nullable=True),
        sa.Column("integral_test_error", sa.Float(), nullable=True),
        sa.Column("level", sa.Float(), nullable=True),
        sa.Column("excess", sa.Float(), nullable=True),
        sa.Column("certified", sa.Boolean(), nullable=True),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.Column("residual", sa.Float(), nullable=True),
        sa.Column("barrier", sa.Float(), nullable=True),
        sa.Column("barrier_interpolated", sa.Float(), nullable=True),
        sa.Column("length", sa.Float(), nullable=True),
        sa.Column("normalized_length", sa.Float(), nullable=True),
        sa.Column("beads", sa.Integer(), nullable=True),
        sa.Column("segments", sa.Integer(), nullable=False),
        sa.Column("dtype", sa.Text(), nullable=True),
        sa.Column("forward_passes", sa.Float(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("artifact", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("starred", sa.Boolean(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paths")),
        sa.UniqueConstraint("run_id", "position", name=op.f("uq_paths_run_id_position")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_paths_run_id")),
        sa.ForeignKeyConstraint(["model_a"], ["models.id"], name=op.f("fk_paths_model_a")),
        sa.ForeignKeyConstraint(["model_b"], ["models.id"], name=op.f("fk_paths_model_b")),
        sa.ForeignKeyConstraint(["artifact"], ["artifacts.sha256"], name=op.f("fk_paths_artifact")),
        sqlite_autoincrement=True,
    )


def _profile_points() -> None:
    op.create_table(
        "profile_points",
        sa.Column("path_id", sa.Integer(), nullable=False),
        sa.Column("t", sa.Float(), nullable=False),
        sa.Column("segment", sa.Integer(), nullable=True),
        sa.Column("train_loss", sa.Float(), nullable=True),
        sa.Column("train_error", sa.Float(), nullable=True),
        sa.Column("test_loss", sa.Float(), nullable=True),
        sa.Column("test_error", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("path_id", "t", name=op.f("pk_profile_points")),
        sa.ForeignKeyConstraint(["path_id"], ["paths.id"], name=op.f("fk_profile_points_path_id"), ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )


def _segments() -> None:
    op.create_table(
        "segments",
        sa.Column("path_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("claim", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("bound", sa.Float(), nullable=True),
        sa.Column("residual", sa.Float(), nullable=True),
        sa.Column("length", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("path_id", "position", name=op.f("pk_segments")),
        sa.ForeignKeyConstraint(["path_id"], ["paths.id"], name=op.f("fk_segments_path_id"), ondelete="CASCADE"),
    )
