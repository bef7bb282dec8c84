"""The first schema: org, runs, plans, mirror catalogue, quarantine and history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Text in the order of its bytes, on both databases.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "counters",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "dirty",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id"),
    )
    op.create_table(
        "entity_tables",
        sa.Column("entity", TEXT, nullable=False),
        sa.Column("shape", TEXT, nullable=False),
        sa.Column("columns", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("entity"),
    )
    op.create_table(
        "feeds",
        sa.Column("object", TEXT, nullable=False),
        sa.Column("entity", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("object", "entity"),
    )
    op.create_table(
        "figures",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("figures", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("day", "digest"),
    )
    op.create_table(
        "org",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("org_id", TEXT, nullable=False),
        sa.Column("crm", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("one"),
    )
    op.create_table(
        "quarantine",
        sa.Column("object", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("problem", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("object", "id", "path"),
    )
    op.create_table(
        "quarantine_more",
        sa.Column("object", TEXT, nullable=False),
        sa.Column("problem", TEXT, nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("object", "problem"),
    )
    op.create_table(
        "readings",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("computed", sa.Integer(), nullable=True),
        sa.Column("band_now", TEXT, nullable=True),
        sa.Column("band", TEXT, nullable=True),
        sa.Column("coverage", sa.Float(), nullable=True),
        sa.Column("model", TEXT, nullable=True),
        sa.Column("digest", TEXT, nullable=True),
        sa.Column("receipt", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "day"),
    )
    op.create_index("readings_day", "readings", ["day"], unique=False)
    op.create_table(
        "readings_staged",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("bucket", sa.Integer(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("computed", sa.Integer(), nullable=True),
        sa.Column("band_now", TEXT, nullable=True),
        sa.Column("band", TEXT, nullable=True),
        sa.Column("coverage", sa.Float(), nullable=True),
        sa.Column("model", TEXT, nullable=True),
        sa.Column("digest", TEXT, nullable=True),
        sa.Column("receipt", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("account_id", "day"),
    )
    op.create_table(
        "run_values",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "runs",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("org_id", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("heartbeat", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.Column("phase", TEXT, nullable=False),
        sa.Column("outcome", TEXT, nullable=True),
        sa.Column("exit_code", sa.Integer(), nullable=True),
        sa.Column("counts", TEXT, nullable=False),
        sa.Column("calls", TEXT, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("fence"),
    )
    op.create_table(
        "streams",
        sa.Column("object", TEXT, nullable=False),
        sa.Column("shape", TEXT, nullable=True),
        sa.Column("cursor", TEXT, nullable=True),
        sa.Column("complete_at", sa.BigInteger(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("full", sa.Boolean(), nullable=False),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("object"),
    )
    op.create_table(
        "holds",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("used_by", TEXT, nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.id"],
        ),
        sa.ForeignKeyConstraint(
            ["used_by"],
            ["runs.id"],
        ),
        sa.PrimaryKeyConstraint("run_id"),
    )
    op.create_table(
        "plan_rows",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("op", TEXT, nullable=False),
        sa.Column("object", TEXT, nullable=False),
        sa.Column("shape", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=True),
        sa.Column("record_id", TEXT, nullable=True),
        sa.Column("key_field", TEXT, nullable=True),
        sa.Column("key", TEXT, nullable=True),
        sa.Column("target", TEXT, nullable=False),
        sa.Column("basis", TEXT, nullable=True),
        sa.Column("why", TEXT, nullable=True),
        sa.Column("fields", TEXT, nullable=False),
        sa.Column("before", TEXT, nullable=True),
        sa.Column("claim_object", TEXT, nullable=True),
        sa.Column("claim_key_field", TEXT, nullable=True),
        sa.Column("claim_fields", TEXT, nullable=True),
        sa.Column("receipt_id", TEXT, nullable=True),
        sa.Column("created", sa.Boolean(), nullable=True),
        sa.Column("code", TEXT, nullable=True),
        sa.Column("field", TEXT, nullable=True),
        sa.Column("message", TEXT, nullable=True),
        sa.Column("retry_after", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["runs.id"],
        ),
        sa.PrimaryKeyConstraint("run_id", "seq"),
    )
    op.create_index("plan_rows_status", "plan_rows", ["status", "run_id"], unique=False)
    op.create_index("plan_rows_target", "plan_rows", ["object", "target", "kind"], unique=False)
