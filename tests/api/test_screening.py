"""Requests and results of number screening, without a server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.errors import ResponseFormError
from airflow_provider_socialscrm.api.screening import (
    FEWEST_NUMBERS,
    MOST_NUMBERS,
    is_finished,
    order_id_of,
    part_sizes,
    parts_of,
    progress_query,
    result_of,
    result_query,
    screening_order,
)

NUMBERS = [f"9198765{n:05}" for n in range(500)]


@given(st.integers(FEWEST_NUMBERS, 3_000_000))
def test_parts_are_balanced_and_each_is_an_order_that_the_crm_takes(numbers):
    sizes = part_sizes(numbers)

    assert sum(sizes) == numbers
    assert all(FEWEST_NUMBERS <= size <= MOST_NUMBERS for size in sizes)
    assert max(sizes) - min(sizes) <= 1
    assert len(sizes) == -(-numbers // MOST_NUMBERS)


@pytest.mark.parametrize(
    ("numbers", "sizes"),
    [(500, [500]), (20_000, [20_000]), (20_001, [10_001, 10_000]), (40_499, [13_500, 13_500, 13_499])],
)
def test_the_last_part_is_not_too_small(numbers, sizes):
    assert part_sizes(numbers) == sizes


@given(st.integers(-5, FEWEST_NUMBERS - 1))
def test_fewer_numbers_than_an_order_takes_are_refused_in_one_sentence(numbers):
    with pytest.raises(ValueError, match=r"^An order of the CRM takes at least 500 different numbers, [^.]*\.$"):
        part_sizes(numbers)


@given(st.integers(FEWEST_NUMBERS, 70_000))
def test_parts_have_each_number_once_in_order(count):
    numbers = range(count)

    assert [number for part in parts_of(numbers) for number in part] == list(numbers)


def test_an_order_has_the_documented_fields_and_is_never_repeated():
    request = screening_order(NUMBERS, "active", "in", "recently")

    assert request.body == {"data": NUMBERS, "type": 1, "country": "IN", "activeType": 2}
    assert (request.path, request.method, request.repeatable) == (
        "/wscrm-bus-api/open/scan/screenWhatsApp",
        "POST",
        False,
    )
    assert NUMBERS[0] not in repr(request)


@pytest.mark.parametrize(("kind", "number"), [("is_whatsapp", 0), ("active", 1), ("gender", 2)])
def test_each_kind_has_its_number(kind, number):
    assert screening_order(NUMBERS, kind, "IN").body == {"data": NUMBERS, "type": number, "country": "IN"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((NUMBERS[1:], "gender", "IN"), "this one has 499"),
        ((NUMBERS * 41, "gender", "IN"), "this one has 20,500"),
        ((NUMBERS, "avatar", "IN"), "kind must be one of is_whatsapp, active, gender"),
        ((NUMBERS, "gender", "India"), "two letters"),
        ((NUMBERS, "gender", "91"), "two letters"),
        ((NUMBERS, "gender", None), "two letters"),
        ((NUMBERS, "active", "IN", "often"), "activity must be one of"),
        ((NUMBERS, "gender", "IN", "recent"), "activity needs kind='active'"),
    ],
)
def test_an_order_that_the_crm_does_not_take_is_refused_in_one_sentence(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        screening_order(*arguments)


@pytest.mark.parametrize(
    "wrong", ["", "+919876500000", "98", "0919876500000", "9198 76500000", "Xavier", None, 919876500000]
)
def test_what_is_not_a_number_is_named_by_its_position(wrong):
    with pytest.raises(ValueError, match=r"^2 of 502 numbers are not .* correct those at 0, 501, counted") as failure:
        screening_order([wrong, *NUMBERS, wrong], "gender", "IN")
    assert str(wrong or "9198") not in str(failure.value)


def test_orders_of_one_path_share_its_pace_and_may_be_asked_again():
    for request in (progress_query("17"), result_query("17"), result_query("17", method="GET")):
        assert request.path == f"{request.paced_as}/17"
        assert request.repeatable


@pytest.mark.parametrize("order", ["", "a/b", "../x", "a b", "a?b=1", "a#b", "..", "x" * 129, "é", None, 17])
def test_an_id_that_would_lead_elsewhere_is_refused(order):
    for query in (progress_query, result_query):
        with pytest.raises(ValueError, match="id of an order"):
            query(order)


@pytest.mark.parametrize(
    ("data", "order"),
    [("1780", "1780"), (1780, "1780"), (" a-1 ", "a-1"), ({"orderId": 7}, "7"), ({"id": "x"}, "x")],
)
def test_the_id_of_an_order_is_read_leniently(data, order):
    assert order_id_of(data) == order


@pytest.mark.parametrize("data", ["", None, True, [], {}, {"orderId": ""}, 1.5, "a/b", ["1780"]])
def test_a_response_without_an_id_is_not_taken_for_one(data):
    with pytest.raises(ResponseFormError):
        order_id_of(data)


@pytest.mark.parametrize(
    ("data", "finished"), [(1, True), (0, False), ("1", True), ("0", False), (True, True), (False, False), (1.0, True)]
)
def test_an_order_is_finished_or_not(data, finished):
    assert is_finished(data) is finished


@pytest.mark.parametrize("data", [2, -1, "", None, [], {}, "done"])
def test_anything_else_is_neither(data):
    with pytest.raises(ResponseFormError):
        is_finished(data)


def verdicts(data: Any) -> list[tuple[str, str]]:
    return [(each.number, each.verdict) for each in result_of("17", data).verdicts]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([{"whatsApp": "919876500001", "isWhatsApp": 1}, {"whatsApp": "919876500002", "isWhatsApp": 0}], ["yes", "no"]),
        ([{"phone": 919876500001, "exists": True}, {"phone": 919876500002, "exists": False}], ["yes", "no"]),
        ([{"phone": "+919876500001", "status": 1}, {"phone": "919876500002@c.us", "status": 0}], ["1", "0"]),
        ([{"number": "919876500001", "gender": "male"}, {"number": "919876500002", "gender": None}], ["male", ""]),
        ([{"mobile": "919876500001", "whatever": "A"}, {"mobile": "919876500002", "whatever": "B"}], ["A", "B"]),
        ({"919876500001": 1, "919876500002": "x"}, ["1", "x"]),
        ({"919876500001": True, "919876500002": False}, ["yes", "no"]),
        ({"valid": ["919876500001"], "invalid": ["919876500002"]}, ["valid", "invalid"]),
        (
            {"total": 2, "records": [{"phone": "919876500001", "sex": 1}, {"phone": "919876500002", "sex": 2}]},
            ["1", "2"],
        ),
    ],
)
def test_known_forms_of_a_result_are_read_and_a_verdict_is_not_guessed(data, expected):
    assert verdicts(data) == [("919876500001", expected[0]), ("919876500002", expected[1])]
    assert verdicts(json.dumps(data)) == verdicts(data)


@pytest.mark.parametrize(
    "data",
    [
        None,
        "",
        "text",
        17,
        [],
        {},
        ["919876500001", "919876500002"],  # those that are on WhatsApp, or those that are not?
        {"records": ["919876500001"]},
        [{"name": "A", "isWhatsApp": 1}],
        [{"whatsApp": "919876500001", "a": 1, "b": 2}],
        [{"whatsApp": "919876500001"}],
        {"yes": [{"whatsApp": "919876500001"}], "no": []},
        {"code": 1},
    ],
)
def test_a_result_of_another_form_is_not_read(data):
    with pytest.raises(ResponseFormError):
        result_of("17", data)


def test_a_result_has_all_of_its_data_and_shows_none():
    data = [{"whatsApp": "919876500001", "isWhatsApp": 1, "avatar": "x.png"}]
    result = result_of("17", data)

    assert (result.raw, result.verdicts[0].raw) == (data, data[0])
    assert "9198765" not in repr(result) + repr(result.verdicts[0])
