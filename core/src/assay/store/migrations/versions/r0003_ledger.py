"""The ledger, what came of its rows, answers to repeat, counters."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

SEQUENCE = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    _create_ledger()
    _refuse_changes()
    _create_outcomes()
    op.create_table(
        "remembered",
        sa.Column("key_digest", sa.LargeBinary, nullable=False),
        sa.Column("request_digest", sa.LargeBinary, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("key_digest", name="pk_remembered"),
    )
    op.create_index("ix_remembered_created_ms", "remembered", ["created_ms"])
    op.create_table(
        "counters",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.execute("UPDATE meta SET value = '3' WHERE key = 'schema_version'")


def _create_ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("sequence", SEQUENCE, nullable=False, autoincrement=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("origin_ms", sa.BigInteger, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("previous_hash", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_ledger"),
        sa.UniqueConstraint("kind", "key", name="uq_ledger_kind"),
    )
    op.create_index("ix_ledger_kind", "ledger", ["kind", "sequence"])
    op.create_index("ix_ledger_subject", "ledger", ["kind", "subject", "sequence"])
    op.create_table(
        "ledger_extents",
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("bytes", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("kind", name="pk_ledger_extents"),
    )


def _refuse_changes() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE "
            "EXCEPTION 'rows of the ledger never change, and are never dropped'; END$$"
        )
        op.execute(
            "CREATE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()"
        )
        return
    for name, event, said in (
        ("no_update", "UPDATE", "never change"),
        ("no_delete", "DELETE", "are never dropped"),
    ):
        op.execute(
            f"CREATE TRIGGER ledger_{name} BEFORE {event} ON ledger "
            f"BEGIN SELECT RAISE(ABORT, 'rows of the ledger {said}'); END"
        )


def _create_outcomes() -> None:
    op.create_table(
        "pending",
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("kind", "due_ms", "sequence", name="pk_pending"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "outcomes",
        sa.Column("sequence", SEQUENCE, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(128), nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("scored_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("sequence", name="pk_outcomes"),
        sa.ForeignKeyConstraint(
            ["sequence"], ["ledger.sequence"], name="fk_outcomes_sequence_ledger"
        ),
    )
    op.create_index("ix_outcomes_kind", "outcomes", ["kind", "sequence"])
    op.create_index("ix_outcomes_subject", "outcomes", ["kind", "subject", "sequence"])
