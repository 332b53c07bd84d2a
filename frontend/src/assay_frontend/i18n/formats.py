"""Numbers, money, dates and spans of time as people of each language read them."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    text = _with_currency(t, number(t, abs(value), 2), currency)
    if value < 0:
        return f"\N{MINUS SIGN}{text}"
    return f"+{text}" if signed else text


def _with_currency(t: Translator, amount: str, currency: str) -> str:
    pattern = "format.usd" if currency == "USD" else "format.money"
    return t(pattern, amount=amount, currency=currency)


def price_decimals(value: float) -> int:
    """Two for a price of a hundred and more; so many for a smaller one that five digits show."""
    return 2 if value >= 100 else min(12, 4 - math.floor(math.log10(value)))


def price(t: Translator, value: float, currency: str) -> str:
    """A coin's price: coins cost from a hundred thousand down to a hundred-thousandth."""
    return _with_currency(t, number(t, value, price_decimals(value)), currency)


def fine_percent(t: Translator, share: float | None) -> str:
    """A share as a percentage of about two digits, whether an hour's volatility or a year's."""
    return fine_percents(t, [share])[0]


def fine_percents(t: Translator, shares: Sequence[float | None]) -> list[str]:
    """The same of several that are compared: as many decimals as the finest of them has."""
    decimals = max((_fine_decimals(share) for share in shares if share is not None), default=0)
    return [percent(t, share, decimals) for share in shares]


def _fine_decimals(share: float) -> int:
    size = abs(100 * share)
    return 0 if size >= 19.95 else 1 if size >= 0.995 else 2 if size >= 0.0995 else 3


def percent(t: Translator, share: float | None, decimals: int = 0, *, signed: bool = False) -> str:
    """A share (0 to 1) as a percentage."""
    if share is None:
        return MISSING
    return t("format.percent", number=number(t, 100 * share, decimals, signed=signed))


def risk_percent(t: Translator, score: float) -> str:
    """A risk score: whole percents; a decimal where the score is next to none or next to sure."""
    return risk_percents(t, [score])[0]


def risk_percents(t: Translator, scores: Sequence[float]) -> list[str]:
    """The same of several that are compared: with a decimal where one of them needs it."""
    whole = all(0.0195 <= score <= 0.9805 for score in scores)
    return [percent(t, score, 0 if whole else 1) for score in scores]


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
    return f"{long_date(t, local.date())}, {local:%H:%M} {zone_name(local)}"


def short_instant(t: Translator, moment: datetime, zone: tzinfo) -> str:
    """`14 Apr 2025, 23:00`, where the zone is told beside it."""
    local = moment.astimezone(zone)
    return f"{short_date(t, local.date())}, {local:%H:%M}"


def zone_name(local: datetime) -> str:
    """`CEST`; `UTC-03` where the zone has no name."""
    name = local.tzname() or ""
    return f"UTC{name}" if name[:1] in {"+", "-"} else name


def span(t: Translator, seconds: float) -> str:
    """`3 hours 20 minutes`: the two largest units that matter."""
    minutes = int(seconds // 60)
    if minutes < 1:
        return t("span.moment")
    days, rest = divmod(minutes, 24 * 60)
    hours, minutes = divmod(rest, 60)
    amounts = [("day", days), ("hour", hours), ("minute", 0 if days else minutes)]
    told = [
        t(f"span.{unit}{'' if amount == 1 else 's'}", n=amount)
        for unit, amount in amounts
        if amount
    ]
    return told[0] if len(told) == 1 else t("span.two", first=told[0], second=told[1])


def short_span(t: Translator, seconds: float) -> str:
    """`2.5 seconds`; from two minutes on as `span` does."""
    if seconds >= 120:
        return span(t, seconds)
    tenths = round(seconds, 1)
    unit = "second" if tenths == 1 else "seconds"
    return t(f"span.{unit}", n=number(t, tenths, 0 if tenths == int(tenths) else 1))


def length(t: Translator, minutes: int) -> str:
    """How long a horizon is: `24 hours`, `7 days`, `15 minutes`."""
    unit, amount = _whole_units(minutes)
    return t(f"span.{unit}", n=amount)


def ahead(t: Translator, minutes: int) -> str:
    """The time that a horizon spans: `the next 24 hours`, `the next hour`."""
    unit, amount = _whole_units(minutes)
    return t(f"ahead.{unit}", n=amount)


def _whole_units(minutes: int) -> tuple[str, int]:
    """In the largest unit that has more than one of it, if any: a day is 24 hours."""
    for unit, size in (("day", 1440), ("hour", 60)):
        if minutes % size == 0 and (unit == "hour" or minutes > size):
            amount = minutes // size
            return (unit if amount == 1 else f"{unit}s"), amount
    return ("minute" if minutes == 1 else "minutes"), minutes


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
