"""The SQL tables: those of the data dictionary, derived from it, and the two of the ledger."""

from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from domain.dictionary import TABLES
from domain.load import Counts, Position
from domain.rules import Integer, Key, Reference, Rule, Text, Timestamp
from domain.table import Table

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _column_type(rule: Rule) -> sa.types.TypeEngine[Any]:
    match rule:
        case Integer():
            return sa.Integer()
        case Text(maximum=length):
            return sa.Unicode(length)
        case Timestamp():
            return sa.DateTime()


def _columns(table: Table) -> list[sa.Column[object]]:
    return [
        sa.Column(
            field.name,
            _column_type(field.rule),
            *(
                [sa.ForeignKey(f"{field.rule.table.name}.{field.rule.table.key.name}")]
                if isinstance(field.rule, Reference)
                else []
            ),
            primary_key=isinstance(field.rule, Key),
            autoincrement=False,
            nullable=False,
        )
        for field in table.fields
    ]


# Which load of the ledger inserted a row; null where none did. Lets the books be audited.
_LOADED_BY = "loaded_by"

tables: dict[str, sa.Table] = {
    table.name: sa.Table(
        table.name, metadata, *_columns(table), sa.Column(_LOADED_BY, sa.Integer(), index=True)
    )
    for table in TABLES.values()
}


loads = sa.Table(
    "loads",
    metadata,
    sa.Column("number", sa.Integer(), primary_key=True),
    sa.Column("id", sa.String(36), nullable=False, unique=True),
    sa.Column("table_name", sa.String(64), nullable=False),
    sa.Column("source", sa.Unicode(1024), nullable=False),
    sa.Column("start", sa.BigInteger(), nullable=False),
    sa.Column("limit", sa.BigInteger()),
    sa.Column("batch_size", sa.BigInteger(), nullable=False),
    sa.Column("on_conflict", sa.String(16), nullable=False),
    sa.Column("background", sa.Boolean(), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("created_at", sa.DateTime(), nullable=False),
    sa.Column("started_at", sa.DateTime()),
    sa.Column("finished_at", sa.DateTime()),
    sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("fence", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("owner", sa.String(255)),
    sa.Column("lease_until", sa.DateTime()),
    sa.Column("source_size", sa.BigInteger()),
    sa.Column("source_etag", sa.String(255)),
    sa.Column("error", sa.UnicodeText()),
    sa.Column("dry_run", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("force", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("reject_limit", sa.BigInteger()),
    sa.Column("reject_share", sa.Float()),
    sa.Column("roll_back", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("heartbeat_at", sa.DateTime()),
    sa.Column("claimed_at", sa.DateTime()),
    sa.Column("claimed_offset", sa.BigInteger(), nullable=False, server_default="0"),
    sa.Column("retry_at", sa.DateTime()),
    sa.Column("is_check", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("cancel_requested", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("source_header", sa.LargeBinary()),
    sa.Column("sha256", sa.String(64)),
    sa.Column("repeats", sa.String(36)),
    *(
        sa.Column(number.name, sa.BigInteger(), nullable=False, server_default="0")
        for number in (*fields(Position), *fields(Counts))
    ),
    sa.Index(None, "state", "number"),
    sa.Index(None, "sha256"),
)

rejects = sa.Table(
    "rejects",
    metadata,
    sa.Column("load_number", sa.ForeignKey("loads.number"), primary_key=True),
    sa.Column("record", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("line", sa.BigInteger(), nullable=False),
    sa.Column("row_id", sa.Integer()),
    sa.Column("raw", sa.LargeBinary(), nullable=False),
    sa.Column("reasons", sa.JSON(), nullable=False),
    # The reject that the row was to correct, and the load that took the corrected row.
    sa.Column("origin_load_id", sa.String(36)),
    sa.Column("origin_line", sa.BigInteger()),
    sa.Column("answered_by", sa.Integer()),
    sa.Index(None, "load_number", "line"),
    sa.Index(None, "origin_load_id", "origin_line"),
)

# Ids that a load which writes no row has seen, so that it counts a repeated one as a real load
# would; they go when it ends.
rehearsed_ids = sa.Table(
    "rehearsed_ids",
    metadata,
    sa.Column("load_number", sa.ForeignKey("loads.number"), primary_key=True),
    sa.Column("row_id", sa.Integer(), primary_key=True, autoincrement=False),
)

# What a request with an Idempotency-Key asked for, and the load that it entered.
idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("key", sa.Unicode(255), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("load_id", sa.String(36), nullable=False),
)
