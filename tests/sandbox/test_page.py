"""The page as a person sees it, and secrets that it must not show."""

from __future__ import annotations

import re
from html import unescape

import pytest

EVIL = "<script>alert('x')</script>"


def text_of(page):
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def test_an_empty_sandbox_says_so_and_how_to_connect(client, sandbox):
    text = text_of(client.page())

    assert "No customer has been imported yet." in text
    assert "No calls yet." in text
    assert f"Host {sandbox.url} Login an agent, such as agent_wang" in text


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
    for option in ("--refusal", "--failures", "--strangers", "--over-limit", "--window-seconds", "--time-zone"):
        assert option in text


def test_the_head_of_the_page_and_its_icon_cause_no_error(client, sandbox, caplog):
    assert client.session.head(sandbox.url, timeout=10).status_code == 200
    assert client.session.get(f"{sandbox.url}/favicon.ico", timeout=10).status_code == 204
    assert caplog.records == []


def test_no_key_and_no_token_is_ever_shown(client, sandbox):
    sent = client.send_body([{"whatsApp": "8610000001"}])
    token = re.search(r'"token": "(\w+)"', sent.request.body.decode()).group(1)
    shown = [client.page(), *(client.admin("GET", name).text for name in ("settings", "customers", "calls", "stats"))]
    shown.append(client.admin("PATCH", "settings", json={"api_key": sandbox.settings.api_key}).text)
    shown.append(client.admin("PATCH", "settings", json={"api_key": [sandbox.settings.api_key]}).text)

    for text in shown:
        assert sandbox.settings.api_key not in text
        assert token not in text


def numbers(page):
    return re.findall(r'<th scope="row" class="number">(\d+)</th>', page)
