"""An exchange's spot markets, and which one is meant by what a person typed."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field
from functools import cached_property

from assay.errors import MalformedSymbol, UnknownSymbol

__all__ = ["Market", "MarketList", "check_spelling"]

LONGEST_SPELLING = 30
MOST_NEAR = 5

_SPELLING = re.compile(r"[A-Za-z0-9]+(?:[/_-][A-Za-z0-9]+)?")
_SEPARATOR = re.compile(r"[/_-]")


@dataclass(frozen=True, slots=True)
class Market:
    """A spot market: `symbol` is the normal form `BASE/QUOTE`, `id` the exchange's own name."""

    symbol: str
    id: str

    @property
    def joined(self) -> str:
        """The normal form without its separator."""
        return self.symbol.replace("/", "")


@dataclass(frozen=True)
class MarketList:
    """The active spot markets of `exchange`."""

    exchange: str
    markets: tuple[Market, ...] = field(repr=False)

    @cached_property
    def _by_symbol(self) -> dict[str, Market]:
        return {market.symbol.upper(): market for market in self.markets}

    @cached_property
    def _by_joined(self) -> dict[str, Market]:
        # The exchange's own name counts before base and quote run together.
        joined = {market.joined.upper(): market for market in reversed(self.markets)}
        return joined | {_joined(market.id): market for market in reversed(self.markets)}

    def resolve(self, spelling: str) -> Market:
        """The market meant by `BTCUSDT`, `BTC/USDT`, `btc-usdt` or `BTC_usdt`.

        The quote currency is never substituted. UnknownSymbol, with near matches in its field
        `near`, where the exchange has no such market; MalformedSymbol where none can be so called.
        """
        asked = check_spelling(spelling)
        # Where base and quote are told apart, no other pair with the same letters is meant.
        parted = _SEPARATOR.sub("/", asked)
        found = self._by_symbol.get(parted) if "/" in parted else self._by_joined.get(asked)
        if found is None:
            near = self.near(asked)
            hint = f"; near are {', '.join(near)}" if near else ""
            raise UnknownSymbol(
                f"{self.exchange} has no market {spelling!r}{hint}",
                symbol=spelling,
                exchange=self.exchange,
                near=near,
            )
        return found

    def near(self, spelling: str) -> list[str]:
        """Normal forms of markets with a similar name, best first."""
        asked = _joined(spelling)
        names = difflib.get_close_matches(asked, self._by_joined, n=3 * MOST_NEAR, cutoff=0.6)
        return list(dict.fromkeys(self._by_joined[name].symbol for name in names))[:MOST_NEAR]


def check_spelling(spelling: str) -> str:
    """`spelling` in capitals if it could name a market; MalformedSymbol otherwise.

    >>> check_spelling("btc-usdt")
    'BTC-USDT'
    """
    if len(spelling) > LONGEST_SPELLING or not _SPELLING.fullmatch(spelling):
        raise MalformedSymbol(
            f"{spelling[:LONGEST_SPELLING]!r} cannot name a market: letters and digits, base and "
            "quote with /, - or _ between them or with nothing, as in BTC/USDT",
            symbol=spelling[:LONGEST_SPELLING],
        )
    return spelling.upper()


def _joined(name: str) -> str:
    return _SEPARATOR.sub("", name).upper()
