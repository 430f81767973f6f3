"""Number screening in the sandbox: orders, their progress, their results, and what they cost."""

from __future__ import annotations

import pytest
import requests

from airflow_provider_socialscrm.sandbox.screening import verdict_of

ORDER = "/wscrm-bus-api/open/scan/screenWhatsApp"
PROGRESS = "/wscrm-bus-api/open/scan/queryTaskStatus/"
RESULT = "/wscrm-bus-api/open/scan/queryTaskDetails/"
NUMBERS = [f"9198765{n:05}" for n in range(500)]


@pytest.fixture
def screen(client, sandbox):
    """Order a screening; the sandbox finishes at once unless a test says otherwise."""
    sandbox.configure(screening_seconds=0)

    def order(**changes):
        body = {"data": NUMBERS, "type": 0, "country": "IN", **changes}
        return client.send_header(None, path=ORDER, body=body).json()

    return order


def answer(client, path):
    return client.send_header(None, path=path, body={}).json()


def test_an_order_is_taken_then_finished_then_read(client, sandbox, screen):
    sandbox.configure(screening_seconds=3600)
    order = screen()["data"]

    assert isinstance(order, str)
    assert answer(client, PROGRESS + order)["data"] == 0
    assert answer(client, RESULT + order)["code"] == -1
    sandbox.configure(screening_seconds=0)
    assert answer(client, PROGRESS + order)["data"] == 1
    result = answer(client, RESULT + order)["data"]
    assert [each["whatsApp"] for each in result] == NUMBERS
    assert [each["isWhatsApp"] for each in result[:10]] == [1] * 7 + [0] * 3


@pytest.mark.parametrize(("kind", "verdict"), [(0, 1), (1, 1), (2, "male")])
def test_a_verdict_is_that_of_the_last_digit(kind, verdict):
    assert verdict_of("919876500000", kind) == verdict
    assert {type(verdict_of(number, kind)) for number in NUMBERS} == {type(verdict)}


@pytest.mark.parametrize(("limit", "code"), [("507", 507), ("-1", -1)])
@pytest.mark.parametrize("count", [499, 20_001])
def test_too_few_or_too_many_numbers_are_refused_as_configured(sandbox, screen, limit, code, count):
    sandbox.configure(screening_limit=limit)

    assert screen(data=[f"9198765{n:05}" for n in range(count)])["code"] == code
    assert screen(data=[f"9198765{n:05}" for n in range(20_000)])["code"] == 200


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"data": []}, 506),
        ({"data": "x"}, 506),
        ({"data": [*NUMBERS, "+919876500000"]}, -1),
        ({"data": [*NUMBERS, 919876500000]}, -1),
        ({"type": 3}, -1),
        ({"type": "gender"}, -1),
        ({"country": "India"}, -1),
        ({"country": None}, -1),
    ],
)
def test_a_wrong_order_is_refused_and_costs_nothing(client, screen, changes, code):
    assert screen(**changes)["code"] == code
    assert client.admin("GET", "orders").json() == {"paid_numbers": 0, "orders": []}


def test_an_unknown_order_and_a_wrong_signature_are_refused(client, screen):
    assert answer(client, PROGRESS + "17")["code"] == answer(client, RESULT + "17")["code"] == -1
    assert client.send_header(None, path=ORDER, body={}, token="wrong").json()["code"] == 522


def test_the_page_shows_orders_and_what_they_cost_and_no_number(client, screen):
    order = screen()["data"]
    screen(type=2)

    listed = client.admin("GET", "orders").json()
    assert listed["paid_numbers"] == 1000
    assert listed["orders"][0] == {
        "id": order, "kind": "is WhatsApp", "country": "IN", "numbers": 500, "state": "finished",
    }  # fmt: skip
    page = client.page()
    assert 'id="orders"' in page
    assert "1,000 numbers to pay" in page
    assert NUMBERS[0] not in page


@pytest.mark.parametrize("form", ["objects", "map", "lists", "numbers"])
def test_a_result_has_the_configured_form(client, sandbox, screen, form):
    sandbox.configure(screening_result=form)
    data = answer(client, RESULT + screen()["data"])["data"]

    assert type(data) is (list if form in {"objects", "numbers"} else dict)
    assert "919876500006" in str(data)


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_result_is_read_by_the_configured_method_only(client, sandbox, screen, method):
    order = screen()["data"]
    sandbox.configure(screening_method=method)
    signed = client.send_header(None, path=PROGRESS + order, body={}).request.headers
    headers = {name: signed[name] for name in ("tenant_id", "timestamp", "token")}

    statuses = {
        each: requests.request(each, sandbox.url + RESULT + order, headers=headers, timeout=10).status_code
        for each in ("POST", "GET")
    }
    assert statuses == {each: 200 if each == method else 405 for each in ("POST", "GET")}


def test_an_order_may_never_finish(client, sandbox, screen):
    sandbox.inject("order_never_finishes", times=1)
    order = screen()["data"]

    assert answer(client, PROGRESS + order)["data"] == 0
    assert client.admin("GET", "orders").json()["orders"][0]["state"] == "never finishes"
    assert answer(client, PROGRESS + screen()["data"])["data"] == 1


def test_an_order_may_be_taken_and_its_response_lost(client, sandbox, screen):
    sandbox.inject("order_response_lost", times=1)

    with pytest.raises(requests.ConnectionError):
        screen()
    assert client.admin("GET", "orders").json()["paid_numbers"] == 500
