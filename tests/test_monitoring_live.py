"""The real Prometheus with our configuration, scraping the backend as it really runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import replace

import pytest
import yaml
from forked_service import ForkedService

from asking import direct, free_port
from assay.store import open_store
from assay.store.ledger_records import Batch, Outcome
from monitored import MONITORING, alerts, expressions, rules
from recorded import FIRST, forecast, gold_outcome, signal_outcome
from recorded import signal as recorded_signal

pytestmark = pytest.mark.slow

# What Prometheus itself makes, and the process' own figures that any program tells alike.
OWN = {"up", "ALERTS"}
# A service on which nothing is wrong, asked for seconds, has nothing to show of these.
EMPTY_WHERE_ALL_IS_WELL = {
    "operations: Firing alerts",
    "operations: Rows set aside",
    "operations: Upstream faults",
}


def fetch(address, *, accept="application/json"):
    with direct.open(
        urllib.request.Request(address, headers={"Accept": accept}), timeout=30
    ) as answer:
        return answer.read().decode()


def eventually(check, *, seconds=120):
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = check()
        except OSError:  # it does not listen yet
            found = None
        if found:
            return found
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.2)


def fill_ledger(folder):
    """With outcomes of every kind, as after months of service."""
    store = open_store(f"sqlite:///{folder}/assay.db")
    rows = []
    for number in range(120):
        said = forecast(number)
        on_trial = replace(forecast(number, version="trial"), kind="gold_challenger")
        rows += [(said, gold_outcome(number)), (on_trial, gold_outcome(number + 1))]
        rows += [(recorded_signal(2 * number), signal_outcome(number))]
    [written] = store.ledger.append([Batch([entry for entry, _ in rows])], at=FIRST)
    store.ledger.write_outcomes(
        [
            Outcome(row.sequence, json.dumps(outcome).encode(), FIRST)
            for row, (_, outcome) in zip(written, rows, strict=True)
        ]
    )
    store.close()


@pytest.fixture(scope="module")
def backend(tmp_path_factory, checkout):
    """The address of a service on simulated bars, with a past, that is asked for this and that."""
    folder, port = tmp_path_factory.mktemp("backend"), free_port()
    fill_ledger(folder)
    own = {name: value for name, value in os.environ.items() if not name.startswith("ASSAY_")}
    environment = own | {
        "PORT": str(port),
        "ASSAY_MARKET_SOURCE": "simulated",
        "ASSAY_DATA_DIR": str(folder),
        "ASSAY_MODEL_URI": str(checkout / "data" / "processed"),
    }
    address = f"http://127.0.0.1:{port}"
    with ForkedService(environment) as service:
        service.start()
        eventually(lambda: fetch(f"{address}/livez"))
        fetch(f"{address}/v1/report/daily")
        yield address
        service.end(signal.SIGTERM)


@pytest.fixture(scope="module")
def scraped(backend):
    """What a scrape tells once all that it sets going is done."""

    def complete():
        text = fetch(f"{backend}/metrics", accept="text/plain")
        wanted = ("assay_coin_risk_score{", "assay_ledger_intact ", "assay_outcomes_counted{")
        return text if all(name in text for name in wanted) else None

    return eventually(complete)


@pytest.fixture(scope="module")
def prometheus(backend, scraped, tmp_path_factory):
    """Its address, after the first rounds of scrapes and rules, a second apart."""
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("no prometheus on the PATH: it is Debian's package of that name")
    folder = tmp_path_factory.mktemp("prometheus")
    shutil.copytree(MONITORING / "prometheus", folder / "etc")
    config = yaml.safe_load((folder / "etc/prometheus.yaml").read_text())
    config["global"] = {
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "evaluation_interval": "1s",
    }
    config["scrape_configs"][0]["static_configs"] = [{"targets": [backend.removeprefix("http://")]}]
    (folder / "etc/prometheus.yaml").write_text(yaml.safe_dump(config))
    address = f"127.0.0.1:{free_port()}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                binary,
                f"--config.file={folder}/etc/prometheus.yaml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={address}",
            ],
            stderr=log,
        )
    asked = time.monotonic()

    def has_judged():
        assert process.poll() is None, (folder / "log").read_text()
        fetch(f"{backend}/v1/gold/forecast")
        groups = json.loads(fetch(f"http://{address}/api/v1/rules"))["data"]["groups"]
        judged = all(rule["health"] == "ok" for group in groups for rule in group["rules"])
        return judged and time.monotonic() - asked > 8  # rates need some scrapes

    try:
        eventually(has_judged)
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()


def ask(prometheus, path, **query):
    answer = json.loads(fetch(f"{prometheus}/api/v1/{path}?{urllib.parse.urlencode(query)}"))
    assert answer["status"] == "success", answer
    return answer["data"]


def test_promtool_finds_nothing_to_say_of_the_metrics(promtool, scraped):
    done = subprocess.run(
        [promtool, "check", "metrics"], input=scraped, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_and_dashboards_name_only_what_the_backend_tells(scraped):
    told = {line.split()[2] for line in scraped.splitlines() if line.startswith("# TYPE ")}
    told |= {name + suffix for name in told for suffix in ("_bucket", "_sum", "_count")}
    told |= {rule["record"] for rule in rules() if "record" in rule} | OWN
    for where, expression in [*expressions(), *((r.get("alert"), r["expr"]) for r in rules())]:
        bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]', "", expression)
        named = set(re.findall(r"\b(?:assay|process)[a-z0-9_:]*|\bup\b|\bALERTS\b", bare))
        assert named - told == set(), f"{where}: {expression}"


def test_labels_are_bounded(backend, scraped):
    for name in ("../../etc/passwd", "v1/nowhere/1", "v1/nowhere/2"):
        with pytest.raises(urllib.error.HTTPError):
            fetch(f"{backend}/{name}")
    again = fetch(f"{backend}/metrics", accept="text/plain")
    assert "nowhere" not in again
    assert "passwd" not in again
    assert len(again.splitlines()) - len(scraped.splitlines()) < 50
    assert len(again.splitlines()) < 1000


def test_the_backend_is_scraped_as_openmetrics(prometheus):
    [target] = ask(prometheus, "targets")["activeTargets"]
    assert (target["health"], target["lastError"]) == ("up", "")
    assert target["labels"]["job"] == "assay"
    metadata = ask(prometheus, "targets/metadata", metric="assay_requests")
    assert [each["type"] for each in metadata] == ["counter"], (
        "text would name it assay_requests_total"
    )


def test_every_rule_is_loaded_and_judged(prometheus):
    loaded = [rule for group in ask(prometheus, "rules")["groups"] for rule in group["rules"]]
    assert len(loaded) == len(rules())
    assert {rule["name"] for rule in loaded if rule["type"] == "alerting"} == {
        rule["alert"] for rule in alerts()
    }
    assert {rule["health"] for rule in loaded} == {"ok"}
    assert not [rule for rule in loaded if rule.get("lastError")]


def test_what_waits_to_fire_is_that_bars_are_simulated(prometheus):
    """And what follows from the invented past."""
    waiting = {each["labels"]["alertname"] for each in ask(prometheus, "alerts")["alerts"]}
    assert "SimulatedDataServed" in waiting
    of_the_past = {
        "GoldCoverageOff",
        "LossesBeyondValueAtRisk",
        "RiskScoreSkillLost",
        "RiskScoresMiscalibrated",
        "SignalCoverageOff",
        "VolatilitySkillLost",
    }
    of_the_market = {"CoinRiskHigh", "CoinTurbulent"}
    assert waiting - of_the_past - of_the_market == {"SimulatedDataServed"}


@pytest.mark.parametrize(("panel", "expression"), expressions())
def test_every_panel_has_data(prometheus, panel, expression):
    found = ask(prometheus, "query", query=expression)["result"]
    if panel in EMPTY_WHERE_ALL_IS_WELL:
        return
    assert found, f"{panel}: {expression} gives nothing"
    assert all(sample["value"][1] != "NaN" for sample in found), expression
