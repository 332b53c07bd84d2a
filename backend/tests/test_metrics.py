"""The same figures for Prometheus and for people, told apart by Accept."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from assay.market.bars import Bars
from assay.market.crypto.feed import CryptoFeed
from assay.market.csv_bars import write_bars_csv
from assay.market.feed import GoldFeed
from assay.market.sources.simulated import FIRST_SESSION, SimulatedSource
from assay.store import open_store
from assay.store.ledger_records import Entry
from assay_backend.services.container import build_services
from upstream.scripted import ScriptedExchanges

OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"


def samples(text):
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize("accept", [None, "*/*", "application/json", "text/html,*/*;q=0.8"])
def test_it_is_json_unless_prometheus_asks(standing_client, accept):
    headers = {"Accept": accept} if accept else {}
    answer = standing_client.get("/metrics", headers=headers)
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert {"start_time", "requests_total", "signals_total", "last_signal_at"} <= set(body)
    more = standing_client.get("/metrics").json()["requests_total"]
    assert more == body["requests_total"] + 1


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [("text/plain", "text/plain"), (OPENMETRICS, "application/openmetrics-text")],
)
def test_prometheus_gets_text_that_it_can_parse(standing_client, accept, media_type):
    standing_client.get("/v1/crypto/ohlcv")
    answer = standing_client.get("/metrics", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith(media_type)
    found = samples(answer.text.replace("# EOF", ""))
    assert found[("assay_requests_total", ())] > 0
    gold = (("exchange", ""), ("symbol", "GC=F"), ("timeframe", "1d"))
    assert found[("assay_data_stale", gold)] == 0.0
    btc = (
        ("exchange", "binance"),
        ("source", "simulated"),
        ("symbol", "BTC/USDT"),
        ("timeframe", "1h"),
    )
    assert found[("assay_data_age_seconds", btc)] >= 0.0
    breaker = (("endpoint", "simulated"), ("feed", "crypto"), ("state", "closed"))
    assert found[("assay_breaker_state", breaker)] == 1.0


@pytest.fixture
def store(tmp_path):
    opened = open_store(f"sqlite:///{tmp_path}/bars.db")
    yield opened
    opened.close()


@pytest.fixture(params=["simulated", "replay", "live", "auto"])
def services(request, settings, clock, source, store, tmp_path):
    """The services of each mode; live ones ask nobody outside."""
    mode, replayed, feeds = request.param, {}, {}
    if mode == "replay":
        daily, hourly = tmp_path / "gold.csv", tmp_path / "btc.csv"
        bars = SimulatedSource(clock).fetch("GC=F", start=FIRST_SESSION, deadline_seconds=1).bars
        write_bars_csv(daily, bars)
        times = bars.time[-1] + np.arange(300) * np.timedelta64(1, "h")
        level = np.full(300, 100.0)
        write_bars_csv(hourly, Bars(times, *[level] * 5), daily=False)
        replayed = {
            "replay_gold_csv": daily,
            "replay_sp500_csv": daily,
            "replay_crypto_csv": f"binance:BTC/USDT:1h={hourly}",
        }
    elif mode in ("live", "auto"):
        fallback = {"fallback": SimulatedSource(clock)} if mode == "auto" else {}
        feeds = {
            "feed": GoldFeed(source, store, clock, mode=mode, **fallback),
            "crypto": CryptoFeed(ScriptedExchanges(clock), store, clock),
        }
    used = settings.model_copy(update={"market_source": mode} | replayed)
    return build_services(used, clock=None if mode == "replay" else clock, **feeds)


def test_in_every_mode_no_sample_is_told_twice(serve, services):
    with serve(services=services) as client:
        assert client.get("/v1/crypto/ohlcv").status_code == 200
        text = client.get("/metrics", headers={"Accept": OPENMETRICS}).text
        told = [
            (sample.name, *sorted(sample.labels.items()))
            for family in openmetrics.text_string_to_metric_families(text)
            for sample in family.samples
        ]
        assert len(told) > 20
        assert [name for name, count in Counter(told).items() if count > 1] == []
        breakers = client.get("/v1/status").json()["breakers"]
        names = [(each["feed"], each["endpoint"]) for each in breakers]
        assert {feed for feed, _ in names} == {"gold", "crypto"}
        assert len(names) == len(set(names))


def test_the_quarantine_is_counted_by_reason_each_row_once(serve, settings, clock, store):
    exchanges = ScriptedExchanges(clock)
    exchanges.bad_rows = {np.datetime64("2026-11-18T21:00", "ms")}
    crypto = CryptoFeed(exchanges, store, clock)
    services = build_services(settings, clock=clock, crypto=crypto)
    with serve(services=services) as client:
        for _ in range(3):
            assert client.get("/v1/crypto/ohlcv").status_code == 200
            clock.advance(hours=1)
        text = client.get("/metrics", headers={"Accept": "text/plain"}).text
        counted = samples(text)
        assert counted[("assay_rows_set_aside_total", (("reason", "not a number"),))] == 1
        document = client.get("/metrics").json()
        assert document["set_aside_not_a_number_total"] == 1
    (row,) = store.quarantine()
    assert (row.reason, row.values[1]) == ("not a number", "nan")


def test_a_parameter_is_refused(standing_client):
    assert standing_client.get("/metrics?format=json").status_code == 422


def signal(number):
    at = datetime(2026, 11, 18, 22, tzinfo=UTC)
    named = ("binance BTC/USDT 1h", "binance")
    return Entry("signal", f"s-{number}", b"{}", at, at + timedelta(hours=1), *named)


def test_requests_and_signals_are_counted_across_restarts(serve):
    with serve() as client:
        for _ in range(5):
            client.get("/livez")
        first = client.get("/metrics").json()
        assert (first["requests_total"], first["signals_total"]) == (6, 0)
        assert first["last_signal_at"] is None
        append = client.app_state["services"].ledger.append
        client.portal.call(append, [signal(1), signal(2)])
    with serve() as client:
        after = client.get("/metrics").json()
        assert (after["requests_total"], after["signals_total"]) == (7, 2)
        assert after["last_signal_at"] == "2026-11-18T23:00:00Z"
        assert after["ledger_rows"] >= 2
        text = client.get("/metrics", headers={"Accept": "text/plain"}).text
        found = samples(text)
        verified = client.get("/v1/ledger/verify").json()
    assert found[("assay_requests_total", ())] == 8
    assert found[("assay_signals_total", ())] == 2
    assert found[("assay_last_signal_timestamp_seconds", ())] == 1795042800.0
    assert found[("assay_ledger_rows", ())] >= 2
    assert ("assay_ledger_head_info", (("sha256", verified["head"]),)) in found or verified[
        "rows"
    ] > found[("assay_ledger_rows", ())], "gold's forecast may have come between"


def test_where_there_is_no_database_metrics_still_answer(serve, settings):
    database = settings.data_dir / "assay.db"
    database.mkdir(parents=True)
    with serve() as client:
        assert client.get("/metrics").json()["requests_total"] == 1
        assert client.get("/metrics").json()["requests_total"] == 2
        assert client.get("/v1/status").json()["ledger"] is None
        assert client.get("/v1/ledger/verify").status_code == 503
