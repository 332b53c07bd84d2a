"""The crypto page: how risky a coin is over the time ahead, and what that is made from."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from assay_frontend.api.answers import Latest
from assay_frontend.api.crypto_models import CoinBars, Signal, TimedBar
from assay_frontend.api.latest import (
    CoinPicture,
    coin_picture,
    coin_signal,
    recent_signals,
)
from assay_frontend.components import coin_tables, tables
from assay_frontend.components.coin_candles import bars_zone, coin_price_figure, coin_price_words
from assay_frontend.components.coin_headline import (
    coin_headline_html,
    empty_coin_headline_html,
    source_name,
    timeframe_words,
)
from assay_frontend.components.coin_words import (
    benchmark_words,
    fallback_sentences,
    meaning_sentences,
)
from assay_frontend.components.contributions import (
    base_risk,
    step_sentence,
    steps_figure,
    steps_of,
)
from assay_frontend.components.problem_words import no_market
from assay_frontend.components.realized import past_bars
from assay_frontend.components.text import dollars_escaped, file_stem, markdown_text
from assay_frontend.components.volatility_chart import (
    PastVolatility,
    volatility_figure,
    volatility_words,
)
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    fine_percent,
    instant,
    length,
    risk_percent,
    zone_name,
)
from assay_frontend.markets import CoinChoice
from assay_frontend.settings import read_settings
from assay_frontend.views.crypto_compare import choose_others, show_comparison
from assay_frontend.views.crypto_recent import show_recent
from assay_frontend.views.crypto_story import show_story
from assay_frontend.views.reader import Reader, client_of, newest_bar, show_facts
from assay_frontend.widgets import banners
from assay_frontend.widgets.charts import show_chart, show_figure
from assay_frontend.widgets.choices import choose_window, window_asked
from assay_frontend.widgets.coin_picker import choose_coin
from assay_frontend.widgets.downloads import offer_file
from assay_frontend.widgets.frame import readers_palette, readers_words, show_footer
from assay_frontend.widgets.waiting import waiting

WINDOWS = (60, 120, 250, 1000, 5000)
DEFAULT_WINDOW = 120
UNREAL_SOURCES = ("simulated", "replay")


def render() -> None:
    t, settings = readers_words(), read_settings()
    client = client_of(settings)

    def refusal(choice: CoinChoice) -> list[str]:
        with waiting(t("coin.wait"), part="market", whole=False):
            problem = coin_signal(client, choice, language=t.language).problem
        return [] if problem is None else no_market(t, problem)

    choice = choose_coin(t, refusal)

    @st.fragment(run_every=settings.refresh_seconds)
    def live_page() -> None:
        with waiting(t("coin.wait"), part="crypto"):
            picture = coin_picture(
                client,
                choice,
                bars=window_asked("bars", WINDOWS, default=DEFAULT_WINDOW),
                past=past_bars(choice),
                language=t.language,
            )
        _show(Reader.here(t), choice, picture)

    @st.fragment(run_every=settings.refresh_seconds)
    def live_story() -> None:
        show_story(Reader.here(t), client, choice)

    @st.fragment(run_every=settings.refresh_seconds)
    def live_others(symbols: list[str]) -> None:
        signal = coin_signal(client, choice, language=t.language)
        if signal.value is not None:
            reader = Reader.here(t)
            show_comparison(reader, client, choice, symbols)
            show_recent(reader, signal, recent_signals(client, signal))
        show_footer(t)

    live_page()
    live_story()
    known = coin_signal(client, choice, language=t.language).value is not None
    live_others(choose_others(t, choice) if known else [])


def _show(reader: Reader, choice: CoinChoice, picture: CoinPicture) -> None:
    t, latest = reader.t, picture.signal
    if latest.problem is not None:
        banners.show_problem(
            t,
            latest.problem,
            kept_since=latest.received_at,
            now=reader.now,
            zone=reader.zone,
            advice=t("coin.choose") if latest.was_refused else None,
        )
    signal = latest.value
    if signal is None:
        st.html(empty_coin_headline_html(t, choice, refused=latest.was_refused))
    else:
        _show_provenance(reader, signal, latest)
        st.html(coin_headline_html(t, signal, reader.zone))
        _show_fallbacks(reader, signal)
    _show_charts(reader, picture)
    if signal is not None:
        left, right = st.columns(2, gap="large")
        with left:
            _show_meaning(t, signal)
            _show_data(reader, signal, latest)
        with right:
            _show_why(t, signal)


def _show_provenance(reader: Reader, signal: Signal, latest: Latest[Signal]) -> None:
    t, source = reader.t, signal.provenance.source
    banners.show_provenance(
        t,
        signal.provenance,
        subject="crypto",
        received_at=latest.received_at,
        now=reader.now,
        zone=reader.zone,
    )
    if source != signal.exchange and source not in UNREAL_SOURCES:
        banners.show_stand_in(
            t, asked=source_name(t, signal.exchange), answered=source_name(t, source)
        )


def _show_fallbacks(reader: Reader, signal: Signal) -> None:
    if sentences := fallback_sentences(reader.t, signal):
        st.info(f"**{reader.t('coin.fallbacks')}** {' '.join(sentences)}")


def _show_charts(reader: Reader, picture: CoinPicture) -> None:
    t, market, signal = reader.t, picture.bars.value, picture.signal.value
    problem = picture.bars.problem or picture.past.problem
    if problem is not None and picture.signal.problem is None:
        banners.show_part_problem(t, "bars", problem)
    if market is None or not market.bars:
        if signal is not None:
            st.info(t("chart.none"))
        return
    past = None
    if signal is not None and picture.past.value is not None:
        past = PastVolatility.before(signal, picture.past.value)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"
    ):
        bars = market.bars[-choose_window(t, "bars", WINDOWS, default=DEFAULT_WINDOW) :]
        with st.container(horizontal=True, width="content", gap="small"):
            _offer_files(reader, bars, market, past, signal)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _show_candles(reader, bars, market)
    with right:
        if signal is not None:
            _show_volatility(reader, signal, past)
    _show_numbers(reader, bars, market, past, signal)


def _offer_files(
    reader: Reader,
    bars: Sequence[TimedBar],
    market: CoinBars,
    past: PastVolatility | None,
    signal: Signal | None,
) -> None:
    """Their names say where the bars came from: a file outlives the page's banner."""
    files = {"bars": coin_tables.coin_bars_csv(bars, market)}
    if past is not None and past.known:
        files["past"] = coin_tables.past_csv(past)
    if signal is not None:
        files["signal"] = coin_tables.signal_csv(signal)
    for name, text in files.items():
        stem = file_stem(market.symbol, market.provenance.source, market.timeframe, name)
        offer_file(reader.t, f"download.coin.{name}", text, file_name=f"{stem}.csv")


def _show_candles(reader: Reader, bars: Sequence[TimedBar], market: CoinBars) -> None:
    t, zone = reader.t, reader.zone
    st.header(t("coin.chart.price.title"), anchor=False)
    figure = coin_price_figure(t, bars, market, readers_palette(), zone)
    show_figure(figure, key="coin_candles", alt=coin_price_words(t, bars, market, zone))
    where = zone_name(bars[-1].opened.astimezone(bars_zone(market.timeframe, zone)))
    bar = timeframe_words(t, market.timeframe)
    st.caption(dollars_escaped(t("coin.chart.price.caption", bar=bar, zone=where)))


def _show_volatility(reader: Reader, signal: Signal, past: PastVolatility | None) -> None:
    t = reader.t
    st.header(t("coin.chart.volatility.title"), anchor=False)
    if past is None or not past.known:
        st.info(t("coin.chart.volatility.none"))
        return
    show_figure(
        volatility_figure(t, past, signal, readers_palette(), reader.zone),
        key="coin_volatility",
        alt=volatility_words(t, past, signal, reader.zone),
    )
    horizon = length(t, signal.horizon_minutes)
    threshold = signal.volatility.threshold
    line = ""
    if threshold is not None:
        line = t("coin.chart.threshold.words", value=fine_percent(t, threshold))
    st.caption(f"{t('coin.chart.volatility.caption', span=horizon)} {line}".strip())


def _show_numbers(
    reader: Reader,
    bars: Sequence[TimedBar],
    market: CoinBars,
    past: PastVolatility | None,
    signal: Signal | None,
) -> None:
    t, zone = reader.t, reader.zone
    with st.expander(t("coin.chart.table")):
        if signal is not None:
            st.table(tables.literal(coin_tables.signal_table(t, signal)), hide_index=True)
        st.dataframe(
            coin_tables.coin_bars_table(t, bars, market, zone), hide_index=True, height=280
        )
        if past is not None and past.known:
            st.dataframe(coin_tables.past_table(t, past, zone), hide_index=True, height=280)


def _show_meaning(t: Translator, signal: Signal) -> None:
    st.header(t("coin.means.title"), anchor=False)
    for sentence in meaning_sentences(t, signal):
        st.markdown(dollars_escaped(sentence))


def _show_why(t: Translator, signal: Signal) -> None:
    st.header(t("coin.why.title"), anchor=False)
    explanation = signal.explanation
    if explanation is None or not explanation.contributions:
        st.markdown(t("coin.why.none"))
        return
    if explanation.summary:
        st.markdown(markdown_text(explanation.summary))
    steps = steps_of(signal)
    start, end = risk_percent(t, base_risk(signal)), risk_percent(t, signal.risk_score)
    st.markdown(t("coin.why.intro", start=start, end=end))
    every = steps_of(signal, shown=len(explanation.contributions), least=0.0)
    stem = coin_tables.signal_stem(signal, "risk-steps")
    show_chart(
        t,
        steps_figure(t, steps, readers_palette()),
        coin_tables.steps_numbers(
            t, every, file=f"{stem}.csv", about=coin_tables.about_signal(signal)
        ),
        key="coin_steps",
        alt=t(
            "coin.why.alt",
            start=start,
            end=end,
            sentences=" ".join(step_sentence(t, step) for step in steps),
        ),
        download="coin.steps",
        caption=t("coin.why.caption"),
        title=t("why.table"),
    )


def _show_data(reader: Reader, signal: Signal, latest: Latest[Signal]) -> None:
    t, provenance = reader.t, signal.provenance
    st.header(t("data.title"), anchor=False)
    facts = [
        (t("data.source"), f"{source_name(t, provenance.source)}, {signal.symbol}"),
        (t("data.as_of"), newest_bar(reader, provenance, latest.received_at)),
    ]
    if signal.target_time is not None:
        facts.append((t("coin.target"), instant(t, signal.target_time, reader.zone)))
    if (rival := benchmark_words(t, signal)) is not None:
        facts.append((t("coin.benchmark"), rival))
    if version := signal.volatility_version or signal.model_version:
        facts.append((t("data.model"), version))
    show_facts(facts)
    st.markdown(t("coin.data.words"))
