"""The tables. Constraint names follow one convention, so that migrations can name them.

A change here needs a revision in `migrations/versions`, and its name at the end of `REVISIONS`.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
)

from assay.store.ledger_records import KEY_LENGTH, KIND_LENGTH, SOURCE_LENGTH, SUBJECT_LENGTH

# Oldest first. Kept here too, since asking Alembic would cost each start half a second.
REVISIONS = ("0001", "0002", "0003")
HEAD = REVISIONS[-1]
# What programs that know no revisions look at, and refuse.
SCHEMA_VERSION = "3"

TIME_LENGTH = REASON_LENGTH = 64
PRICES = ("open", "high", "low", "close", "volume")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Alembic's own, made by hand in a new database, so that Alembic is not needed there.
revision = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", String(255), nullable=False),
)

series = Table(
    "series",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String(32), nullable=False),
    Column("symbol", String(32), nullable=False),
    Column("timeframe", String(8), nullable=False),
    # kept with every write, since counting millions of bars takes a second
    Column("bar_count", BigInteger, nullable=False),
    UniqueConstraint("source", "symbol", "timeframe"),
)


def _of_series() -> Column[int]:
    return Column("series_id", Integer, ForeignKey("series.id"), nullable=False)


bars = Table(
    "bars",
    metadata,
    _of_series(),
    Column("open_time_ms", BigInteger, nullable=False),
    *(Column(name, Double, nullable=False) for name in PRICES),
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("updated_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("series_id", "open_time_ms"),
    sqlite_with_rowid=False,
)

corrections = Table(
    "corrections",
    metadata,
    Column("id", Integer, primary_key=True),
    _of_series(),
    Column("open_time_ms", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    *(Column(f"{name}_before", Double, nullable=False) for name in PRICES),
    *(Column(f"{name}_after", Double, nullable=False) for name in PRICES),
    Index("ix_corrections_series_id", "series_id", "open_time_ms"),
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("id", Integer, primary_key=True),
    _of_series(),
    Column("time", String(TIME_LENGTH), nullable=False),
    Column("reason", String(REASON_LENGTH), nullable=False),
    # JSON: open, high, low, close, volume as they came, "nan" and "inf" where they are that
    Column("prices", String(255), nullable=False),
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=False),
    Column("times_seen", Integer, nullable=False),
    UniqueConstraint("series_id", "time", "reason", "prices"),
    Index("ix_quarantine_last_seen_ms", "last_seen_ms"),
)

markets = Table(
    "markets",
    metadata,
    Column("exchange", String(32), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    # JSON: [[symbol, id], ...]
    Column("markets", Text, nullable=False),
)

# SQLite counts a table's own rows in its INTEGER, and knows no BIGINT that does.
_Sequence = BigInteger().with_variant(Integer, "sqlite")

ledger = Table(
    "ledger",
    metadata,
    Column("sequence", _Sequence, primary_key=True, autoincrement=False),
    Column("kind", String(KIND_LENGTH), nullable=False),
    Column("key", String(KEY_LENGTH), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("origin_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("subject", String(SUBJECT_LENGTH), nullable=False),
    Column("source", String(SOURCE_LENGTH), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("previous_hash", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    UniqueConstraint("kind", "key"),
    Index("ix_ledger_kind", "kind", "sequence"),
    Index("ix_ledger_subject", "kind", "subject", "sequence"),
)

# How far each kind has come, kept with every append, since counting millions of rows takes seconds.
ledger_extents = Table(
    "ledger_extents",
    metadata,
    Column("kind", String(KIND_LENGTH), primary_key=True),
    Column("rows", BigInteger, nullable=False),
    # of the payloads, each with the newline that ends its line in a file
    Column("bytes", BigInteger, nullable=False),
    # of the newest row
    Column("sequence", BigInteger, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
)

# Rows whose outcome is not known yet: kept apart, since rows of the ledger never change.
pending = Table(
    "pending",
    metadata,
    Column("kind", String(KIND_LENGTH), nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    PrimaryKeyConstraint("kind", "due_ms", "sequence"),
    sqlite_with_rowid=False,
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("sequence", _Sequence, ForeignKey("ledger.sequence"), primary_key=True),
    # the row's own, so that a track record is read without those that have no outcome
    Column("kind", String(KIND_LENGTH), nullable=False),
    Column("subject", String(SUBJECT_LENGTH), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("scored_ms", BigInteger, nullable=False),
    Index("ix_outcomes_kind", "kind", "sequence"),
    Index("ix_outcomes_subject", "kind", "subject", "sequence"),
)

remembered = Table(
    "remembered",
    metadata,
    Column("key_digest", LargeBinary, primary_key=True),
    Column("request_digest", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Index("ix_remembered_created_ms", "created_ms"),
)

counters = Table(
    "counters",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

# The database itself refuses what no code here does.
_APPEND_ONLY = {
    "sqlite": (
        "CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger "
        "BEGIN SELECT RAISE(ABORT, 'rows of the ledger never change'); END",
        "CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger "
        "BEGIN SELECT RAISE(ABORT, 'rows of the ledger are never dropped'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN RAISE EXCEPTION 'rows of the ledger never change, and are never dropped'; END$$",
        "CREATE TRIGGER ledger_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()",
    ),
}
for _dialect, _statements in _APPEND_ONLY.items():
    for _statement in _statements:
        _ddl = DDL(_statement)  # type: ignore[no-untyped-call]  # SQLAlchemy's
        event.listen(ledger, "after_create", _ddl.execute_if(dialect=_dialect))
