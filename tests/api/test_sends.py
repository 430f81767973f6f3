"""The calls that send to numbers, and what is checked before them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from airflow_provider_socialscrm.api.codes import Family
from airflow_provider_socialscrm.api.contents import Image, Text, Video
from airflow_provider_socialscrm.api.errors import ResponseFormError
from airflow_provider_socialscrm.api.sends import (
    LARGEST_TASK,
    SendOptions,
    SendPair,
    check_pairs,
    check_times,
    send,
    send_many,
    task_id_of,
)
from airflow_provider_socialscrm.api.settings import AuthScheme

NOW = datetime(2026, 12, 24, 9, tzinfo=UTC).timestamp()
SENDER, ANN, BOB = "8613900000001", "8613800000001", "8613800000002"
PAIRS = [SendPair(SENDER, ANN), SendPair(SENDER, BOB)]
HELLO = [Text("Hello")]
START = datetime(2026, 12, 25, 9, tzinfo=timezone(timedelta(hours=1)))


def body(**options: Any) -> dict[str, Any]:
    return send_many(PAIRS, HELLO, SendOptions(**options), time_zone="Asia/Shanghai").body


def test_many_recipients_get_the_same():
    assert body() == {
        "sendType": 1,
        "source": "1",
        "targetType": 1,
        "content": [{"type": 1, "text": "Hello", "sort": 0}],
        "sendInfos": [
            {"sendWhatsApp": SENDER, "friendWhatsApp": ANN},
            {"sendWhatsApp": SENDER, "friendWhatsApp": BOB},
        ],
    }


def test_one_recipient_is_in_the_task_itself():
    content = [Image("https://x.example/a.png"), Text("Hello")]
    request = send(PAIRS[0], content, SendOptions(name="spring", agent="agent_wang"), time_zone="UTC")

    assert request.path == "/group-dispatch-api/gsTask/assign/soCreate"
    assert request.body == {
        "name": "spring",
        "sendType": 1,
        "source": "1",
        "targetType": 1,
        "agentAccount": "agent_wang",
        "content": [
            {"type": 2, "url": "https://x.example/a.png", "sort": 0},
            {"type": 1, "text": "Hello", "sort": 1},
        ],
        "sendWhatsApp": SENDER,
        "friendWhatsApp": ANN,
    }


def test_the_call_is_signed_by_headers_and_never_repeated_by_itself():
    for request in (send(PAIRS[0], HELLO, time_zone="UTC"), send_many(PAIRS, HELLO, time_zone="UTC")):
        assert (request.scheme, request.repeatable, request.method) == (AuthScheme.HEADER, False, "POST")
        assert (request.family, request.paced_as) == (Family.SEND, request.path)
        msgspec.json.encode(request.body)
        assert ANN not in repr(request)


@pytest.mark.parametrize(("channel", "number"), [("pc", 1), ("mobile", 2), ("cloud_pc", 3)])
def test_each_channel_has_its_number_in_both_fields(channel, number):
    assert (body(channel=channel)["sendType"], body(channel=channel)["source"]) == (number, str(number))


def test_a_group_has_an_id():
    made = send(SendPair(SENDER, "120363041234567890"), HELLO, SendOptions(target="group"), time_zone="UTC").body

    assert (made["targetType"], made["friendWhatsApp"]) == (2, "120363041234567890")


@pytest.mark.parametrize(
    ("times_as", "start", "end"),
    [
        ("text", "2026-12-25 16:00:00", "2026-12-25 18:30:00"),
        ("milliseconds", 1_798_185_600_000, 1_798_194_600_000),
    ],
)
def test_times_are_written_in_either_form(times_as, start, end):
    made = body(start=START, end=START + timedelta(hours=2.5), times_as=times_as)

    assert (made["startTaskTime"], made["endTaskTime"]) == (start, end)


@pytest.mark.parametrize("times_as", ["text", "milliseconds"])
def test_a_start_is_not_rounded_down_and_an_end_not_up(times_as):
    exact = body(start=START, end=START, times_as=times_as)
    made = body(start=START - timedelta(seconds=0.3), end=START + timedelta(seconds=0.3), times_as=times_as)

    assert made["startTaskTime"] == exact["startTaskTime"]
    assert made["endTaskTime"] == (exact["endTaskTime"] if times_as == "text" else exact["endTaskTime"] + 300)


def test_a_trans_id_is_in_each_content():
    request = send_many(PAIRS, [Text("a"), Text("b")], SendOptions(trans_id="t1"), time_zone="UTC")

    assert [each["transId"] for each in request.body["content"]] == ["t1", "t1"]


BAD_PAIRS = [
    ([], "no recipients"),
    ([SendPair(SENDER, f"86138{n:08}") for n in range(5001)], "at most 5,000 recipients, and there are 5,001"),
    ([(SENDER, ANN)], "must be given as SendPair"),
    ([SendPair("", ANN)], "1 of 1 sender is not"),
    ([SendPair("+8613900000001", ANN)], "sender is not"),
    ([SendPair(None, ANN)], "sender is not"),
    (
        [PAIRS[0], SendPair(SENDER, "+86138")],
        "1 of 2 recipients is not a text of 7 to 15 digits .* look at 1, counted",
    ),
    ([SendPair(SENDER, 8613800000001)], "recipient is not"),
    ([SendPair(SENDER, "013800000001")], "recipient is not"),
    ([SendPair(SENDER, "\N{ARABIC-INDIC DIGIT ONE}" * 9)], "recipient is not"),
    ([SendPair(SENDER, ANN + "\n")], "recipient is not"),
    ([SendPair(SENDER, "120363041234567890")], "recipient is not"),
    ([*PAIRS, PAIRS[0]], "1 of 3 recipients was given before, .* look at 2, counted"),
    ([PAIRS[0], SendPair("8613900000002", ANN)], "was given before"),
    ([SendPair(SENDER, "x")] * 12, "look at 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"),
]


@pytest.mark.parametrize(("pairs", "sentence"), BAD_PAIRS)
def test_bad_recipients_are_one_sentence_without_them(pairs, sentence):
    with pytest.raises(ValueError, match=sentence) as raised:
        send_many(pairs, HELLO, time_zone="UTC")
    assert str(raised.value).endswith(".")
    assert "86138" not in str(raised.value)


def test_the_largest_task_is_taken():
    check_pairs([SendPair(SENDER, f"86138{n:08}") for n in range(LARGEST_TASK)])


def test_a_group_is_not_a_person():
    check_pairs([SendPair(SENDER, "120363041234567890"), SendPair(SENDER, "8613800000001-1600000000")], "group")
    with pytest.raises(ValueError, match="recipient is not the id of a group"):
        check_pairs([SendPair(SENDER, "x@g.us")], "group")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"channel": "fax"}, "channel must be one of pc, mobile, cloud_pc"),
        ({"target": "people"}, "target must be person or group"),
        ({"times_as": "json"}, "times_as must be text or milliseconds"),
        ({"name": ""}, "name must be a text"),
        ({"name": 5}, "name must be a text"),
        ({"agent": " "}, "agent must be a text"),
        ({"trans_id": ""}, "trans_id must be a text"),
    ],
)
def test_bad_options_are_one_sentence(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        body(**options)


def test_content_is_checked_for_the_channel():
    with pytest.raises(ValueError, match="mobile does not carry: video"):
        send_many(PAIRS, [Video("https://x.example/a.mp4")], SendOptions(channel="mobile"), time_zone="UTC")


@pytest.mark.parametrize(
    ("start", "end", "sentence"),
    [
        ("2026-12-25", None, "start is not a time"),
        (None, 5, "end is not a time"),
        (datetime(2026, 12, 25, 9), None, "start has no time zone"),  # noqa: DTZ001 - the mistake
        (None, datetime(2026, 12, 25, 9), "end has no time zone"),  # noqa: DTZ001 - the mistake
        (datetime(2026, 12, 24, 9, tzinfo=UTC), None, "start is in the past"),
        (datetime(2026, 12, 24, 10, tzinfo=timezone(timedelta(hours=8))), None, "start is in the past"),
        (None, datetime(2026, 12, 24, 8, tzinfo=UTC), "end is in the past"),
        (START, START, "end is not after start"),
        (START, START - timedelta(minutes=1), "end is not after start"),
    ],
)
def test_bad_times_are_one_sentence(start, end, sentence):
    with pytest.raises(ValueError, match=sentence) as raised:
        check_times(start, end, NOW)
    assert str(raised.value).endswith(".")


@pytest.mark.parametrize(("start", "end"), [(None, None), (START, None), (None, START), (START, START + timedelta(1))])
def test_good_times_are_taken(start, end):
    check_times(start, end, NOW)


@pytest.mark.parametrize(
    "data",
    [
        "1790000000000000001",
        1790000000000000001,
        {"taskId": "1790000000000000001"},
        {"taskId": 1790000000000000001, "name": "x"},
        {"id": "1790000000000000001"},
        [{"taskId": "1790000000000000001"}],
        " 1790000000000000001\n",
    ],
)
def test_the_id_of_a_task_is_read_in_each_form(data):
    assert task_id_of(data) == "1790000000000000001"


@pytest.mark.parametrize(
    "data", [None, "", {}, {"taskId": ""}, {"taskId": None}, [], ["1", "2"], True, 1.5, "a b", "a/../b", "x" * 129]
)
def test_a_response_without_an_id_is_an_error(data):
    with pytest.raises(ResponseFormError):
        task_id_of(data)


def test_no_number_shows_in_a_repr():
    assert repr(PAIRS[0]) == "SendPair()"
