"""The status page: where bars come from, how fresh they are, and whether anything was lost."""

from __future__ import annotations

import streamlit as st

from assay_frontend.api.latest import StatusPicture, status_picture
from assay_frontend.api.status_models import LedgerCheck, Metrics, Status
from assay_frontend.components import status_tables
from assay_frontend.components.numbers import Numbers
from assay_frontend.components.status_headline import check_words, status_headline_html
from assay_frontend.components.text import markdown_text
from assay_frontend.i18n.formats import MISSING, instant, number, span, zone_name
from assay_frontend.settings import read_settings
from assay_frontend.views.reader import Reader, client_of, show_facts
from assay_frontend.widgets import banners
from assay_frontend.widgets.charts import show_table
from assay_frontend.widgets.frame import readers_words, show_footer
from assay_frontend.widgets.waiting import waiting

GAPS_LISTED = 8


def render() -> None:
    t, settings = readers_words(), read_settings()
    client = client_of(settings)

    @st.fragment(run_every=settings.refresh_seconds)
    def live_page() -> None:
        with waiting(t("status.wait"), part="status"):
            picture = status_picture(client)
        _show(Reader.here(t), picture)

    live_page()


def _show(reader: Reader, picture: StatusPicture) -> None:
    t, latest = reader.t, picture.status
    if latest.problem is not None:
        banners.show_problem(
            t, latest.problem, kept_since=latest.received_at, now=reader.now, zone=reader.zone
        )
    status = latest.value
    if status is not None:
        _show_banners(reader, picture, status)
    st.html(
        status_headline_html(
            t,
            status,
            picture.standing_check,
            received_at=latest.received_at,
            now=reader.now,
            answers=latest.problem is None,
        )
    )
    if status is not None:
        _show_freshness(reader, picture, status)
        _show_sources(reader, status)
        left, right = st.columns(2, gap="large")
        with left:
            _show_ledger(reader, picture, status)
            _show_quarantine(reader, status)
        with right:
            _show_metrics(reader, picture)
            _show_versions(reader, status)
        _show_gaps(reader, status)
    show_footer(t)


def _show_banners(reader: Reader, picture: StatusPicture, status: Status) -> None:
    t, health = reader.t, picture.health.value
    if status.simulated:
        banners.show_simulated(t, t("status.simulated"))
    elif status.market_source == "replay":
        st.info(t("status.replay.banner"))
    if check := picture.ledger.value:
        _show_broken_ledger(reader, check)
    stale = [series for series in status.freshness if series.stale]
    if stale:
        names = ", ".join(
            status_tables.series_name(t, s.exchange, s.symbol, s.timeframe) for s in stale
        )
        st.warning(f"**{t('banner.stale.title')}** {markdown_text(names)}.")
    if health is not None and health.problems:
        listed = "\n".join(f"- {markdown_text(problem)}" for problem in health.problems)
        st.warning(f"**{t('status.problems')}**\n\n{listed}")


def _show_broken_ledger(reader: Reader, check: LedgerCheck) -> None:
    if not check.intact:
        st.error(f"**{reader.t('status.ledger.alarm')}** {check_words(reader.t, check)}")


def _show_freshness(reader: Reader, picture: StatusPicture, status: Status) -> None:
    t = reader.t
    st.header(t("status.freshness.title"), anchor=False)
    if not status.freshness:
        st.markdown(t("status.freshness.none"))
        return
    show_table(
        t,
        Numbers(
            status_tables.freshness_table(
                t, status, picture.status.received_at, reader.now, reader.zone
            ),
            status_tables.freshness_csv(status),
            "freshness.csv",
        ),
        label=t("status.freshness.title"),
        download="freshness",
        caption=_zone_words(reader, status),
    )
    errors = [s for s in status.freshness if s.last_error]
    for series in errors:
        name = status_tables.series_name(t, series.exchange, series.symbol, series.timeframe)
        st.caption(markdown_text(f"{name}: {series.last_error}"))


def _zone_words(reader: Reader, status: Status) -> str:
    newest = max((s.as_of for s in status.freshness if s.as_of), default=reader.now)
    return reader.t("status.zone", zone=zone_name(newest.astimezone(reader.zone)))


def _show_sources(reader: Reader, status: Status) -> None:
    t = reader.t
    st.header(t("status.sources.title"), anchor=False)
    if not status.breakers:
        st.markdown(t("status.sources.none"))
        return
    show_table(
        t,
        status_tables.breakers_numbers(t, status.breakers, reader.zone, file="sources.csv"),
        label=t("status.sources.title"),
        download="sources",
        caption=t("status.sources.caption"),
    )
    for each in status.breakers:
        if each.last_error:
            st.caption(markdown_text(f"{each.endpoint}: {each.last_error}"))


def _show_ledger(reader: Reader, picture: StatusPicture, status: Status) -> None:
    t, check = reader.t, picture.standing_check
    st.header(t("status.ledger.title"), anchor=False)
    if status.ledger_rows is None:
        st.markdown(t("status.ledger.none"))
        return
    show_facts(
        [
            (t("table.rows"), number(t, status.ledger_rows)),
            (t("status.ledger.check"), check_words(t, check)),
            (t("status.ledger.head"), status.ledger_head or MISSING),
        ]
    )
    st.markdown(t("status.ledger.words"))


def _show_quarantine(reader: Reader, status: Status) -> None:
    t = reader.t
    st.header(t("status.quarantine.title"), anchor=False)
    if status.quarantine is None:
        st.markdown(t("status.ledger.none"))
        return
    count = sum(status.quarantine.values())
    if not count:
        st.markdown(t("status.quarantine.none"))
    else:
        st.markdown(t("status.quarantine.words", n=number(t, count)))
        show_table(
            t,
            status_tables.quarantine_numbers(t, status.quarantine, file="quarantine.csv"),
            label=t("status.quarantine.title"),
            download="quarantine",
        )


def _show_metrics(reader: Reader, picture: StatusPicture) -> None:
    t, latest = reader.t, picture.metrics
    st.header(t("status.metrics.title"), anchor=False)
    if latest.problem is not None and picture.status.problem is None:
        banners.show_part_problem(t, "metrics", latest.problem)
    if latest.value is not None:
        status = picture.status.value
        stands_still = status is not None and status.market_source == "replay"
        show_facts(_metrics_facts(reader, latest.value, stands_still=stands_still))


def _metrics_facts(
    reader: Reader, metrics: Metrics, *, stands_still: bool
) -> list[tuple[str, str]]:
    """Where the service's clock stands still, it cannot tell since when it runs."""
    t = reader.t
    last = metrics.last_signal_at
    up = span(t, max(0.0, (reader.now - metrics.start_time).total_seconds()))
    if stands_still:
        up = t("status.replay")
    calls = t(
        "status.metrics.calls",
        calls=number(t, metrics.upstream_calls),
        failed=number(t, metrics.upstream_failures),
    )
    return [
        (t("status.metrics.up"), up),
        (t("status.metrics.requests"), number(t, metrics.requests)),
        (t("status.metrics.upstream"), calls),
        (t("status.metrics.signals"), number(t, metrics.signals)),
        (t("status.metrics.last"), instant(t, last, reader.zone) if last else MISSING),
        (
            t("status.metrics.scored"),
            t(
                "status.metrics.scored.value",
                gold=number(t, metrics.forecasts_scored),
                signals=number(t, metrics.signals_scored),
            ),
        ),
        (
            t("status.metrics.pending"),
            t(
                "status.metrics.scored.value",
                gold=number(t, metrics.forecasts_pending),
                signals=number(t, metrics.signals_pending),
            ),
        ),
    ]


def _show_versions(reader: Reader, status: Status) -> None:
    t = reader.t
    st.header(t("status.versions.title"), anchor=False)
    built = status.build_time
    show_facts(
        [
            ("Assay", status.version),
            (t("data.model"), status.model_version or t("status.versions.no_model")),
            (t("status.versions.commit"), _short(status.git_commit) or MISSING),
            (t("status.versions.built"), instant(t, built, reader.zone) if built else MISSING),
        ]
    )


def _short(commit: str | None) -> str:
    """With the mark behind it, if any, that something else was changed since."""
    return "-".join(part[:12] for part in (commit or "").split("-"))


def _show_gaps(reader: Reader, status: Status) -> None:
    t = reader.t
    st.header(t("status.gaps.title"), anchor=False)
    if not status.gaps_total:
        st.markdown(t("status.gaps.none"))
        return
    st.markdown(t("status.gaps.words", n=number(t, status.gaps_total)))
    show_table(
        t,
        Numbers(
            status_tables.gaps_table(t, status.gaps[:GAPS_LISTED], reader.zone),
            status_tables.gaps_csv(status.gaps),
            "gaps.csv",
        ),
        label=t("status.gaps.title"),
        download="gaps",
    )
    if len(status.gaps) > GAPS_LISTED:
        with st.expander(t("record.list.every", n=len(status.gaps))):
            every = status_tables.gaps_table(t, status.gaps, reader.zone)
            st.dataframe(every, hide_index=True, height=280)
