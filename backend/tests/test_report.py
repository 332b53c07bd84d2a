"""The daily report: complete in both forms and languages, valid, and needing nothing else."""

from __future__ import annotations

import asyncio
import json
import re
import string
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources

import pytest

from assay.calendars import gold_calendar
from assay.clock import FixedClock
from assay.errors import SourceUnavailable
from assay.market.keys import SeriesKey
from assay.store.ledger_records import Batch, Outcome
from assay_backend import report as room
from assay_backend.commands import report as command
from assay_backend.languages import LANGUAGES
from assay_backend.report import pictures
from assay_backend.report.agenda import agenda_at
from assay_backend.report.compose import compose
from assay_backend.report.facts import CoinFacts, gather
from assay_backend.report.html import html
from assay_backend.report.look import looks
from assay_backend.report.markdown import escaped, markdown
from assay_backend.report.pictures import draw, drawings
from assay_backend.report.words import Words, words_of
from assay_backend.routers.report import preferred_form
from assay_backend.services.container import build_services
from assay_backend.settings import Settings
from recorded import forecast, gold_outcome, signal, signal_outcome

PAGE = {"Accept": "text/html"}
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Page(HTMLParser):
    """Checks that elements nest; keeps what they say, and every attribute."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.attributes, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def tables(text):
    """The tables of a Markdown document, as rows of cells."""
    found, rows = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            assert line.endswith("|"), line
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif rows:
            found.append(rows)
            rows = []
    return found


@pytest.fixture(scope="module")
def facts(standing_client):
    """Those of a service that has just begun."""
    return standing_client.portal.call(gather, standing_client.app_state["services"])


@pytest.fixture(scope="module")
def lived(facts, tmp_path_factory, publish):
    """Facts with a past: forecasts and signals of every status, and all that can be wrong."""
    folder, clock = tmp_path_factory.mktemp("lived"), FixedClock(facts.now)
    publish(folder / "bundle")
    settings = Settings(
        market_source="simulated", data_dir=folder, model_uri=str(folder / "bundle")
    )
    services = build_services(settings, clock=clock)
    ledger = services.database.store().ledger
    entries = [(forecast(day), gold_outcome(day)) for day in range(6)]
    entries += [
        (forecast(7), None),
        (forecast(8), {"status": "unscorable", "reason": "none"}),
        (forecast(9, source="simulated"), None),
    ]
    entries += [(signal(number), signal_outcome(number)) for number in range(20)]
    entries += [(signal(40, horizon_min=10080), None), (signal(41, source="simulated"), None)]
    rows = [
        row
        for answer in ledger.append([Batch([each]) for each, _ in entries], at=clock.now())
        for row in answer
    ]
    ledger.write_outcomes(
        [
            Outcome(row.sequence, json.dumps(outcome).encode(), clock.now())
            for row, (_, outcome) in zip(rows, entries, strict=True)
            if outcome
        ]
    )
    services.scoring._read_figures()
    found = asyncio.run(gather(services))
    services.database.close()
    gap = {
        "exchange": "binance",
        "symbol": "BTC/USDT",
        "timeframe": "1h",
        "start": "2026-11-01T01:00:00Z",
        "end": "2026-11-01T03:00:00Z",
        "bars": 2,
    }
    missing = {
        **facts.market["freshness"][-1],
        "source": None,
        "as_of": None,
        "age_seconds": None,
        "stale": True,
        "last_error": "<script>alert('x|y')</script>",
    }
    shut = {**facts.market["breakers"][-1], "state": "open", "last_error": "a | b\nc *d*"}
    late = {**facts.market["freshness"][0], "stale": True}
    return replace(
        found,
        coins=(*facts.coins, CoinFacts(SeriesKey("okx", "X/USDT", "1h"), problem="<b>no</b> | *")),
        market={
            **facts.market,
            "freshness": [late, missing, *facts.market["freshness"]],
            "breakers": [*facts.market["breakers"], shut],
            "gaps": [gap, {**gap, "exchange": None, "symbol": "GC=F", "start": "2026-11-02"}],
            "gaps_total": 2,
            "store_fault": "the disk is full",
        },
        quarantine={"rows": 3, "by_reason": {"high below low": 2, "not a number": 1}},
        trained_to=date(2025, 4, 15),
        problems=("data/processed/model.onnx does not match its checksum",),
        agenda=replace(
            facts.agenda,
            half_day=True,
            days_off=(date(2026, 11, 26),),
            fomc=facts.now,
            payrolls=facts.now,
            ending=(("gold", date(2026, 12, 31)), ("fomc", date(2026, 12, 9))),
        ),
    )


@pytest.fixture(scope="module")
def both_pasts(facts, lived):
    return {"new": facts, "lived": lived}


# Words


def messages(language):
    return json.loads(resources.files(room).joinpath(f"{language}.json").read_text("utf-8"))


def test_languages_have_the_same_sentences_with_the_same_places():
    def places(text):
        return sorted(field for _, field, _, _ in string.Formatter().parse(text) if field)

    english, spanish = (messages(language) for language in LANGUAGES)
    assert english.keys() == spanish.keys()
    for key, text in english.items():
        assert places(text) == places(spanish[key]), key
        assert text.strip()
        assert spanish[key].strip()


def test_no_sentence_is_left_over(lived, facts, monkeypatch):
    """Every key is used by some report, or belongs to a family of which others are."""
    used = set()

    class Noting(dict):
        def __getitem__(self, key):
            used.add(key)
            return super().__getitem__(key)

        def get(self, key, default=None):
            used.add(key)
            return super().get(key, default)

    words = Words("en", Noting(messages("en")))
    simulated = replace(facts, mode="auto")
    nothing = replace(
        facts,
        mode="live",
        gold=None,
        gold_problem="none",
        head=None,
        coins=(),
        signals=(),
        forecasts=(),
        signals_cut=True,
        trained_to=None,
        model=None,
    )
    for each in (facts, lived, simulated, replace(facts, mode="replay"), nothing):
        compose(each, words)
        drawings(each, words)
    families = ("regime", "fallback", "breaker", "state", "horizon", "verdict", "status")
    other = {"short.look.one", "short.quiet", "agenda.nothing", "signals.none"}
    other |= {
        "agenda.no_reason",
        "agenda.unscorable.other",
        "health.gaps.one",
        "coins.fallback",
        "short.look.other",
    }
    left = {key for key in messages("en") if not key.startswith(families)} - used - other
    assert left == set()


@pytest.mark.parametrize(
    ("value", "decimals", "english", "spanish"),
    [
        (2650.25, 2, "2,650.25", "2.650,25"),
        (-0.004, 2, "0.00", "0,00"),
        (-1234.5, 1, "\N{MINUS SIGN}1,234.5", "\N{MINUS SIGN}1.234,5"),
        (None, 2, "\N{EN DASH}", "\N{EN DASH}"),
    ],
)
def test_numbers_look_as_they_do_in_each_language(value, decimals, english, spanish):
    assert words_of("en").number(value, decimals) == english
    assert words_of("es").number(value, decimals) == spanish


def test_days_and_ages_by_hand():
    words = words_of("es")
    assert words.day("2026-11-27") == "vie 2026-11-27"
    assert [words.age(seconds) for seconds in (59, 7199, 7200, 172_799, 172_800)] == [
        "0 min", "119 min", "2 h", "47 h", "2 d",
    ]  # fmt: skip
    assert words.percent(0.0123, 1, signed=True) == "+1,2\N{NO-BREAK SPACE}%"


# Forms


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("past", ["new", "lived"])
def test_the_page_is_whole_and_asks_nobody_for_anything(both_pasts, past, language):
    facts, words = both_pasts[past], words_of(language)
    drawn = asyncio.run(draw(drawings(facts, words)))
    text = html(compose(facts, words), drawn)
    page = Page(text)
    assert ("lang", language) in page.attributes
    assert page.seen.count("svg") == len(drawn) >= 3
    assert "script" not in page.seen
    assert "://" not in text
    assert not re.search(r"url\(|@import|<link|<img|<iframe", text)
    names = {name for name, _ in page.attributes}
    assert not {"src", "href", "xlink:href", "srcset"} & names
    assert not any(name.startswith("on") for name in names)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("past", ["new", "lived"])
def test_markdowns_tables_have_as_many_cells_in_each_row(both_pasts, past, language):
    text = markdown(compose(both_pasts[past], words_of(language)))
    found = tables(text)
    assert len(found) >= 3
    for header, ruler, *rows in found:
        assert rows
        assert all(re.fullmatch(r"-{3}:?", cell) for cell in ruler)
        assert {len(row) for row in (ruler, *rows)} == {len(header)}
    assert text.startswith("# ")
    assert text.endswith("\n")


def test_what_others_say_is_no_markup_in_either_form(lived):
    report = compose(lived, words_of("en"))
    page, text = html(report, {}), markdown(report)
    assert "<script" not in page
    assert "&lt;script&gt;alert(&#x27;x|y&#x27;)" in page
    assert "<b>no" not in page
    assert "<script>" not in text
    assert r"\<script\>alert('x\|y')\</script\>" in text
    assert r"a \| b c \*d\*" in text


def test_both_forms_say_the_same(lived):
    report = compose(lived, words_of("en"))
    page, text = "".join(Page(html(report, {})).texts), markdown(report)
    for cell in (cell for rows in tables(text) for row in (rows[0], *rows[2:]) for cell in row):
        plain = re.sub(r"\\(.)", r"\1", cell).replace("&amp;", "&")
        assert plain in " ".join(page.split()), cell


def test_a_character_that_markdown_means_something_by_is_escaped():
    assert escaped("a_b [c](d) <e> & `f`\n|g|") == (r"a\_b \[c\](d) \<e\> &amp; \`f\` \|g\|")


def test_every_part_is_there(lived):
    text = markdown(compose(lived, words_of("en")))
    titles = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert titles == [
        "In short",
        "The next 24 hours",
        "Gold: the next session",
        "Gold: what was forecast, and what came",
        "Coins: now",
        "Coins: what was said since yesterday, and what came",
        "Data",
        "Service",
        "Ledger",
    ]
    assert re.search(r"^    \S+Z rows \d+ head [0-9a-f]{64}$", text, re.MULTILINE)
    for cell in ("waits", "no bars came", "simulated, not scored", "7 d"):
        assert f"| {cell} |" in text, cell


def test_nothing_at_all_is_still_a_report(facts):
    bare = replace(
        facts,
        gold=None,
        gold_problem="No bars have been had",
        head=None,
        closes=(),
        coins=(),
        forecasts=(),
        market={**facts.market, "freshness": [], "breakers": []},
        quarantine=None,
    )
    for language in LANGUAGES:
        report = compose(bare, words_of(language))
        Page(html(report, {}))
        assert "No bars have been had" in markdown(report)
    assert drawings(bare, words_of("en")) == []


# Plots


def test_without_plots_a_report_is_still_one(facts, monkeypatch, caplog):
    monkeypatch.setattr(pictures.sys, "executable", "/bin/false")
    assert asyncio.run(draw(drawings(facts, words_of("en")))) == {}
    assert "could not be drawn" in caplog.text


def test_plots_that_take_too_long_are_given_up(facts, monkeypatch, caplog, tmp_path):
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o755)
    monkeypatch.setattr(pictures.sys, "executable", str(slow))
    monkeypatch.setattr(pictures, "DRAWING_SECONDS", 0.1)
    assert asyncio.run(draw(drawings(facts, words_of("en")))) == {}
    assert "not drawn" in caplog.text


# What needs a look


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "session", "closes", "half_day", "days_off"),
    [
        ("2026-11-18T23:00", "2026-11-19", "2026-11-19T22:00", False, []),
        ("2026-11-20T23:00", "2026-11-23", "2026-11-23T22:00", False, []),
        ("2026-11-25T23:00", "2026-11-27", "2026-11-27T18:45", True, ["2026-11-26"]),
        ("2026-07-02T20:59", "2026-07-02", "2026-07-02T21:00", False, []),
        ("2026-07-02T21:00", "2026-07-06", "2026-07-06T21:00", False, ["2026-07-03"]),
    ],
)
def test_the_next_session_by_hand(now, session, closes, half_day, days_off):
    found = agenda_at(at(now))
    assert found.session == date.fromisoformat(session)
    assert found.closes == at(closes)
    assert found.half_day is half_day
    assert found.days_off == tuple(date.fromisoformat(day) for day in days_off)


@pytest.mark.parametrize(
    ("now", "fomc", "payrolls"),
    [
        ("2024-12-05T13:29", None, None),
        ("2024-12-05T13:31", None, "2024-12-06T13:30"),
        ("2024-12-17T19:01", "2024-12-18T19:00", None),
        ("2024-12-18T19:00", "2024-12-18T19:00", None),
        ("2024-12-18T19:01", None, None),
        ("2025-02-07T00:00", None, "2025-02-07T13:30"),
        ("2024-06-07T00:00", None, "2024-06-07T12:30"),
    ],
)
def test_events_of_the_coming_day_by_hand(now, fomc, payrolls):
    found = agenda_at(at(now))
    assert found.fomc == (at(fomc) if fomc else None)
    assert found.payrolls == (at(payrolls) if payrolls else None)


def test_a_table_that_runs_out_is_told_and_one_that_has_run_out_stops_nothing():
    last = gold_calendar().last_known
    before = datetime(last.year, last.month, last.day, 12, tzinfo=UTC) - timedelta(days=80)
    assert ("gold", last) in agenda_at(before).ending
    after = agenda_at(before + timedelta(days=200))
    assert after.session is None
    assert ("gold", last) in after.ending
    assert not agenda_at(at("2026-06-01T12:00")).ending


def test_looks_are_told_where_there_is_something_to_see_and_only_there(facts, lived):
    words = words_of("en")
    calm = [
        replace(coin, signals={h: {**s, "risk_score": 0.2} for h, s in coin.signals.items()})
        for coin in facts.coins
    ]
    quiet = replace(facts, coins=tuple(calm), trained_to=facts.now.date(), forecasts=())
    assert looks(quiet, words) == []
    said = "\n".join(looks(lived, words))
    for part in (
        "holiday",
        "half day",
        "FOMC",
        "payrolls",
        "ends on",
        "checksum",
        "train anew",
        "overdue",
        "no bars",
        "does not answer",
        "disk is full",
        "could not be scored",
    ):
        assert part in said, part
    risky = [
        replace(coin, signals={h: {**s, "risk_score": 0.21} for h, s in coin.signals.items()})
        for coin in facts.coins
    ]
    said = looks(replace(quiet, coins=tuple(risky)), words)
    assert len(said) == 2 * len(risky)
    assert all("21\N{NO-BREAK SPACE}%" in line for line in said)


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
