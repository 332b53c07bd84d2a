"""env.example lists every setting of every service, and no other."""

from __future__ import annotations

import re

from assay_backend.settings import Settings, environment_name, misspelt
from assay_training.settings import TrainingSettings

COMPOSE = {
    "BACKEND_PORT",
    "FRONTEND_PORT",
    "ASSAY_BUNDLE_FOLDER",
    "ASSAY_BUNDLE_MODE",
    "ASSAY_BACKEND_EXTRA",
}
MONITORING = {"PROMETHEUS_PORT", "GRAFANA_PORT", "GRAFANA_ADMIN_PASSWORD"}
MLOPS = {"MLFLOW_PORT", "PREFECT_PORT"}
# Set by Hugging Face, not by people.
SET_BY_SPACES = {"SPACE_HOST"}


def training_names() -> set[str]:
    return {
        str(info.validation_alias) if info.validation_alias else f"ASSAY_{name.upper()}"
        for name, info in TrainingSettings.model_fields.items()
    }


def test_every_setting_is_listed_once_with_a_line_on_it(checkout):
    text = (checkout / "env.example").read_text(encoding="utf-8")
    listed = re.findall(r"^# ([A-Z0-9_]+)=", text, re.M)
    read_by_dashboard = set(
        re.findall(
            r'reading\.of\(\s*"([A-Z_]+)"',
            (checkout / "frontend/src/assay_frontend/settings.py").read_text(encoding="utf-8"),
        )
    )
    backend = {environment_name(name, info) for name, info in Settings.model_fields.items()}
    expected = (
        COMPOSE
        | MONITORING
        | MLOPS
        | backend
        | training_names()
        | (read_by_dashboard - SET_BY_SPACES)
    )
    assert set(listed) == expected
    assert not misspelt(listed), "another service's setting, which is none of the backend's"
    assert len(listed) == len(set(listed))
    lines = text.splitlines()
    above = [lines[n - 1] for n, line in enumerate(lines) if re.match(r"# [A-Z0-9_]+=", line)]
    assert all(re.fullmatch(r"# [^=]+(\.|\.\.\.|,)", line) for line in above), above
