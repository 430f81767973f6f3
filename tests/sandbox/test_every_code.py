"""Each code of the vendor's table comes from an endpoint of the sandbox, and its reader sees the hint of the family."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_socialscrm.api.answers import read_answer
from airflow_provider_socialscrm.api.codes import TABLES, Family
from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.api.request import family_of
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.body_calls import CLEAR_OWNERS, LINKS_IMPORT, LINKS_QUERY, MASS_SEND, post, task

if TYPE_CHECKING:
    import requests

BATCH_IMPORT = "/wscrm-bus-api/customer/api/batchImport"
LINK = "https://chat.whatsapp.com/AbCdEfGhIjKl"
SEND_MANY = "/group-dispatch-api/gsTask/assign/moscCreate"
PAIR = {"sendWhatsApp": "8613900000001", "friendWhatsApp": "8613800000000"}
ROW = {"whatsApp": "8613800000000", "agentAccount": "agent_wang"}


def mass_send(settings: dict[str, Any] | None = None, **fields: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
    return MASS_SEND, {"data": [task(**fields)]}, settings or {}


CASES: dict[int, tuple[str, Any, dict[str, Any]]] = {
    501: (MASS_SEND, {"data": [task()], "tenantId": "2"}, {}),
    502: (MASS_SEND, {"data": [task()], "createTime": "2020-01-01 00:00:00"}, {}),
    503: mass_send(name=""),
    504: mass_send(executorList="agent_wang"),
    505: mass_send(executorList=[]),
    506: (MASS_SEND, {"data": []}, {}),
    507: (MASS_SEND, {"data": [task("a"), task("b")]}, {"rows_per_call": 1}),
    508: mass_send(executorList=["nobody"]),
    509: mass_send(customerGroupKey=None, customerGroupValue=None, customerGroupValueId=None),
    510: mass_send(customerGroupKey=3),
    511: mass_send(customerGroupValue=""),
    512: mass_send(startTime="2030-01-01 00:00:00"),
    513: mass_send(type=2, startTime="tomorrow"),
    514: mass_send(content=""),
    515: mass_send(contentType=2),
    516: mass_send({"admins": []}),
    517: mass_send({"calls_per_second": 1, "over_limit": "517"}),
    519: (MASS_SEND, {"data": [task()], "createTime": "now"}, {}),
    520: mass_send(sendTimeMin=None),
    521: (MASS_SEND, {"data": [task(), task()]}, {}),
    522: (MASS_SEND, {"data": [task()], "token": "wrong"}, {}),
    523: (MASS_SEND, {"data": [task()], "tenantId": ""}, {}),
    524: (MASS_SEND, {"data": [task()], "userName": ""}, {}),
    525: (MASS_SEND, {"data": [task()], "token": ""}, {}),
    526: (MASS_SEND, {"data": [task()], "createTime": ""}, {}),
    527: mass_send(customerGroupKey=2, customerGroupValue="VIP", customerGroupValueId="x"),
    528: mass_send(customerGroupKey=2, customerGroupValue="Nobody"),
    529: mass_send({"plan": "basic"}),
    530: (MASS_SEND, {"data": [task()], "userName": "nobody"}, {}),
    532: (CLEAR_OWNERS, {"data": ["8613800000000"]}, {"unknown_customers": "532"}),
    534: (CLEAR_OWNERS, {"data": []}, {}),
    536: (LINKS_IMPORT, {"groupLinkList": []}, {}),
    537: (LINKS_QUERY, {"groupLinkList": [LINK]}, {}),
    538: (LINKS_QUERY, {"groupLinkList": [LINK]}, {}),
}
"""A call of the body scheme for each code, and the settings of the sandbox that it needs."""

OTHERS = {518: {"timestamp": None}, 531: {}, 533: {}}
"""Codes of header-signed imports."""


def header_signed(client: Any, number: int) -> requests.Response:
    rows = {531: {**ROW, "agentAccount": "nobody"}, 533: {**ROW, "Last Order": "tomorrow"}}
    return client.send_header([rows.get(number, ROW)], **OTHERS[number])


def answered(crm: Sandbox, client: Any, number: int) -> tuple[str, requests.Response]:
    if number in OTHERS:
        return BATCH_IMPORT, header_signed(client, number)
    path, fields, settings = CASES[number]
    crm.configure(**settings)
    if number == 517:
        post(crm, path, {"data": [task("before")]})
    if number == 538:
        post(crm, LINKS_IMPORT, fields)
    return path, post(crm, path, fields)


def test_the_table_is_complete():
    numbers = {code.number for table in TABLES.values() for code in table if code.number > 0}

    assert {*CASES, *OTHERS} == numbers


def send(settings: dict[str, Any] | None = None, **fields: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    task = {"targetType": 1, "content": [{"type": 1, "text": "Hello"}], "sendInfos": [PAIR]}
    return task | fields, settings or {}


SENDS: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {
    507: send(content=[{"type": 1, "text": "x" * 1025}]),
    513: send(startTaskTime="tomorrow"),
    514: send(content=[]),
    515: send(content=[{"type": 2}]),
    531: send(agentAccount="nobody"),
    532: send({"send_recipients": "customers"}),
    534: send(sendInfos=[]),
}
"""A send to numbers for each code that its family knows, but for those of every call, and 534."""


def test_the_sends_are_complete():
    own = {code.number for code in TABLES[Family.SEND]} - {code.number for code in TABLES[Family.OTHER]}

    assert {*SENDS} == {*own, 534}


@pytest.mark.parametrize("number", SENDS)
def test_a_code_comes_from_a_send_and_shows_the_hint_of_its_family(sandbox: Sandbox, client, number):
    task, settings = SENDS[number]
    sandbox.configure(**settings)
    response = client.send_header(None, path=SEND_MANY, body=task)

    check(number, SEND_MANY, response)


@pytest.mark.parametrize("number", sorted({*CASES, *OTHERS}))
def test_a_code_comes_from_an_endpoint_and_shows_the_hint_of_its_family(sandbox: Sandbox, client, number):
    path, response = answered(sandbox, client, number)

    check(number, path, response)


def check(number: int, path: str, response: requests.Response) -> None:
    """Check that a response has a code, and that whoever reads it sees the line of the path's family."""
    assert (response.status_code, response.json()["code"]) == (200, number)
    family = family_of(path)
    (line,) = [code for code in TABLES[family] if code.number == number]
    with pytest.raises(SocialSCRMError) as raised:
        read_answer(200, response.headers, response.content, family=family, now=0.0)
    assert raised.value.code is line
    assert line.hint in str(raised.value)
    assert response.json()["message"] == line.text
