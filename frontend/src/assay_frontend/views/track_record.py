"""The track record: what was said before, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date

import streamlit as st

from assay_frontend.api.answers import Latest
from assay_frontend.api.latest import gold_record, signal_record
from assay_frontend.api.track_models import GoldRecord, SignalRecord, TrackedRow
from assay_frontend.components import record_tables
from assay_frontend.components.loss_chart import SHOWN as LOSSES_SHOWN
from assay_frontend.components.loss_chart import losses_figure, losses_numbers, losses_words
from assay_frontend.components.numbers import About, Numbers
from assay_frontend.components.outcome_chart import (
    SHOWN,
    Scored,
    moment_of,
    outcomes_figure,
    outcomes_words,
)
from assay_frontend.components.pit_chart import pit_figure, pit_numbers, pit_verdict, pit_words
from assay_frontend.components.record_headline import (
    empty_record_html,
    gold_record_html,
    signal_record_html,
)
from assay_frontend.components.record_words import gold_sentences, signal_sentences
from assay_frontend.components.reliability_chart import (
    reliability_figure,
    reliability_numbers,
    reliability_words,
)
from assay_frontend.components.share_chart import (
    HeldOverTime,
    known,
    shares_caption,
    shares_figure,
    shares_numbers,
    shares_words,
)
from assay_frontend.components.skill_chart import (
    ratio_so_far,
    skill_figure,
    skill_numbers,
    skill_words,
)
from assay_frontend.components.text import dollars_escaped, file_stem
from assay_frontend.i18n.formats import instant, zone_name
from assay_frontend.settings import read_settings
from assay_frontend.views.reader import Reader, client_of
from assay_frontend.widgets import banners
from assay_frontend.widgets.charts import show_chart, show_table
from assay_frontend.widgets.choices import choose_option, choose_window
from assay_frontend.widgets.coin_picker import choose_market
from assay_frontend.widgets.frame import readers_palette, readers_words, show_footer
from assay_frontend.widgets.waiting import waiting

KINDS = ("gold", "signals")
WINDOWS = (60, 250, 1000)
DEFAULT_WINDOW = 250
LISTED = 10
LEVELS = (0.5, 0.8, 0.95)


def render() -> None:
    t, settings = readers_words(), read_settings()
    client = client_of(settings)
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom"
    ):
        kind = choose_option(t, "of", KINDS, default="gold")
        last = choose_window(t, "last", WINDOWS, default=DEFAULT_WINDOW)
    market = choose_market(t) if kind == "signals" else None

    @st.fragment(run_every=settings.refresh_seconds)
    def live_page() -> None:
        reader = Reader.here(t)
        if market is None:
            with waiting(t("record.wait"), part="track-record"):
                gold = gold_record(client, last)
            _show_gold(reader, gold)
        else:
            with waiting(t("record.wait"), part="track-record"):
                signals = signal_record(client, *market, last)
            _show_signals(reader, signals)

    live_page()


def _show_problem(reader: Reader, latest: Latest[GoldRecord] | Latest[SignalRecord]) -> None:
    if latest.problem is not None:
        banners.show_problem(
            reader.t,
            latest.problem,
            kept_since=latest.received_at,
            now=reader.now,
            zone=reader.zone,
            advice=reader.t("coin.choose") if latest.was_refused else None,
        )


def _show_gold(reader: Reader, latest: Latest[GoldRecord]) -> None:
    t, record = reader.t, latest.value
    _show_problem(reader, latest)
    if record is None:
        st.html(empty_record_html(t))
        show_footer(t)
        return
    _show_sources(reader, [item.row for item in record.items])
    st.html(gold_record_html(t, record))
    if record.counted:
        _show_gold_charts(reader, record)
    else:
        _show_nothing_scored(reader, [item.row for item in record.items])
    _show_forecasts(reader, record)
    show_footer(t)


def _show_sources(reader: Reader, rows: list[TrackedRow]) -> None:
    """Simulated rows are told, loudly where there are no others; and that a model which replays
    stored files may have been fitted to just these days.
    """
    simulated = [row for row in rows if row.source == "simulated"]
    if simulated and len(simulated) == len(rows):
        banners.show_simulated(reader.t, reader.t("record.simulated.all"))
    elif simulated:
        st.info(reader.t("record.simulated.some", n=len(simulated)))
    if replayed := [row for row in rows if row.source == "replay"]:
        words = reader.t("record.replay", n=len(replayed), all=len(rows))
        st.info(f"{words} {reader.t('banner.hindsight')}")


def _sources(rows: list[TrackedRow]) -> str:
    """Where their bars came from, each source once."""
    return "+".join(dict.fromkeys(row.source for row in rows))


def _show_nothing_scored(reader: Reader, rows: list[TrackedRow]) -> None:
    """Says when the first outcome can be known; of simulated rows alone, none ever can."""
    t = reader.t
    if rows and all(row.source == "simulated" for row in rows):
        return
    waiting = [row.due for row in rows if row.status == "pending"]
    if waiting:
        st.info(t("record.empty.due", moment=instant(t, min(waiting), reader.zone)))
    else:
        st.info(t("record.empty"))


def _show_gold_charts(reader: Reader, record: GoldRecord) -> None:
    t, colours, scored = reader.t, readers_palette(), record.scored
    shown = scored[-SHOWN:]
    wide, narrow = st.columns([3, 2], gap="medium")
    with wide:
        st.header(t("record.outcomes.title"), anchor=False)
        items = [item for item, _ in shown]
        show_chart(
            t,
            outcomes_figure(t, shown, colours),
            Numbers(
                record_tables.forecasts_table(t, items),
                record_tables.forecasts_csv(items),
                f"gold-outcomes-{items[-1].target}.csv",
            ),
            key="record_outcomes",
            alt=outcomes_words(t, shown),
            download="outcomes",
            caption=t("record.outcomes.caption"),
        )
    with narrow:
        st.header(t("record.words.title"), anchor=False)
        for sentence in gold_sentences(t, record):
            st.markdown(dollars_escaped(sentence))
    series = [_held(scored, level) for level in LEVELS]
    last = items[-1].target
    about = {
        "symbol": items[-1].symbol,
        "source": _sources([item.row for item, _ in scored]),
        "last": last,
    }
    left, right = st.columns(2, gap="medium")
    with left:
        targets = [item.target for item, _ in scored]
        _show_held(reader, series, targets, file=f"gold-held-over-time-{last}.csv", about=about)
    with right:
        _show_skill(reader, scored, about)
    _show_pit(reader, record.pit, about)


def _held(scored: tuple[Scored, ...], level: float) -> HeldOverTime:
    return HeldOverTime(level, tuple(bool(outcome.held(level)) for _, outcome in scored))


def _show_held(
    reader: Reader,
    series: list[HeldOverTime],
    until: Sequence[date],
    *,
    file: str,
    about: About,
) -> None:
    """`until` has each outcome's session, or its moment."""
    t = reader.t
    moments = [moment_of(at) for at in until]
    st.header(t("record.held.title"), anchor=False)
    if not known(series):
        st.markdown(t("record.too_few"))
        return
    zone = UTC
    show_chart(
        t,
        shares_figure(t, series, moments, readers_palette(), zone),
        shares_numbers(t, series, until, file=file, about=about),
        key="record_held",
        alt=shares_words(t, series, moments, zone),
        download="held",
        caption=shares_caption(t, moments),
    )


def _show_skill(reader: Reader, scored: tuple[Scored, ...], about: About) -> None:
    t = reader.t
    st.header(t("record.skill.title"), anchor=False)
    if not any(value is not None for value in ratio_so_far(scored)):
        st.markdown(t("record.too_few"))
        return
    show_chart(
        t,
        skill_figure(t, scored, readers_palette()),
        skill_numbers(t, scored, file=f"gold-skill-over-time-{about['last']}.csv", about=about),
        key="record_skill",
        alt=skill_words(t, scored),
        download="skill",
        caption=t("record.skill.caption"),
    )


def _show_pit(reader: Reader, counts: tuple[int, ...], about: About) -> None:
    t = reader.t
    if not sum(counts):
        return
    left, right = st.columns(2, gap="medium")
    with left:
        st.header(t("record.pit.title"), anchor=False)
        show_chart(
            t,
            pit_figure(t, counts, readers_palette()),
            pit_numbers(t, counts, file=f"gold-pit-{about['last']}.csv", about=about),
            key="record_pit",
            alt=pit_words(t, counts),
            download="pit",
        )
    with right:
        if verdict := pit_verdict(t, counts):
            st.markdown(verdict)
        st.markdown(t("record.pit.words"))


def _show_forecasts(reader: Reader, record: GoldRecord) -> None:
    t, items = reader.t, record.items
    st.header(t("record.list.gold"), anchor=False)
    if not items:
        st.markdown(t("record.list.none"))
        return
    show_table(
        t,
        Numbers(
            record_tables.forecasts_table(t, items[-LISTED:]),
            record_tables.forecasts_csv(items),
            f"gold-track-record-{items[-1].target}.csv",
        ),
        label=t("record.list.alt", n=len(items[-LISTED:])),
        download="record.gold",
    )
    if len(items) > LISTED:
        with st.expander(t("record.list.every", n=len(items))):
            st.dataframe(record_tables.forecasts_table(t, items), hide_index=True, height=320)


def _show_signals(reader: Reader, latest: Latest[SignalRecord]) -> None:
    t, record = reader.t, latest.value
    _show_problem(reader, latest)
    if record is None:
        st.html(empty_record_html(t))
        show_footer(t)
        return
    _show_sources(reader, [item.row for item in record.items])
    st.html(signal_record_html(t, record))
    if record.counted:
        _show_signal_charts(reader, record)
    else:
        _show_nothing_scored(reader, [item.row for item in record.items])
    _show_signal_list(reader, record)
    show_footer(t)


def _show_signal_charts(reader: Reader, record: SignalRecord) -> None:
    t, colours, scored = reader.t, readers_palette(), record.scored
    sources = _sources([item.row for item, _ in scored])
    last = scored[-1][0].row.due
    stem = file_stem(record.symbol, sources, f"{last:%Y-%m-%d}")
    about = {"symbol": record.symbol, "source": sources, "last": last}
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.header(t("record.reliability.title"), anchor=False)
        points = record.reliability
        show_chart(
            t,
            reliability_figure(t, points, colours),
            reliability_numbers(t, points, file=f"{stem}-reliability.csv", about=about),
            key="record_reliability",
            alt=reliability_words(t, points),
            download="reliability",
            caption=t("record.reliability.caption"),
        )
    with right:
        st.header(t("record.words.title"), anchor=False)
        for sentence in signal_sentences(t, record):
            st.markdown(sentence)
    left, right = st.columns(2, gap="medium")
    with left:
        st.header(t("record.losses.title"), anchor=False)
        shown = scored[-LOSSES_SHOWN:]
        zone = zone_name(shown[-1][0].row.due.astimezone(reader.zone))
        show_chart(
            t,
            losses_figure(t, shown, colours, reader.zone),
            losses_numbers(t, shown, reader.zone, file=f"{stem}-losses.csv", about=about),
            key="record_losses",
            alt=losses_words(t, shown, reader.zone),
            download="losses",
            caption=t("record.losses.caption", zone=zone),
        )
    with right:
        held = HeldOverTime(0.8, tuple(outcome.inside for _, outcome in scored))
        moments = [item.row.due for item, _ in scored]
        _show_held(reader, [held], moments, file=f"{stem}-held-over-time.csv", about=about)


def _show_signal_list(reader: Reader, record: SignalRecord) -> None:
    t, items, zone = reader.t, record.items, reader.zone
    st.header(t("record.list.signals", symbol=record.symbol), anchor=False)
    if not items:
        st.markdown(t("record.list.signals.none"))
        return
    stem = file_stem(record.symbol, _sources([item.row for item in items]), "track-record")
    show_table(
        t,
        Numbers(
            record_tables.signals_table(t, items[-LISTED:], zone),
            record_tables.signals_csv(items),
            f"{stem}.csv",
        ),
        label=t("record.list.alt", n=len(items[-LISTED:])),
        download="record.signals",
        caption=t("record.list.zone", zone=zone_name(items[-1].row.due.astimezone(zone))),
    )
    if len(items) > LISTED:
        with st.expander(t("record.list.every", n=len(items))):
            st.dataframe(record_tables.signals_table(t, items, zone), hide_index=True, height=320)
