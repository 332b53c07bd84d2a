"""The overview's files: whose figures they are, where they are from, and what they are about."""

from __future__ import annotations

import csv
import io
from datetime import UTC

from assay_frontend.api.crypto_models import Signal
from assay_frontend.api.models import Forecast, History
from assay_frontend.components.overview_tables import overview_csv, prices_numbers
from assay_frontend.i18n import translator


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_each_figure_has_its_source_and_the_time_that_it_is_about(market, coin):
    signal = Signal.parse(coin.change(source="simulated").signal)
    rows = rows_of(overview_csv(Forecast.parse(market.forecast), [(signal, None)]))
    about = {(row["market"], row["figure"]): row["about"] for row in rows}
    assert about["GC=F", "last_close"] == "2025-04-14"
    assert about["GC=F", "median"] == "2025-04-15"
    assert about["BTC/USDT", "last_close"] == "2025-04-14T21:00:00Z"
    assert about["BTC/USDT", "risk_score"] == "2025-04-15T21:00:00Z"
    assert {row["source"] for row in rows if row["market"] == "BTC/USDT"} == {"simulated"}


def test_closes_are_named_by_their_symbol_in_every_language(market):
    gold, forecast = History.parse(market.history), Forecast.parse(market.forecast)
    numbers = prices_numbers(
        translator("es"), gold, forecast, [], UTC, sessions=60, file="closes.csv"
    )
    rows = rows_of(numbers.csv)
    assert len(rows) == 60
    assert {(row["market"], row["source"]) for row in rows} == {("GC=F", gold.provenance.source)}
    assert set(numbers.table["Mercado"]) == {"Oro"}
