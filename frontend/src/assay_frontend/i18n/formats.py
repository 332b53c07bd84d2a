"""Numbers, money, dates and spans of time as people of each language read them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from assay_frontend.i18n import Translator

MISSING = "\N{EM DASH}"
_SWAP = str.maketrans(",.", ".,")


def number(t: Translator, value: float | None, decimals: int = 0, *, signed: bool = False) -> str:
    if value is None:
        return MISSING
    text = f"{value:+,.{decimals}f}" if signed else f"{value:,.{decimals}f}"
    if t("format.decimal") == ",":
        text = text.translate(_SWAP)
    return text.replace("-", "\N{MINUS SIGN}")


def money(t: Translator, value: float | None, currency: str, *, signed: bool = False) -> str:
    """A price to the cent; the sign stands before the currency's."""
    if value is None:
        return MISSING
    amount = number(t, abs(value), 2)
    pattern = "format.usd" if currency == "USD" else "format.money"
    text = t(pattern, amount=amount, currency=currency)
    if value < 0:
        return f"\N{MINUS SIGN}{text}"
    return f"+{text}" if signed else text


def percent(t: Translator, share: float | None, decimals: int = 0, *, signed: bool = False) -> str:
    """A share (0 to 1) as a percentage."""
    if share is None:
        return MISSING
    return t("format.percent", number=number(t, 100 * share, decimals, signed=signed))


def ratio_change(t: Translator, ratio: float | None) -> str:
    """A ratio as its distance from one: 0.98 is `−2.00%`, and what rounds to one has no sign."""
    if ratio is None:
        return MISSING
    change = round(ratio - 1, 4)
    return percent(t, change, 2, signed=True) if change else percent(t, 0.0, 2)


def level(t: Translator, value: float) -> str:
    """A nominal level such as 0.8 or 0.975, without needless decimals."""
    return percent(t, value, 0 if abs(100 * value - round(100 * value)) < 1e-9 else 1)


def p_value(t: Translator, value: float | None) -> str:
    if value is None:
        return MISSING
    return f"< {number(t, 0.001, 3)}" if value < 0.001 else number(t, value, 3)


def long_date(t: Translator, day: date) -> str:
    """`Tuesday 15 April 2025`."""
    return t(
        "format.long_date",
        weekday=t(f"weekday.{day.weekday()}"),
        day=day.day,
        month=t(f"month.{day.month}"),
        year=day.year,
    )


def short_date(t: Translator, day: date) -> str:
    """`15 Apr 2025`."""
    return f"{day_and_month(t, day)} {day.year}"


def day_and_month(t: Translator, day: date) -> str:
    """`15 Apr`."""
    return f"{day.day} {t(f'month_short.{day.month}')}"


def month_tick(t: Translator, day: date) -> str:
    """`Apr`, and the year below each January."""
    name = t(f"month_short.{day.month}")
    return f"{name}<br>{day.year}" if day.month == 1 else name


def instant(t: Translator, moment: datetime, zone: tzinfo) -> str:
    """`Monday 14 April 2025, 23:00 CEST`."""
    local = moment.astimezone(zone)
    name = local.tzname() or ""
    zone_name = f"UTC{name}" if name[:1] in {"+", "-"} else name
    return f"{long_date(t, local.date())}, {local:%H:%M} {zone_name}"


def span(t: Translator, seconds: float) -> str:
    """`3 hours 20 minutes`: the two largest units that matter."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return t("span.moment")
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    amounts = [("day", days), ("hour", hours), ("minute", 0 if days else minutes)]
    return " ".join(
        t(f"span.{unit}{'' if amount == 1 else 's'}", n=amount)
        for unit, amount in amounts
        if amount
    )


def readers_zone(name: str | None) -> tzinfo:
    """The browser's time zone; UTC where it is unknown."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def age_now(age_seconds: float | None, received_at: datetime | None, now: datetime) -> float | None:
    """The age of the bars now: as the answer gave it, plus the time since it came."""
    if age_seconds is None or received_at is None:
        return age_seconds
    return age_seconds + max(timedelta(0), now - received_at).total_seconds()
