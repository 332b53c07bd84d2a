"""Series by number, corrections with both values, rows in quarantine, lists of markets."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

PRICES = ("open", "high", "low", "close", "volume")


def upgrade() -> None:
    op.rename_table("bars", "bars_by_name")
    if op.get_bind().dialect.name == "postgresql":  # where an index needs a name of its own
        op.execute("ALTER INDEX pk_bars RENAME TO pk_bars_by_name")
    _create_series_and_bars()
    _create_corrections()
    _create_quarantine()
    op.create_table(
        "markets",
        sa.Column("exchange", sa.String(32), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("markets", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("exchange", name="pk_markets"),
    )
    _carry_over()
    op.drop_table("bars_by_name")
    # Programs that know no revisions see by this that the tables are not theirs.
    op.execute("UPDATE meta SET value = '2' WHERE key = 'schema_version'")


def _create_series_and_bars() -> None:
    op.create_table(
        "series",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("source", sa.String(32), nullable=False),
        sa.Column("symbol", sa.String(32), nullable=False),
        sa.Column("timeframe", sa.String(8), nullable=False),
        sa.Column("bar_count", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
        sa.UniqueConstraint("source", "symbol", "timeframe", name="uq_series_source"),
    )
    op.create_table(
        "bars",
        sa.Column("series_id", sa.Integer, nullable=False),
        sa.Column("open_time_ms", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.Double, nullable=False) for name in PRICES),
        sa.Column("first_seen_ms", sa.BigInteger, nullable=False),
        sa.Column("updated_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("series_id", "open_time_ms", name="pk_bars"),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name="fk_bars_series_id_series"),
        sqlite_with_rowid=False,
    )


def _create_corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("series_id", sa.Integer, nullable=False),
        sa.Column("open_time_ms", sa.BigInteger, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        *(sa.Column(f"{name}_before", sa.Double, nullable=False) for name in PRICES),
        *(sa.Column(f"{name}_after", sa.Double, nullable=False) for name in PRICES),
        sa.PrimaryKeyConstraint("id", name="pk_corrections"),
        sa.ForeignKeyConstraint(
            ["series_id"], ["series.id"], name="fk_corrections_series_id_series"
        ),
    )
    op.create_index("ix_corrections_series_id", "corrections", ["series_id", "open_time_ms"])


def _create_quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("series_id", sa.Integer, nullable=False),
        sa.Column("time", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(64), nullable=False),
        sa.Column("prices", sa.String(255), nullable=False),
        sa.Column("first_seen_ms", sa.BigInteger, nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger, nullable=False),
        sa.Column("times_seen", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_quarantine"),
        sa.UniqueConstraint(
            "series_id", "time", "reason", "prices", name="uq_quarantine_series_id"
        ),
        sa.ForeignKeyConstraint(
            ["series_id"], ["series.id"], name="fk_quarantine_series_id_series"
        ),
    )
    op.create_index("ix_quarantine_last_seen_ms", "quarantine", ["last_seen_ms"])


def _carry_over() -> None:
    op.execute(
        "INSERT INTO series (source, symbol, timeframe, bar_count) "
        "SELECT source, symbol, timeframe, count(*) FROM bars_by_name "
        "GROUP BY source, symbol, timeframe ORDER BY source, symbol, timeframe"
    )
    op.execute(
        "INSERT INTO bars (series_id, open_time_ms, open, high, low, close, volume, "
        "first_seen_ms, updated_ms) "
        "SELECT series.id, old.open_time_ms, old.open, old.high, old.low, old.close, old.volume, "
        "old.first_seen_ms, old.updated_ms FROM bars_by_name AS old "
        "JOIN series ON series.source = old.source AND series.symbol = old.symbol "
        "AND series.timeframe = old.timeframe ORDER BY series.id, old.open_time_ms"
    )
