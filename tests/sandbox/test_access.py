"""Which requests are answered: a web page in the same browser can neither read the sandbox nor change it."""

from __future__ import annotations

import http.client

import pytest
import requests

from airflow_provider_socialscrm.sandbox.access import Access
from airflow_provider_socialscrm.sandbox.server import Sandbox

ROWS = [{"whatsApp": "8610000001", "friendName": "Lee"}]
PATHS = ["/", "/?search=Lee", "/_sandbox/customers", "/_sandbox/calls", "/_sandbox/faults", "/favicon.ico", "/nothing"]
EVIL = "http://evil.example"


def request(sandbox, method, path, *, body=None, **headers):
    """Send a request with any Host, and return its status and text."""
    connection = http.client.HTTPConnection(sandbox.host, sandbox.port, timeout=10)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Host": f"127.0.0.1:{sandbox.port}", **sent})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "localhost.evil.example", "localhost@evil.example"],
)
def test_a_name_that_was_pointed_here_gets_no_data(client, sandbox, path, host):
    client.send_body(ROWS)

    status, text = request(sandbox, "GET", path, Host=host)

    assert status == 421
    assert "8610000001" not in text
    assert "Lee" not in text
    assert "--allow-host" in text


def test_a_foreign_name_gets_nothing_done_either(sandbox):
    for method, path in (("PUT", "/wscrm-bus-api/customer/api/import"), ("POST", "/_sandbox/faults"), ("POST", "/")):
        assert request(sandbox, method, path, body='{"kind": "empty"}', Host="evil.example")[0] == 421

    assert (sandbox.calls(), sandbox.faults.listed()) == ([], [])


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:8765", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:8765", "localhost."]
)
def test_this_machines_names_are_answered_on_any_port(sandbox, host):
    assert request(sandbox, "GET", "/_sandbox/stats", Host=host)[0] == 200


@pytest.mark.parametrize(
    ("host", "allowed", "name", "status"),
    [
        ("127.0.0.1", [], "127.0.0.2:8765", 421),
        ("127.0.0.2", [], "127.0.0.2:8765", None),
        ("0.0.0.0", [], "crm.local:8765", 421),  # noqa: S104 - nothing listens
        ("0.0.0.0", [], "0.0.0.0:8765", None),  # noqa: S104 - nothing listens
        ("0.0.0.0", ["crm.local"], "crm.local:8765", None),  # noqa: S104 - nothing listens
        ("0.0.0.0", ["CRM.local:80", "b"], "b", None),  # noqa: S104 - nothing listens
        ("0.0.0.0", ["http://crm.local:80/"], "crm.local:8765", None),  # noqa: S104 - nothing listens
        ("0.0.0.0", ["*"], "anything.example", None),  # noqa: S104 - nothing listens
        ("::1", ["fe80::1"], "[fe80::1]:8765", None),
        ("::1", ["fe80::1"], "[fe80::2]:8765", 421),
        ("127.0.0.1", [], "", 421),
    ],
)
def test_further_names_are_answered_when_somebody_names_them(host, allowed, name, status):
    refusal = Access(host, allowed).refusal("GET", "/", {"host": name})

    assert (refusal and refusal[0]) == status


OWN_PAGE = "http://127.0.0.1:8765"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, None),
        ({"origin": OWN_PAGE, "sec-fetch-site": "same-origin"}, None),
        ({"origin": OWN_PAGE.upper()}, None),
        ({"referer": f"{OWN_PAGE}/?search=Lee"}, None),
        ({"sec-fetch-site": "none"}, None),
        ({"origin": EVIL}, 403),
        ({"origin": EVIL, "referer": f"{OWN_PAGE}/"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:3000"}, 403),
        ({"origin": "http://localhost:8765"}, 403),
        ({"origin": f"{OWN_PAGE}.evil.example"}, 403),
        ({"referer": f"{EVIL}/?{OWN_PAGE}"}, 403),
        ({"referer": f"{OWN_PAGE}@evil.example/"}, 403),
        ({"referer": "about:blank"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": OWN_PAGE, "sec-fetch-site": "cross-site"}, 403),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/_sandbox/customers"), ("POST", "/_sandbox/faults"), ("POST", "/")]
)
def test_only_its_own_page_and_programs_use_the_admin_endpoints_and_the_form(method, path, headers, status):
    refusal = Access("127.0.0.1").refusal(method, path, {"host": "127.0.0.1:8765", **headers})

    assert (refusal and refusal[0]) == status


@pytest.mark.parametrize("path", ["/", "/wscrm-bus-api/customer/api/import", "/_sandboxes"])
def test_a_link_on_another_page_leads_to_the_page(path):
    headers = {"host": "127.0.0.1:8765", "referer": EVIL, "sec-fetch-site": "cross-site"}

    assert Access("127.0.0.1").refusal("GET", path, headers) is None


@pytest.mark.parametrize(
    ("allowed", "headers", "status"),
    [
        (["http://localhost:3000/"], {"origin": "http://localhost:3000", "sec-fetch-site": "same-site"}, None),
        (["http://localhost:3000"], {"referer": "http://localhost:3000/a/b"}, None),
        (["http://localhost:3000"], {"origin": EVIL}, 403),
        (["*"], {"origin": EVIL}, None),
        (["*"], {"sec-fetch-site": "cross-site"}, None),
    ],
)
def test_another_page_may_use_them_when_somebody_names_its_origin(allowed, headers, status):
    headers = {"host": "127.0.0.1:8765", **headers}
    refusal = Access("127.0.0.1", (), allowed).refusal("POST", "/_sandbox/faults", headers)

    assert (refusal and refusal[0]) == status


def test_a_page_that_sets_faults_is_refused_in_one_sentence(client, sandbox):
    answer = client.admin("POST", "faults", data='{"kind": "empty"}', headers={"Origin": EVIL})

    assert answer.status_code == 403
    assert answer.json() == {
        "error": f"the sandbox takes no request of a page from {EVIL}; start it with --allow-origin ORIGIN"
    }
    assert sandbox.faults.listed() == []


def test_no_other_page_is_allowed_to_read_a_response(client, sandbox):
    for path in PATHS:
        answer = client.session.get(sandbox.url + path, headers={"Origin": EVIL}, timeout=10)
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_address_and_the_names_of_a_sandbox_are_answered():
    with Sandbox(allow_hosts=["crm.local"]) as own:
        assert requests.get(own.url, timeout=10).status_code == 200
        assert request(own, "GET", "/", Host="crm.local")[0] == 200
        assert request(own, "GET", "/", Host="evil.example")[0] == 421
