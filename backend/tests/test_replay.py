"""What a service of replayed files tells of rows that were no bars."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from assay.market.csv_bars import write_bars_csv
from assay.market.sources.simulated import FIRST_SESSION, SimulatedSource
from assay_backend.schemas.status import StatusAnswer
from assay_backend.services.container import build_services

COIN_HOURS = 300


@pytest.fixture
def replayed(tmp_path, clock):
    """The settings of a replay with a gold row and a coin's row high below low."""
    gold, sp500, coin = (tmp_path / name for name in ("gold.csv", "sp500.csv", "btc.csv"))
    for path, symbol in ((gold, "GC=F"), (sp500, "^GSPC")):
        market = SimulatedSource(clock)
        write_bars_csv(path, market.fetch(symbol, start=FIRST_SESSION, deadline_seconds=1).bars)
    opened = [clock.now() - timedelta(hours=n) for n in range(COIN_HOURS, 0, -1)]
    rows = [f"{at.isoformat()},100,101,99,100,5" for at in opened]
    coin.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]))
    for path in (gold, coin):
        spoil(path, row=-100)
    return {
        "market_source": "replay",
        "replay_gold_csv": gold,
        "replay_sp500_csv": sp500,
        "replay_crypto_csv": f"binance:BTC/USDT:1h={coin}",
    }


def spoil(path: Path, *, row: int) -> None:
    """Puts the row's high below its low."""
    lines = path.read_text().splitlines()
    fields = lines[row].split(",")
    fields[2], fields[3] = fields[3], fields[2]
    lines[row] = ",".join(fields)
    path.write_text("\n".join(lines) + "\n")


def test_rows_of_replayed_files_that_are_no_bars_are_told(serve, settings, replayed):
    used = settings.model_copy(update=replayed)
    with serve(services=build_services(used)) as client:
        assert client.get("/v1/crypto/ohlcv").status_code == 200
        answer = client.get("/v1/status")
        text = client.get("/metrics", headers={"Accept": "text/plain"}).text
        figures = client.get("/metrics").json()
        report = client.get("/v1/report/daily").text
    status = StatusAnswer.model_validate_json(answer.content)
    assert {(gap.symbol, gap.bars) for gap in status.gaps} == {("GC=F", 1), ("BTC/USDT", 1)}
    assert status.quarantine.model_dump() == {"rows": 2, "by_reason": {"high below low": 2}}
    assert status.counts == {"set_aside:high below low": 2}
    [aside] = [
        sample
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "assay_rows_set_aside_total"
    ]
    assert (aside.labels, aside.value) == ({"reason": "high below low"}, 2)
    assert figures["set_aside_high_below_low_total"] == 2
    assert "high below low 2" in report
