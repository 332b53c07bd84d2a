"""The overview: tomorrow's gold and the watched coins, each a way to its page."""

from __future__ import annotations

import streamlit as st

from assay_frontend.api.latest import GoldPicture, gold_picture
from assay_frontend.components import banners
from assay_frontend.components.frame import readers_words, show_footer
from assay_frontend.components.headline import empty_headline_html, headline_html
from assay_frontend.settings import read_settings
from assay_frontend.views.reader import Reader, client_of


def render() -> None:
    t, settings = readers_words(), read_settings()
    client = client_of(settings)

    @st.fragment(run_every=settings.refresh_seconds)
    def live_page() -> None:
        _show(Reader.here(t), gold_picture(client))

    live_page()


def _show(reader: Reader, picture: GoldPicture) -> None:
    t, latest = reader.t, picture.forecast
    if latest.problem is not None:
        banners.show_problem(
            t, latest.problem, kept_since=latest.received_at, now=reader.now, zone=reader.zone
        )
    forecast = latest.value
    if forecast is None:
        st.html(empty_headline_html(t))
        show_footer(t)
        return
    banners.show_provenance(
        t,
        forecast.provenance,
        subject="gold",
        received_at=latest.received_at,
        now=reader.now,
        zone=reader.zone,
    )
    st.html(headline_html(t, forecast))
    show_footer(t)
