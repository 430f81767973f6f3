"""The endpoints below /_sandbox/, and what an unknown address is answered."""

from __future__ import annotations

import re

import pytest

ROWS = [{"whatsApp": "8610000002", "friendName": "Lee", "tabName": "VIP", "welcome": "hello"}]


def test_customers_are_listed_in_order_of_first_import(client):
    client.send_body(ROWS)
    client.send_body([{"whatsApp": "8610000001"}])

    first, second = client.admin("GET", "customers").json()

    assert second["whatsApp"] == "8610000001"
    assert {name: first[name] for name in ("whatsApp", "agent", "fields", "tags", "times_imported", "welcomes")} == {
        "whatsApp": "8610000002",
        "agent": "agent_wang",
        "fields": {"friendName": "Lee", "tabName": "VIP", "welcome": "hello"},
        "tags": ["VIP"],
        "times_imported": 1,
        "welcomes": 1,
    }
    assert client.admin("GET", "customers?limit=1").json() == [first]


def test_calls_and_stats_show_what_happened(client, sandbox):
    client.send_body(ROWS)
    client.send_header([{"whatsApp": "8610000001", "agentAccount": agent} for agent in ("a", "b", "a", "c", "d")])

    calls = client.admin("GET", "calls").json()
    stats = client.admin("GET", "stats").json()

    assert [(call["path"].split("/")[-1], call["user"], call["rows"], call["code"]) for call in calls["recent"]] == [
        ("import", "agent_wang", 1, 200),
        ("batchImport", "a, b, c and 1 more", 5, 531),
    ]
    assert calls["by_code"] == stats["calls_by_code"] == {"200": 1, "531": 1}
    assert (stats["customers"], stats["calls"]) == (1, 2)
    assert set(stats["peak_calls_per_second"].values()) == {1}
    assert stats == sandbox.stats()


def test_a_call_to_an_unknown_path_is_counted_and_shown_with_its_status(client, sandbox):
    client.session.post(f"{sandbox.url}/wscrm-bus-api/customer/api/imports?token=secret", json={}, timeout=10)
    client.session.get(f"{sandbox.url}/wscrm-bus-api/customer/api/import", timeout=10)
    client.admin("GET", "nothing")
    client.send_body(ROWS)

    assert [(call["path"], call["status"], call["code"], call["message"]) for call in sandbox.calls()] == [
        ("/wscrm-bus-api/customer/api/imports", 404, None, "unknown endpoint"),
        ("/wscrm-bus-api/customer/api/import", 405, None, "unknown endpoint"),
        ("/wscrm-bus-api/customer/api/import", 200, 200, "Success"),
    ]
    assert sandbox.stats()["calls"] == 3
    assert sandbox.stats()["calls_by_path"] == {
        "/wscrm-bus-api/customer/api/imports": 1,
        "/wscrm-bus-api/customer/api/import": 2,
    }
    assert "none unknown endpoint 404" in " ".join(re.sub(r"<[^>]*>", " ", client.page()).split())


def test_settings_are_shown_and_changed(client, sandbox):
    changed = client.admin("PATCH", "settings", json={"refusal": "partial", "agents": ["agent_li"]})

    assert changed.status_code == 200
    assert (changed.json()["refusal"], changed.json()["agents"]) == ("partial", ["agent_li"])
    assert client.admin("GET", "settings").json() == changed.json()
    assert client.send_body(ROWS).json()["code"] == 530
    assert client.send_body(ROWS, "agent_li").json()["code"] == 200


def test_faults_are_put_in_force_listed_and_removed(client):
    latency, empty = {"kind": "latency", "seconds": 0.0}, {"kind": "empty", "times": 1}

    assert client.admin("POST", "faults", json=latency).status_code == 200
    assert client.admin("POST", "faults", json=[empty]).status_code == 200
    client.send_body(ROWS)

    listed = client.admin("GET", "faults").json()
    assert [(fault["kind"], fault["times"], fault["struck"]) for fault in listed] == [
        ("latency", None, 1),
        ("empty", 1, 1),
    ]
    assert client.admin("DELETE", "faults").json() == []
    assert client.admin("GET", "faults").json() == []


def test_a_reset_forgets_customers_calls_and_faults_but_not_the_settings(client, sandbox):
    client.send_body(ROWS)
    sandbox.inject("empty")
    sandbox.configure(refusal="partial")

    assert client.admin("POST", "reset").json()["calls"] == 0

    assert (sandbox.customers(), sandbox.calls(), client.admin("GET", "faults").json()) == ([], [], [])
    assert sandbox.stats()["peak_calls_per_second"] == {}
    assert sandbox.settings.refusal == "partial"


@pytest.mark.parametrize(
    ("call", "content", "sentence"),
    [
        ("PATCH settings", b'{"refusal": "both"}', "setting refusal: Invalid enum value 'both'"),
        ("PATCH settings", b'{"colour": 1}', "unknown setting colour; the settings are tenant_id"),
        ("PATCH settings", b"[]", "give the settings to change"),
        ("PATCH settings", b"{", "the body is not JSON"),
        ("POST faults", b'[{"kind": "empty"}, {"kind": "fire"}]', "unknown kind of fault 'fire'"),
        ("POST faults", b"", "give a fault such as"),
        ("GET customers?limit=all", b"", "limit is 'all'; give a whole number"),
    ],
)
def test_a_wrong_admin_call_is_explained_and_changes_nothing(client, sandbox, call, content, sentence):
    settings = sandbox.settings

    answer = client.admin(*call.split(), data=content)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith(sentence)
    assert sandbox.settings == settings
    assert client.admin("GET", "faults").json() == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("GET", "/_sandbox/", 404), ("PUT", "/_sandbox/faults", 405)],
)
def test_an_unknown_endpoint_is_answered_with_the_existing_ones(client, sandbox, method, path, status):
    answer = client.session.request(method, sandbox.url + path, timeout=10)

    assert answer.status_code == status
    assert answer.json()["error"] == f"unknown endpoint: {method} {path}"
    assert "PUT /wscrm-bus-api/customer/api/import" in answer.json()["existing"]
    assert "POST /_sandbox/faults" in answer.json()["existing"]
