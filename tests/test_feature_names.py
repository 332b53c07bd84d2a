"""The dashboard has a name for every feature that the API can explain a forecast with."""

from __future__ import annotations

import json

import pytest

from assay.features.spec import FEATURE_NAMES


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_feature_has_a_friendly_name(checkout, language):
    path = checkout / f"frontend/src/assay_frontend/i18n/{language}.json"
    words = json.loads(path.read_text(encoding="utf-8"))
    assert {f"feature.{name}" for name in FEATURE_NAMES} <= set(words)
