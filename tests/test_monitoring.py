"""Prometheus' rules, Grafana's dashboards and the profile that runs both, as files."""

from __future__ import annotations

import configparser
import json
import re
import subprocess
from itertools import combinations

import pytest
import yaml

from monitored import DASHBOARDS, MONITORING, alerts, expressions, panels

SEVERITIES = {"critical", "warning", "info"}


def check(promtool, *arguments):
    done = subprocess.run([promtool, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_prometheus_can_use_its_configuration_and_every_rule(promtool):
    said = check(promtool, "check", "config", MONITORING / "prometheus/prometheus.yaml")
    assert "2 rule files found" in said
    assert f"SUCCESS: {len(alerts())} rules found" in said


@pytest.mark.slow
def test_every_alert_fires_when_it_should_and_only_then(promtool):
    files = sorted((MONITORING / "prometheus/tests").glob("*.yaml"))
    check(promtool, "test", "rules", *files)
    fired, quiet = set(), 0
    for file in files:
        for test in yaml.safe_load(file.read_text())["tests"]:
            for each in test.get("promql_expr_test", []):
                assert each["expr"] == 'count by (alertname) (ALERTS{alertstate="firing"})'
                names = re.findall(r'alertname="(\w+)"', str(each["exp_samples"]))
                fired |= set(names)
                quiet += not names
    assert fired == {rule["alert"] for rule in alerts()}
    assert quiet > len(fired), "of most stories it is told when nothing fires, too"


@pytest.mark.parametrize("rule", alerts(), ids=lambda rule: rule["alert"])
def test_an_alert_says_what_it_means_and_what_to_do(rule):
    assert set(rule["annotations"]) == {"summary", "description", "action"}
    assert rule["labels"]["severity"] in SEVERITIES
    assert all(text.strip() for text in rule["annotations"].values())
    assert rule["annotations"]["description"].endswith(".")
    assert rule["annotations"]["action"].endswith(".")


def test_no_alert_has_two_meanings():
    names = [rule["alert"] for rule in alerts()]
    assert len(names) == len(set(names)) >= 20


def test_every_expression_of_the_dashboards_can_be_read(promtool, tmp_path):
    rules = [
        {"record": f"assay:panel:{number}", "expr": expression}
        for number, (_, expression) in enumerate(expressions())
    ]
    file = tmp_path / "expressions.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    check(promtool, "check", "rules", file)


def test_dashboards_are_told_apart():
    boards = [json.loads(file.read_text()) for file in DASHBOARDS]
    for name in ("uid", "title"):
        assert len({board[name] for board in boards}) == len(boards) == 2
    for board in boards:
        assert re.fullmatch(r"[a-z-]{1,40}", board["uid"])
        assert board["editable"] is False
        assert board["schemaVersion"] >= 39
        assert "id" not in board, "Grafana gives that"


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_panel_says_what_it_shows_in_which_unit_and_from_where(file):
    board = json.loads(file.read_text())
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(numbers) == len(set(numbers))
    for panel in panels(board):
        name = panel["title"]
        assert name
        assert panel["description"].endswith("."), name
        assert panel["datasource"] == {"type": "prometheus", "uid": provisioned()["uid"]}, name
        assert panel["fieldConfig"]["defaults"]["unit"], name
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"]) > 0
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"]
            assert target["instant"] is not target["range"]


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_panels_lie_beside_each_other_on_the_page(file):
    places = [panel["gridPos"] for panel in json.loads(file.read_text())["panels"]]
    assert all(at["x"] >= 0 and at["x"] + at["w"] <= 24 for at in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        below = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or below, (one, other)


def provisioned():
    [source] = yaml.safe_load(
        (MONITORING / "grafana/provisioning/datasources/prometheus.yaml").read_text()
    )["datasources"]
    return source


class TestProfile:
    """What `docker compose --profile monitoring up` starts."""

    @pytest.fixture
    def compose(self, checkout):
        return yaml.safe_load((checkout / "docker-compose.yaml").read_text())

    @pytest.mark.parametrize("name", ["prometheus", "grafana"])
    def test_a_service_is_pinned_and_has_no_more_rights_than_it_needs(self, compose, name):
        service = compose["services"][name]
        assert service["profiles"] == ["monitoring"]
        assert re.fullmatch(rf"[a-z]+/{name}:v?\d+\.\d+\.\d+", service["image"])
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service.get("logging") == compose["services"]["backend"].get("logging")
        assert all(port.startswith("127.0.0.1:") for port in service["ports"])
        assert {"mem_limit", "cpus", "pids_limit", "healthcheck"} <= set(service)

    @pytest.mark.parametrize("name", ["prometheus", "grafana"])
    def test_what_is_mounted_is_there_and_read_only_or_a_volume(self, compose, checkout, name):
        for mount in compose["services"][name]["volumes"]:
            source, _, rest = mount.partition(":")
            if source.startswith("./"):
                assert (checkout / source).exists(), source
                assert rest.endswith(":ro"), mount
            else:
                assert source in compose["volumes"], mount

    def test_no_other_service_waits_for_them(self, compose):
        others = set(compose["services"]) - {"prometheus", "grafana"}
        for name in others:
            assert not {"prometheus", "grafana"} & set(
                compose["services"][name].get("depends_on", {})
            )

    def test_prometheus_forgets_after_a_while_and_listens_to_no_commands(self, compose):
        command = compose["services"]["prometheus"]["command"]
        assert any(each.startswith("--storage.tsdb.retention.time=") for each in command)
        assert any(each.startswith("--storage.tsdb.retention.size=") for each in command)
        assert not any("enable-admin-api" in each or "enable-lifecycle" in each for each in command)

    def test_prometheus_scrapes_the_backend_by_its_name_on_the_network(self, compose):
        config = yaml.safe_load((MONITORING / "prometheus/prometheus.yaml").read_text())
        [job] = config["scrape_configs"]
        assert job["job_name"] == "assay"
        assert job["static_configs"] == [{"targets": ["backend:8000"]}]
        assert compose["services"]["backend"]["environment"]["PORT"] == "8000"
        assert provisioned()["url"] == "http://prometheus:9090"

    def test_grafana_has_no_administrator_unless_a_password_is_given(self, compose):
        environment = compose["services"]["grafana"]["environment"]
        assert environment["GF_SECURITY_ADMIN_PASSWORD"] == "${GRAFANA_ADMIN_PASSWORD:-}"
        allowed = environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"]
        assert allowed == "${GRAFANA_ADMIN_PASSWORD:+false}"
        assert settings().getboolean("security", "disable_initial_admin_creation")
        assert not settings().has_option("security", "admin_password")

    def test_grafana_lets_look_and_tells_nobody(self):
        given = settings()
        assert given["auth.anonymous"]["org_role"] == "Viewer"
        for section, option in (
            ("analytics", "reporting_enabled"),
            ("analytics", "check_for_updates"),
            ("analytics", "check_for_plugin_updates"),
            ("analytics", "feedback_links_enabled"),
            ("news", "news_feed_enabled"),
            ("plugins", "preinstall_auto_update"),
            ("plugins", "plugin_admin_enabled"),
            ("users", "allow_sign_up"),
            ("users", "viewers_can_edit"),
            ("snapshots", "external_enabled"),
        ):
            assert given.getboolean(section, option) is False, option
        assert given.getboolean("plugins", "preinstall_disabled")
        assert given.getboolean("plugins", "public_key_retrieval_disabled")
        assert given.getboolean("security", "disable_gravatar")


def settings():
    given = configparser.ConfigParser(interpolation=None)
    given.read(MONITORING / "grafana/grafana.ini")
    return given
