"""Which exports can be made, and what each wrong argument gets before any call."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from airflow_provider_socialscrm.chats.options import COLUMNS, chat_options, moment
from airflow_provider_socialscrm.importer.errors import InputError

NOW = datetime(2026, 2, 1, tzinfo=UTC)
DAY = ("2026-01-30T00:00:00+00:00", "2026-01-31T00:00:00+00:00")


def options(start=DAY[0], end=DAY[1], **changes):
    return chat_options(start, end, now=NOW, **changes)


@pytest.mark.parametrize(
    ("time", "shown"),
    [
        ("2026-01-30 00:00:00+00:00", "2026-01-30T00:00:00.000Z"),  # as Airflow renders a time
        ("2026-01-30T08:00:00+08:00", "2026-01-30T00:00:00.000Z"),
        ("2026-01-30T00:00:00Z", "2026-01-30T00:00:00.000Z"),
        (datetime(2026, 1, 30, tzinfo=UTC), "2026-01-30T00:00:00.000Z"),
        (datetime(2026, 1, 30, 8, tzinfo=timezone(timedelta(hours=8))), "2026-01-30T00:00:00.000Z"),
        (datetime(2026, 1, 30, 0, 0, 0, 1, tzinfo=UTC), "2026-01-30T00:00:00.001Z"),  # no message is before it
    ],
)
def test_a_time_is_read_with_its_zone(time, shown):
    assert moment(options(start=time).start) == shown


def test_no_time_is_shown_as_none():
    assert moment(None) is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"start": DAY[1]}, "The interval is empty: start (2026-01-31T00:00:00.000Z) must be before end"),
        ({"start": DAY[1], "end": DAY[0]}, "The interval is empty"),
        ({"end": "2026-02-01T00:00:01+00:00"}, "The interval ends in the future (2026-02-01T00:00:01.000Z)"),
        ({"start": "2026-01-30T00:00:00"}, "start has no time zone"),
        ({"end": datetime(2026, 1, 31)}, "end has no time zone"),  # noqa: DTZ001 - that is what is wrong
        ({"start": "None"}, "start must be a time in ISO 8601"),
        ({"start": ""}, "start must be a time in ISO 8601"),
        ({"end": None}, "end must be a time in ISO 8601"),
        ({"end": 1_790_000_000_000}, "end must be a time in ISO 8601"),
        ({"agents": []}, "agents must be the login of an agent"),
        ({"agents": ""}, "agents must be the login of an agent"),
        ({"agents": [""]}, "agents must be the login of an agent"),
        ({"agents": [5]}, "agents must be the login of an agent"),
        ({"agents": {"agent_wang"}}, "agents must be the login of an agent"),
        ({"content": "Hash"}, "content must be keep, hash or drop."),
        ({"content": None}, "content must be keep, hash or drop."),
        ({"content": ["keep"]}, "content must be keep, hash or drop."),
        ({"columns": []}, "columns must be a list of different names among msgId,"),
        ({"columns": "content"}, "columns must be a list"),
        ({"columns": ["msgID"]}, "columns must be a list"),
        ({"columns": ["msgId", "msgId"]}, "columns must be a list"),
        ({"columns": [["msgId"]]}, "columns must be a list"),
        ({"columns": ["msgId", "content"], "content": "drop"}, "columns has content, where the texts of messages may"),
        ({"columns": ["otherFields"], "content": "hash"}, "columns has otherFields, where the texts of messages may"),
        ({"page_size": 0}, "page_size must be a whole number from 1 to 10,000."),
        ({"page_size": 10_001}, "page_size must be"),
        ({"page_size": "100"}, "page_size must be"),
        ({"page_size": True}, "page_size must be"),
        ({"page_size": None}, "page_size must be"),
        ({"max_rows": 0}, "max_rows must be a whole number from 1"),
        ({"max_rows": 1.5}, "max_rows must be"),
    ],
)
def test_a_wrong_argument_is_named_in_one_sentence(changes, sentence):
    with pytest.raises(InputError) as caught:
        options(**changes)

    assert str(caught.value).startswith(sentence)


def test_all_wrong_arguments_are_named_at_once():
    with pytest.raises(InputError, match=r"start .* content .* page_size"):
        options(start="?", content="?", page_size=-1)


def test_agents_are_one_or_several_and_each_is_read_once():
    assert options().agents is None
    assert options(agents="agent_wang").agents == ("agent_wang",)
    assert options(agents=["b", " a ", "b"]).agents == ("b", "a")


def test_without_texts_there_is_no_column_in_which_they_may_be():
    assert options().columns == COLUMNS
    assert options(content="hash").columns == COLUMNS[:-1]
    assert options(content="drop").columns == COLUMNS[:-2]
    assert options(columns=["content", "msgId"]).columns == ("content", "msgId")
