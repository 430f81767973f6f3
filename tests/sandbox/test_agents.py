"""The endpoints about agents."""

from __future__ import annotations

import pytest

USER_QUERY = "/se-api/user/query"


def test_the_query_finds_an_agent(client):
    known = client.send_header(None, path=USER_QUERY, body={"username": "agent_silva"}).json()

    assert (known["code"], known["data"]["username"], known["data"]["tenantId"]) == (200, "agent_silva", 1)


@pytest.mark.parametrize(
    ("tenant_id", "returned"),
    [("500975", 500975), ("9" * 18, 10**18 - 1), ("9" * 19, "9" * 19), ("acme", "acme"), ("007", 7)],
)
def test_the_tenant_is_a_number_where_it_fits_a_long(client, sandbox, tenant_id, returned):
    sandbox.configure(tenant_id=tenant_id)

    answer = client.send_header(None, path=USER_QUERY, body={"username": "agent_silva"}, tenant_id=tenant_id)

    assert answer.json()["data"]["tenantId"] == returned


@pytest.mark.parametrize(
    ("body", "headers", "code", "message"),
    [
        ({"username": "nobody"}, {}, 530, "action username error"),
        ({}, {"token": "wrong"}, 522, "accessToken is error"),
    ],
)
def test_the_query_rejects_an_unknown_login_and_a_wrong_token(client, body, headers, code, message):
    answer = client.send_header(None, path=USER_QUERY, body=body, **headers)

    assert answer.status_code == 200
    assert answer.json() == {"code": code, "message": message, "data": ""}


def test_an_unknown_login_may_also_be_null(client, sandbox):
    sandbox.configure(unknown_agents="null")

    answer = client.send_header(None, path=USER_QUERY, body={"username": "nobody"}).json()

    assert (answer["code"], answer["data"]) == (200, None)


ALL_ONLINE = "/group-dispatch-api/user/queryAllOlWhatsAppInfo"
ONLINE = "/group-dispatch-api/user/queryUserStatus"
LIST = "/group-dispatch-api/user/listUserByTenantId"


@pytest.mark.parametrize("path", [LIST, ONLINE, ALL_ONLINE, USER_QUERY])
def test_each_endpoint_verifies_the_signature(client, path):
    assert client.send_header(None, path=path, body={}, token="wrong").json()["code"] == 522
    assert client.send_header(None, path=path, body={}, token=None).json()["code"] == 525
    assert client.send_header(None, path=path, body={}, timestamp="1").json()["code"] == 502


def test_a_public_client_lists_agents_and_who_is_online(client, sandbox):
    """P1 sends ``userId`` as an empty text and ``source`` as a text; P2 lists agents by ``userName``."""
    listed = client.send_header(None, path=LIST, body={}).json()["data"]
    online = client.send_header(None, path=ONLINE, body={"userId": "", "userName": "", "source": "1"}).json()["data"]

    assert [agent["userName"] for agent in listed] == list(sandbox.settings.agents)
    assert online == [
        {
            "userId": 2,
            "agentAccount": "agent_wang",
            "whatsAppList": [{"whatsApp": "8613900000001", "name": "agent_wang pc"}],
        }
    ]


@pytest.mark.parametrize(
    ("body", "logins"),
    [
        ({"source": 1}, ["agent_wang"]),
        ({"source": 2}, ["agent_silva"]),
        ({"source": 3}, []),
        ({"source": 1, "userName": "agent_silva"}, []),
        ({"source": 2, "userId": 3}, ["agent_silva"]),
    ],
)
def test_who_is_online_is_found_by_source_login_and_id(client, body, logins):
    found = client.send_header(None, path=ONLINE, body=body).json()["data"]

    assert [agent["agentAccount"] for agent in found] == logins


@pytest.mark.parametrize("body", [{}, {"source": 4}])
def test_an_unknown_source_is_rejected(client, body):
    assert client.send_header(None, path=ONLINE, body=body).json()["message"] == "source is error"


def test_all_online_agents_are_grouped_by_source(client, sandbox):
    sandbox.configure(numbers_as="texts")

    data = client.send_header(None, path=ALL_ONLINE, body={}).json()["data"]

    assert [(group["source"], group["list"][0]["whatsAppList"]) for group in data] == [
        (1, ["8613900000001"]),
        (2, ["5511900000002"]),
    ]


def test_the_list_of_agents_may_be_refused(client, sandbox):
    sandbox.configure(agent_list="refused")

    assert client.send_header(None, path=LIST, body={}).json()["code"] == -1
