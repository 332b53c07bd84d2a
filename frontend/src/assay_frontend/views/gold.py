"""The gold page: the next close as a distribution, and how far to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from zoneinfo import ZoneInfo

import streamlit as st

from assay_frontend.api.client import AssayClient
from assay_frontend.api.latest import GoldPicture, gold_picture
from assay_frontend.api.models import Bar, Evaluation, FeatureEffect, Forecast, Provenance
from assay_frontend.components import banners, tables
from assay_frontend.components.downloads import offer_bars, offer_forecast
from assay_frontend.components.effects import (
    SHOWN,
    effect_sentence,
    effects_figure,
    strongest_first,
    strongest_sentence,
    width_change,
)
from assay_frontend.components.fan import ZOOM_SESSIONS, zoom_figure
from assay_frontend.components.figures import show_figure
from assay_frontend.components.frame import show_frame, whole_number_parameter
from assay_frontend.components.gold_chart import chart_words, price_figure
from assay_frontend.components.headline import empty_headline_html, headline_html
from assay_frontend.components.text import dollars_escaped, html_text, markdown_text
from assay_frontend.components.verdict import verdict_sentences
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    MISSING,
    age_now,
    instant,
    long_date,
    number,
    percent,
    readers_zone,
    short_date,
    span,
)
from assay_frontend.settings import read_settings
from assay_frontend.theme.palette import readers_palette

WINDOWS = (60, 120, 250)
DEFAULT_WINDOW = 120


@dataclass(frozen=True, slots=True)
class Reader:
    """Who looks, and when: the words, the time zone, and now."""

    t: Translator
    zone: tzinfo
    now: datetime


def render() -> None:
    t = show_frame()
    settings = read_settings()
    client = AssayClient(
        settings.api_url,
        deadline_seconds=settings.request_deadline_seconds,
        hf_token=settings.hf_token,
    )

    @st.fragment(run_every=settings.refresh_seconds)
    def live_page() -> None:
        zone = readers_zone(st.context.timezone)
        _show(Reader(t, zone, datetime.now(UTC)), gold_picture(client))

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
        _show_footer(t)
        return
    banners.show_provenance(
        t, forecast.provenance, received_at=latest.received_at, now=reader.now, zone=reader.zone
    )
    st.html(headline_html(t, forecast))
    _show_charts(reader, picture, forecast)
    left, right = st.columns(2, gap="large")
    with left:
        _show_verdict(t, forecast, picture.evaluation.value)
        _show_data(reader, picture, forecast)
    with right:
        _show_why(t, forecast.explanation)
    _show_leaderboard(reader, picture)
    _show_footer(t)


def _show_charts(reader: Reader, picture: GoldPicture, forecast: Forecast) -> None:
    t, history = reader.t, picture.history
    if history.problem is not None and picture.forecast.problem is None:
        banners.show_part_problem(t, "history", history.problem)
    if history.value is None or not history.value.bars:
        st.info(t("chart.none"))
        offer_forecast(t, forecast)
        return
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"
    ):
        sessions = _choose_window(t)
        bars = history.value.bars[-sessions:]
        with st.container(horizontal=True, width="content", gap="small"):
            offer_bars(t, bars, source=history.value.provenance.source)
            offer_forecast(t, forecast)
    colours = readers_palette()
    wide, narrow = st.columns([2, 1], gap="medium")
    with wide:
        st.header(t("chart.title"), anchor=False)
        alt = chart_words(t, "chart.candles.alt", bars, forecast)
        show_figure(price_figure(t, bars, forecast, colours), key="candles", alt=alt)
        st.caption(t("chart.candles.caption"))
    with narrow:
        st.header(t("chart.zoom.title"), anchor=False)
        shown = bars[-ZOOM_SESSIONS:]
        alt = chart_words(t, "chart.zoom.alt", shown, forecast)
        show_figure(zoom_figure(t, shown, forecast, colours), key="zoom", alt=alt)
        target = long_date(t, forecast.target)
        st.caption(t("chart.zoom.caption", n=len(shown), date=target))
    _show_numbers(t, bars, forecast)


def _choose_window(t: Translator) -> int:
    choice = whole_number_parameter("sessions", choices=WINDOWS, default=DEFAULT_WINDOW)
    if choice.refused is not None:
        offered = ", ".join(str(window) for window in WINDOWS)
        asked = markdown_text(choice.refused[:40])
        st.warning(t("notice.sessions", value=asked, choices=offered, default=choice.value))

    def follow() -> None:
        st.query_params["sessions"] = str(st.session_state["sessions"])

    st.session_state["sessions"] = choice.value
    st.segmented_control(
        t("chart.window"), WINDOWS, required=True, key="sessions", on_change=follow
    )
    return choice.value


def _show_numbers(t: Translator, bars: Sequence[Bar], forecast: Forecast) -> None:
    with st.expander(t("chart.table")):
        st.markdown(f"**{t('chart.quantiles', date=long_date(t, forecast.target))}**")
        st.table(_literal(tables.forecast_table(t, forecast)), hide_index=True)
        st.dataframe(tables.bars_table(t, bars, forecast.currency), hide_index=True, height=320)


def _show_verdict(t: Translator, forecast: Forecast, evaluation: Evaluation | None) -> None:
    st.header(t("verdict.title"), anchor=False)
    for sentence in verdict_sentences(t, forecast, evaluation):
        st.markdown(dollars_escaped(sentence))


def _show_why(t: Translator, explanation: Sequence[FeatureEffect]) -> None:
    st.header(t("why.title"), anchor=False)
    if not explanation:
        st.markdown(t("why.none"))
        return
    effects = strongest_first(explanation)
    shown, rest = effects[:SHOWN], effects[SHOWN:]
    st.markdown(f"{t('why.intro')} {markdown_text(strongest_sentence(t, shown[0]))}")
    sentences = " ".join(effect_sentence(t, item) for item in shown)
    show_figure(
        effects_figure(t, shown, readers_palette()),
        key="effects",
        alt=t("why.alt", n=len(shown), sentences=sentences),
    )
    if rest:
        change = width_change(sum(item.effect for item in rest))
        st.caption(t("why.rest", n=len(rest), share=percent(t, change, 1, signed=True)))
    with st.expander(t("why.table")):
        st.table(_literal(tables.effects_table(t, effects)), hide_index=True)


def _show_leaderboard(reader: Reader, picture: GoldPicture) -> None:
    t, latest = reader.t, picture.evaluation
    st.header(t("board.title"), anchor=False)
    if latest.problem is not None and picture.forecast.problem is None:
        banners.show_part_problem(t, "evaluation", latest.problem)
    evaluation = latest.value
    if evaluation is None:
        st.markdown(t("board.none"))
        return
    start, end = (
        short_date(t, day) if day else MISSING for day in (evaluation.start, evaluation.end)
    )
    st.markdown(t("board.intro", n=number(t, evaluation.n), start=start, end=end))
    label = t("board.alt", n=len(evaluation.rows))
    st.html(tables.table_html(tables.leaderboard_table(t, evaluation), label=label))
    st.caption(t("board.words"))


def _show_data(reader: Reader, picture: GoldPicture, forecast: Forecast) -> None:
    t, provenance = reader.t, forecast.provenance
    st.header(t("data.title"), anchor=False)
    model = t.named("model", forecast.model_type)
    if forecast.model_version:
        model = t("data.model.value", name=model, version=forecast.model_version)
    facts = [
        (t("data.source"), f"{t.named('source', provenance.source)}, {forecast.symbol}"),
        (t("data.as_of"), _newest_bar(reader, provenance, picture.forecast.received_at)),
        (t("data.next"), _next_forecast(reader, forecast)),
        (t("data.model"), model),
    ]
    items = "".join(f"<dt>{html_text(a)}</dt><dd>{html_text(b)}</dd>" for a, b in facts)
    st.html(f'<dl class="assay-facts">{items}</dl>')
    st.markdown(t("data.words"))


def _newest_bar(reader: Reader, provenance: Provenance, received_at: datetime | None) -> str:
    """Its end and its age; in a replay the clock stands still, so no age is told."""
    t = reader.t
    if provenance.as_of is None:
        return MISSING
    moment = instant(t, provenance.as_of, reader.zone)
    if provenance.source == "replay":
        return t("data.replay", moment=moment)
    age = age_now(provenance.age_seconds, received_at, reader.now)
    return moment if age is None else t("data.ago", moment=moment, age=span(t, age))


def _next_forecast(reader: Reader, forecast: Forecast) -> str:
    """As the backend says; else 17:00 New York on the target session, half days aside."""
    t = reader.t
    if forecast.next_origin is not None:
        return t("data.next.value", moment=instant(t, forecast.next_origin, reader.zone))
    close = datetime.combine(forecast.target, time(17), tzinfo=ZoneInfo("America/New_York"))
    return t("data.next.about", moment=instant(t, close, reader.zone))


def _show_footer(t: Translator) -> None:
    st.html(f'<p class="assay-footer">{html_text(t("footer.advice"))}</p>')


def _literal(table: tables.Table) -> tables.Table:
    """st.table reads cells as Markdown; these hold dollar signs and names from elsewhere."""
    return {name: [markdown_text(cell) for cell in cells] for name, cells in table.items()}
