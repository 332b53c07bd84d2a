"""The crypto page's second half: the time behind the coin, what came of scores, other coins."""

from __future__ import annotations

from functools import partial

import streamlit as st

from assay_frontend.api.answers import Latest
from assay_frontend.api.backtest_models import Backtest, LossRow
from assay_frontend.api.client import AssayClient
from assay_frontend.api.crypto_models import Signal
from assay_frontend.api.latest import CoinStory, coin_backtest, coin_signal, coin_story
from assay_frontend.api.track_models import ReliabilityPoint, SignalRecord
from assay_frontend.components.backtest_words import earned_sentences, hindsight
from assay_frontend.components.chance import kupiec_p
from assay_frontend.components.coin_tables import about_signal, signal_stem
from assay_frontend.components.equity_chart import (
    equity_figure,
    equity_numbers,
    equity_words,
    portfolio_numbers,
)
from assay_frontend.components.evidence import evidence_kind, tail_evidence
from assay_frontend.components.numbers import Column, Numbers
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
    reliability_numbers,
    reliability_words,
)
from assay_frontend.components.risk_gauge import gauge_html, like_sentence
from assay_frontend.components.text import file_stem, markdown_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    MISSING,
    fine_percent,
    length,
    number,
    p_value,
    percent,
    short_date,
)
from assay_frontend.markets import CoinChoice
from assay_frontend.views.reader import Reader
from assay_frontend.widgets import banners
from assay_frontend.widgets.charts import show_chart, show_table
from assay_frontend.widgets.choices import choose_window, parameter
from assay_frontend.widgets.frame import readers_palette
from assay_frontend.widgets.waiting import waiting

DAYS = (30, 90, 365)
DEFAULT_DAYS = 30
LEAST_SCORED = 100


def show_story(reader: Reader, client: AssayClient, choice: CoinChoice) -> None:
    t = reader.t
    if coin_signal(client, choice, language=t.language).value is None:
        return
    ribbon, risk, losses = st.container(), st.container(), st.container()
    with ribbon:
        st.header(t("ribbon.title"), anchor=False)
        days = choose_window(t, "days", DAYS, default=DEFAULT_DAYS)
    with waiting(t("coin.wait"), part="story", whole=False):
        story = coin_story(client, choice, hours=24 * days, language=t.language)
    signal = story.signal.value
    if signal is None:  # it went between the two looks
        return
    with ribbon:
        _show_ribbon(reader, choice, story)
    tested = _show_backtest(reader, client, choice, story.signal)
    with risk:
        _show_gauge(t, choice, signal, story, tested)
    with losses:
        _show_losses(t, signal, tested.value)


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
    stem = file_stem(found.symbol, found.provenance.source, "regimes")
    show_chart(
        t,
        regime_figure(t, found, readers_palette(), reader.zone),
        Numbers(hours_table(t, found, reader.zone), hours_csv(found), f"{stem}.csv"),
        key="regimes",
        alt=regime_words(t, found, reader.zone),
        download="hours",
        caption=t("ribbon.caption"),
        title=t("ribbon.table"),
    )


def _show_gauge(
    t: Translator,
    choice: CoinChoice,
    signal: Signal,
    story: CoinStory,
    tested: Latest[Backtest],
) -> None:
    """The score, and beside it how such scores were borne out."""
    st.header(t("gauge.title"), anchor=False)
    points, origin, skill = _borne_out(t, story.record.value, tested.value)
    left, right = st.columns([2, 3], gap="large") if points else (st.container(), st.container())
    with left:
        st.html(gauge_html(t, signal.risk_score))
        if points:
            st.markdown(like_sentence(t, points, signal.risk_score))
            st.caption(f"{origin} {skill}".strip())
        else:
            _show_why_unknown(t, choice, tested)
    if not points:
        return
    stem = signal_stem(signal, "reliability")
    with right:
        show_chart(
            t,
            reliability_figure(t, points, readers_palette(), source=signal.provenance.source),
            reliability_numbers(t, points, file=f"{stem}.csv", about=about_signal(signal)),
            key="coin_reliability",
            alt=reliability_words(t, points),
            download="reliability",
            caption=t("record.reliability.caption"),
            title=t("gauge.table"),
        )


def _show_why_unknown(t: Translator, choice: CoinChoice, tested: Latest[Backtest]) -> None:
    """Few signals were scored: a back-test could tell, unless it was asked already."""
    if choice.horizon_minutes % 60:
        st.markdown(t("gauge.none", why=t("gauge.none.hours")))
    elif tested.problem is not None:
        st.markdown(t("gauge.none", why=markdown_text(problem_title(t, tested.problem))))
    elif tested.value is not None:
        st.markdown(t("gauge.none", why=t("gauge.none.past")))
    else:
        st.markdown(t("gauge.ask"))
        st.button(t("gauge.run"), key="gauge_run", on_click=_ask_for_backtest)


def _borne_out(
    t: Translator, record: SignalRecord | None, tested: Backtest | None
) -> tuple[tuple[ReliabilityPoint, ...], str, str]:
    """From recorded signals where enough were scored, else from a back-test; and its skill."""
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
    told = " ".join([origin, *hindsight(t, tested)])
    return tested.reliability, told, _skill(t, tested.brier_skill)


def _skill(t: Translator, value: float | None) -> str:
    if value is None:
        return ""
    kind = "better" if value > 0 else "worse"
    return t(f"gauge.skill.{kind}", share=percent(t, abs(value)))


def _show_losses(t: Translator, signal: Signal, tested: Backtest | None) -> None:
    st.header(t("losses.title"), anchor=False)
    short = dict(signal.expected_shortfall)
    levels = [level for level, _ in signal.value_at_risk]
    losses = [value for _, value in signal.value_at_risk]
    loss = partial(fine_percent, t)
    columns = [
        Column("confidence", levels, t("losses.confidence"), partial(percent, t)),
        Column("value_at_risk", losses, t("losses.var"), loss),
        Column("expected_shortfall", [short.get(at) for at in levels], t("losses.es"), loss),
    ]
    caption = [t("losses.caption", span=length(t, signal.horizon_minutes))]
    if tested is not None and tested.horizon_minutes == signal.horizon_minutes:
        caption += [t("losses.caption.test"), *hindsight(t, tested)]
        rows = [_row(tested, level) for level in levels]
        columns += [
            Column("", rows, t("losses.seen"), partial(_seen, t)),
            Column("hit_rate", [row and row.hit_rate for row in rows]),
            Column("n", [row and row.n for row in rows]),
            Column("kupiec_p", [row and kupiec_p(row.hits, row.n, row.level) for row in rows]),
        ]
    stem = signal_stem(signal, "losses")
    show_table(
        t,
        Numbers.of(columns, file=f"{stem}.csv", about=about_signal(signal)),
        label=t("losses.title"),
        download="losses",
        caption=" ".join(caption),
    )


def _row(tested: Backtest, confidence: float) -> LossRow | None:
    return next((r for r in tested.losses if abs(r.confidence - confidence) < 1e-9), None)


def _seen(t: Translator, row: LossRow) -> str:
    if row.hit_rate is None:
        return MISSING
    p = kupiec_p(row.hits, row.n, row.level)
    verdict = tail_evidence(t, p, row.hit_rate, row.level)
    if p is not None and evidence_kind(p) == "none":
        verdict = t("losses.held.fits", p=p_value(t, p))
    return t(
        "losses.held",
        rate=percent(t, row.hit_rate, 1),
        n=number(t, row.n),
        level=percent(t, row.level),
        verdict=verdict,
    )


def _show_backtest(
    reader: Reader, client: AssayClient, choice: CoinChoice, signal: Latest[Signal]
) -> Latest[Backtest]:
    """Asked for only where the address does; gives what came of it."""
    t = reader.t
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
        return Latest(None, None, None)
    with st.spinner(t("backtest.wait")):
        tested = coin_backtest(client, choice, signal)
    if tested.problem is not None and signal.problem is None:
        banners.show_part_problem(t, "backtest", tested.problem)
    if tested.value is not None and tested.value.curves.times:
        _show_curves(reader, tested.value)
    return tested


def _show_curves(reader: Reader, found: Backtest) -> None:
    t = reader.t
    st.markdown(
        t(
            "backtest.words",
            target=percent(t, found.target_volatility),
            fee=number(t, found.fee_bps),
            slippage=number(t, found.slippage_bps),
        )
    )
    st.markdown(" ".join(earned_sentences(t, found)))
    horizon = f"{found.horizon_minutes}min"
    stem = file_stem(found.symbol, found.provenance.source, horizon, "backtest")
    show_chart(
        t,
        equity_figure(t, found, readers_palette(), reader.zone),
        equity_numbers(t, found, reader.zone, file=f"{stem}.csv"),
        key="equity",
        alt=equity_words(t, found, reader.zone),
        download="backtest",
    )
    show_table(
        t,
        portfolio_numbers(t, found, file=f"{stem}-figures.csv"),
        label=t("backtest.title"),
        download="portfolio",
        caption=" ".join([t("backtest.caption"), *hindsight(t, found)]),
    )


def _ask_for_backtest() -> None:
    st.query_params["backtest"] = "year"
