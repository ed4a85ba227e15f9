"""Options, corrections and idempotency of loads."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_TABLES = ("departments", "jobs", "hired_employees")


def _added() -> dict[str, list[sa.Column[object]]]:
    """The columns that existing tables gain."""
    false = sa.false()
    return {
        "loads": [
            sa.Column("dry_run", sa.Boolean(), nullable=False, server_default=false),
            sa.Column("force", sa.Boolean(), nullable=False, server_default=false),
            sa.Column("reject_limit", sa.BigInteger()),
            sa.Column("reject_share", sa.Float()),
            sa.Column("roll_back", sa.Boolean(), nullable=False, server_default=false),
            sa.Column("heartbeat_at", sa.DateTime()),
            sa.Column("claimed_at", sa.DateTime()),
            sa.Column("claimed_offset", sa.BigInteger(), nullable=False, server_default="0"),
            sa.Column("retry_at", sa.DateTime()),
            sa.Column("is_check", sa.Boolean(), nullable=False, server_default=false),
            sa.Column("cancel_requested", sa.Boolean(), nullable=False, server_default=false),
            sa.Column("source_header", sa.LargeBinary()),
            sa.Column("sha256", sa.String(64)),
            sa.Column("repeats", sa.String(36)),
        ],
        "rejects": [
            sa.Column("origin_load_id", sa.String(36)),
            sa.Column("origin_line", sa.BigInteger()),
            sa.Column("answered_by", sa.Integer()),
        ],
    }


def upgrade() -> None:
    """Apply."""
    for table, columns in _added().items():
        for column in columns:
            op.add_column(table, column)
    op.create_index("ix_loads_sha256", "loads", ["sha256"])
    op.create_index("ix_rejects_load_number_line", "rejects", ["load_number", "line"])
    op.create_index(
        "ix_rejects_origin_load_id_origin_line", "rejects", ["origin_load_id", "origin_line"]
    )
    for table in _TABLES:
        op.create_index(f"ix_{table}_loaded_by", table, ["loaded_by"])
    op.create_table(
        "rehearsed_ids",
        sa.Column("load_number", sa.Integer(), nullable=False),
        sa.Column("row_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["load_number"], ["loads.number"], name="fk_rehearsed_ids_load_number"
        ),
        sa.PrimaryKeyConstraint("load_number", "row_id", name="pk_rehearsed_ids"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.Unicode(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("load_id", sa.String(36), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_idempotency_keys"),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("idempotency_keys")
    op.drop_table("rehearsed_ids")
    for table in _TABLES:
        op.drop_index(f"ix_{table}_loaded_by", table)
    op.drop_index("ix_rejects_origin_load_id_origin_line", "rejects")
    op.drop_index("ix_rejects_load_number_line", "rejects")
    op.drop_index("ix_loads_sha256", "loads")
    for table, columns in _added().items():
        for column in reversed(columns):
            op.drop_column(table, column.name)
