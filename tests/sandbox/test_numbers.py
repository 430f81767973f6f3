"""Service numbers: the endpoint that lists them, and their table on the page."""

from __future__ import annotations

import pytest

from airflow_provider_socialscrm.sandbox.settings import SandboxSettings, SettingsError

NUMBERS = "/group-dispatch-api/whatsapp/queryWhatsAppStatus"


def listed(client, **changes):
    signed = client.send_header(None, path="/se-api/user/query", body={}, **changes).request.headers
    names = ("tenant_id", "timestamp", "token")
    headers = {name: signed[name] for name in names if name in signed}
    return client.session.get(client.sandbox.url + NUMBERS, headers=headers, timeout=10).json()


def test_service_numbers_are_listed_with_their_state(client, sandbox):
    sandbox.configure(offline=["8613900000001"])

    assert [(each["whatsApp"], each["agentAccount"], each["status"]) for each in listed(client)["data"]] == [
        ("8613900000001", "agent_wang", 0),
        ("5511900000002", "agent_silva", 1),
    ]


def test_they_may_be_plain_numbers(client, sandbox):
    sandbox.configure(numbers_as="texts")

    assert listed(client)["data"] == ["8613900000001", "5511900000002"]


def test_the_signature_is_verified(client):
    assert listed(client, token="wrong")["code"] == 522


def test_a_fault_strikes_by_path(client, sandbox):
    sandbox.inject("code", code=517, path="queryWhatsAppStatus")

    assert listed(client)["code"] == 517


def test_the_page_shows_them(client, sandbox):
    sandbox.configure(offline=["5511900000002"])

    page = client.page()

    assert 'id="numbers"' in page
    for value in ("8613900000001", "online", "5511900000002", "offline"):
        assert f"<bdi>{value}</bdi>" in page


@pytest.mark.parametrize("text", ["agent", "agent=", "agent=123", "=8613900000001", "agent=8613900000001@fax"])
def test_a_number_that_is_not_one_is_a_wrong_setting(text):
    with pytest.raises(SettingsError, match="setting service_numbers"):
        SandboxSettings().changed({"service_numbers": [text]})
