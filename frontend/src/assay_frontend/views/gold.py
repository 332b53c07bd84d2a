"""The gold page: the next close as a distribution, and how far to trust it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time
from zoneinfo import ZoneInfo

import streamlit as st

from assay_frontend.api.latest import OUTCOMES, GoldPicture, gold_picture
from assay_frontend.api.models import Bar, Evaluation, Forecast
from assay_frontend.api.track_models import GoldRecord
from assay_frontend.components import models_tables, record_tables, tables
from assay_frontend.components.chance_strip import chance_html, chance_words
from assay_frontend.components.effects import (
    effects_figure,
    effects_numbers,
    step_words,
    strongest_first,
    strongest_sentence,
    today_words,
    width_steps,
)
from assay_frontend.components.fan import ZOOM_SESSIONS, zoom_figure
from assay_frontend.components.gold_chart import chart_words, price_figure
from assay_frontend.components.headline import empty_headline_html, headline_html
from assay_frontend.components.numbers import Numbers
from assay_frontend.components.outcome_chart import (
    LEVEL,
    Scored,
    outcomes_figure,
    outcomes_words,
)
from assay_frontend.components.record_words import few_words
from assay_frontend.components.text import dollars_escaped, markdown_text
from assay_frontend.components.verdict import verdict_sentences
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    MISSING,
    instant,
    long_date,
    number,
    percent,
    short_date,
)
from assay_frontend.settings import read_settings
from assay_frontend.views.reader import Reader, client_of, newest_bar, show_facts
from assay_frontend.widgets import banners
from assay_frontend.widgets.charts import show_chart, show_figure, show_table
from assay_frontend.widgets.choices import choose_window
from assay_frontend.widgets.downloads import offer_bars, offer_forecast
from assay_frontend.widgets.frame import readers_palette, readers_words, show_footer
from assay_frontend.widgets.waiting import waiting

WINDOWS = (60, 120, 250)
DEFAULT_WINDOW = 120


def render() -> None:
    t, settings = readers_words(), read_settings()
    client = client_of(settings)

    @st.fragment(run_every=settings.refresh_seconds)
    def live_page() -> None:
        with waiting(t("gold.wait"), part="gold"):
            picture = gold_picture(client)
        _show(Reader.here(t), picture)

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
    banners.show_trial(t, forecast)
    st.html(headline_html(t, forecast))
    _show_charts(reader, picture, forecast)
    left, right = st.columns(2, gap="large")
    with left:
        _show_chance(t, forecast)
        _show_verdict(t, forecast, picture.evaluation.value)
        _show_data(reader, picture, forecast)
    with right:
        _show_why(t, forecast)
    _show_outcomes(reader, picture)
    _show_leaderboard(reader, picture)
    show_footer(t)


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
        sessions = choose_window(t, "sessions", WINDOWS, default=DEFAULT_WINDOW)
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


def _show_numbers(t: Translator, bars: Sequence[Bar], forecast: Forecast) -> None:
    with st.expander(t("chart.table")):
        st.markdown(f"**{t('chart.quantiles', date=long_date(t, forecast.target))}**")
        st.table(tables.literal(tables.forecast_table(t, forecast)), hide_index=True)
        st.dataframe(tables.bars_table(t, bars, forecast.currency), hide_index=True, height=320)


def _show_chance(t: Translator, forecast: Forecast) -> None:
    st.header(t("chance.title"), anchor=False)
    if forecast.probability_up is None:
        st.markdown(t("chance.none"))
        return
    st.html(chance_html(t, forecast.probability_up))
    st.markdown(chance_words(t, forecast.probability_up))


def _show_verdict(t: Translator, forecast: Forecast, evaluation: Evaluation | None) -> None:
    st.header(t("verdict.title"), anchor=False)
    for sentence in verdict_sentences(t, forecast, evaluation):
        st.markdown(dollars_escaped(sentence))


def _show_why(t: Translator, forecast: Forecast) -> None:
    explanation = forecast.explanation
    st.header(t("why.title"), anchor=False)
    if not explanation:
        st.markdown(t("why.none"))
        return
    effects, steps = strongest_first(explanation), width_steps(explanation)
    st.markdown(f"{t('why.intro')} {markdown_text(strongest_sentence(t, effects[0]))}")
    sentences = " ".join(step_words(t, step) for step in steps)
    file = f"gold-effects-{forecast.provenance.source}-{forecast.target}.csv"
    show_chart(
        t,
        effects_figure(t, steps, readers_palette()),
        effects_numbers(t, effects, file=file),
        key="effects",
        alt=t("why.alt", n=len(steps), today=today_words(t, steps), sentences=sentences),
        download="effects",
        caption=t("why.caption"),
        title=t("why.table"),
    )


def _show_outcomes(reader: Reader, picture: GoldPicture) -> None:
    t, latest = reader.t, picture.record
    record = latest.value
    scored = record.scored[-OUTCOMES:] if record is not None else ()
    title = t("gold.outcomes", n=len(scored)) if len(scored) > 1 else t("gold.outcomes.title")
    st.header(title, anchor=False)
    if latest.problem is not None and picture.forecast.problem is None:
        banners.show_part_problem(t, "record", latest.problem)
    if record is None:
        st.markdown(t("gold.outcomes.unknown"))
        return
    if not scored:
        st.markdown(_nothing_scored(reader, record))
        return
    st.markdown(" ".join([_tally(t, scored), *few_words(t, len(scored))]))
    items = [item for item, _ in scored]
    show_chart(
        t,
        outcomes_figure(t, scored, readers_palette()),
        Numbers(
            record_tables.forecasts_table(t, items),
            record_tables.forecasts_csv(items),
            f"gold-outcomes-{items[-1].target}.csv",
        ),
        key="outcomes",
        alt=outcomes_words(t, scored),
        download="outcomes",
        caption=t("record.outcomes.caption"),
        title=t("gold.outcomes.table"),
    )


def _nothing_scored(reader: Reader, record: GoldRecord) -> str:
    """Simulated rows never are; of the others the first is due at some moment."""
    t = reader.t
    due = [item.row.due for item in record.items if item.row.status == "pending"]
    if due:
        return t("record.empty.due", moment=instant(t, min(due), reader.zone))
    simulated = bool(record.items) and all(i.row.status == "simulated" for i in record.items)
    return t("gold.outcomes.simulated" if simulated else "record.empty")


def _tally(t: Translator, scored: Sequence[Scored]) -> str:
    """How many closes fell inside, and how often the direction was right."""
    inside = sum(bool(outcome.held(LEVEL)) for _, outcome in scored)
    directions = [o.direction_hit for _, o in scored if o.direction_hit is not None]
    return t(
        "gold.outcomes.tally",
        n=number(t, len(scored)),
        inside=number(t, inside),
        share=percent(t, inside / len(scored)),
        right=number(t, sum(directions)),
        told=number(t, len(directions)),
    )


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
    show_table(
        t,
        Numbers(
            tables.leaderboard_table(t, evaluation),
            models_tables.leaderboard_csv(evaluation),
            models_tables.leaderboard_file(evaluation),
        ),
        label=t("board.alt", n=len(evaluation.rows)),
        download="board",
        caption=t("board.words"),
    )


def _show_data(reader: Reader, picture: GoldPicture, forecast: Forecast) -> None:
    t, provenance = reader.t, forecast.provenance
    st.header(t("data.title"), anchor=False)
    model = t.named("model", forecast.model_type)
    if forecast.model_version:
        model = t("data.model.value", name=model, version=forecast.model_version)
    facts = [
        (t("data.source"), f"{t.named('source', provenance.source)}, {forecast.symbol}"),
        (t("data.as_of"), newest_bar(reader, provenance, picture.forecast.received_at)),
        (t("data.next"), _next_forecast(reader, forecast)),
        (t("data.model"), model),
    ]
    show_facts(facts)
    st.markdown(t("data.words"))


def _next_forecast(reader: Reader, forecast: Forecast) -> str:
    """As the backend says; else 17:00 New York on the target session, half days aside."""
    t = reader.t
    if forecast.next_origin is not None:
        return t("data.next.value", moment=instant(t, forecast.next_origin, reader.zone))
    close = datetime.combine(forecast.target, time(17), tzinfo=ZoneInfo("America/New_York"))
    return t("data.next.about", moment=instant(t, close, reader.zone))
