"""The same figures for Prometheus and for people, told apart by Accept."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

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
    assert found[("assay_breaker_state", (("endpoint", "simulated"), ("state", "closed")))] == 1.0


def test_a_parameter_is_refused(standing_client):
    assert standing_client.get("/metrics?format=json").status_code == 422
