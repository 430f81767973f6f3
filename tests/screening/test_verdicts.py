"""Verdicts are joined with the numbers of a table."""

from __future__ import annotations

import logging
from typing import Any

import pyarrow as pa
import pytest

from airflow_provider_socialscrm.api.errors import ResponseFormError, StopError
from airflow_provider_socialscrm.screening.numbers import TableNumbers
from airflow_provider_socialscrm.screening.verdicts import fetch_results, joined

ANN, BEN, EVE = "919876543210", "919876543211", "4915112345678"


def item(number: str, verdict: Any, **more: Any) -> dict[str, Any]:
    return {"number": number, "status": verdict} | more


def join(*orders: Any, path: Any = None) -> list[tuple[str | None, bool]]:
    """Return the verdict of Ann, Ben and Eve, and whether there is an item, given the results of some orders."""
    numbers = TableNumbers(pa.array([EVE, ANN, BEN]), pa.array([0, 1, 2]), ())
    named = {f"order {place}": data for place, data in enumerate(orders)}
    verdicts = joined(numbers, fetch_results(list(named), named.__getitem__, path))
    eve, *others = zip(verdicts.texts.to_pylist(), verdicts.raw.is_valid().to_pylist(), strict=True)
    return [*others, eve]


NOTHING = (None, False)


@pytest.mark.parametrize(
    ("orders", "expected"),
    [
        pytest.param([[item(ANN, "on"), item(EVE, "off")], [item(BEN, "on")]], ["on", "on", "off"], id="two orders"),
        pytest.param([[item(EVE, "on")], [item(ANN, "on")]], ["on", None, "on"], id="a number without an item"),
        pytest.param([[item(ANN, "on"), item(ANN, "on")]], ["on", None, None], id="the same twice"),
        pytest.param([[item(ANN, "on"), item(BEN, "on")], [item(ANN, "off")]], [None, "on", None], id="two verdicts"),
        pytest.param(
            [[item(ANN, "on"), item(ANN, "off"), item(ANN, "on"), item(BEN, "on")]], [None, "on", None], id="three"
        ),
        pytest.param([[item(ANN, ""), item(BEN, "on")]], [("", True), "on", None], id="an item without a verdict"),
        pytest.param([[item("4930123456", "on"), item(BEN, "on")]], [None, "on", None], id="another's number"),
    ],
)
def test_each_number_has_the_verdict_on_which_all_items_agree(orders, expected):
    wanted = [
        NOTHING if each is None else (None, True) if isinstance(each, tuple) else (each, True) for each in expected
    ]

    assert join(*orders) == wanted


def test_of_equal_verdicts_the_last_item_is_kept():
    numbers = TableNumbers(pa.array([ANN]), pa.array([0]), ())
    data = [item(ANN, "on", at=1), item(ANN, "on", at=2)]

    verdicts = joined(numbers, fetch_results(["order"], lambda _: data, None))

    assert verdicts.raw.to_pylist() == ['{"number":"919876543210","status":"on","at":2}']
    assert verdicts.counts == {"on": 1}


def test_strangers_are_counted_once_and_results_about_strangers_only_are_an_error(caplog):
    stranger = item("4930123456", "on")
    with caplog.at_level(logging.WARNING):
        join([stranger, stranger, item(ANN, "on")])

    assert "1 number that data does not have" in caplog.text
    with pytest.raises(StopError, match="order 0, order 1 have results, and none is about a number of data"):
        join([stranger], [stranger])


def test_results_of_which_one_has_an_unknown_form_are_all_kept_as_they_came(tmp_path):
    with pytest.raises(ResponseFormError):
        join([item(ANN, "on")], "unknown", [item(BEN, "on")], path=tmp_path / "a.csv")

    lines = (tmp_path / "a.csv.results.jsonl").read_text(encoding="utf-8").splitlines()
    assert [line[:18] for line in lines] == [f'{{"order":"order {n}"' for n in range(3)]
    assert ANN in lines[0]
