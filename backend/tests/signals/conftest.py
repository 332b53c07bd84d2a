"""Settings for tests of signals."""

from __future__ import annotations

import pytest


@pytest.fixture
def settings(settings):
    """With time enough for a busy machine."""
    return settings.model_copy(update={"upstream_deadline_seconds": 20.0})
