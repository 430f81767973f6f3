"""Which rows are rejected and with which code, and what a call with good and bad rows stores and answers."""

from __future__ import annotations

import pytest

EXTENSIONS = {"Level": "select:Gold|Silver", "Since": "date", "Points": "number", "Note": "text"}
NUMBER = "8615266667780"
ROWS = [
    {"whatsApp": "8610000001"},
    {"whatsApp": "8610000002", "Unknown": "field"},
    {"whatsApp": "8610000003"},
    {"whatsApp": "bad"},
]
GOOD = ["8610000001", "8610000003"]
BAD = ["8610000002", "bad"]
FIRST_REJECTION = {"code": 533, "message": "extended field format error", "data": ""}


@pytest.mark.parametrize(
    ("row", "code", "message"),
    [
        ({}, -1, "whatsApp is error"),
        ({"whatsApp": ""}, -1, "whatsApp is error"),
        ({"whatsApp": 8615266667780}, -1, "whatsApp is error"),
        ({"whatsApp": "+8615266667780"}, -1, "whatsApp is error"),
        ({"whatsApp": "123456"}, -1, "whatsApp is error"),
        ({"whatsApp": "1234567890123456"}, -1, "whatsApp is error"),
        ({"whatsApp": "\N{ARABIC-INDIC DIGIT ONE}" * 10}, -1, "whatsApp is error"),
        ("8615266667780", -1, "data format error"),
        ({"whatsApp": NUMBER, "birthday": "2020-03-08"}, -1, "birthday format error"),
        ({"whatsApp": NUMBER, "birthday": "2020/3/8"}, -1, "birthday format error"),
        ({"whatsApp": NUMBER, "birthday": "2020/02/30"}, -1, "birthday format error"),
        ({"whatsApp": NUMBER, "friendName": None}, -1, "friendName format error"),
        ({"whatsApp": NUMBER, "tabName": ["VIP"]}, -1, "tabName format error"),
        ({"whatsApp": NUMBER, "Shoe Size": "42"}, 533, "extended field format error"),
        ({"whatsApp": NUMBER, "Level": "Bronze"}, 533, "extended field format error"),
        ({"whatsApp": NUMBER, "Level": "Gold|Silver"}, 533, "extended field format error"),
        ({"whatsApp": NUMBER, "Since": "08.03.2020"}, 533, "extended field format error"),
        ({"whatsApp": NUMBER, "Points": "many"}, 533, "extended field format error"),
        ({"whatsApp": NUMBER, "Points": 7}, 533, "extended field format error"),
        ({"whatsApp": NUMBER, "Note": None}, 533, "extended field format error"),
    ],
)
def test_a_bad_row_is_rejected_with_its_code_and_nothing_is_stored(client, sandbox, row, code, message):
    sandbox.configure(extension_fields=EXTENSIONS)

    assert client.send_body([row]).json() == {"code": code, "message": message, "data": ""}
    assert sandbox.customers() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"birthday": "2020/03/08", "sex": "male", "desc": "", "income": "100 $"},
        {"birthday": "", "Level": "", "Since": "", "Points": "", "Note": ""},
        {"Level": "Gold", "Since": "2020/03/08", "Points": "-7.5", "Note": "any \N{SNOWMAN}"},
    ],
)
def test_a_good_row_is_stored_exactly_as_received(client, sandbox, fields):
    sandbox.configure(extension_fields=EXTENSIONS)

    assert client.send_body([{"whatsApp": NUMBER, **fields}]).json()["code"] == 200
    assert [(customer["whatsApp"], customer["fields"]) for customer in sandbox.customers()] == [(NUMBER, fields)]


@pytest.mark.parametrize("agent", [{}, {"agentAccount": None}, {"agentAccount": "nobody"}, {"agentAccount": "admin"}])
def test_a_row_of_a_batch_needs_a_known_agent(client, sandbox, agent):
    assert client.send_header([{"whatsApp": NUMBER, **agent}]).json()["code"] == 531
    assert sandbox.customers() == []


def test_each_row_of_a_batch_goes_to_its_own_agent_and_all_rows_of_a_call_to_its_user(client, sandbox):
    client.send_header(
        [
            {"whatsApp": "8610000001", "agentAccount": "agent_novak"},
            {"whatsApp": "8610000002", "agentAccount": "agent_wang"},
        ]
    )
    client.send_body([{"whatsApp": "8610000003"}], "agent_silva")

    stored = [(customer["whatsApp"], customer["agent"]) for customer in sandbox.customers()]
    assert stored == [("8610000001", "agent_novak"), ("8610000002", "agent_wang"), ("8610000003", "agent_silva")]


@pytest.mark.parametrize("data", [None, [], {}, "rows"])
def test_a_call_without_rows_has_empty_data(client, data):
    assert client.send_body(data).json()["code"] == 506
    assert client.send_header(data).json()["code"] == 506


def test_too_many_rows_are_too_big(client, sandbox):
    sandbox.configure(rows_per_call=2)

    assert client.send_body([{"whatsApp": f"861000000{n}"} for n in range(3)]).json()["code"] == 507
    assert client.send_body([{"whatsApp": f"861000000{n}"} for n in range(2)]).json()["code"] == 200


def test_the_bytes_of_the_whole_body_are_counted(client, sandbox):
    rows = [{"whatsApp": NUMBER, "desc": "x" * 1000}]
    size = len(client.send_body(rows).request.body)

    sandbox.configure(bytes_per_call=size - 1)
    assert client.send_body(rows).json() == {"code": 507, "message": "data size big", "data": ""}

    sandbox.configure(bytes_per_call=size)
    assert client.send_body(rows).json()["code"] == 200


def named(data):
    return {"code": 200, "message": "Success", "data": data}


def numbers(sandbox):
    return [customer["whatsApp"] for customer in sandbox.customers()]


@pytest.mark.parametrize("failures", ["unnamed", "whats_ids", "lists"])
def test_an_atomic_call_stores_nothing_and_answers_the_first_rejection(client, sandbox, failures):
    sandbox.configure(refusal="atomic", failures=failures)

    assert client.send_body(ROWS).json() == FIRST_REJECTION
    assert numbers(sandbox) == []


@pytest.mark.parametrize(
    ("failures", "answer"),
    [
        ("unnamed", FIRST_REJECTION),
        ("whats_ids", named({"isAllOk": False, "total": 4, "successWhatsIds": GOOD, "failWhatsIds": BAD})),
        ("lists", named({"success": GOOD, "fail": BAD})),
    ],
)
def test_a_partial_call_stores_the_good_rows_and_names_the_bad_ones_as_configured(client, sandbox, failures, answer):
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
def test_an_answer_that_names_rows_can_add_an_unsent_number_or_omit_one(client, sandbox, strangers, rows, data):
    sandbox.configure(refusal="partial", failures="lists", strangers=strangers)

    assert client.send_body(rows).json() == named(data)
