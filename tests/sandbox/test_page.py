"""The page as a person sees it, and secrets that it must not show."""

from __future__ import annotations

import re
from html import unescape

import pytest

from airflow_provider_socialscrm.sandbox.faults import descriptions

EVIL = "<script>alert('x')</script>"


def text_of(page):
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def test_an_empty_sandbox_says_so_and_how_to_connect(client, sandbox):
    text = text_of(client.page())

    assert "No customer has been imported yet." in text
    assert "No calls yet." in text
    assert f"Base URL {sandbox.url} User name agent_wang ApiKey {sandbox.settings.api_key} Tenant ID 1" in text


def test_the_page_has_the_connection_to_paste_as_it_stands(client, sandbox):
    text = text_of(client.page())

    for title, line in sandbox.shown_connection().for_shell():
        assert f"{title} {line}" in text
    assert sandbox.connection_json() in text


def test_the_page_shows_customers_agents_calls_and_extension_fields(client, sandbox):
    client.send_body([{"whatsApp": "8610000001", "friendName": "Lee", "tabName": "VIP", "Loyalty Level": "Gold"}])
    client.send_body([{"whatsApp": "8610000001", "Unknown": "x"}])

    text = text_of(client.page())

    assert "8610000001 Lee agent_wang VIP Loyalty Level: Gold 1 0" in text
    assert "agent_wang 1 agent_silva 0" in text
    assert "533 extended field format error 200" in text
    assert "Loyalty Level select:Bronze|Silver|Gold" in text


def test_whatever_customers_and_callers_send_is_text_on_the_page(client, sandbox):
    client.send_body([{"whatsApp": "8610000001", "friendName": EVIL, "tabName": EVIL, "desc": EVIL}])
    client.send_body([{"whatsApp": "8610000001"}], EVIL)
    sandbox.inject("code", message=EVIL, path="never")

    for page in (client.page(), client.page(search=EVIL)):
        assert "<script" not in page
        assert EVIL in unescape(page)


def test_the_page_forbids_scripts_and_foreign_content_and_has_none(client, sandbox):
    answer = client.session.get(sandbox.url, timeout=10)

    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert re.findall(r"(?:src|href)=\"(?!data:,|/\?)[^\"]*", answer.text) == []


def test_customers_are_searched_and_paged_newest_first(client):
    client.send_body([{"whatsApp": f"86100000{n:02}", "friendName": f"Name {n}"} for n in range(1, 21)])

    first, second, found = client.page(), client.page(page="2"), client.page(search="Name 7")

    assert numbers(first) == [f"86100000{n:02}" for n in range(20, 5, -1)]
    assert numbers(second) == [f"86100000{n:02}" for n in range(5, 0, -1)]
    assert numbers(found) == ["8610000007"]
    assert "Page 1 of 2" in first


@pytest.mark.parametrize("page", ["0", "-1", "x", "99", "9" * 40])
def test_a_page_that_does_not_exist_is_the_nearest_one(client, page):
    client.send_body([{"whatsApp": "8610000001"}])

    assert numbers(client.page(page=page)) == ["8610000001"]


def test_the_page_refreshes_itself_only_when_asked(client):
    assert 'http-equiv="refresh"' not in client.page()
    assert 'http-equiv="refresh"' in client.page(refresh="on")


def test_every_assumption_in_force_is_shown_with_its_option(client, sandbox):
    sandbox.configure(refusal="partial")

    text = text_of(client.page())

    assert 'refusal "partial"' in text
    for option in (
        "--refusal",
        "--failures",
        "--strangers",
        "--over-limit",
        "--window-seconds",
        "--time-zone",
        "--check-order",
    ):
        assert option in text


def test_every_kind_of_fault_is_described_and_assumptions_are_labelled(client):
    text = text_of(client.page())

    for kind, sentence in descriptions().items():
        assert f"{kind} {sentence}" in text
    assert "gbk The response has a Chinese message in GBK, although its header says UTF-8 (our assumption)." in text
    assert "by=closed (or 503, 517)" in text


def test_the_form_puts_a_fault_in_force_and_removes_all(client, sandbox):
    own = {"headers": {"Origin": sandbox.url, "Sec-Fetch-Site": "same-origin"}, "timeout": 10}

    shown = client.session.post(sandbox.url, data={"fault": " kind=http, status=429,commit=true,rate=0.5"}, **own)
    assert (shown.status_code, [each.status_code for each in shown.history]) == (200, [303])
    assert '"kind": "http"' in text_of(shown.text)
    assert [(each["status"], each["commit"], each["rate"]) for each in sandbox.faults.listed()] == [(429, True, 0.5)]

    assert "Faults in force" in client.session.post(sandbox.url, data={"remove": "all"}, **own).text
    assert sandbox.faults.listed() == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"fault": "fire"}, "fault 'fire': give name=value between commas"),
        ({"fault": f"kind={EVIL}"}, "unknown kind of fault"),
        ({}, "fault '': give name=value between commas"),
        (b"\xff", "fault '': give name=value between commas"),
    ],
)
def test_a_fault_that_does_not_fit_is_explained_beside_the_form(client, sandbox, content, reason):
    answer = client.session.post(sandbox.url, data=content, timeout=10)

    assert answer.status_code == 400
    assert reason in text_of(answer.text)
    assert "<script" not in answer.text
    assert sandbox.faults.listed() == []


def test_another_page_cannot_send_the_form_or_frame_the_page(client, sandbox):
    answer = client.session.post(
        sandbox.url, data={"fault": "kind=empty"}, headers={"Origin": "http://evil.example"}, timeout=10
    )

    assert answer.status_code == 403
    assert sandbox.faults.listed() == []
    assert "frame-ancestors 'none'" in client.session.get(sandbox.url, timeout=10).headers["Content-Security-Policy"]


def test_the_head_of_the_page_and_its_icon_cause_no_error(client, sandbox, caplog):
    assert client.session.head(sandbox.url, timeout=10).status_code == 200
    assert client.session.get(f"{sandbox.url}/favicon.ico", timeout=10).status_code == 204
    assert caplog.records == []


def test_no_key_of_ones_own_and_no_token_is_ever_shown(client, sandbox):
    sent = client.send_body([{"whatsApp": "8610000001"}])
    token = re.search(r'"token": "(\w+)"', sent.request.body.decode()).group(1)
    sandbox.configure(api_key="open-sesame-1001")
    shown = [client.page(), *(client.admin("GET", name).text for name in ("settings", "customers", "calls", "stats"))]
    shown.append(client.admin("PATCH", "settings", json={"api_key": sandbox.settings.api_key}).text)
    shown.append(client.admin("PATCH", "settings", json={"api_key": [sandbox.settings.api_key]}).text)

    for text in shown:
        assert sandbox.settings.api_key not in text
        assert token not in text
    assert "Put the ApiKey that the sandbox was started with ( --api-key ) in place of YOUR-APIKEY" in text_of(shown[0])


def test_the_default_key_is_shown_in_the_connection_only(client, sandbox):
    assert sandbox.settings.api_key in client.page()
    for name in ("settings", "customers", "calls", "stats"):
        assert sandbox.settings.api_key not in client.admin("GET", name).text


def numbers(page):
    return re.findall(r'<th scope="row" class="number">(\d+)</th>', page)
