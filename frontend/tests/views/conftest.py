"""One page alone, run by Streamlit, and what a reader can read on it."""

from __future__ import annotations

from functools import cache

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.testing.v1 import AppTest

# A server looks once for components among the installed packages, AppTest at every run of a page.
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


def page_alone(name: str) -> None:
    """As streamlit_app.py does, with the view `name` in the first place."""
    import importlib

    import streamlit as st

    from assay_frontend.widgets.frame import show_frame

    view = importlib.import_module(f"assay_frontend.views.{name}")
    address = name.replace("_", "-")
    page = st.Page(view.render, title=name, url_path=address)
    st.navigation([page], position="hidden")
    show_frame({address: page})
    page.run()


@pytest.fixture
def open_view(backend, monkeypatch):
    """Opens a view as a reader in Berlin, at an address with the given query."""
    st.cache_data.clear()
    st.cache_resource.clear()

    def opened(name, api_url=backend.url, *, locale="en-GB", **query):
        monkeypatch.setenv("API_URL", api_url)
        app = AppTest.from_function(page_alone, default_timeout=30, args=(name,))
        app.context = {"locale": locale, "timezone": "Europe/Berlin"}
        for key, value in query.items():
            app.query_params[key] = value
        return app.run()

    return opened


def _texts(elements):
    words = " ".join(str(getattr(item, "body", item.value)) for item in elements)
    return words.replace("\\", "").replace("&#x27;", "'").replace("&quot;", '"')


@pytest.fixture
def texts():
    """What elements say, without Markdown's backslashes."""
    return _texts


@pytest.fixture
def words_of():
    """All that a reader can read on the page; no traceback among it."""

    def words(app):
        assert not app.exception
        blocks = [*app.html, *app.markdown, *app.header, *app.caption]
        return _texts([*blocks, *app.error, *app.warning, *app.info])

    return words
