"""Requests for Prometheus: bounded labels, and buckets worked out by hand."""

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from assay_backend.services.http_metrics import HttpMetrics

REQUESTS, SECONDS = "assay_http_requests_total", "assay_http_request_duration_seconds"

LABELS = ("route", "method", "status", "le")


def samples(text):
    return {
        (sample.name, *(sample.labels[name] for name in LABELS if name in sample.labels)): (
            sample.value
        )
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("assay_http")
    }


def told(figures):
    registry = CollectorRegistry()
    registry.register(figures)
    return samples(generate_latest(registry).decode())


def test_buckets_hold_what_took_as_long_or_less():
    figures = HttpMetrics()
    for seconds in (0.0004, 0.001, 0.0011, 0.3, 11.0):
        figures.count("/predict", "POST", 200, seconds)
    found = told(figures)
    buckets = {key[-1]: value for key, value in found.items() if key[0] == f"{SECONDS}_bucket"}
    expected = {"0.001": 2, "0.0025": 3, "0.25": 3, "0.5": 4, "10.0": 4, "+Inf": 5}
    assert {name: buckets[name] for name in expected} == expected
    assert found[f"{SECONDS}_count", "/predict"] == 5
    assert found[f"{SECONDS}_sum", "/predict"] == pytest.approx(11.3025)
    assert found[REQUESTS, "/predict", "POST", "200"] == 5


def test_whatever_is_asked_for_the_labels_stay_few(client):
    for number in range(50):
        client.get(f"/v1/nothing/{number}")
        client.request(f"M{number}", "/livez")
        client.get(f"/livez?x={number}")
    answer = client.get("/metrics", headers={"Accept": "text/plain"})
    found = {key[1:]: value for key, value in samples(answer.text).items() if key[0] == REQUESTS}
    assert found == {
        ("other", "GET", "404"): 50,
        ("/livez", "other", "405"): 50,
        ("/livez", "GET", "422"): 50,
    }


def test_a_bug_counts_as_one(serve):
    with serve() as client:

        @client.app.get("/fails")
        async def fails():
            raise KeyError("internals")

        client.get("/fails")
        answer = client.get("/metrics", headers={"Accept": "text/plain"})
    assert samples(answer.text)[REQUESTS, "/fails", "GET", "500"] == 1
