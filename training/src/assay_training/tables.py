"""Reports for a terminal."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def evaluate_table(report: Row) -> str:
    """The leaderboard of `evaluate`."""
    lines = [
        f"{report['n']} origins, targets {report['start']} to {report['end']}",
        f"{'':20}{'MAPE %':>8}{'RMSE/RW':>9}{'CRPS/RW':>9}"
        + "".join(f"{level:>7}" for level in ("50 %", "80 %", "90 %", "95 %")),
    ]
    walk = next(row for row in report["rows"] if row["name"] == "random_walk")
    for row in report["rows"]:
        shares = "".join(f"{100 * share:7.1f}" for share in row["coverage"].values())
        crps_ratio = row["crps"] / walk["crps"] if walk["crps"] else None
        lines.append(
            f"{row['name']:20}{_cell(row['mape'], 8, 3)}{_cell(row['rmse_ratio_rw'], 9, 5)}"
            f"{_cell(crps_ratio, 9, 4)}{shares}"
        )
    return "\n".join(lines)


def volatility_table(report: Row) -> str:
    """Forecasts, tails, risk and regimes of `volatility`, one below the other."""
    left_out = report["left_out"]
    lines = [
        f"{report['n']} UTC days, {report['start']} to {report['end']}; left out "
        f"{len(left_out['days'])} with too few hours, {left_out['without_forecast']} without a "
        "forecast",
        *_variance_lines(report["rows"]),
        *_tail_lines(report["var"]),
        *_risk_lines(report),
        *_regime_lines(report),
    ]
    return "\n".join(lines)


def fit_table(model: Row, section: Row) -> str:
    """What `fit-volatility` found, and how one that saw the first 60 % did on the rest."""
    names = ("b0", "x1", "x6", "x24", "x168", "x720", "neg")
    lines = [
        f"fitted on hours {section['trained_from']} to {section['trained_to']}, days "
        f"{section['daily_from']} to {section['daily_to']}\n",
        f"{'hours':>5}" + "".join(f"{name:>8}" for name in names),
        *(
            f"{node['hours']:5}" + "".join(_cell(node[name], 8, 3) for name in names)
            for node in model["nodes"]
        ),
        f"\n{'residuals':18}{'hours':>6}{'mean':>8}{'sd':>8}",
        *(
            f"{measure:18}{row['hours']:6}{row['mean']:8.3f}{row['deviation']:8.3f}"
            for measure, rows in model["residuals"].items()
            for row in rows
        ),
    ]
    if held_out := section["held_out"]:
        lines += ["\nfitted on the first 60 %, judged on the rest:", volatility_table(held_out)]
    return "\n".join(lines)


def _variance_lines(rows: list[Row]) -> list[str]:
    lines = [
        f"\n{'next-day variance':18}{'QLIKE':>9}{'/ HAR':>8}{'/ GARCH':>9}{'slope':>8}"
        f"{'log R2':>8}{'p vs HAR':>10}"
    ]
    lines += [
        f"{row['name']:18}{_cell(row['qlike'], 9, 4)}{_cell(row['qlike_ratio_har'], 8, 3)}"
        f"{_cell(row['qlike_ratio_garch_t'], 9, 3)}{_cell(row['mz_slope'], 8, 3)}"
        f"{_cell(row['log_r2'], 8, 3)}{_cell(row['dm_p_vs_har'], 10, 4)}"
        for row in rows
    ]
    return lines


def _tail_lines(rows: list[Row]) -> list[str]:
    lines = [
        f"\n{'value at risk':18}{'level':>7}{'hits %':>8}{'Kupiec':>9}{'Holm':>7}{'indep.':>8}"
        f"{'Holm':>7}{'Z2':>8}{'(5 %)':>8}{'FZ0':>9}"
    ]
    for row in rows:
        hits = None if row["hit_rate"] is None else 100.0 * row["hit_rate"]
        lines.append(
            f"{row['name']:18}{row['level']:>7}{_cell(hits, 8, 2)}{_cell(row['kupiec_p'], 9, 3)}"
            f"{_cell(row.get('kupiec_p_holm'), 7, 3)}{_cell(row['christoffersen_p'], 8, 3)}"
            f"{_cell(row.get('christoffersen_p_holm'), 7, 3)}{_cell(row['z2'], 8, 3)}"
            f"{_cell(row['z2_critical'], 8, 3)}{_cell(row['fz0'], 9, 4)}"
        )
    return lines


def _risk_lines(report: Row) -> list[str]:
    lines = [
        f"\n{'risk score':18}{'n':>7}{'skill':>8}{'AUC':>8}{'ECE':>8}{'slope':>8}{'intercept':>11}"
    ]
    for name, key in (("24 hours", "risk"), ("1 hour", "risk_1h")):
        row = report[key]
        lines.append(
            f"{name:18}{row['n']:>7}{_cell(row['brier_skill'], 8, 3)}{_cell(row['auc'], 8, 3)}"
            f"{_cell(row['ece'], 8, 3)}{_cell(row['slope'], 8, 3)}{_cell(row['intercept'], 11, 3)}"
        )
    return lines


def _regime_lines(report: Row) -> list[str]:
    lines = [f"\n{'regime':18}{'share %':>9}{'next day, % a year':>20}"]
    for row in report["regimes"]:
        share, volatility = (
            None if row[key] is None else 100.0 * row[key] for key in ("share", "annualized")
        )
        lines.append(f"{row['regime']:18}{_cell(share, 9, 1)}{_cell(volatility, 20, 1)}")
    switches, r2 = report["regime_switches_per_year"], report["regime_r2"]
    lines.append(
        f"switches a year {_cell(switches, 0, 0)}; R2 of next-day log variance {_cell(r2, 0, 3)}"
    )
    return lines


def _cell(value: float | None, width: int, decimals: int) -> str:
    """`value`, or a dash for what is undefined."""
    return f"{'-':>{width}}" if value is None else f"{value:{width}.{decimals}f}"
