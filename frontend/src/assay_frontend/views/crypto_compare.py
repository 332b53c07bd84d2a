"""Several coins side by side, over one horizon."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from assay_frontend.api.client import AssayClient
from assay_frontend.api.crypto_models import Signal
from assay_frontend.api.latest import CoinGlance, coin_glances
from assay_frontend.api.models import at_level
from assay_frontend.components.glances import coin_card_html, empty_card_html
from assay_frontend.components.numbers import Numbers
from assay_frontend.components.problem_words import problem_title
from assay_frontend.components.regimes import regime_text
from assay_frontend.components.tables import Table, csv_text
from assay_frontend.components.text import asked_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import fine_percents, length, percent, risk_percents
from assay_frontend.markets import EXCHANGES, CoinChoice, as_symbol, is_spelling, symbols_of
from assay_frontend.views.reader import Reader
from assay_frontend.widgets import banners
from assay_frontend.widgets.charts import show_table
from assay_frontend.widgets.frame import readers_palette
from assay_frontend.widgets.waiting import waiting

MOST = 5


def show_comparison(
    reader: Reader, client: AssayClient, choice: CoinChoice, symbols: Sequence[str]
) -> None:
    """The choice beside others of its exchange."""
    t = reader.t
    if not symbols:
        st.caption(t("compare.none"))
        return
    coins = [
        CoinChoice(choice.exchange, symbol, choice.timeframe, choice.horizon_minutes)
        for symbol in (choice.symbol, *symbols)
    ]
    with waiting(t("coin.wait"), part="comparison", whole=False):
        glances = coin_glances(client, coins, language=t.language)
    banners.show_kept_coins(t, glances, now=reader.now, zone=reader.zone)
    _show_cards(t, glances)
    seen = [glance.signal.value for glance in glances if glance.signal.value is not None]
    if seen:
        numbers = Numbers(_table(t, seen), _csv(seen), "coins-side-by-side.csv")
        show_table(t, numbers, label=t("compare.table"), download="compare")
    span = length(t, choice.horizon_minutes)
    st.caption(t("compare.caption", span=span, exchange=EXCHANGES[choice.exchange]))


def choose_others(t: Translator, choice: CoinChoice) -> list[str]:
    """Other symbols, as the address says; a notice for what cannot be one.

    To stand outside of what renews itself, which would close an open list.
    """
    st.header(t("compare.title"), anchor=False)
    asked = [part for part in st.query_params.get("compare", "").split(",") if part.strip()]
    wrong = [part for part in asked if not is_spelling(part.strip())]
    for part in wrong[:1]:
        st.warning(t("notice.compare", value=asked_text(part)))
    named = [as_symbol(part.strip()) for part in asked if part not in wrong]
    symbols = [each for each in dict.fromkeys(named) if each != choice.symbol]
    if len(symbols) > MOST:
        st.warning(t("notice.compare.many", most=MOST))
    symbols = symbols[:MOST]
    offered = [each for each in symbols_of(choice.exchange) if each != choice.symbol]
    st.session_state["compare"] = symbols
    st.multiselect(
        t("compare.choose"),
        [*offered, *(each for each in symbols if each not in offered)],
        key="compare",
        max_selections=MOST,
        accept_new_options=True,
        placeholder=t("compare.none.yet"),
        on_change=_follow,
        help=t("compare.help", most=MOST),
    )
    return symbols


def _follow() -> None:
    chosen = st.session_state["compare"]
    if chosen:
        st.query_params["compare"] = ",".join(chosen)
    elif "compare" in st.query_params:
        del st.query_params["compare"]


def _show_cards(t: Translator, glances: tuple[CoinGlance, ...]) -> None:
    cards = []
    for glance in glances:
        signal, problem = glance.signal.value, glance.signal.problem
        if signal is None:
            why = problem_title(t, problem) if problem is not None else ""
            cards.append(empty_card_html(t, glance.choice, why))
        else:
            cards.append(coin_card_html(t, signal, glance.hours.value, readers_palette()))
    st.html(f'<div class="assay-cards">{"".join(cards)}</div>')


def _table(t: Translator, seen: list[Signal]) -> Table:
    return {
        t("table.coin"): [signal.symbol for signal in seen],
        t("coin.regime"): [regime_text(t, signal.vol_regime) for signal in seen],
        t("coin.risk"): risk_percents(t, [signal.risk_score for signal in seen]),
        t("coin.volatility"): fine_percents(t, [signal.volatility.horizon for signal in seen]),
        t("table.rank"): [percent(t, signal.volatility.percentile) for signal in seen],
        t("coin.var"): fine_percents(t, [at_level(s.value_at_risk, 0.95) for s in seen]),
        t("losses.es"): fine_percents(t, [at_level(s.expected_shortfall, 0.95) for s in seen]),
    }


def _csv(seen: list[Signal]) -> str:
    header = (
        "symbol", "exchange", "source", "horizon_min", "vol_regime", "risk_score", "volatility",
        "annualized", "value_at_risk_95", "expected_shortfall_95",
    )  # fmt: skip
    return csv_text(
        header,
        [
            (
                s.symbol, s.exchange, s.provenance.source, s.horizon_minutes, s.vol_regime,
                s.risk_score, s.volatility.horizon, s.volatility.annualized,
                at_level(s.value_at_risk, 0.95), at_level(s.expected_shortfall, 0.95),
            )
            for s in seen
        ],
    )  # fmt: skip
