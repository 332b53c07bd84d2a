"""Which exchange, coin, timeframe and horizon a reader looks at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import streamlit as st

from assay_frontend.components.coin_headline import timeframe_words
from assay_frontend.components.text import markdown_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import length
from assay_frontend.markets import (
    DEFAULT,
    EXCHANGES,
    MINUTES,
    CoinChoice,
    as_symbol,
    horizons_of,
    is_horizon,
    is_spelling,
    symbols_of,
    timeframes_of,
)
from assay_frontend.widgets.choices import follow, parameter


def choose_coin(t: Translator, refusal: Callable[[CoinChoice], Sequence[str]]) -> CoinChoice:
    """As the address says; a notice and the default where it says what cannot be.

    `refusal` says, in sentences, that there is no such market; a market that is offered here is
    not asked for first.
    """
    choice = _asked(t)
    if choice.symbol not in symbols_of(choice.exchange) and (words := refusal(choice)):
        told = [*words, t("notice.market", default=DEFAULT.symbol)]
        st.warning(markdown_text(" ".join(told)))
        choice = replace(choice, symbol=DEFAULT.symbol)
    with st.container(horizontal=True, gap="small", key="assay_picker"):
        _select(t, "exchange", list(EXCHANGES), choice.exchange, EXCHANGES.__getitem__)
        symbols = symbols_of(choice.exchange)
        _select(t, "symbol", symbols, choice.symbol, str, free=True)
        timeframes = timeframes_of(choice.exchange)
        _select(t, "timeframe", timeframes, choice.timeframe, lambda n: timeframe_words(t, n))
        horizons = sorted({*horizons_of(choice.timeframe), choice.horizon_minutes})
        _select(t, "horizon", horizons, choice.horizon_minutes, lambda n: length(t, n))
    return choice


def choose_market(t: Translator) -> tuple[str, str]:
    """Exchange and symbol, as the address says or by default."""
    exchange, symbol = _asked_market(t)
    with st.container(horizontal=True, gap="small", key="assay_market"):
        _select(t, "exchange", list(EXCHANGES), exchange, EXCHANGES.__getitem__)
        _select(t, "symbol", symbols_of(exchange), symbol, str, free=True)
    return exchange, symbol


def _asked_market(t: Translator) -> tuple[str, str]:
    exchange = parameter(
        "exchange",
        lambda asked: asked.lower() if asked.lower() in EXCHANGES else None,
        DEFAULT.exchange,
        refusal=lambda asked: t(
            "notice.exchange",
            value=asked,
            choices=", ".join(EXCHANGES),
            default=EXCHANGES[DEFAULT.exchange],
        ),
    )
    symbol = parameter(
        "symbol",
        lambda asked: as_symbol(asked) if is_spelling(asked) else None,
        DEFAULT.symbol,
        refusal=lambda asked: t("notice.symbol", value=asked, default=DEFAULT.symbol),
    )
    return exchange, symbol


def _asked(t: Translator) -> CoinChoice:
    exchange, symbol = _asked_market(t)
    offered = timeframes_of(exchange)
    timeframe = parameter(
        "timeframe",
        lambda asked: asked if asked in offered else None,
        DEFAULT.timeframe,
        refusal=lambda asked: t(
            "notice.timeframe",
            value=asked,
            exchange=EXCHANGES[exchange],
            choices=", ".join(offered),
            default=DEFAULT.timeframe,
        ),
    )
    horizon = parameter(
        "horizon",
        lambda asked: _horizon(asked, timeframe),
        DEFAULT.horizon_minutes,
        refusal=lambda asked: t(
            "notice.horizon",
            value=asked,
            timeframe=timeframe,
            default=length(t, DEFAULT.horizon_minutes),
        ),
    )
    return CoinChoice(exchange, symbol, timeframe, horizon)


def _horizon(asked: str, timeframe: str) -> int | None:
    if not (asked.isascii() and asked.isdigit() and len(asked) <= 6):
        return None
    return int(asked) if is_horizon(int(asked), timeframe) else None


def _select(
    t: Translator,
    name: str,
    options: Sequence[object],
    value: object,
    words: Callable[..., str],
    *,
    free: bool = False,
) -> None:
    """One of `options`; with `free` also what a reader types."""
    st.session_state[name] = value
    st.selectbox(
        t(f"coin.{name}"),
        options if value in options else [value, *options],
        format_func=words,
        key=name,
        on_change=_follow,
        args=(name,),
        accept_new_options=free,
        help=t("coin.symbol.help") if free else None,
    )


def _follow(name: str) -> None:
    """Writes the choice into the address, less what it makes impossible."""
    value = st.session_state[name]
    if value is None:
        return
    follow(name)
    asked = st.query_params
    if asked.get("timeframe") not in (
        None,
        *timeframes_of(asked.get("exchange", DEFAULT.exchange)),
    ):
        del asked["timeframe"]
    timeframe = asked.get("timeframe", DEFAULT.timeframe)
    horizon = asked.get("horizon", "")
    if timeframe in MINUTES and horizon and _horizon(horizon, timeframe) is None:
        del asked["horizon"]
