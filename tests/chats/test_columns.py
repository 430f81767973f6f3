"""What becomes of messages in columns."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.chats.columns import ChatColumns, secret_of
from airflow_provider_socialscrm.chats.keys import key_of
from airflow_provider_socialscrm.chats.options import COLUMNS

MESSAGE = {
    "msgId": "1",
    "chatTime": 1_790_000_000_123,
    "username": "agent_wang",
    "chatType": 1,
    "content": "Hello",
    "createTime": 5,
    "more": {"a": [1]},
}


def rows(records, names=COLUMNS, content="keep", key="KEY"):
    secret = secret_of(Settings("https://crm.example", "1", key))
    return ChatColumns(names, content, secret).batch(records).to_pylist()


def test_a_message_is_a_row_of_texts_with_a_time_and_unknown_fields_are_kept():
    (row,) = rows([MESSAGE])

    assert list(row) == list(COLUMNS)
    assert row["chatTime"] == datetime(2026, 9, 21, 14, 13, 20, 123_000, tzinfo=UTC)
    assert (row["msgId"], row["chatType"], row["friendName"], row["content"]) == ("1", "1", None, "Hello")
    assert json.loads(row["otherFields"]) == {"createTime": 5, "more": {"a": [1]}}


@pytest.mark.parametrize("content", [{"text": "Hi"}, ["Hi"], 5, True])
def test_content_that_is_not_a_text_is_json(content):
    (row,) = rows([MESSAGE | {"content": content}])

    assert json.loads(row["content"]) == content


@pytest.mark.parametrize("time", ["2026-01-31 08:30:00", 10**30, -1, {"a": 1}])
def test_a_time_that_cannot_be_read_is_missing_and_kept_beside(time):
    (row,) = rows([MESSAGE | {"chatTime": time}])

    assert row["chatTime"] is None
    assert json.loads(row["otherFields"])["chatTime"] == time


def test_texts_are_hashed_with_the_key_of_the_tenant():
    first, second, other, missing = rows(
        [MESSAGE, MESSAGE, MESSAGE | {"content": "Bye"}, MESSAGE | {"content": None}], ["content"], "hash"
    )
    (elsewhere,) = rows([MESSAGE], ["content"], "hash", key="ANOTHER")

    assert first == second != other
    assert missing == {"content": None}
    assert len(first["content"]) == 32
    assert elsewhere != first
    assert "Hello" not in str((first, other))


def test_half_of_an_emoji_spoils_no_batch():
    record = MESSAGE | {"content": "a\ud83d", "friendName": "b", "more": "\ud83d"}
    (row,) = rows([record], ["content", "friendName", "otherFields"])

    assert row == {"content": "a?", "friendName": "b", "otherFields": '{"createTime": 5, "more": "\\ud83d"}'}
    assert key_of(record) == key_of(dict(record))
    assert key_of({"content": "a\ud83d"}) != key_of({"content": "a"})
