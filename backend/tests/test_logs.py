"""What operators read: one record a line, whoever logs it, and nothing private in it."""

import asyncio
import json
import logging
import sys

import pytest

from assay_backend import middleware
from assay_backend.logs import REQUEST_ID, JsonLines, TextLines

REQUESTS = "assay_backend.middleware"


def record(message="%d bars\nof gold", *args, level=logging.WARNING, **more):
    made = logging.LogRecord("assay.feed", level, __file__, 1, message, args or (3,), None)
    made.created, made.msecs = 1_800_000_000.25, 250
    made.__dict__.update(more)
    return made


@pytest.fixture
def request_id():
    token = REQUEST_ID.set("abc-1")
    yield "abc-1"
    REQUEST_ID.reset(token)


def test_a_json_line_says_when_how_bad_who_and_what(request_id):
    line = JsonLines().format(record(fields={"status": 503}))
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2027-01-15T08:00:00.250Z",
        "level": "warning",
        "logger": "assay.feed",
        "message": "3 bars\nof gold",
        "request_id": "abc-1",
        "status": 503,
    }


def test_a_traceback_is_part_of_its_line():
    try:
        _ = {}["bars"]
    except KeyError:
        line = JsonLines().format(record(exc_info=sys.exc_info(), fields={"odd": object()}))
    assert "\n" not in line
    assert json.loads(line)["exception"].endswith("KeyError: 'bars'")
    assert json.loads(line)["request_id"] is None


def test_a_line_of_text_names_the_request_too(request_id):
    line = TextLines().format(record("%d bars"))
    assert line == "2027-01-15T08:00:00.250Z WARNING assay.feed: 3 bars [abc-1]"


def requests_in(caplog):
    return [
        (each.levelname, each.fields["route"], each.fields["status"])
        for each in caplog.records
        if each.name == REQUESTS and hasattr(each, "fields")
    ]


@pytest.mark.parametrize(
    ("method", "path", "level", "route", "status"),
    [
        ("GET", "/livez?x=secret", "INFO", "/livez", 422),
        ("GET", "/secret", "INFO", "other", 404),
        ("DELETE", "/predict", "INFO", "/predict", 405),
        ("POST", "/v1/models/rollback", "INFO", "/v1/models/rollback", 403),
        ("GET", "/v1/crypto/ohlcv?symbol=secret", "INFO", "/v1/crypto/ohlcv", 404),
    ],
)
def test_requests_that_failed_are_logged_without_what_was_sent(
    standing_client, caplog, method, path, level, route, status
):
    with caplog.at_level(logging.INFO):
        standing_client.request(method, path, headers={"X-API-Key": "secret"})
    assert requests_in(caplog) == [(level, route, status)]
    [made] = [each for each in caplog.records if each.name == REQUESTS]
    assert "secret" not in JsonLines().format(made)
    assert made.fields["method"] == method
    assert made.fields["duration_ms"] > 0


def test_good_ones_are_logged_at_debug_and_slow_ones_always(standing_client, caplog, monkeypatch):
    with caplog.at_level(logging.INFO):
        standing_client.get("/livez")
    assert requests_in(caplog) == []
    with caplog.at_level(logging.DEBUG, logger=REQUESTS):
        standing_client.get("/livez")
    assert requests_in(caplog) == [("DEBUG", "/livez", 200)]
    caplog.clear()
    monkeypatch.setattr(middleware, "SLOW_SECONDS", 0.0)
    with caplog.at_level(logging.INFO):
        standing_client.get("/livez")
    assert requests_in(caplog) == [("INFO", "/livez", 200)]


def test_what_is_wrong_with_us_is_a_warning_that_says_it(serve, settings, tmp_path, caplog):
    (tmp_path / "file").write_text("no folder")
    with serve(data_dir=tmp_path / "file") as client, caplog.at_level(logging.WARNING):
        answer = client.post("/v1/crypto/signal", headers={"X-Request-ID": "mine"})
    [made] = [each for each in caplog.records if hasattr(each, "fields")]
    assert (answer.status_code, made.fields["status"], made.levelname) == (503, 503, "WARNING")
    assert made.fields["problem"] == answer.json()["detail"]
    assert answer.json()["detail"] in made.getMessage()


def test_whatever_a_request_causes_bears_its_id(client, caplog):
    seen = []

    @client.app.get("/looks")
    async def looks():
        seen.append(REQUEST_ID.get())
        seen.append(await asyncio.to_thread(REQUEST_ID.get))
        return {}

    client.get("/looks", headers={"X-Request-ID": "mine"})
    assert seen == ["mine", "mine"]
    assert REQUEST_ID.get() is None
