"""The numbers behind a picture: one source for the table and the file."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

import invented_records
from assay_frontend.api.backtest_models import Backtest
from assay_frontend.api.models import FeatureEffect
from assay_frontend.api.registry_models import ChampionCard
from assay_frontend.api.track_models import GoldRecord, ReliabilityPoint, SignalRecord
from assay_frontend.components.coverage_chart import coverage_numbers
from assay_frontend.components.effects import effects_numbers
from assay_frontend.components.equity_chart import equity_numbers, portfolio_numbers
from assay_frontend.components.loss_chart import losses_numbers
from assay_frontend.components.models_tables import (
    crps_numbers,
    tails_numbers,
    volatility_numbers,
)
from assay_frontend.components.numbers import Column, Numbers
from assay_frontend.components.pit_chart import pit_numbers
from assay_frontend.components.reliability_chart import reliability_numbers
from assay_frontend.components.share_chart import HeldOverTime, shares_numbers
from assay_frontend.components.skill_chart import skill_numbers
from assay_frontend.i18n import translator
from assay_frontend.i18n.formats import MISSING, percent

EN, ES = translator("en"), translator("es")
DESCRIPTION = Path(__file__).parents[3] / "docs" / "openapi.json"


def rows_of(numbers):
    return list(csv.DictReader(io.StringIO(numbers.csv)))


def test_the_table_is_for_readers_and_the_file_for_programs():
    numbers = Numbers.of(
        [
            Column("day", [date(2025, 4, 14), date(2025, 4, 15)], "Day"),
            Column("share", [0.1234, None], "Share", lambda share: percent(EN, share)),
            Column("held", [True, False]),
            Column("", ["a", "b"], "Word"),
        ],
        file="x.csv",
        newest_first=True,
    )
    assert numbers.table == {
        "Day": ["2025-04-15", "2025-04-14"],
        "Share": [MISSING, "12\xa0%"],
        "Word": ["b", "a"],
    }
    assert numbers.csv == "day,share,held\n2025-04-14,0.1234,true\n2025-04-15,,false\n"
    assert numbers.rows == 2


def test_a_file_says_in_every_row_what_it_is_about_and_the_table_does_not():
    about = {"symbol": "GC=F", "last": date(2025, 4, 15)}
    numbers = Numbers.of([Column("n", [1, 2], "N")], file="x.csv", about=about)
    assert numbers.csv == "n,symbol,last\n1,GC=F,2025-04-15\n2,GC=F,2025-04-15\n"
    assert numbers.table == {"N": ["1", "2"]}


def test_columns_of_unequal_length_are_refused():
    with pytest.raises(ValueError, match="argument 2 is longer"):
        Numbers.of([Column("a", [1]), Column("b", [1, 2])], file="x.csv")


def made(t):
    """Each kind of numbers, of the invented answers."""
    paths = json.loads(DESCRIPTION.read_text(encoding="utf-8"))["paths"]
    answer = paths["/v1/crypto/backtest"]["post"]["responses"]["200"]
    gold = GoldRecord.parse(invented_records.gold_record())
    signals = SignalRecord.parse(invented_records.signal_record())
    card = ChampionCard.parse(invented_records.champion())
    tested = Backtest.parse(answer["content"]["application/json"]["example"])
    held = HeldOverTime(0.8, tuple(bool(o.held(0.8)) for _, o in gold.scored))
    moments = [datetime(2025, 4, 1, tzinfo=UTC)] * len(held.held)
    file, about = "x.csv", {"symbol": "GC=F"}
    return {
        "reliability": reliability_numbers(
            t, [ReliabilityPoint(50, 0.14, 0.16)], file=file, about=about
        ),
        "pit": pit_numbers(t, gold.pit, file=file, about=about),
        "held": shares_numbers(t, [held], moments, file=file, about=about),
        "skill": skill_numbers(t, gold.scored, file=file, about=about),
        "losses": losses_numbers(t, signals.scored, UTC, file=file, about=about),
        "coverage": coverage_numbers(t, card.evaluation.rows, file=file),
        "crps": crps_numbers(t, card.evaluation, file=file),
        "volatility": volatility_numbers(t, card.volatility.held_out, file=file),
        "tails": tails_numbers(t, card.volatility.held_out.tails, file=file),
        "equity": equity_numbers(t, tested, UTC, file=file),
        "portfolio": portfolio_numbers(t, tested, file=file),
        "effects": effects_numbers(t, [FeatureEffect("next_fomc", 1.0, 0.1)], file=file),
    }


@pytest.mark.parametrize("language", [EN, ES])
def test_a_table_has_as_many_rows_as_its_file_and_no_cell_is_empty(language):
    for name, numbers in made(language).items():
        assert numbers.rows == len(rows_of(numbers)) > 0, name
        assert all(cell for cells in numbers.table.values() for cell in cells), name


def test_files_hold_shares_and_names_as_the_service_gives_them():
    numbers = made(ES)
    assert rows_of(numbers["reliability"]) == [
        {"said": "0.14", "happened": "0.16", "n": "50", "symbol": "GC=F"}
    ]
    assert numbers["effects"].table["Valor"] == ["sí"]
    assert rows_of(numbers["effects"])[0]["value"] == "1.0"
    assert sum(int(row["n"]) for row in rows_of(numbers["pit"])) == 120
    first = rows_of(numbers["equity"])[0]
    assert float(first["drawdown"]) <= 0
    assert first["source"]
    assert {row["figure"] for row in rows_of(numbers["portfolio"])} >= {"sharpe", "max_drawdown"}
