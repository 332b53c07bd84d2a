"""The verdict's sentences, the tables and the files."""

from __future__ import annotations

import csv
import io

import pytest

from assay_frontend.api.models import Evaluation, FeatureEffect, Forecast, History
from assay_frontend.components import tables
from assay_frontend.components.effects import feature_value
from assay_frontend.components.headline import headline_html
from assay_frontend.components.text import asked_text, dollars_escaped, markdown_text
from assay_frontend.components.verdict import verdict_sentences
from assay_frontend.i18n import translator

EN, ES = translator("en"), translator("es")


def said(market, language=EN, *, skill=None, **fields):
    """The verdict's sentences after changes to the forecast and to its skill."""
    document = {**market.forecast, **fields}
    if skill is not None:
        document["skill"] = {**document["skill"], **skill}
    evaluation = Evaluation.parse(market.evaluation)
    return " ".join(verdict_sentences(language, Forecast.parse(document), evaluation))


def test_no_edge_is_said_plainly(market):
    words = said(market)
    assert "No evidence that this median beats “tomorrow = today”" in words
    assert "Over 3,843 sessions (5 Jan 2010 to 11 Apr 2025)" in words
    assert "0.2\xa0% larger than the random walk's (p = 0.430)" in words


def test_how_often_the_ranges_held_is_said(market):
    assert "The 80\xa0% ranges held 79\xa0% of the time over 3,843 sessions" in said(market)
    assert "se cumplieron el 79\xa0% de las veces en 3.843 sesiones" in said(market, ES)


def test_coverage_comes_from_the_leaderboard_where_the_forecast_has_none(market):
    assert "The 80\xa0% ranges held 80\xa0% of the time" in said(market, skill={"coverage": None})


def test_an_edge_is_said_without_a_promise(market):
    words = said(market, skill={"verdict": "edge", "rmse_vs_random_walk": 0.98, "p_value": 1e-9})
    assert "this median beat “tomorrow = today”" in words
    assert "no promise" in words
    assert "2.0\xa0% smaller than the random walk's (p < 0.001)" in words


@pytest.mark.parametrize(
    ("ratio", "p", "words"),
    [
        (0.962, 0.0002, "CRPS) is 3.8\xa0% lower, which chance does not explain (p < 0.001)"),
        (
            0.962,
            0.2,
            "3.8\xa0% better than the random walk's (CRPS), but chance could explain that",
        ),
        (0.962, None, "3.8\xa0% better than the random walk's (CRPS)."),
        (1.01, 0.3, "no better than the random walk's"),
    ],
)
def test_sharpness_is_said_with_what_chance_could_do(market, ratio, p, words):
    assert words in said(market, skill={"crps_vs_random_walk": ratio, "crps_p_value": p})


def test_an_unjudged_forecast_is_not_praised(market):
    assert "has not been judged" in said(market, skill={"verdict": "unsure"})
    market.forecast["skill"] = None
    assert "has not been judged" in said(market)


def test_a_benchmark_that_serves_is_named_as_such(market):
    words = said(market, model_type="log_linear_t")
    assert "No neural network is served here" in words
    assert "Log-linear Student-t" in words
    assert "No neural network" not in said(market, model_type="CNN")


@pytest.mark.parametrize(
    ("networks", "words", "spanish"),
    [
        (["MLP", "CNN"], "None of those on the leaderboard (MLP, CNN) proved better", "(MLP, CNN)"),
        (["lstm"], "The one on the leaderboard (LSTM) did not prove better", "(LSTM)"),
    ],
)
def test_a_benchmark_that_serves_is_compared_with_the_networks_on_the_leaderboard(
    market, networks, words, spanish
):
    market.evaluation["rows"] = [{"name": name} for name in ["garch_t", *networks]]
    assert words in said(market, model_type="log_linear_t")
    assert spanish in said(market, ES, model_type="log_linear_t")


def test_of_networks_that_nobody_tried_nothing_is_claimed(market):
    market.evaluation["rows"] = [{"name": "garch_t"}]
    words = said(market, model_type="log_linear_t")
    assert "The benchmark “Log-linear Student-t” makes this forecast." in words
    forecast = Forecast.parse({**market.forecast, "model_type": "log_linear_t"})
    for told in (words, " ".join(verdict_sentences(EN, forecast, None))):
        assert "No neural network is served here" in told
        assert "better than the benchmark" not in told
        assert "MLP" not in told


def test_the_headline_tells_session_unit_range_chance_and_random_walk(market):
    html = headline_html(EN, Forecast.parse(market.forecast))
    for words in (
        "Gold: the close of Tuesday 15 April 2025",
        "$3,231.40",
        "US$ per troy ounce",
        "$3,190.10 to $3,272.80",
        "53\xa0%",
        "$3,230.40",
        "no evidence that the median beats it",
    ):
        assert words in html


def test_the_headline_stands_without_the_optional_fields(market):
    for name in ("probability_up", "skill", "benchmark"):
        del market.forecast[name]
    market.forecast["intervals"] = []
    html = headline_html(EN, Forecast.parse(market.forecast))
    assert "$3,231.40" in html
    assert "\N{EM DASH}" in html


def test_nothing_from_the_api_becomes_markup(market):
    forecast = Forecast.parse({**market.forecast, "currency": "<b>"})
    assert "<b>" not in headline_html(EN, forecast)
    assert markdown_text("a *b* $1 $2 :red[x]\n# c") == r"a \*b\* \$1 \$2 \:red\[x\] \# c"
    assert dollars_escaped("**$1** to $2") == r"**\$1** to \$2"


def test_what_an_address_asks_for_is_cut_where_it_is_long():
    assert asked_text("a*b") == r"a\*b"
    assert asked_text("x" * 40) == "x" * 40
    assert asked_text("x" * 41) == "x" * 40 + "…"


def test_the_leaderboard_ranks_by_crps_and_marks_the_one_that_serves(market):
    table = tables.leaderboard_table(EN, Evaluation.parse(market.evaluation))
    assert table["Model"][0] == "Neural network, MLP (served here)"
    assert table["Model"][-1] == "Random walk (tomorrow = today)"
    assert table["CRPS (ranges)"][0] == "0.503\xa0%"


def test_the_leaderboard_keeps_the_p_of_the_price_apart_from_that_of_the_ranges(market):
    table = tables.leaderboard_table(EN, Evaluation.parse(market.evaluation))
    assert table["Price error (RMSE) vs random walk"][0] == "+0.21\xa0%"
    assert table["p of the price error vs random walk"][0] == "0.430"
    assert table["p of the CRPS (ranges) vs random walk"][0] == "< 0.001"
    assert table["p of the CRPS (ranges) vs GARCH-t"][0] == "0.410"
    assert table["p of the price error vs random walk"][-1] == "\N{EM DASH}"
    assert table["p of the CRPS (ranges) vs random walk"][-1] == "\N{EM DASH}"


def test_an_answer_without_the_p_of_the_price_leaves_it_open(market):
    for row in market.evaluation["rows"]:
        del row["dm_p_rmse_vs_random_walk"]
    table = tables.leaderboard_table(EN, Evaluation.parse(market.evaluation))
    assert set(table["p of the price error vs random walk"]) == {"\N{EM DASH}"}
    assert table["p of the CRPS (ranges) vs random walk"][0] == "< 0.001"


def test_the_crps_is_also_told_as_its_difference_from_the_random_walks(market):
    shares = tables.leaderboard_table(EN, Evaluation.parse(market.evaluation))
    assert shares["CRPS (ranges) vs random walk"][0] == "\N{MINUS SIGN}3.82\xa0%"
    assert shares["CRPS (ranges) vs random walk"][-1] == "0.00\xa0%"
    market.evaluation["rows"].pop(0)
    alone = tables.leaderboard_table(EN, Evaluation.parse(market.evaluation))
    assert set(alone["CRPS (ranges) vs random walk"]) == {"\N{EM DASH}"}


@pytest.mark.parametrize("language", [EN, ES])
def test_every_rival_has_a_friendly_name(market, language):
    for row in market.evaluation["rows"]:
        assert language.named("model", row["name"]) != row["name"]


def test_each_cell_of_a_table_carries_its_columns_name():
    html = tables.table_html({"Model": ["a<b"], "p": ["< 0.001"]}, label='the "board"')
    assert 'aria-label="the &quot;board&quot;"' in html
    assert '<th scope="row" role="rowheader">a&lt;b</th>' in html
    assert '<td role="cell" data-name="p">&lt; 0.001</td>' in html


def test_columns_of_words_are_told_from_columns_of_numbers():
    words = ["inside", "\N{CHECK MARK} evenly (p 0.658)", "14 Apr 2025, 23:00", "2025-04-15-7c2e"]
    numbers = [
        "USDT 61,000.00", "61.000,00 US$", "0,0000123 PEPE", "$5", "< 0.001",
        "\N{MINUS SIGN}2.5\xa0%", "\N{EM DASH}", "",
    ]  # fmt: skip
    table = {"Day": ["1", "2"], **{cell: ["1", cell] for cell in [*words, *numbers]}}
    html = tables.table_html(table, label="")
    assert html.count('<th scope="col" role="columnheader" class="words">') == len(words)
    for cell in words:
        assert f'<td role="cell" class="words" data-name="{cell}">{cell}</td>' in html


def test_a_row_without_scores_comes_last(market):
    market.evaluation["rows"].insert(0, {"name": "newcomer"})
    table = tables.leaderboard_table(EN, Evaluation.parse(market.evaluation))
    assert table["Model"][-1] == "newcomer"


@pytest.mark.parametrize(
    ("feature", "value", "words"),
    [
        ("next_fomc", 1.0, "yes"),
        ("next_fomc", 0.0, "no"),
        ("gold_return_0", 1.0, "1.00"),
        ("sp500_age", None, "\N{EM DASH}"),
    ],
)
def test_calendar_inputs_are_yes_or_no(feature, value, words):
    assert feature_value(EN, FeatureEffect(feature, value, 0.1)) == words


def test_bars_are_downloaded_as_the_training_flow_reads_them(market):
    history = History.parse(market.history)
    rows = list(csv.DictReader(io.StringIO(tables.bars_csv(history.bars, source="simulated"))))
    assert len(rows) == 250
    assert list(rows[0])[:6] == ["date", "open", "high", "low", "close", "volume"]
    assert rows[-1]["date"] == "2025-04-14"
    assert float(rows[-1]["close"]) == 3230.4
    assert {row["source"] for row in rows} == {"simulated"}


@pytest.mark.parametrize(
    ("quantiles", "expected"),
    [
        ({"0.975": 3301.15, "0.5": 3231.4}, [0.5, 0.975]),
        (None, [0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975]),
    ],
)
def test_the_forecast_is_downloaded_as_quantiles(market, quantiles, expected):
    text = tables.forecast_csv(Forecast.parse({**market.forecast, "quantiles": quantiles}))
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [float(row["quantile"]) for row in rows] == expected
    prices = [float(row["price"]) for row in rows]
    assert prices == sorted(prices)
    assert rows[0]["target"] == "2025-04-15"
