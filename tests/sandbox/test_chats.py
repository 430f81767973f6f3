"""Chat records: the endpoint that pages messages, what is assumed about it, and their table on the page."""

from __future__ import annotations

import re

import pytest

from airflow_provider_socialscrm.sandbox.chats import DAY, messages_between

CHATS = "/wscrm-bus-api/open/message/msgPage"
START = 20_000 * DAY


def page(client, current=1, size=100, /, first=START, last=START + DAY - 1, **info):
    body = {"tenantId": 1, "info": {"startChatTime": first, "endChatTime": last, **info}}
    return client.send_header(None, path=CHATS, body=body | {"current": current, "pageSize": size}).json()


def test_a_day_has_the_messages_of_each_agent_the_same_in_every_run(client, sandbox):
    found = page(client, 1, 500)["data"]

    assert (found["total"], found["size"], found["current"], found["pages"]) == (400, 500, 1, 1)
    assert {each["username"] for each in found["records"]} == set(sandbox.settings.agents)
    assert found == page(client, 1, 500)["data"]
    assert sorted(found["records"], key=lambda each: each["chatTime"]) == messages_between(sandbox, START, START + DAY)
    assert set(found["records"][0]) >= {
        "msgId", "chatTime", "username", "whatsId", "friendWhatsId", "friendName", "chatType", "actionType",
        "contentType", "content",
    }  # fmt: skip


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_are_slices_of_the_list_and_both_ends_of_the_interval_are_included(client, sandbox, order):
    sandbox.configure(chat_order=order)
    expected = messages_between(sandbox, START, START + DAY, "agent_silva")
    first, last = expected[3]["chatTime"], expected[-4]["chatTime"]

    pages = [page(client, n, 30, first=first, last=last, agentAccount="agent_silva")["data"] for n in (1, 2, 3, 4, 5)]

    records = [each for found in pages for each in found["records"]]
    assert records == (expected[3:-3] if order == "oldest" else expected[3:-3][::-1])
    assert [len(found["records"]) for found in pages] == [30, 30, 30, 4, 0]
    assert {found["total"] for found in pages} == {94}


@pytest.mark.parametrize(
    "info",
    [{"friendWhatsId": None}, {"whatsId": "8613900000001"}, {"chatType": 2}, {"actionType": 1}, {"contentType": 3}],
)
def test_other_fields_restrict_the_list(client, sandbox, info):
    everything = messages_between(sandbox, START, START + DAY)
    info = {name: value or everything[0][name] for name, value in info.items()}

    found = page(client, 1, 500, **info)["data"]["records"]

    assert found
    assert found[::-1] == [each for each in everything if all(each[name] == value for name, value in info.items())]


def test_the_documented_size_of_a_page_is_ten_and_the_largest_is_assumed(client, sandbox):
    sandbox.configure(chat_page_size=20)
    body = {"tenantId": 1, "info": {"startChatTime": START, "endChatTime": START + DAY}}

    assert len(client.send_header(None, path=CHATS, body=body).json()["data"]["records"]) == 10
    assert len(page(client, 1, 100)["data"]["records"]) == 20


@pytest.mark.parametrize(("total", "shown"), [("exact", 404), ("rounded", 400), ("capped", 404), ("missing", None)])
def test_the_total_may_be_inexact(client, sandbox, total, shown):
    sandbox.configure(chat_total=total)
    sandbox.inject("message_arrives", count=4, times=1)
    page(client)

    assert page(client)["data"].get("total") == shown


def test_behind_the_last_page_may_be_the_last_one_again(client, sandbox):
    sandbox.configure(chat_past_end="last")

    assert page(client, 9, 100)["data"]["records"] == page(client, 4, 100)["data"]["records"]


def test_messages_of_one_second_may_change_places(client, sandbox):
    sandbox.configure(chat_order="unstable", chats_per_day=100_000)
    interval = {"first": START, "last": START + 4_999}

    first, second = (page(client, 1, 500, **interval)["data"]["records"] for _ in range(2))

    assert first != second
    assert sorted(each["msgId"] for each in first) == sorted(each["msgId"] for each in second)


@pytest.mark.parametrize("at", ["newest", "oldest", "anywhere"])
def test_a_message_that_arrives_is_on_the_pages_behind(client, sandbox, at):
    sandbox.inject("message_arrives", at=at, times=1, path="msgPage")
    before = page(client, 1, 500, agentAccount="agent_silva")["data"]
    after = page(client, 1, 500, agentAccount="agent_silva")["data"]

    (new,) = [each for each in after["records"] if each not in before["records"]]
    assert (before["total"], after["total"], new["username"]) == (100, 101, "agent_silva")
    assert {"newest": after["records"][0], "oldest": after["records"][-1], "anywhere": new}[at] == new


def test_the_future_has_no_messages_yet(client):
    now = int(client.now() * 1000)

    assert page(client, first=now + 60_000, last=now + DAY)["data"]["total"] == 0


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ({"startChatTime": START}, "startChatTime and endChatTime must be given together"),
        ({"startChatTime": START, "endChatTime": "soon"}, "endChatTime is error"),
    ],
)
def test_half_of_an_interval_is_refused(client, info, message):
    found = client.send_header(None, path=CHATS, body={"tenantId": 1, "info": info}).json()

    assert (found["code"], found["message"]) == (-1, message)


def test_signature_and_tenant_are_verified(client):
    assert client.send_header(None, path=CHATS, body={"tenantId": 1, "info": {}}, token="wrong").json()["code"] == 522
    assert client.send_header(None, path=CHATS, body={"info": {}}).json()["code"] == 523


def test_the_page_shows_the_newest_messages(client, sandbox):
    sandbox.inject("message_arrives", times=1)
    page(client)

    shown = client.page()

    assert 'id="messages"' in shown
    assert re.search(r"\b(399|400|401) in the last day, 1 arrived late", shown)  # a day begins in between
    sandbox.configure(chats_per_day=0)
    sandbox.reset()
    assert "No messages: the setting chats_per_day is 0." in client.page()
