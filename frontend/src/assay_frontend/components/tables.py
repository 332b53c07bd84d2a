"""Tables as columns of text, and the same numbers as CSV files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from assay_frontend.api.models import Bar, Evaluation, Forecast, at_level
from assay_frontend.components.text import html_text, markdown_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    level,
    money,
    number,
    p_value,
    percent,
    ratio_change,
    short_date,
)

Table = dict[str, list[str]]

# Or nothing but signs; a currency or a unit may stand beside it.
_NUMBER = re.compile(r"\W*([A-Z0-9]{2,12}\s)?[\d.,\s]*(%|[A-Z0-9$]{2,12})?")
_LONG = 34  # characters that a phone's line holds beside a name


def bars_table(t: Translator, bars: Sequence[Bar], currency: str) -> Table:
    """Newest first."""
    rows = bars[::-1]
    table = {t("table.session"): [short_date(t, bar.session) for bar in rows]}
    for name in ("open", "high", "low", "close"):
        table[t(f"table.{name}")] = [money(t, getattr(bar, name), currency) for bar in rows]
    table[t("table.volume")] = [number(t, bar.volume) for bar in rows]
    return table


def forecast_table(t: Translator, forecast: Forecast) -> Table:
    """The ranges, narrowest first."""
    currency = forecast.currency
    return {
        t("table.level"): [level(t, interval.level) for interval in forecast.intervals],
        t("table.lower"): [money(t, interval.lower, currency) for interval in forecast.intervals],
        t("table.upper"): [money(t, interval.upper, currency) for interval in forecast.intervals],
    }


def leaderboard_table(t: Translator, evaluation: Evaluation) -> Table:
    """Sharpest first (CRPS); rows without a score come last."""
    rows = sorted(
        evaluation.rows, key=lambda row: (row.crps is None, row.crps if row.crps else 0.0)
    )
    names = [t.named("model", row.name) for row in rows]
    return {
        t("table.model"): [
            t("table.served", name=name) if row.name == evaluation.champion else name
            for row, name in zip(rows, names, strict=True)
        ],
        t("table.rmse"): [ratio_change(t, row.rmse_ratio_rw) for row in rows],
        t("table.rmse.p"): [p_value(t, row.dm_p_rmse_vs_random_walk) for row in rows],
        t("table.crps"): [percent(t, row.crps, 3) for row in rows],
        t("table.crps.ratio"): [ratio_change(t, evaluation.crps_ratio(row)) for row in rows],
        t("table.crps.p_walk"): [p_value(t, row.dm_p_vs_random_walk) for row in rows],
        t("table.crps.p_garch"): [p_value(t, row.dm_p_vs_garch_t) for row in rows],
        t("table.coverage"): [percent(t, at_level(row.coverage, 0.8), 1) for row in rows],
    }


def literal(table: Table) -> Table:
    """For st.table, which reads cells as Markdown: dollar signs and names from elsewhere."""
    return {name: [markdown_text(cell) for cell in cells] for name, cells in table.items()}


def table_html(table: Table, *, label: str) -> str:
    """The first column names its rows. On a phone each row is a card, each cell with its name.

    The roles say again what the tags say: as a card a row would lose them to a screen reader.
    """
    kinds = {name: "words" if _in_words(cells) else "" for name, cells in table.items()}
    head = "".join(
        f'<th scope="col" role="columnheader"{_class(kind)}>{html_text(name)}</th>'
        for name, kind in kinds.items()
    )
    _, *columns = kinds.items()
    rows = "".join(
        f'<tr role="row"><th scope="row" role="rowheader">{html_text(first)}</th>'
        + "".join(_cell_html(*column, cell) for column, cell in zip(columns, rest, strict=True))
        + "</tr>"
        for first, *rest in zip(*table.values(), strict=True)
    )
    return (
        f'<div class="assay-scores"><table role="table" aria-label="{html_text(label)}">'
        f'<thead role="rowgroup"><tr role="row">{head}</tr></thead>'
        f'<tbody role="rowgroup">{rows}</tbody></table></div>'
    )


def _in_words(cells: Sequence[str]) -> bool:
    """Words stand at the left, numbers and prices at the right."""
    return not all(_NUMBER.fullmatch(cell) for cell in cells)


def _cell_html(name: str, kind: str, cell: str) -> str:
    kinds = _class(kind, "long" if len(cell) > _LONG else "")
    return f'<td role="cell"{kinds} data-name="{html_text(name)}">{html_text(cell)}</td>'


def _class(*names: str) -> str:
    kept = " ".join(name for name in names if name)
    return f' class="{kept}"' if kept else ""


def bars_csv(bars: Iterable[Bar], *, source: str) -> str:
    """The bars in the form that the training flow reads, with their source beside them."""
    header = ["date", "open", "high", "low", "close", "volume", "source"]
    rows = [
        [
            bar.session,
            bar.open,
            bar.high,
            bar.low,
            bar.close,
            bar.volume,
            source,
        ]
        for bar in bars
    ]
    return csv_text(header, rows)


def forecast_csv(forecast: Forecast) -> str:
    """One quantile a row; from the ranges' ends where the answer has no quantiles."""
    quantiles = forecast.quantiles or _quantiles_of_intervals(forecast)
    head = [forecast.symbol, forecast.today, forecast.target]
    tail = [forecast.currency, forecast.provenance.source]
    return csv_text(
        ["symbol", "origin", "target", "quantile", "price", "currency", "source"],
        [[*head, quantile, price, *tail] for quantile, price in quantiles],
    )


def _quantiles_of_intervals(forecast: Forecast) -> tuple[tuple[float, float], ...]:
    pairs = [(0.5, forecast.median)]
    for interval in forecast.intervals:
        tail = round((1 - interval.level) / 2, 6)
        pairs += [(tail, interval.lower), (round(1 - tail, 6), interval.upper)]
    return tuple(sorted(pairs))


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Dates and instants as ISO 8601, in UTC with Z; None is empty. Text that a spreadsheet could
    take for a formula gets an apostrophe before it.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([[_cell(cell) for cell in row] for row in rows])
    return buffer.getvalue()


def _cell(value: object) -> object:
    match value:
        case bool():
            return str(value).lower()
        case datetime():
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case date():
            return value.isoformat()
        case str() if value[:1] in ("=", "+", "-", "@"):
            return f"'{value}"  # names come from elsewhere: `=1+2` must stay a name
    return value
