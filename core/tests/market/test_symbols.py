"""Only names on the allow-list go into an upstream's URL."""

import pytest

from assay.errors import UnknownSymbol
from assay.market.symbols import DAILY_SYMBOLS, GOLD, SP500, check_symbol, daily_symbol


@pytest.mark.parametrize("name", ["GC=F", "^GSPC", "BTC-USD", "BRK.B", "0700.HK", "A" * 15])
def test_market_names_pass(name):
    assert check_symbol(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        "gc=f",
        "GC=F/../x",
        "A?x=1",
        "-GC",
        "=F",
        "A B",
        "GC=F\n",
        "A" * 16,
        "É",
        "%5EGSPC",
        "A&B",
    ],
)
def test_anything_else_is_refused(name):
    with pytest.raises(UnknownSymbol) as caught:
        check_symbol(name)
    assert caught.value.fields["symbol"] == name[:40]


def test_daily_markets_are_found_by_name_and_keep_their_own_calendar():
    assert [daily_symbol(symbol.name) for symbol in DAILY_SYMBOLS] == [GOLD, SP500]
    assert GOLD.calendar.name == "gold"
    assert SP500.calendar.name == "S&P 500"
    with pytest.raises(UnknownSymbol, match="there are GC=F, \\^GSPC"):
        daily_symbol("SI=F")
