"""Readings of a day on which the model changed also say what the one before would have given."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, empty: of older readings nobody knows it."""
    for table in ("readings", "readings_staged"):
        op.add_column(table, sa.Column("was", sa.Integer(), nullable=True))
