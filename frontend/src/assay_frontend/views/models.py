"""The models page: who makes the forecasts, how they compare, and who put them there."""

from __future__ import annotations

import streamlit as st

from assay_frontend.api.latest import ModelsPicture, models_picture
from assay_frontend.api.models import Evaluation
from assay_frontend.api.registry_models import ChampionCard, HeldOut, Registry, VolatilityCard
from assay_frontend.components import models_tables
from assay_frontend.components.coverage_chart import (
    compared,
    coverage_figure,
    coverage_numbers,
    coverage_words,
)
from assay_frontend.components.gate_words import decision_html, gate_numbers
from assay_frontend.components.models_headline import empty_models_html, models_headline_html
from assay_frontend.components.named_bars import named_bars_figure
from assay_frontend.components.numbers import Numbers
from assay_frontend.components.pit_chart import pit_figure, pit_numbers, pit_verdict, pit_words
from assay_frontend.components.text import html_text, markdown_text
from assay_frontend.components.training_words import bars_words
from assay_frontend.components.trial_words import trial_words
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    MISSING,
    instant,
    number,
    percent,
    short_date,
    zone_name,
)
from assay_frontend.settings import read_settings
from assay_frontend.views.reader import Reader, client_of, show_facts
from assay_frontend.widgets import banners
from assay_frontend.widgets.charts import show_chart, show_numbers, show_table
from assay_frontend.widgets.frame import readers_palette, readers_words, show_footer
from assay_frontend.widgets.waiting import waiting

CHANGES_LISTED = 8
OWN = "assay"  # what our volatility model is called among its rivals


def render() -> None:
    t, settings = readers_words(), read_settings()
    client = client_of(settings)

    @st.fragment(run_every=settings.refresh_seconds)
    def live_page() -> None:
        with waiting(t("models.wait"), part="models"):
            picture = models_picture(client)
        _show(Reader.here(t), picture)

    live_page()


def _show(reader: Reader, picture: ModelsPicture) -> None:
    t, latest, registry = reader.t, picture.champion, picture.registry
    if latest.problem is not None:
        banners.show_problem(
            t, latest.problem, kept_since=latest.received_at, now=reader.now, zone=reader.zone
        )
    elif registry.problem is not None:
        banners.show_part_problem(t, "registry", registry.problem)
    if registry.value is not None and registry.value.problems:
        listed = "\n".join(f"- {markdown_text(problem)}" for problem in registry.value.problems)
        st.warning(f"**{t('models.problems')}**\n\n{listed}")
    card = latest.value
    st.html(empty_models_html(t) if card is None else models_headline_html(t, card))
    if registry.value is not None and registry.value.trial is not None:
        st.info(trial_words(t, registry.value.trial))
    if card is not None:
        _show_leaderboard(reader, card.evaluation)
        _show_charts(reader, card)
    if registry.value is not None:
        _show_history(reader, registry.value)
    if card is not None:
        _show_volatility(reader, card.volatility)
        _show_card(reader, card)
    show_footer(t)


def _show_leaderboard(reader: Reader, evaluation: Evaluation) -> None:
    t = reader.t
    st.header(t("board.title"), anchor=False)
    start, end = (
        short_date(t, day) if day else MISSING for day in (evaluation.start, evaluation.end)
    )
    st.markdown(t("board.intro", n=number(t, evaluation.n), start=start, end=end))
    show_table(
        t,
        Numbers(
            models_tables.leaderboard_in_words(t, evaluation),
            models_tables.leaderboard_csv(evaluation),
            models_tables.leaderboard_file(evaluation),
        ),
        label=t("board.alt", n=len(evaluation.rows)),
        download="board",
        caption=t("models.board.words"),
    )


def _show_charts(reader: Reader, card: ChampionCard) -> None:
    t, evaluation = reader.t, card.evaluation
    left, right = st.columns(2, gap="medium")
    with left:
        _show_crps(t, evaluation)
    with right:
        if compared(evaluation) and evaluation.n:
            _show_coverage(t, evaluation)
    if sum(card.pit):
        st.header(t("models.pit.title"), anchor=False)
        left, right = st.columns(2, gap="medium")
        with left:
            _show_pit(t, card)
        with right:
            if verdict := pit_verdict(t, card.pit):
                st.markdown(f"{verdict} {t('models.pit.served')}")
            st.markdown(t("record.pit.words"))


def _show_crps(t: Translator, evaluation: Evaluation) -> None:
    st.header(t("models.crps.title"), anchor=False)
    bars = models_tables.crps_bars(t, evaluation)
    if not bars:
        st.markdown(t("board.none"))
        return
    show_chart(
        t,
        named_bars_figure(bars, readers_palette()),
        models_tables.crps_numbers(t, evaluation, file=f"gold-crps-{evaluation.end}.csv"),
        key="models_crps",
        alt=t("models.crps.alt", sentences=" ".join(bar.words for bar in bars)),
        download="crps",
        caption=t("models.crps.caption"),
    )


def _show_coverage(t: Translator, evaluation: Evaluation) -> None:
    st.header(t("models.coverage.title"), anchor=False)
    show_chart(
        t,
        coverage_figure(t, evaluation, readers_palette()),
        coverage_numbers(t, evaluation.rows, file=f"gold-coverage-{evaluation.end}.csv"),
        key="models_coverage",
        alt=coverage_words(t, evaluation),
        download="coverage",
        caption=t("models.coverage.caption"),
    )


def _show_pit(t: Translator, card: ChampionCard) -> None:
    day = short_date(t, card.calibrated_to) if card.calibrated_to else MISSING
    show_chart(
        t,
        pit_figure(t, card.pit, readers_palette()),
        pit_numbers(
            t, card.pit, file=f"gold-pit-{card.version}.csv", about={"model_version": card.version}
        ),
        key="models_pit",
        alt=pit_words(t, card.pit),
        download="pit",
        caption=t("models.pit.caption", n=number(t, sum(card.pit)), date=day),
    )


def _show_history(reader: Reader, registry: Registry) -> None:
    t, zone = reader.t, reader.zone
    st.header(t("models.history.title"), anchor=False)
    if not registry.history:
        st.markdown(t("models.history.none"))
        return
    newest = models_tables.newest_first(registry.history)[:CHANGES_LISTED]
    at = newest[0].at or reader.now
    show_table(
        t,
        models_tables.history_numbers(
            t, registry.history, zone, shown=CHANGES_LISTED, file="champions.csv"
        ),
        label=t("models.history.alt", n=len(newest)),
        download="history",
        caption=t("models.history.caption", zone=zone_name(at.astimezone(zone))),
    )
    show_numbers(
        t,
        models_tables.versions_numbers(t, registry.versions, file="versions.csv"),
        download="versions",
        title=t("models.versions.title", n=len(registry.versions)),
    )
    st.markdown(t("models.versions.words"))


def _show_volatility(reader: Reader, card: VolatilityCard | None) -> None:
    t = reader.t
    st.header(t("models.volatility.title"), anchor=False)
    if card is None:
        st.markdown(t("models.volatility.none"))
        return
    st.markdown(t("models.volatility.words"))
    span = "models.span"
    facts = [
        (t("table.version"), card.version),
        (
            t("models.volatility.hours"),
            t(span, start=short_date(t, card.trained_from), end=short_date(t, card.trained_to)),
        ),
        (
            t("models.volatility.coins"),
            ", ".join(bars_words(t, name) for name in card.coins) or MISSING,
        ),
    ]
    if card.daily_from and card.daily_to:
        days = t(span, start=short_date(t, card.daily_from), end=short_date(t, card.daily_to))
        facts.insert(2, (t("models.volatility.days"), days))
    show_facts(facts)
    if card.held_out is not None:
        _show_held_out(reader, card.held_out)


def _show_held_out(reader: Reader, held_out: HeldOut) -> None:
    t = reader.t
    st.markdown(
        t(
            "models.volatility.held_out",
            n=number(t, held_out.n),
            start=short_date(t, held_out.start),
            end=short_date(t, held_out.end),
            day=percent(t, held_out.brier_skill),
            hour=percent(t, held_out.brier_skill_hour),
        )
    )
    stem = f"volatility-{held_out.end}"
    left, right = st.columns(2, gap="medium")
    with left:
        show_table(
            t,
            models_tables.volatility_numbers(t, held_out, file=f"{stem}.csv"),
            label=t("models.volatility.alt"),
            download="volatility",
            caption=t("models.volatility.caption"),
        )
    with right:
        own = [row for row in held_out.tails if row.name == OWN]
        if own:
            show_table(
                t,
                models_tables.tails_numbers(t, own, file=f"{stem}-var.csv"),
                label=t("models.tails.alt"),
                download="tails",
                caption=t("models.tails.caption"),
            )
        if len(held_out.tails) > len(own):
            show_numbers(
                t,
                models_tables.tails_numbers(t, held_out.tails, file=f"{stem}-var-all.csv"),
                download="tails.all",
                title=t("models.tails.all"),
            )


def _show_card(reader: Reader, card: ChampionCard) -> None:
    t = reader.t
    st.header(t("models.card.title"), anchor=False)
    left, right = st.columns(2, gap="large")
    with left:
        for name in ("what", "how", "limits", "not"):
            st.markdown(t(f"models.card.{name}"))
    with right:
        facts = [
            (t("data.model"), f"{t.named('model', card.model_type)} ({card.name})"),
            (t("table.version"), card.version),
            (t("models.card.made"), instant(t, card.created_at, reader.zone)),
            (t("models.card.inputs"), _inputs(reader, card)),
            (t("models.card.data"), card.data_fingerprint[:16]),
            (t("models.card.features"), card.feature_fingerprint[:16]),
            (t("models.card.digest"), card.digest[:16]),
            (t("models.card.libraries"), ", ".join(f"{a} {b}" for a, b in card.libraries)),
        ]
        show_facts(facts)
        if card.verdict:
            label = html_text(t("models.card.verdict"))
            st.html(f"<p><strong>{label}</strong> {decision_html(t, card.verdict)}</p>")
    if card.reasons:
        show_numbers(
            t,
            gate_numbers(t, card.reasons, file=f"gate-{card.version}.csv"),
            download="gate",
            title=t("models.card.reasons", n=len(card.reasons)),
            most_rows=len(card.reasons),
        )


def _inputs(reader: Reader, card: ChampionCard) -> str:
    t = reader.t
    if card.features is None:
        return t("models.card.lookback", lookback=number(t, card.lookback))
    return t(
        "models.card.inputs.value",
        features=number(t, card.features),
        lookback=number(t, card.lookback),
    )
