"""The tables. Constraint names follow one convention, so that migrations can name them.

A change here needs a revision in `migrations/versions`, and its name at the end of `REVISIONS`.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

# Oldest first. Kept here too, since asking Alembic would cost each start half a second.
REVISIONS = ("0001", "0002")
HEAD = REVISIONS[-1]
# What programs that know no revisions look at, and refuse.
SCHEMA_VERSION = "2"

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
