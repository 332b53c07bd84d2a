"""The models page's tables and files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from functools import partial

from assay_frontend.api.models import Evaluation, ScoreRow, at_level
from assay_frontend.api.registry_models import HeldOut, ModelChange, ModelVersion, TailRow
from assay_frontend.components.evidence import (
    NO_BREAK,
    directed_evidence,
    evenness_words,
    tail_evidence,
)
from assay_frontend.components.gate_words import decision_words
from assay_frontend.components.named_bars import NamedBar
from assay_frontend.components.numbers import Column, Numbers
from assay_frontend.components.tables import Table, csv_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import level as level_words
from assay_frontend.i18n.formats import number, percent, ratio_change, short_instant

_MARKS = {
    "publish": "\N{BLACK CIRCLE}",
    "promote": "\N{UPWARDS ARROW}",
    "rollback": "\N{ANTICLOCKWISE OPEN CIRCLE ARROW}",
}


def sharpest_first(evaluation: Evaluation) -> list[ScoreRow]:
    """By CRPS; rows without a score come last."""
    return sorted(evaluation.rows, key=lambda row: (row.crps is None, row.crps or 0.0))


def leaderboard_in_words(t: Translator, evaluation: Evaluation) -> Table:
    """Every model and benchmark, with what the tests say in words."""
    rows = sharpest_first(evaluation)
    names = [t.named("model", row.name) for row in rows]
    return {
        t("table.model"): [
            t("table.served", name=name) if row.name == evaluation.champion else name
            for row, name in zip(rows, names, strict=True)
        ],
        t("table.crps.ratio"): [ratio_change(t, evaluation.crps_ratio(row)) for row in rows],
        t("table.differs.walk"): [
            directed_evidence(t, row.dm_p_vs_random_walk, evaluation.crps_ratio(row))
            for row in rows
        ],
        t("table.differs.garch"): [
            directed_evidence(t, row.dm_p_vs_garch_t, evaluation.crps_ratio(row, "garch_t"))
            for row in rows
        ],
        t("table.rmse"): [ratio_change(t, row.rmse_ratio_rw) for row in rows],
        t("table.differs.rmse"): [
            directed_evidence(t, row.dm_p_rmse_vs_random_walk, row.rmse_ratio_rw) for row in rows
        ],
        t("table.coverage"): [percent(t, at_level(row.coverage, 0.8), 1) for row in rows],
        t("table.pit"): [evenness_words(t, row.pit_ks_p) for row in rows],
    }


def crps_bars(t: Translator, evaluation: Evaluation) -> list[NamedBar]:
    """Each model's CRPS against the random walk's, sharpest first; the walk itself is the zero."""
    bars = []
    for row in sharpest_first(evaluation):
        ratio = evaluation.crps_ratio(row)
        if ratio is None or row.name == "random_walk":
            continue
        name, text = t.named("model", row.name), ratio_change(t, ratio)
        words = t("models.crps.point", name=name, change=text)
        bars.append(NamedBar(name, 0.0, 100 * (ratio - 1), text, words))
    return bars


def newest_first(changes: Sequence[ModelChange]) -> list[ModelChange]:
    """By their moment, whatever the order they are told in; those without one come last.

    Of equal moments the one that is told last is the newest.
    """
    latest = sorted(reversed(changes), key=lambda c: c.at.timestamp() if c.at else 0, reverse=True)
    return sorted(latest, key=lambda change: change.at is None)


def history_numbers(
    t: Translator, changes: Sequence[ModelChange], zone: tzinfo, *, shown: int, file: str
) -> Numbers:
    """The newest few as a table, newest first; all of them in the file, oldest first."""
    rows = newest_first(changes)

    def columns(rows: Sequence[ModelChange]) -> list[Column]:
        return [
            Column(
                "at", [c.at for c in rows], t("table.when"), lambda at: short_instant(t, at, zone)
            ),
            Column("action", [c.action for c in rows], t("table.what"), partial(_action, t)),
            Column("version", [c.version for c in rows], t("table.version")),
            Column(
                "volatility_version",
                [c.volatility_version for c in rows],
                t("table.volatility_model"),
            ),
            Column("digest", [c.digest for c in rows], t("table.digest"), _short),
            Column("replaced", [c.replaced for c in rows], t("table.replaced")),
            Column("replaced_digest", [c.replaced_digest for c in rows]),
            Column("by", [c.by for c in rows], t("table.who")),
            Column("why", [c.why for c in rows], t("table.why"), partial(decision_words, t)),
        ]

    table = Numbers.of(columns(rows[:shown]), file=file).table
    return Numbers(table, Numbers.of(columns(rows[::-1]), file=file).csv, file)


def _action(t: Translator, action: str) -> str:
    return f"{_MARKS.get(action, '')}{NO_BREAK}{t.named('models.action', action)}".strip()


def _short(digest: str) -> str:
    return digest[:8]


def versions_numbers(t: Translator, versions: Sequence[ModelVersion], *, file: str) -> Numbers:
    """The champion first, then those that are kept."""
    model = partial(t.named, "model")
    return Numbers.of(
        [
            Column("version", [v.version for v in versions], t("table.version")),
            Column(
                "serves", [v.serves for v in versions], t("table.state"),
                lambda serves: t("models.serves") if serves else t("models.kept"),
            ),
            Column(
                "model_type", [v.model_type for v in versions], t("table.model"),
                model,
            ),
            Column("trained_to", [v.trained_to for v in versions], t("table.trained_to")),
            Column(
                "volatility_version", [v.volatility_version for v in versions],
                t("table.volatility_model"),
            ),
            Column("digest", [v.digest for v in versions], t("table.digest"), _short),
        ],
        file=file,
    )  # fmt: skip


def crps_numbers(t: Translator, evaluation: Evaluation, *, file: str) -> Numbers:
    """What the chart draws, and the walk itself."""
    rows = sharpest_first(evaluation)
    model = partial(t.named, "model")
    return Numbers.of(
        [
            Column("model", [row.name for row in rows], t("table.model"), model),
            Column(
                "crps", [row.crps for row in rows], t("table.crps"), partial(percent, t, decimals=3)
            ),
            Column(
                "crps_ratio_rw", [evaluation.crps_ratio(row) for row in rows],
                t("table.crps.ratio"), partial(ratio_change, t),
            ),
        ],
        file=file,
    )  # fmt: skip


def volatility_numbers(t: Translator, held_out: HeldOut, *, file: str) -> Numbers:
    """Best first."""
    rows = sorted(held_out.rows, key=lambda r: (r.qlike_ratio_har is None, r.qlike_ratio_har or 0))
    model = partial(t.named, "model")
    return Numbers.of(
        [
            Column("model", [row.name for row in rows], t("table.model"), model),
            Column(
                "qlike_ratio_har", [row.qlike_ratio_har for row in rows], t("table.qlike"),
                partial(ratio_change, t),
            ),
            Column(
                "", rows, t("table.differs.har"),
                lambda row: directed_evidence(t, row.dm_p_vs_har, row.qlike_ratio_har),
            ),
            Column("dm_p_vs_har", [row.dm_p_vs_har for row in rows]),
            Column(
                "log_r2", [row.log_r2 for row in rows], t("table.log_r2"),
                partial(number, t, decimals=2),
            ),
        ],
        file=file,
    )  # fmt: skip


def tails_numbers(t: Translator, rows: Sequence[TailRow], *, file: str) -> Numbers:
    """How often more than the value at risk was lost."""
    levels = [row.level for row in rows]
    model, share = partial(t.named, "model"), partial(level_words, t)
    return Numbers.of(
        [
            Column("model", [row.name for row in rows], t("table.model"), model),
            Column("", [1 - each for each in levels], t("table.var.level"), share),
            Column("level", levels, t("table.var.right"), share),
            Column(
                "hit_rate", [row.hit_rate for row in rows], t("table.var.hits"),
                partial(percent, t, decimals=1),
            ),
            Column(
                "", rows, t("table.differs.right"),
                lambda row: tail_evidence(t, row.kupiec_p, row.hit_rate, row.level),
            ),
            Column("kupiec_p", [row.kupiec_p for row in rows]),
        ],
        file=file,
    )  # fmt: skip


def leaderboard_csv(evaluation: Evaluation) -> str:
    levels = sorted({key for row in evaluation.rows for key, _ in row.coverage})
    header = [
        "model", "crps", "crps_ratio_rw", "dm_p_vs_random_walk", "dm_p_vs_garch_t", "mape",
        "rmse_ratio_rw", "dm_p_rmse_vs_random_walk", "direction_accuracy", "pit_ks_p",
        *(f"coverage_{key:g}" for key in levels),
    ]  # fmt: skip
    rows = [
        [
            row.name, row.crps, evaluation.crps_ratio(row), row.dm_p_vs_random_walk,
            row.dm_p_vs_garch_t, row.mape, row.rmse_ratio_rw, row.dm_p_rmse_vs_random_walk,
            row.direction_accuracy, row.pit_ks_p, *(at_level(row.coverage, key) for key in levels),
        ]
        for row in sharpest_first(evaluation)
    ]  # fmt: skip
    return csv_text(header, rows)


def leaderboard_file(evaluation: Evaluation) -> str:
    return f"gold-leaderboard-{evaluation.end or 'undated'}.csv"
