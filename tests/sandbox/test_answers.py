"""What a call with good and bad rows stores and answers, under each assumption."""

from __future__ import annotations

import pytest

ROWS = [
    {"whatsApp": "8610000001"},
    {"whatsApp": "8610000002", "Unknown": "field"},
    {"whatsApp": "8610000003"},
    {"whatsApp": "bad"},
]
GOOD = ["8610000001", "8610000003"]
BAD = ["8610000002", "bad"]
FIRST_REFUSAL = {"code": 533, "message": "extended field format error", "data": ""}


def named(data):
    return {"code": 200, "message": "Success", "data": data}


def numbers(sandbox):
    return [customer["whatsApp"] for customer in sandbox.customers()]


@pytest.mark.parametrize("failures", ["unnamed", "whats_ids", "lists"])
def test_an_atomic_call_stores_nothing_and_answers_the_first_refusal(client, sandbox, failures):
    sandbox.configure(refusal="atomic", failures=failures)

    assert client.send_body(ROWS).json() == FIRST_REFUSAL
    assert numbers(sandbox) == []


@pytest.mark.parametrize(
    ("failures", "answer"),
    [
        ("unnamed", FIRST_REFUSAL),
        ("whats_ids", named({"isAllOk": False, "total": 4, "successWhatsIds": GOOD, "failWhatsIds": BAD})),
        ("lists", named({"success": GOOD, "fail": BAD})),
    ],
)
def test_a_partial_call_stores_the_good_rows_and_names_the_bad_ones_as_told(client, sandbox, failures, answer):
    sandbox.configure(refusal="partial", failures=failures)

    assert client.send_body(ROWS).json() == answer
    assert numbers(sandbox) == GOOD


@pytest.mark.parametrize(
    ("failures", "answer"),
    [
        ("unnamed", named("")),
        ("whats_ids", named({"isAllOk": True, "total": 1, "successWhatsIds": ["8610000001"], "failWhatsIds": []})),
        ("lists", named({"success": ["8610000001"], "fail": []})),
    ],
)
@pytest.mark.parametrize("refusal", ["atomic", "partial"])
def test_a_call_of_good_rows_is_a_success(client, sandbox, refusal, failures, answer):
    sandbox.configure(refusal=refusal, failures=failures)

    assert client.send_body(ROWS[:1]).json() == answer


@pytest.mark.parametrize(
    ("strangers", "rows", "data"),
    [
        ("extra", ROWS, {"success": GOOD, "fail": [*BAD, "10000000000"]}),
        ("missing", ROWS, {"success": GOOD, "fail": BAD[:-1]}),
        ("missing", ROWS[:1], {"success": [], "fail": []}),
    ],
)
def test_a_naming_answer_can_name_a_stranger_or_leave_one_out(client, sandbox, strangers, rows, data):
    sandbox.configure(refusal="partial", failures="lists", strangers=strangers)

    assert client.send_body(rows).json() == named(data)
