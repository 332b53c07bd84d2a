"""The daily flow's steps, plainly: when each has something to do, and what a failure costs."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from assay.bundle.files import load_bundle
from assay.clock import FixedClock
from assay.errors import SourceUnavailable, TooBusy, TrainingError
from assay.market.sources.replay import ReplaySource
from assay_training.flows.daily import run_day
from assay_training.flows.daily_steps import DaySurroundings
from assay_training.flows.day_state import DayState, alone, refit_is_due
from assay_training.flows.plan import TrainResult
from assay_training.settings import TrainingSettings
from assay_training.steps.gate import Decision
from assay_training.steps.service import Service, ServiceAway

FRIDAY = datetime(2007, 6, 29, 23, tzinfo=UTC)  # the last session of the simulated bars
INTACT = '{"rows": 7, "head": "ab", "intact": true}'
RECORD = '{"n": 3, "summary": {"skill": {"crps_skill": 0.02, "rmse_ratio_rw": null}}}'


class Notes:
    """A tracker that notes what it is told."""

    def __init__(self):
        self.runs = []

    def start(self, name, params):
        self.runs.append({"name": name, "params": params})

    def metrics(self, metrics):
        self.runs[-1]["metrics"] = metrics

    def finish(self, *, failed=False):
        self.runs[-1]["failed"] = failed


class Answers:
    """A service that answers with what `pages` holds under a path, and notes who asks for what."""

    address = "http://here"

    def __init__(self, pages):
        self.pages, self.asked = pages, []

    def text(self, path, media_type):
        self.asked.append((path, media_type))
        if path not in self.pages:
            raise ServiceAway(f"nothing at {path}")
        return self.pages[path]

    document = Service.document


class Trains:
    """Training that notes its options; it publishes nothing, or raises `error`."""

    def __init__(self, error=None):
        self.asked, self.error = [], error

    def __call__(self, options):
        self.asked.append(options)
        if self.error:
            raise self.error
        return TrainResult(Decision(None, "none"), None, None, ())


class Down:
    """A source that does not answer."""

    name = "down"

    def fetch(self, symbol, *, start, deadline_seconds):
        raise SourceUnavailable(f"no answer for {symbol}")


def pages():
    return {
        "/v1/ledger/verify": INTACT,
        "/v1/gold/track-record": RECORD,
        "/v1/report/daily": "# A day",
    }


@pytest.fixture(scope="session")
def bundle_of_2007(linear_bundle, tmp_path_factory):
    """A champion that was trained two weeks before the simulated bars end."""
    from assay.bundle.files import bundle_contents, write_bundle

    bundle = load_bundle(linear_bundle)
    folder = tmp_path_factory.mktemp("old")
    metadata = replace(bundle.metadata, trained_to="2007-06-15", created_at="2007-06-15T23:00:00Z")
    model = (linear_bundle / "model.onnx").read_bytes()
    champion = replace(bundle.champion, calibrated_to=date(2007, 6, 15))
    write_bundle(folder, bundle_contents(model=model, champion=champion, metadata=metadata))
    return folder


@pytest.fixture
def around(bundle_of_2007, simulated_csvs, tmp_path) -> DaySurroundings:
    return DaySurroundings(
        settings=TrainingSettings(data_dir=tmp_path / "data"),
        clock=FixedClock(FRIDAY),
        source=ReplaySource(*simulated_csvs, FixedClock(FRIDAY)),
        service=Answers(pages()),
        tracker=Notes(),
        train=Trains(),
        out=shutil.copytree(bundle_of_2007, tmp_path / "processed"),
    )


@pytest.fixture
def scored(around) -> DaySurroundings:
    """As `around`, its champion scored before: the step that takes longest has nothing to do."""
    DayState(scored="one 2007-06-29").write(around.data)
    return around


def did(day) -> dict[str, str]:
    return {each.step: each.did for each in day.outcomes}


def detail(day, step: str) -> str:
    return next(each.detail for each in day.outcomes if each.step == step)


ALL_DONE = {
    "ingest": "done",
    "score": "done",
    "ledger": "nothing to do",
    "refit": "done",
    "report": "done",
}
REST_DONE = ALL_DONE | {"score": "nothing to do"}
NOTHING = dict.fromkeys(ALL_DONE, "nothing to do")


def test_a_day_is_done_once_and_a_second_run_finds_nothing_to_do(around):
    said = []
    day = run_day(around, say=said.append)
    assert did(day) == ALL_DONE, said
    assert day.verdict == "2007-06-29: ingest, score, refit, report"
    assert "on 10 sessions up to 2007-06-29" in detail(day, "score")
    assert detail(day, "ledger") == "intact, 7 rows; 3 forecasts came due"
    reports = around.data / "reports"
    assert sorted(path.name for path in reports.iterdir()) == ["2007-06-29.html", "2007-06-29.md"]
    assert (reports / "2007-06-29.md").read_text() == "# A day"
    assert ("/v1/report/daily", "text/html") in around.service.asked
    assert len(around.train.asked) == 1
    before = {path: path.read_bytes() for path in around.data.rglob("*") if path.is_file()}
    assert did(run_day(around)) == NOTHING
    assert {path: path.read_bytes() for path in around.data.rglob("*") if path.is_file()} == before
    assert len(around.train.asked) == 1


def test_one_run_in_mlflow_holds_the_scores_of_all_and_what_was_done(around):
    run_day(around)
    run_day(around)
    (run,) = around.tracker.runs
    assert (run["name"], run["failed"]) == ("daily 2007-06-29", False)
    assert run["params"] == ALL_DONE
    assert run["metrics"]["sessions"] == 10.0
    assert {"champion.crps", "random_walk.crps", "garch_t.crps"} <= run["metrics"].keys()
    assert run["metrics"]["track_record.crps_skill"] == 0.02
    assert "track_record.rmse_ratio_rw" not in run["metrics"]


def test_sessions_of_missed_days_are_caught_up_in_one_run(around, simulated_csvs):
    def at(instant):
        clock = FixedClock(instant)
        return replace(around, clock=clock, source=ReplaySource(*simulated_csvs, clock))

    first = run_day(at(datetime(2007, 6, 20, 22, tzinfo=UTC)))
    assert "on 3 sessions up to 2007-06-20" in detail(first, "score")
    assert did(first)["refit"] == "nothing to do"
    assert "the last was on 2007-06-15, the next is on friday" in detail(first, "refit")
    later = run_day(at(FRIDAY))
    assert "7 new" in detail(later, "ingest")
    assert "on 10 sessions up to 2007-06-29" in detail(later, "score")
    assert did(later)["refit"] == "done"


@pytest.mark.parametrize(
    ("today", "last", "due"),
    [
        (date(2007, 6, 29), None, True),  # never
        (date(2007, 6, 29), date(2007, 6, 22), True),  # Friday after Friday
        (date(2007, 6, 29), date(2007, 6, 29), False),  # done this Friday
        (date(2007, 6, 28), date(2007, 6, 22), False),  # Thursday, six days later
        (date(2007, 6, 29), date(2007, 6, 27), True),  # Friday, though one was caught up
        (date(2007, 6, 30), date(2007, 6, 22), True),  # the Friday was missed
        (date(2007, 7, 3), date(2007, 6, 22), True),
        (date(2007, 6, 21), date(2007, 6, 22), False),  # the clock was set back
    ],
)
def test_a_refit_is_due_on_its_weekday_and_where_one_was_missed(today, last, due):
    assert refit_is_due(today, last=last, weekday=4) is due


def test_the_weekday_is_new_yorks(scored):
    """Friday 23:00 there is Saturday in UTC."""
    late = FixedClock(datetime(2007, 6, 30, 3, tzinfo=UTC))
    DayState(scored="one 2007-06-29", refitted_on=date(2007, 6, 25)).write(scored.data)
    day = run_day(replace(scored, clock=late))
    assert did(day)["refit"] == "done"
    assert DayState.read(scored.data).refitted_on == date(2007, 6, 29)


def test_a_refit_is_of_the_champions_recipe_on_the_raw_bars_and_kept_is_success(scored):
    day = run_day(scored)
    (options,) = scored.train.asked
    assert options.refit
    assert (options.gold_csv, options.out) == (scored.raw / "gold.csv", scored.out)
    assert not day.failed
    assert "gold stays as it was" in detail(day, "refit")


def test_a_service_that_is_away_is_recorded_and_the_report_alone_fails(scored):
    away = replace(scored, service=Service("http://127.0.0.1:9"))
    day = run_day(away)
    assert did(day) == REST_DONE | {"report": "failed"}
    assert detail(day, "ledger").startswith(
        "API_URL is http://127.0.0.1:9, and /v1/ledger/verify gives no answer there: "
    )
    (run,) = scored.tracker.runs
    assert run["failed"]
    assert run["metrics"]["service.answers"] == 0.0
    again = run_day(scored)  # the service is back
    assert did(again) == NOTHING | {"report": "done"}


def test_a_ledger_that_was_changed_fails_the_run_and_stops_nothing(scored):
    scored.service.pages["/v1/ledger/verify"] = '{"intact": false, "first_bad": 5}'
    day = run_day(scored)
    assert did(day) == REST_DONE | {"ledger": "failed"}
    assert "not what was written, first in row 5" in day.verdict


def test_without_new_bars_what_needs_them_is_left_out_and_the_rest_runs(around):
    day = run_day(replace(around, source=Down()))
    assert did(day) == {
        "ingest": "failed",
        "score": "left out",
        "ledger": "nothing to do",
        "refit": "left out",
        "report": "done",
    }
    assert detail(day, "score") == "it needs ingest, which failed"
    assert day.verdict == "2007-06-29: ingest: failed: no answer for GC=F"


@pytest.mark.parametrize("error", [TrainingError("no fit"), ValueError("a bug"), OSError("full")])
def test_a_refit_that_fails_is_named_and_tried_again_the_next_time(around, error):
    broken = replace(around, train=Trains(error))
    day = run_day(broken)
    assert did(day) == ALL_DONE | {"refit": "failed"}
    assert str(error) in day.verdict
    assert DayState.read(around.data).refitted_on is None
    assert did(run_day(around)) == NOTHING | {"refit": "done"}


def test_a_bundle_that_cannot_be_read_is_named(around):
    (around.out / "model.onnx").write_bytes(b"none")
    day = run_day(around)
    assert did(day) == ALL_DONE | {"score": "failed", "refit": "failed"}
    assert "model.onnx" in detail(day, "score")


def test_two_runs_exclude_each_other(scored):
    with alone(scored.data), pytest.raises(TooBusy, match="another daily run is at work"):
        run_day(scored)
    assert not (scored.data / "raw").exists()
    assert did(run_day(scored)) == REST_DONE


@pytest.mark.parametrize("text", ["", "{", "[]", '{"refitted_on": "soon"}', '{"refitted_on": 3}'])
def test_a_state_that_cannot_be_read_is_as_none(tmp_path, text):
    (tmp_path / "daily.json").write_text(text)
    assert DayState.read(tmp_path) == DayState()


def test_a_state_comes_back_as_it_was_written(tmp_path):
    state = DayState(scored="one 2007-06-29", refitted_on=date(2007, 6, 29))
    state.write(tmp_path)
    assert DayState.read(tmp_path) == state


@pytest.fixture
def web():
    """The address of a server that answers every path with a page that is no JSON."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>")

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_an_address_that_is_not_the_services_names_the_setting(web):
    for address in (web, "file:///etc/passwd", "backend:8000", "http://[1"):
        with pytest.raises(ServiceAway, match="API_URL is ") as caught:
            Service(address).document("/v1/ledger/verify")
        assert address in str(caught.value)
