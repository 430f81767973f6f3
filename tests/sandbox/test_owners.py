"""The endpoint that clears owners."""

from __future__ import annotations

import pytest

from tests.support.body_calls import CLEAR_OWNERS, post

NUMBERS = ["8613800000001", "8613800000002"]


@pytest.fixture
def crm(sandbox, client):
    client.send_body([{"whatsApp": number} for number in NUMBERS])
    return sandbox


def header_signed(client, **fields):
    body = {"tenantId": 1, "userName": "admin", "data": NUMBERS, **fields}
    return client.send_header(None, path=CLEAR_OWNERS, body={k: v for k, v in body.items() if v is not None}).json()


def test_the_response_names_each_number(crm):
    answer = post(crm, CLEAR_OWNERS, {"data": [*NUMBERS, 8613800000003]}).json()

    assert answer["data"] == {
        "isAllOk": False,
        "total": 3,
        "successWhatsIds": NUMBERS,
        "failWhatsIds": ["8613800000003"],
    }
    assert {customer["agent"] for customer in crm.customers()} == {""}


def test_either_generation_may_sign(crm, client):
    assert header_signed(client)["data"]["isAllOk"] is True
    assert header_signed(client, userName=None)["code"] == 524
    assert header_signed(client, userName="agent_wang")["code"] == 530
    assert header_signed(client, tenantId=2)["code"] == 501
    crm.configure(owners_signing="body")
    assert header_signed(client)["code"] == 525


@pytest.mark.parametrize(("count", "code"), [(0, 534), (50, 200), (51, 507)])
def test_a_call_takes_fifty_numbers(crm, count, code):
    numbers = [f"86138{place:08}" for place in range(count)]

    assert post(crm, CLEAR_OWNERS, {"data": numbers}).json()["code"] == code


@pytest.mark.parametrize(
    ("strangers", "named"), [("none", NUMBERS), ("extra", [*NUMBERS, "10000000000"]), ("missing", NUMBERS[:1])]
)
def test_a_response_may_name_other_numbers(crm, strangers, named):
    crm.configure(strangers=strangers)

    data = post(crm, CLEAR_OWNERS, {"data": NUMBERS}).json()["data"]

    assert data["successWhatsIds"] + data["failWhatsIds"] == named
