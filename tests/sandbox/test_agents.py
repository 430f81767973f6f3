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
