"""The same figures for Prometheus and for people, told apart by Accept."""

import re
import sqlite3
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from assay.errors import RateLimited
from assay.market.bars import Bars
from assay.market.crypto.feed import CryptoFeed
from assay.market.csv_bars import write_bars_csv
from assay.market.feed import GoldFeed
from assay.market.keys import SeriesKey
from assay.market.sources.simulated import FIRST_SESSION, SimulatedSource
from assay.store import open_store
from assay.store.ledger_records import Entry
from assay.volatility.assessment import REGIMES
from assay_backend.schemas.metrics import MetricsAnswer
from assay_backend.services import background
from assay_backend.services.container import build_services
from assay_backend.version import VERSION
from upstream.scripted import ScriptedExchanges

# As Prometheus 2 asks, and as 3 does.
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"

OPENMETRICS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;"
    "escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


def scrape(client):
    return samples(client.get("/metrics", headers={"Accept": "text/plain"}).text)


def until(client, wanted, times=1):
    """What is scraped once `wanted` is told so often: a scrape waits for nothing."""
    deadline = time.monotonic() + 30
    while True:
        found = scrape(client)
        if sum(name == wanted for name, _ in found) >= times:
            return found
        assert time.monotonic() < deadline, f"no {wanted}"


def label_values(found):
    return {value for _, labels in found for _, value in labels}


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
    [
        ("text/plain", "text/plain; version=0.0.4"),
        (OPENMETRICS, "application/openmetrics-text; version=1.0.0"),
        (OPENMETRICS_3, "application/openmetrics-text; version=1.0.0"),
    ],
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
    if verified["rows"] == found[("assay_ledger_rows", ())]:  # no forecast came between
        assert found[("assay_ledger_head", ())] == int(verified["head"][:12], 16)


def test_an_append_makes_no_new_series(serve):
    with serve() as client:
        for number in range(3):
            client.portal.call(client.app_state["services"].ledger.append, [signal(number)])
            found = scrape(client)
            assert {name for name, _ in found if "ledger_head" in name} == {"assay_ledger_head"}
            assert not any(re.fullmatch("[0-9a-f]{64}", value) for value in label_values(found))


def test_only_what_is_always_kept_fresh_is_told_one_by_one(standing_client):
    def told():
        return {dict(labels)["symbol"] for name, labels in scrape(standing_client)
                if name == "assay_data_stale"}  # fmt: skip

    before = told()
    for symbol in ("SOLUSDT", "XRPUSDT"):
        assert standing_client.get(f"/v1/crypto/ohlcv?symbol={symbol}").status_code == 200
    assert told() == before == {"GC=F", "^GSPC", "BTC/USDT", "ETH/USDT"}
    assert scrape(standing_client)[("assay_series", (("state", "fresh"),))] >= 6


def test_faults_are_told_by_kind_and_those_that_never_were_too(
    serve, settings, clock, source, store
):
    feed = GoldFeed(source, store, clock, mode="live")
    services = build_services(settings, clock=clock, feed=feed)
    source.error = RateLimited("wait a minute", retry_after_seconds=60.0)
    with pytest.raises(RateLimited):
        feed.refresh()
    with serve(services=services) as client:
        found = scrape(client)
        breakers = client.get("/v1/status").json()["breakers"]
    faults = {
        dict(labels)["kind"]: count
        for (name, labels), count in found.items()
        if name == "assay_upstream_faults_total" and dict(labels)["endpoint"] == "yahoo"
    }
    assert faults.pop("RateLimited") >= 1
    assert set(faults.values()) == {0}
    assert len(faults) == 4
    assert next(each["faults"] for each in breakers if each["endpoint"] == "yahoo")["RateLimited"]


def test_whoever_scrapes_learns_the_risk_of_the_watched_coins(serve):
    with serve() as client:
        found = until(client, "assay_coin_risk_score", times=2)
        asked = {"symbol": "BTCUSDT", "horizon_min": 24 * 60}
        shown = client.get("/v1/crypto/signal", params=asked).json()
    btc = (("exchange", "binance"), ("symbol", "BTC/USDT"))
    assert found[("assay_coin_risk_score", btc)] == shown["risk_score"]
    assert found[("assay_coin_volatility_annualized", btc)] == shown["volatility"]["annualized"]
    regimes = {
        dict(labels)["regime"]: value
        for (name, labels), value in found.items()
        if name == "assay_coin_regime" and dict(labels)["symbol"] == "BTC/USDT"
    }
    assert regimes == {each: each == shown["vol_regime"] for each in REGIMES}


def test_a_coin_whose_hours_are_overdue_has_no_risk(serve, settings, clock, store):
    exchanges = ScriptedExchanges(clock)
    crypto = CryptoFeed(exchanges, store, clock, watch=[SeriesKey("binance", "BTC/USDT", "1h")])
    services = build_services(settings, clock=clock, crypto=crypto)
    with serve(services=services) as client:
        until(client, "assay_coin_risk_score")
        exchanges.until = clock.now()
        clock.advance(hours=6)
        found = scrape(client)
    assert not [name for name, _ in found if name == "assay_coin_risk_score"]
    btc = (("exchange", "binance"), ("symbol", "BTC/USDT"), ("timeframe", "1h"))
    assert found[("assay_data_stale", btc)] == 1


def test_whoever_scrapes_has_the_ledger_checked_once_an_hour(serve, clock):
    with serve() as client:
        assert until(client, "assay_ledger_intact")[("assay_ledger_intact", ())] == 1
        clock.advance(minutes=50)
        assert scrape(client)[("assay_ledger_check_age_seconds", ())] == 3000
        clock.advance(minutes=20)
        scrape(client)  # begins another check
        deadline = time.monotonic() + 60
        while scrape(client)[("assay_ledger_check_age_seconds", ())] > 0:
            assert time.monotonic() < deadline


def test_a_broken_ledger_is_told(serve, settings):
    with serve() as client:
        client.portal.call(client.app_state["services"].ledger.append, [signal(1), signal(2)])
    with sqlite3.connect(settings.data_dir / "assay.db") as database:
        database.execute("DROP TRIGGER ledger_no_update")
        database.execute("UPDATE ledger SET payload = '{ }' WHERE sequence = 1")
    database.close()
    with serve() as client:
        assert until(client, "assay_ledger_intact")[("assay_ledger_intact", ())] == 0


def test_prometheus_learns_what_runs_and_when_the_regular_work_was_done(serve, clock):
    with serve(git_commit="0123abc") as client:
        assert client.get("/v1/report/daily").status_code == 200
        found = until(client, "assay_gold_forecast_age_seconds")
        until(client, "assay_scoring_age_seconds")
        clock.advance(minutes=5)
        later = scrape(client)
    build = {"commit": "0123abc", "market_source": "simulated", "version": VERSION}
    assert found[("assay_build_info", tuple(sorted(build.items())))] == 1
    champion = {"name": "assay-gold", "type": "log_linear_t", "version": "2026-10-30-small"}
    assert found[("assay_champion_info", tuple(sorted(champion.items())))] == 1
    assert found[("assay_champion_loaded", ())] == 1
    assert found[("assay_health", (("status", "healthy"),))] == 1
    assert found[("assay_health", (("status", "unhealthy"),))] == 0
    assert later[("assay_report_age_seconds", ())] == 300
    assert later[("assay_gold_forecast_age_seconds", ())] >= 300
    assert found[("process_resident_memory_bytes", ())] > 1e7


OF_THE_LEDGER = {
    "assay_ledger_rows",
    "assay_ledger_head",
    "assay_signals_total",
    "assay_requests_total",
    "assay_gold_forecast_age_seconds",
    "assay_outcomes_total",
    "assay_outcomes_counted",
}


def test_what_was_never_read_is_not_told_as_zero(serve, settings, clock):
    """Of a ledger with rows zero would say that it has shrunk."""
    with serve() as client:
        client.portal.call(client.app_state["services"].ledger.append, [signal(1), signal(2)])
        until(client, "assay_outcomes_counted")
        found = until(client, "assay_gold_forecast_age_seconds")
        assert {name for name, _ in found} >= OF_THE_LEDGER
        rows = found[("assay_ledger_rows", ())]
    database, away = settings.data_dir / "assay.db", settings.data_dir / "away.db"
    database.rename(away)
    database.mkdir()
    with serve() as client:
        until(client, "assay_ledger_writable")
        clock.advance(hours=2)
        found = scrape(client)
        assert {name for name, _ in found} & OF_THE_LEDGER == set()
        document = MetricsAnswer.model_validate_json(client.get("/metrics").content)
        assert (document.ledger_rows, document.ledger_head) == (None, None)
        assert (document.signals_total, document.last_signal_at) == (0, None)
        assert document.requests_total >= 2
        # what never succeeded is as old as the process
        assert found[("assay_scoring_age_seconds", ())] == 7200
        assert found[("assay_ledger_check_age_seconds", ())] == 7200
        assert ("assay_ledger_intact", ()) not in found
        database.rmdir()
        away.rename(database)
        assert until(client, "assay_ledger_rows")[("assay_ledger_rows", ())] >= rows
        assert client.get("/metrics").json()["signals_total"] == 2


def test_whether_anything_can_be_stored_is_told_without_being_asked(serve, settings, monkeypatch):
    monkeypatch.setattr(background, "TRIED_EVERY_SECONDS", 0.05)
    database = settings.data_dir / "assay.db"
    database.mkdir(parents=True)
    with serve() as client:
        found = until(client, "assay_ledger_writable")
        assert found[("assay_database_writable", ())] == 0
        assert found[("assay_ledger_writable", ())] == 0
        assert found[("assay_health", (("status", "degraded"),))] == 1
        health = client.get("/health")
        assert (health.status_code, health.json()["status"]) == (200, "degraded")
        [problem] = [each for each in health.json()["problems"] if "nothing can be stored" in each]
        assert problem.count("ASSAY_DATA_DIR says where it is") == 1
        database.rmdir()
        deadline = time.monotonic() + 30
        while scrape(client)[("assay_ledger_writable", ())] == 0:
            assert time.monotonic() < deadline
        found = scrape(client)
        assert found[("assay_database_writable", ())] == 1


def test_where_there_is_no_database_metrics_still_answer(serve, settings):
    database = settings.data_dir / "assay.db"
    database.mkdir(parents=True)
    with serve() as client:
        assert client.get("/metrics").json()["requests_total"] == 1
        assert client.get("/metrics").json()["requests_total"] == 2
        assert client.get("/v1/status").json()["ledger"] is None
        assert client.get("/v1/ledger/verify").status_code == 503
