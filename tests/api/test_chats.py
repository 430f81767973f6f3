"""The call for a page of messages, and what is read of its response."""

from __future__ import annotations

import pytest

from airflow_provider_socialscrm.api.chats import ChatFilter, ChatPage, page_of, page_query, time_of
from airflow_provider_socialscrm.api.errors import ResponseFormError
from airflow_provider_socialscrm.api.settings import AuthScheme


def test_a_page_is_asked_for_as_the_vendor_documents_it():
    chats = ChatFilter("agent_wang", whats_id="861", friend="862", chat_type="group")

    query = page_query(1, 2, 3, chats=chats, page_size=50)

    assert (query.path, query.method, query.scheme) == (
        "/wscrm-bus-api/open/message/msgPage",
        "POST",
        AuthScheme.HEADER,
    )
    assert query.repeatable
    assert query.names_tenant
    assert query.body == {
        "info": {
            "agentAccount": "agent_wang",
            "whatsId": "861",
            "friendWhatsId": "862",
            "chatType": 2,
            "startChatTime": 1,
            "endChatTime": 2,
        },
        "current": 3,
        "pageSize": 50,
    }


def test_without_a_filter_only_the_time_is_asked_for_and_no_customer_shows():
    assert page_query(1, 2, 1).body["info"] == {"startChatTime": 1, "endChatTime": 2}
    assert "86999" not in repr(ChatFilter(whats_id="86999", friend="86999"))
    assert "86999" not in repr(page_query(1, 2, 1, chats=ChatFilter(friend="86999")))


def test_a_kind_of_chat_that_is_none_is_refused():
    with pytest.raises(ValueError, match="must be person or group"):
        ChatFilter(chat_type="both")


@pytest.mark.parametrize(
    ("data", "page"),
    [
        (None, ChatPage()),
        ("", ChatPage()),
        ([], ChatPage()),
        ({"records": None, "total": 0}, ChatPage([], 0)),
        ({"records": [{"msgId": "1"}], "total": 7}, ChatPage([{"msgId": "1"}], 7)),
        ({"records": [], "total": "7"}, ChatPage([], 7)),
        ({"records": [], "total": 7.0}, ChatPage([], 7)),
        ({"records": [], "total": -1}, ChatPage([], None)),
        ({"records": [], "total": True}, ChatPage([], None)),
        ({"records": [], "total": "many"}, ChatPage([], None)),
        ({"records": []}, ChatPage([], None)),
    ],
)
def test_a_page_is_read_leniently(data, page):
    assert page_of(data) == page


@pytest.mark.parametrize("data", [5, "text", [{}], {"list": []}, {"records": {}}, {"records": ["a"]}, {"records": "a"}])
def test_another_form_is_not_taken_for_an_empty_page(data):
    with pytest.raises(ResponseFormError, match="msgPage"):
        page_of(data)


@pytest.mark.parametrize(
    ("time", "milliseconds"),
    [
        (1_790_000_000_123, 1_790_000_000_123),
        ("1790000000123", 1_790_000_000_123),
        (1_790_000_000_123.0, 1_790_000_000_123),
        (1_790_000_000, 1_790_000_000_000),
        ("2026-01-31 08:30:00", None),
        (None, None),
        ("", None),
        (True, None),
        (-5, None),
    ],
)
def test_a_time_is_read_in_milliseconds(time, milliseconds):
    assert time_of({"chatTime": time}) == milliseconds
