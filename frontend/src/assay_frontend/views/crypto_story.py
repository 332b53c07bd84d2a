"""The crypto page's second half: the time behind the coin, what came of scores, other coins."""

from __future__ import annotations

import streamlit as st

from assay_frontend.api.backtest_models import Backtest
from assay_frontend.api.client import AssayClient
from assay_frontend.api.crypto_models import Signal
from assay_frontend.api.latest import CoinStory, coin_signal, coin_story
from assay_frontend.api.track_models import ReliabilityPoint
from assay_frontend.components import tables
from assay_frontend.components.equity_chart import (
    equity_csv,
    equity_figure,
    equity_words,
    portfolio_table,
)
from assay_frontend.components.problem_words import problem_title
from assay_frontend.components.regime_chart import (
    hours_csv,
    hours_table,
    regime_figure,
    regime_words,
    ribbon_sentence,
    spans_of,
)
from assay_frontend.components.reliability_chart import (
    reliability_figure,
    reliability_table,
    reliability_words,
)
from assay_frontend.components.risk_gauge import gauge_html, like_sentence
from assay_frontend.components.text import file_stem
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    MISSING,
    fine_percent,
    length,
    number,
    percent,
    short_date,
)
from assay_frontend.markets import CoinChoice
from assay_frontend.views.reader import Reader
from assay_frontend.widgets import banners
from assay_frontend.widgets.charts import show_figure
from assay_frontend.widgets.choices import choose_window, parameter
from assay_frontend.widgets.downloads import offer_file
from assay_frontend.widgets.frame import readers_palette

DAYS = (30, 90, 365)
DEFAULT_DAYS = 30
LEAST_SCORED = 100


def show_story(reader: Reader, client: AssayClient, choice: CoinChoice) -> None:
    t = reader.t
    if coin_signal(client, choice, language=t.language).value is None:
        return
    ribbon = st.container()
    with ribbon:
        st.header(t("ribbon.title"), anchor=False)
        days = choose_window(t, "days", DAYS, default=DEFAULT_DAYS)
    with st.spinner(t("coin.wait")):
        story = coin_story(client, choice, hours=24 * days, language=t.language)
    signal = story.signal.value
    if signal is None:  # it went between the two looks
        return
    with ribbon:
        _show_ribbon(reader, choice, story)
    left, right = st.columns(2, gap="large")
    with left:
        _show_gauge(t, choice, signal, story)
    with right:
        _show_losses(t, signal, story.tested.value)
    _show_backtest(reader, choice, story)


def _show_ribbon(reader: Reader, choice: CoinChoice, story: CoinStory) -> None:
    t, found = reader.t, story.hours.value
    if story.hours.problem is not None and story.signal.problem is None:
        banners.show_part_problem(t, "hours", story.hours.problem)
    if found is None or not spans_of(found.hours):
        st.info(t("ribbon.none"))
        return
    st.markdown(ribbon_sentence(t, found))
    if found.horizon_minutes != choice.horizon_minutes:
        st.caption(t("ribbon.other"))
    show_figure(
        regime_figure(t, found, readers_palette(), reader.zone),
        key="regimes",
        alt=regime_words(t, found, reader.zone),
    )
    st.caption(t("ribbon.caption"))
    with st.expander(t("ribbon.table")):
        st.dataframe(hours_table(t, found, reader.zone), hide_index=True, height=280)
    stem = file_stem(found.symbol, found.provenance.source, "regimes")
    offer_file(t, "download.hours", hours_csv(found), file_name=f"{stem}.csv")


def _show_gauge(t: Translator, choice: CoinChoice, signal: Signal, story: CoinStory) -> None:
    st.header(t("gauge.title"), anchor=False)
    st.html(gauge_html(t, signal.risk_score))
    if choice.horizon_minutes % 60:
        st.markdown(t("gauge.none", why=t("gauge.none.hours")))
        return
    points, origin, skill = _borne_out(t, story)
    if not points:
        problem = story.tested.problem
        why = t("gauge.none.past") if problem is None else problem_title(t, problem)
        st.markdown(t("gauge.none", why=why))
        return
    st.markdown(like_sentence(t, points, signal.risk_score))
    show_figure(
        reliability_figure(t, points, readers_palette()),
        key="coin_reliability",
        alt=reliability_words(t, points),
    )
    st.caption(f"{origin} {skill}".strip())
    with st.expander(t("gauge.table")):
        st.table(tables.literal(reliability_table(t, points)), hide_index=True)


def _borne_out(t: Translator, story: CoinStory) -> tuple[tuple[ReliabilityPoint, ...], str, str]:
    """From recorded signals where enough were scored, else from a back-test; and its skill."""
    record, tested = story.record.value, story.tested.value
    if record is not None and record.counted >= LEAST_SCORED and record.reliability:
        origin = t("gauge.from.record", n=number(t, record.counted))
        return record.reliability, origin, _skill(t, record.brier_skill)
    if tested is None:
        return (), "", ""
    origin = t(
        "gauge.from.backtest",
        n=number(t, tested.judged),
        span=length(t, tested.horizon_minutes),
        first=short_date(t, tested.first_origin.date()),
    )
    return tested.reliability, origin, _skill(t, tested.brier_skill)


def _skill(t: Translator, value: float | None) -> str:
    if value is None:
        return ""
    kind = "better" if value > 0 else "worse"
    return t(f"gauge.skill.{kind}", share=percent(t, abs(value)))


def _show_losses(t: Translator, signal: Signal, tested: Backtest | None) -> None:
    st.header(t("losses.title"), anchor=False)
    short = dict(signal.expected_shortfall)
    rows = [(level, value, short.get(level)) for level, value in signal.value_at_risk]
    table = {
        t("losses.confidence"): [percent(t, level) for level, _, _ in rows],
        t("losses.var"): [fine_percent(t, value) for _, value, _ in rows],
        t("losses.es"): [fine_percent(t, value) for _, _, value in rows],
    }
    if tested is not None and tested.horizon_minutes == signal.horizon_minutes:
        table[t("losses.seen")] = [_seen(t, tested, level) for level, _, _ in rows]
    st.html(tables.table_html(table, label=t("losses.title")))
    st.caption(t("losses.caption", span=length(t, signal.horizon_minutes)))


def _seen(t: Translator, tested: Backtest, confidence: float) -> str:
    row = next((r for r in tested.losses if abs(r.confidence - confidence) < 1e-9), None)
    if row is None or row.hit_rate is None:
        return MISSING
    return t(
        "losses.held",
        rate=percent(t, row.hit_rate, 1),
        n=number(t, row.n),
        level=percent(t, row.level),
    )


def _show_backtest(reader: Reader, choice: CoinChoice, story: CoinStory) -> None:
    t, found = reader.t, story.tested.value
    st.header(t("backtest.title"), anchor=False)
    asked = parameter(
        "backtest",
        lambda value: value if value == "year" else None,
        "",
        refusal=lambda value: t("notice.backtest", value=value),
    )
    if not asked:
        st.markdown(t("backtest.ask"))
        st.button(t("backtest.run"), key="backtest_run", on_click=_ask_for_backtest)
        return
    if story.tested.problem is not None and story.signal.problem is None:
        banners.show_part_problem(t, "backtest", story.tested.problem)
    if found is None or not found.curves.times:
        return
    st.markdown(
        t(
            "backtest.words",
            target=percent(t, found.target_volatility),
            fee=number(t, found.fee_bps),
            slippage=number(t, found.slippage_bps),
        )
    )
    show_figure(
        equity_figure(t, found, readers_palette(), reader.zone),
        key="equity",
        alt=equity_words(t, found, reader.zone),
    )
    st.html(tables.table_html(portfolio_table(t, found), label=t("backtest.title")))
    caption = "backtest.caption" if found.trained_to else "backtest.caption.plain"
    st.caption(t(caption, trained=found.trained_to))
    stem = file_stem(found.symbol, found.provenance.source, "backtest")
    offer_file(t, "download.backtest", equity_csv(found), file_name=f"{stem}.csv")


def _ask_for_backtest() -> None:
    st.query_params["backtest"] = "year"
