"""The files of a fit in the reader's words, and what is not known as it is."""

import pytest

from assay_frontend.components.training_words import bars_words
from assay_frontend.i18n import translator


@pytest.mark.parametrize(
    ("name", "english", "spanish"),
    [
        ("BTC hourly", "BTC hourly", "barras horarias de BTC"),
        ("ETH daily", "ETH daily", "barras diarias de ETH"),
        ("BTC/USDT at Binance hourly", "BTC/USDT at Binance hourly",
         "barras horarias de BTC/USDT at Binance"),
        ("SOL every four hours", "SOL every four hours", "SOL every four hours"),
        ("BTC weekly", "BTC weekly", "BTC weekly"),
        ("hourly", "hourly", "hourly"),
        ("{coin} {0} daily", "{coin} {0} daily", "barras diarias de {coin} {0}"),
        ("", "", ""),
    ],
)  # fmt: skip
def test_what_a_model_was_fitted_on_is_told_in_both_languages(name, english, spanish):
    assert bars_words(translator("en"), name) == english
    assert bars_words(translator("es"), name) == spanish
