"""How the report is had: over HTTP in the form and language asked for, or as files by a command."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from assay.errors import SourceUnavailable
from assay_backend.commands import report as command
from assay_backend.routers.report import preferred_form
from assay_backend.services.container import build_services
from parsed_page import Page

PAGE = {"Accept": "text/html"}


# HTTP


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (None, "markdown"),
        ("*/*", "markdown"),
        ("text/html", "html"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "html"),
        ("text/markdown", "markdown"),
        ("text/markdown;q=0.5, text/html;q=0.9", "html"),
        ("text/html;q=0.5, text/*", "markdown"),
        ("text/html;q=0", "markdown"),
        ("TEXT/HTML;Q=1", "html"),
        ("text/html;q=x, */*;q=0.1", "markdown"),
        ("application/json", "markdown"),
        (";;,,q=", "markdown"),
    ],
)
def test_accept_chooses_the_form(accept, form):
    assert preferred_form(accept) == form


def test_the_report_is_served_in_both_forms_and_languages(standing_client):
    def get(**headers):
        return standing_client.get("/v1/report/daily", headers=headers)

    plain = get()
    assert plain.headers["content-type"] == "text/markdown; charset=utf-8"
    assert plain.text.startswith("# Assay daily report, Wed 2026-11-18\n")
    assert plain.headers["content-language"] == "en"
    spanish = get(**PAGE, **{"Accept-Language": "es-MX,es;q=0.9"})
    assert spanish.headers["content-type"] == "text/html; charset=utf-8"
    assert spanish.headers["content-language"] == "es"
    assert "<h1>Informe diario de Assay, mié 2026-11-18</h1>" in spanish.text
    assert "default-src 'none'" in spanish.headers["content-security-policy"]
    for answer in (plain, spanish):
        assert answer.headers["vary"] == "Accept, Accept-Language"
        assert "max-age" in answer.headers["cache-control"]
    again = get(**{"If-None-Match": plain.headers["etag"]})
    assert again.status_code == 304
    assert again.headers["vary"] == "Accept, Accept-Language"


def test_a_report_shows_the_simulated_market_for_what_it_is_and_records_nothing(client):
    ledger = client.app_state["services"].database.store().ledger
    signals = ledger.counts().get("signal", 0)
    text = client.get("/v1/report/daily", headers=PAGE).text
    assert 'class="banner"' in text
    assert "Nothing below is about a real market." in text
    assert ledger.counts().get("signal", 0) == signals == 0


def test_it_is_made_once_for_all_who_ask_within_a_minute(client, clock):
    first = client.get("/v1/report/daily")
    clock.advance(seconds=59)
    assert client.get("/v1/report/daily").content == first.content
    clock.advance(seconds=1)
    assert client.get("/v1/report/daily").content != first.content


def test_a_parameter_is_refused(standing_client):
    assert standing_client.get("/v1/report/daily?form=html").status_code == 422


# The command


def test_the_command_writes_both_files_whatever_they_held(settings, clock, tmp_path, capsys):
    (tmp_path / "report.md").write_text("an old one")
    arguments = ["--out", str(tmp_path), "--language", "es"]
    assert command.main(arguments, services=lambda: build_services(settings, clock=clock)) == 0
    assert capsys.readouterr().out.split() == [
        str(tmp_path / "report.md"),
        str(tmp_path / "report.html"),
    ]
    text = (tmp_path / "report.md").read_text("utf-8")
    assert text.startswith("# Informe diario de Assay, mié 2026-11-18")
    assert "BTC/USDT" in text
    Page((tmp_path / "report.html").read_text("utf-8"))
    assert sorted(path.name for path in tmp_path.glob("*report*")) == ["report.html", "report.md"]
    store = build_services(settings, clock=clock).database.store()
    assert store.ledger.counts() == {"gold_forecast": 1}, "the forecast it tells of is on record"
    store.close()


def test_the_command_waits_no_longer_than_it_may_for_bars(settings, clock, tmp_path, source):
    from assay.market.feed import GoldFeed
    from assay.market.sources.simulated import SimulatedSource

    source.error = SourceUnavailable("Yahoo is down")

    def services():
        from assay.store import open_store

        feed = GoldFeed(
            source,
            open_store(f"sqlite:///{tmp_path}/bars.db"),
            clock,
            mode="auto",
            fallback=SimulatedSource(clock),
            sleep=lambda _: None,
        )
        return build_services(settings, clock=clock, feed=feed)

    assert command.main(["--out", str(tmp_path)], services=services) == 0
    assert "simulated" in (tmp_path / "report.md").read_text("utf-8")


@pytest.mark.parametrize("address", ["ftp://here", "nowhere", "file:///etc/passwd"])
def test_what_is_no_address_of_a_service_is_refused(address, capsys):
    assert command.main(["--service", address]) == 2
    assert "is no address" in capsys.readouterr().err


def test_a_service_that_does_not_answer_leaves_the_old_files(tmp_path, capsys):
    (tmp_path / "report.md").write_text("an old one")
    arguments = ["--service", "http://127.0.0.1:9", "--out", str(tmp_path)]
    assert command.main(arguments) == 1
    assert "gives no report" in capsys.readouterr().err
    assert (tmp_path / "report.md").read_text() == "an old one"


def test_the_report_of_a_running_service_is_taken_as_it_is(tmp_path):
    asked = []

    class Service(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["Accept"], self.headers["Accept-Language"]))
            body = f"as {self.headers['Accept']}: oro, pronóstico".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        arguments = ["--service", address, "--out", str(tmp_path), "--language", "es"]
        assert command.main(arguments) == 0
        server.shutdown()
    path = "/v1/report/daily"
    assert asked == [(path, "text/markdown", "es"), (path, "text/html", "es")]
    assert (tmp_path / "report.md").read_text("utf-8") == "as text/markdown: oro, pronóstico"
    assert (tmp_path / "report.html").read_text("utf-8") == "as text/html: oro, pronóstico"
