"""The overview: tomorrow's gold and the watched coins, each a way to its page."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.navigation.page import Page

from assay_frontend.addresses import UNKNOWN
from assay_frontend.api.latest import CoinGlance, OverviewPicture, overview_picture
from assay_frontend.api.models import Forecast
from assay_frontend.components import overview_tables
from assay_frontend.components.glances import coin_card_html, empty_card_html, yesterday_sentence
from assay_frontend.components.gold_news import gold_news
from assay_frontend.components.headline import figures_html
from assay_frontend.components.numbers import Numbers
from assay_frontend.components.problem_words import problem_title
from assay_frontend.components.sparkline import sparkline_html
from assay_frontend.components.text import asked_text, dollars_escaped, html_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import instant, long_date, money
from assay_frontend.settings import read_settings
from assay_frontend.views.reader import Reader, client_of, newest_bar, show_facts
from assay_frontend.widgets import banners
from assay_frontend.widgets.charts import show_numbers
from assay_frontend.widgets.frame import (
    readers_links,
    readers_palette,
    readers_words,
    show_footer,
    show_link,
)
from assay_frontend.widgets.waiting import waiting

GOLD_SESSIONS = 60

Links = Mapping[str, Page]


def render() -> None:
    t, settings, links = readers_words(), read_settings(), readers_links()
    client = client_of(settings)
    if unknown := st.query_params.get(UNKNOWN):
        st.warning(t("notice.unknown", value=asked_text(f"/{unknown}")))

    @st.fragment(run_every=settings.refresh_seconds)
    def live_page() -> None:
        with waiting(t("over.wait"), part="overview"):
            picture = overview_picture(client, settings.watched, language=t.language)
        _show(Reader.here(t), picture, links)

    live_page()


def _show(reader: Reader, picture: OverviewPicture, links: Links) -> None:
    t = reader.t
    _show_banners(reader, picture)
    st.html(
        f'<section class="assay-hero"><h1>{html_text(t("over.title"))}</h1>'
        f'<p class="lede">{html_text(t("over.lede"))}</p></section>'
    )
    _show_gold(reader, picture, links)
    _show_coins(reader, picture, links)
    left, right = st.columns(2, gap="large")
    with left:
        _show_news(t, picture)
    with right:
        _show_freshness(reader, picture)
    show_footer(t)


def _show_banners(reader: Reader, picture: OverviewPicture) -> None:
    t, latest = reader.t, picture.forecast
    if latest.problem is not None:
        banners.show_problem(
            t, latest.problem, kept_since=latest.received_at, now=reader.now, zone=reader.zone
        )
    if latest.value is None or not latest.backend_is_away:
        banners.show_kept_coins(t, picture.coins, now=reader.now, zone=reader.zone)
    parts = []
    if latest.value is not None:
        parts.append((t("nav.gold"), latest.value.provenance, latest.received_at))
    parts += [
        (glance.signal.value.symbol, glance.signal.value.provenance, glance.signal.received_at)
        for glance in picture.coins
        if glance.signal.value is not None
    ]
    banners.show_provenances(t, parts, now=reader.now)
    if latest.value is not None:
        banners.show_trial(t, latest.value)


def _show_gold(reader: Reader, picture: OverviewPicture, links: Links) -> None:
    t, forecast = reader.t, picture.forecast.value
    with st.container(key="assay_card_gold"):
        if forecast is None:
            st.html(f'<div class="assay-card"><h2>{html_text(t("hero.empty"))}</h2></div>')
        else:
            title = t("hero.title", date=long_date(t, forecast.target))
            st.html(
                f'<section class="assay-hero assay-gold"><h2>{html_text(title)}</h2>'
                f"{figures_html(t, forecast)}{_gold_spark(t, picture, forecast)}</section>"
            )
        show_link(links.get("gold"), t("over.to.gold"))


def _gold_spark(t: Translator, picture: OverviewPicture, forecast: Forecast) -> str:
    history, interval = picture.history.value, forecast.interval(0.8)
    bars = history.bars[-GOLD_SESSIONS:] if history else ()
    if len(bars) < 2 or interval is None:
        return ""
    closes = [bar.close for bar in bars]
    alt = t(
        "over.gold.spark",
        n=len(closes),
        first=money(t, closes[0], forecast.currency),
        last=money(t, closes[-1], forecast.currency),
        lower=money(t, interval.lower, forecast.currency),
        upper=money(t, interval.upper, forecast.currency),
    )
    ahead = (interval.lower, forecast.median, interval.upper)
    spark = sparkline_html(closes, readers_palette(), alt=alt, ahead=ahead)
    caption = t("over.gold.spark.caption", n=len(closes))
    return f'{spark}<p class="assay-spark-words">{html_text(caption)}</p>'


def _show_coins(reader: Reader, picture: OverviewPicture, links: Links) -> None:
    t = reader.t
    st.header(t("over.coins"), anchor=False)
    with st.container(key="assay_coins"):
        for place, glance in enumerate(picture.coins):
            with st.container(key=f"assay_card_{place}"):
                _show_coin(t, glance, links)
    st.caption(t("over.coins.caption"))
    seen = [(g.signal.value, g.hours.value) for g in picture.coins if g.signal.value is not None]
    if seen or picture.forecast.value is not None:
        _show_numbers(reader, picture, seen)


def _show_numbers(reader: Reader, picture: OverviewPicture, seen: overview_tables.Seen) -> None:
    t, forecast, history = reader.t, picture.forecast.value, picture.history.value
    stamp = f"{reader.now:%Y-%m-%dT%H%MZ}"
    figures = Numbers(
        overview_tables.coins_table(t, seen),
        overview_tables.overview_csv(forecast, seen),
        f"overview-{stamp}.csv",
    )
    show_numbers(t, figures, download="overview", title=t("over.table"))
    prices = overview_tables.prices_numbers(
        t,
        history,
        forecast,
        seen,
        reader.zone,
        sessions=GOLD_SESSIONS,
        file=f"overview-closes-{stamp}.csv",
    )
    if prices.rows:
        show_numbers(t, prices, download="closes", title=t("over.lines"))


def _show_coin(t: Translator, glance: CoinGlance, links: Links) -> None:
    signal, choice = glance.signal.value, glance.choice
    if signal is None:
        problem = glance.signal.problem
        why = problem_title(t, problem) if problem is not None else ""
        st.html(empty_card_html(t, choice, why))
    else:
        st.html(coin_card_html(t, signal, glance.hours.value, readers_palette()))
    query = {"exchange": choice.exchange, "symbol": choice.symbol}
    show_link(links.get("crypto"), t("over.to.coin", symbol=choice.symbol), query)


def _show_news(t: Translator, picture: OverviewPicture) -> None:
    st.header(t("over.changed"), anchor=False)
    forecast, history = picture.forecast.value, picture.history.value
    sentences = []
    if forecast is not None:
        bars = history.bars if history else ()
        sentences.append(" ".join(gold_news(t, forecast, bars, picture.record.value)))
    for glance in picture.coins:
        if glance.signal.value is not None:
            sentence = yesterday_sentence(t, glance.signal.value, glance.hours.value)
            sentences.append(sentence or "")
    kept = [sentence for sentence in sentences if sentence]
    if not kept:
        st.markdown(t("over.changed.none"))
        return
    st.markdown("\n".join(f"- {dollars_escaped(sentence)}" for sentence in kept))


def _show_freshness(reader: Reader, picture: OverviewPicture) -> None:
    t, forecast = reader.t, picture.forecast
    st.header(t("over.fresh"), anchor=False)
    facts = []
    if forecast.value is not None:
        provenance = forecast.value.provenance
        facts.append((t("nav.gold"), newest_bar(reader, provenance, forecast.received_at)))
    for glance in picture.coins:
        signal = glance.signal.value
        if signal is not None:
            newest = newest_bar(reader, signal.provenance, glance.signal.received_at)
            facts.append((signal.symbol, newest))
    if forecast.value is not None and forecast.value.next_origin is not None:
        moment = instant(t, forecast.value.next_origin, reader.zone)
        facts.append((t("data.next"), t("data.next.value", moment=moment)))
    if facts:
        show_facts(facts)
    st.caption(t("over.fresh.caption"))
