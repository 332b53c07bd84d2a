"""The models page's tables and files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from assay_frontend.api.models import Evaluation, ScoreRow, at_level
from assay_frontend.api.registry_models import HeldOut, ModelChange, ModelVersion, TailRow
from assay_frontend.components.evidence import evenness_words, evidence_words
from assay_frontend.components.named_bars import NamedBar
from assay_frontend.components.tables import Table, csv_text
from assay_frontend.i18n import Translator
from assay_frontend.i18n.formats import (
    MISSING,
    level,
    number,
    percent,
    ratio_change,
    short_instant,
)

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
        t("table.differs.walk"): [evidence_words(t, row.dm_p_vs_random_walk) for row in rows],
        t("table.differs.garch"): [evidence_words(t, row.dm_p_vs_garch_t) for row in rows],
        t("table.rmse"): [ratio_change(t, row.rmse_ratio_rw) for row in rows],
        t("table.differs.rmse"): [evidence_words(t, row.dm_p_rmse_vs_random_walk) for row in rows],
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


def history_table(t: Translator, changes: Sequence[ModelChange], zone: tzinfo) -> Table:
    """Newest first."""
    rows = changes[::-1]
    return {
        t("table.when"): [short_instant(t, c.at, zone) if c.at else MISSING for c in rows],
        t("table.what"): [
            f"{_MARKS.get(c.action, '')} {t.named('models.action', c.action)}".strip() for c in rows
        ],
        t("table.version"): [c.version for c in rows],
        t("table.replaced"): [c.replaced or MISSING for c in rows],
        t("table.who"): [c.by for c in rows],
        t("table.why"): [c.why for c in rows],
    }


def versions_table(t: Translator, versions: Sequence[ModelVersion]) -> Table:
    """The champion first, then those that are kept."""
    return {
        t("table.version"): [v.version for v in versions],
        t("table.state"): [t("models.serves") if v.serves else t("models.kept") for v in versions],
        t("table.model"): [
            t.named("model", v.model_type) if v.model_type else MISSING for v in versions
        ],
        t("table.trained_to"): [v.trained_to or MISSING for v in versions],
        t("table.volatility_model"): [v.volatility_version or MISSING for v in versions],
        t("table.digest"): [v.digest[:8] for v in versions],
    }


def volatility_rows_table(t: Translator, held_out: HeldOut) -> Table:
    """Best first."""
    rows = sorted(held_out.rows, key=lambda r: (r.qlike_ratio_har is None, r.qlike_ratio_har or 0))
    return {
        t("table.model"): [t.named("model", row.name) for row in rows],
        t("table.qlike"): [ratio_change(t, row.qlike_ratio_har) for row in rows],
        t("table.differs.har"): [evidence_words(t, row.dm_p_vs_har) for row in rows],
        t("table.log_r2"): [number(t, row.log_r2, 2) for row in rows],
    }


def tails_table(t: Translator, rows: Sequence[TailRow]) -> Table:
    """How often more than the value at risk was lost."""
    return {
        t("table.model"): [t.named("model", row.name) for row in rows],
        t("table.var.level"): [level(t, 1 - row.level) for row in rows],
        t("table.var.right"): [level(t, row.level) for row in rows],
        t("table.var.hits"): [percent(t, row.hit_rate, 1) for row in rows],
        t("table.differs.right"): [evidence_words(t, row.kupiec_p) for row in rows],
    }


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
    return csv_text(header, [["" if cell is None else cell for cell in row] for row in rows])


def history_csv(changes: Sequence[ModelChange]) -> str:
    """Oldest first."""
    return csv_text(
        ["at", "action", "version", "replaced", "by", "why"],
        [
            [c.at.isoformat() if c.at else "", c.action, c.version, c.replaced or "", c.by, c.why]
            for c in changes
        ],
    )
