"""An exchange's spot markets, and which one is meant by what a person typed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

from assay.errors import MalformedSymbol, UnknownSymbol
from assay.market.near import NearNames

__all__ = ["Market", "MarketList", "check_spelling"]

LONGEST_SPELLING = 30
MOST_NEAR = 5

_SPELLING = re.compile(r"[A-Za-z0-9]+(?:[/_-][A-Za-z0-9]+)?")
_SEPARATOR = re.compile(r"[/_-]")
# As Kraken calls them; at the beginning or the end of a pair.
_USUAL_NAMES = {"XBT": "BTC", "XDG": "DOGE"}
_OTHER_NAME = re.compile(r"^(?:XBT|XDG)|(?:XBT|XDG)$")


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

    @cached_property
    def _near(self) -> NearNames:
        return NearNames({name: market.symbol for name, market in self._by_joined.items()})

    def resolve(self, spelling: str) -> Market:
        """The market meant by `BTCUSDT`, `BTC/USDT`, `btc-usdt` or `BTC_usdt`, with either name of
        a coin that has two.

        The quote currency is never substituted. UnknownSymbol, with near matches in its field
        `near`, where the exchange has no such market; MalformedSymbol where none can be so called.
        """
        asked = check_spelling(spelling)
        found = next(filter(None, map(self._named, _spellings(asked))), None)
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

    def _named(self, asked: str) -> Market | None:
        # Where base and quote are told apart, no other pair with the same letters is meant.
        parted = _SEPARATOR.sub("/", asked)
        return self._by_symbol.get(parted) if "/" in parted else self._by_joined.get(asked)

    def near(self, spelling: str) -> list[str]:
        """Normal forms of markets with a similar name, those with the same quote first."""
        asked = spelling.upper()
        quote = _SEPARATOR.split(asked)[1] if _SEPARATOR.search(asked) else None
        return list(self._near.of(_joined(asked), quote, MOST_NEAR))


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


def _spellings(asked: str) -> Iterator[str]:
    """`asked`, and then with the usual names of coins that some call otherwise."""
    yield asked
    usual = _OTHER_NAME.sub(lambda found: _USUAL_NAMES[found[0]], asked)
    if usual != asked:
        yield usual


def _joined(name: str) -> str:
    return _SEPARATOR.sub("", name).upper()
