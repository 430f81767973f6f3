"""The call that creates mass sends, and what is checked before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from airflow_provider_socialscrm.api.codes import Family
from airflow_provider_socialscrm.api.mass_sends import Content, Group, MassSend, Stage, Tag, check_mass_send, mass_send
from airflow_provider_socialscrm.api.settings import AuthScheme

NOW = datetime(2026, 12, 24, 9, tzinfo=UTC).timestamp()
TASK = MassSend("campaign", ("agent_wang", "agent_silva"), Stage("New Customer", "12"), Content("Hello"))


def fields(**changes: Any) -> dict[str, Any]:
    request = mass_send([replace(TASK, **changes)], "Asia/Shanghai")
    return request.body["data"][0]


def test_a_text_that_begins_at_once():
    assert fields() == {
        "name": "campaign",
        "executorList": ["agent_wang", "agent_silva"],
        "customerGroupKey": 0,
        "customerGroupValue": "New Customer",
        "customerGroupValueId": "12",
        "contentType": 1,
        "content": "Hello",
        "type": 1,
        "sendTimeMin": 10,
        "sendTimeMax": 30,
    }


def test_the_call_is_signed_in_its_body_and_never_repeated_by_itself():
    request = mass_send([TASK], "Asia/Shanghai", admin="boss")

    assert (request.scheme, request.repeatable, request.user_name) == (AuthScheme.BODY, False, "boss")
    assert (request.family, request.paced_as) == (Family.MASS_SEND, "/wscrm-bus-api/open/mark/batchAdd")
    msgspec.json.encode(request.body)


@pytest.mark.parametrize(("group", "key"), [(Stage("a", "1"), 0), (Tag("a", "1"), 1), (Group("a", "1"), 2)])
def test_each_kind_of_group_has_its_key(group, key):
    assert fields(group=group)["customerGroupKey"] == key


def test_a_start_is_written_in_the_crms_zone():
    start = datetime(2026, 12, 25, 9, tzinfo=timezone(timedelta(hours=1)))

    assert (fields(start=start)["type"], fields(start=start)["startTime"]) == (2, "2026-12-25 16:00:00")


def test_a_file_has_its_address_and_its_name():
    picture = Content("Look", "picture", "https://x.example/a/b.png?v=1")

    made = fields(content=picture, reached=5)
    assert (made["contentType"], made["fileUrl"], made["fileName"]) == (2, "https://x.example/a/b.png?v=1", "b.png")
    assert made["reachedNum"] == 5
    assert fields(content=replace(picture, file_name="c.png"))["fileName"] == "c.png"
    assert [fields(content=replace(picture, kind=kind))["contentType"] for kind in ("video", "file")] == [3, 4]


def test_executors_may_be_one_text():
    (made,) = mass_send([TASK], "UTC", executors_as="text").body["data"]

    assert made["executor"] == "[agent_wang,agent_silva]"
    assert "executorList" not in made


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"start": datetime(2026, 12, 24, 9, 1, tzinfo=UTC)},
        {"content": Content("Look", "video", "http://x.example/a.mp4")},
        {"content": Content("x" * 100_000)},
        {"interval": (1, 1)},
        {"reached": 1},
    ],
)
def test_a_good_task_is_taken(changes):
    check_mass_send(replace(TASK, **changes), NOW)


BAD = [
    ({"name": ""}, "name is empty"),
    ({"name": " \n"}, "name is empty"),
    ({"name": 5}, "name is empty"),
    ({"executors": ()}, "executors is empty"),
    ({"executors": "agent_wang"}, "must be a list"),
    ({"executors": ("agent_wang", "")}, "not a login"),
    ({"executors": ("a,b",)}, "not a login"),
    ({"executors": ("[a]",)}, "not a login"),
    ({"executors": (5,)}, "not a login"),
    ({"group": None}, "group is missing"),
    ({"group": "New Customer"}, "must be a Stage, a Tag or a Group"),
    ({"group": Stage("", "12")}, "group needs the name"),
    ({"group": Stage(5, "12")}, "group needs the name"),
    ({"group": Tag("VIP")}, "group needs the id"),
    ({"content": None}, "content must be"),
    ({"content": "Hello"}, "content must be"),
    ({"content": Content("Hello", "fax")}, "content must be"),
    ({"content": Content("  ")}, "content has no text"),
    ({"content": Content("", "picture", "https://x.example/a.png")}, "content has no text"),
    ({"content": Content("Hello", "text", "https://x.example/a.png")}, "is a text and has a file"),
    ({"content": Content("Look", "picture")}, "a file without an address"),
    ({"content": Content("Look", "picture", "/files/a.png")}, "not a public address"),
    ({"content": Content("Look", "picture", "ftp://x.example/a.png")}, "not a public address"),
    ({"content": Content("Look", "picture", "https://x.example/a b.png")}, "not a public address"),
    ({"content": Content("Look", "picture", "https:///a.png")}, "not a public address"),
    ({"content": Content("Look", "picture", "https://x.example/")}, "a file without a name"),
    ({"start": "2026-12-25"}, "start is not a time"),
    ({"start": datetime(2026, 12, 25, 9)}, "has no time zone"),  # noqa: DTZ001 - the mistake
    ({"start": datetime(2026, 12, 24, 9, tzinfo=UTC)}, "in the past"),
    ({"start": datetime(2026, 12, 24, 10, tzinfo=timezone(timedelta(hours=8)))}, "in the past"),
    ({"interval": None}, "interval is missing"),
    ({"interval": (10,)}, "two whole numbers"),
    ({"interval": (30, 10)}, "two whole numbers"),
    ({"interval": (0, 10)}, "two whole numbers"),
    ({"interval": (1.5, 10)}, "two whole numbers"),
    ({"interval": (True, 10)}, "two whole numbers"),
    ({"interval": "10"}, "two whole numbers"),
    ({"interval": 10}, "two whole numbers"),
    ({"reached": 0}, "reached must be"),
    ({"reached": True}, "reached must be"),
    ({"reached": "5"}, "reached must be"),
]


@pytest.mark.parametrize(("changes", "sentence"), BAD)
def test_bad_input_is_one_sentence(changes, sentence):
    with pytest.raises(ValueError, match=sentence) as raised:
        check_mass_send(replace(TASK, **changes), NOW)
    assert str(raised.value).endswith(".")


def test_a_call_needs_tasks_with_names_of_their_own_and_a_known_form():
    with pytest.raises(ValueError, match="tasks is empty"):
        mass_send([], "UTC")
    with pytest.raises(ValueError, match="the same name"):
        mass_send([TASK, TASK], "UTC")
    with pytest.raises(ValueError, match="executors_as must be list or text"):
        mass_send([TASK], "UTC", executors_as="json")


def test_a_message_does_not_show_in_a_repr():
    assert "Hello" not in repr(TASK)
