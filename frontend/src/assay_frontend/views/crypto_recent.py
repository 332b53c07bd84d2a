"""The newest recorded signals."""

from __future__ import annotations

import streamlit as st

from assay_frontend.api.answers import Latest
from assay_frontend.api.crypto_models import Signal
from assay_frontend.components import coin_tables
from assay_frontend.components.numbers import Numbers
from assay_frontend.components.text import markdown_text
from assay_frontend.i18n.formats import MISSING, zone_name
from assay_frontend.views.reader import Reader
from assay_frontend.widgets import banners
from assay_frontend.widgets.charts import show_table

RECENT_SHOWN = 12


def show_recent(reader: Reader, seen: Latest[Signal], latest: Latest[tuple[Signal, ...]]) -> None:
    """Those of the coin `seen`, or of others where there are none of it."""
    t, signal = reader.t, seen.value
    st.header(t("coin.recent.title"), anchor=False)
    if latest.problem is not None and seen.problem is None:
        banners.show_part_problem(t, "recent", latest.problem)
    if latest.value is None:
        st.markdown(t("coin.recent.unknown"))
        return
    if not latest.value:
        st.markdown(t("coin.recent.none"))
        return
    of_market = [each for each in latest.value if signal and each.symbol == signal.symbol]
    shown = (of_market or list(latest.value))[:RECENT_SHOWN]
    words = "market" if of_market else "others" if signal else "any"
    symbol = markdown_text(signal.symbol) if signal else MISSING
    st.markdown(t(f"coin.recent.{words}", n=len(shown), symbol=symbol))
    zone = zone_name((shown[0].created_at or reader.now).astimezone(reader.zone))
    show_table(
        t,
        Numbers(
            coin_tables.recent_table(t, shown, reader.zone),
            coin_tables.recent_csv(shown),
            "recent-signals.csv",
        ),
        label=t("coin.recent.alt", n=len(shown)),
        download="coin.recent",
        caption=t("coin.recent.caption", zone=zone),
    )
