"""The hook's methods about sends to numbers, over HTTP against a sandbox."""

from __future__ import annotations

import json
import logging
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_socialscrm.api.contents import Image, RouteLink
from airflow_provider_socialscrm.api.errors import (
    RequestError,
    ResponseFormError,
    SocialSCRMError,
    UncertainError,
    UnknownCodeError,
)
from airflow_provider_socialscrm.api.send_status import MessageStatus, TaskStatus
from airflow_provider_socialscrm.api.sends import SendPair
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.sandbox.send_tasks import SendTasks
from airflow_provider_socialscrm.sandbox.server import Sandbox

SENDER = "8613900000001"
NUMBERS = [f"861380000000{digit}" for digit in range(10)]
PAIRS = [SendPair(SENDER, number) for number in NUMBERS]


@pytest.fixture(params=["body", "header"])
def hook(request, connected_crm: Sandbox, monkeypatch) -> SocialSCRMHook:
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", connected_crm.connection_json(request.param))
    connected_crm.configure(send_seconds=0, send_interval=0)
    return SocialSCRMHook()


def messages(crm: Sandbox) -> Counter[str]:
    return Counter(message.recipient for message in crm.memory(SendTasks).messages())


def test_many_numbers_get_a_message_and_their_states_are_read(hook, connected_crm, caplog):
    caplog.set_level(logging.INFO)
    content = [
        "Hello",
        Image("https://x.example/a.png"),
        {"kind": "link_card", "title": "Shop", "link": "https://x.example"},
    ]
    task = hook.send_many(PAIRS, content, name="spring", channel="mobile", agent="agent_wang")

    status = hook.get_send_status(task)
    assert (status.task_id, status.status) == (task, TaskStatus.COMPLETED)
    assert [each.number for each in status.recipients] == NUMBERS
    assert [each.status for each in status.recipients] == [6, 6, 7, 7, 5, 4, 3, -1, -1, -1]
    (made,) = connected_crm.memory(SendTasks).all()
    assert (made.name, made.agent, made.send_type) == ("spring", "agent_wang", 2)
    assert [each["type"] for each in made.contents] == [1, 2, 10]
    assert NUMBERS[0] not in caplog.text


def test_one_number_gets_a_message(hook, connected_crm):
    task = hook.send(SENDER, NUMBERS[0], RouteLink("Ask", ("8613900000001",)), name="reply")

    (message,) = connected_crm.memory(SendTasks).messages()
    assert (message.task_id, message.name, message.recipient) == (task, "reply", NUMBERS[0])
    assert hook.get_send_status(task).recipients[0].status is MessageStatus.READ_AND_REPLIED


@pytest.mark.parametrize("form", ["text", "milliseconds"])
def test_a_send_waits_for_its_start(hook, connected_crm, form):
    connected_crm.configure(send_times=form)
    start = datetime.now(UTC) + timedelta(hours=1)

    task = hook.send_many(PAIRS, "Hello", start=start, end=start + timedelta(hours=1), times_as=form)

    assert hook.get_send_status(task).status is TaskStatus.NOT_STARTED
    (made,) = connected_crm.memory(SendTasks).all()
    assert abs(made.starts_at - start.timestamp()) < 1
    assert abs(made.ends_at - start.timestamp() - 3600) < 1


def test_times_in_the_other_form_are_refused_and_the_hint_says_so(hook, connected_crm):
    connected_crm.configure(send_times="milliseconds")

    with pytest.raises(RequestError, match="with times_as"):
        hook.send_many(PAIRS, "Hello", start=datetime.now(UTC) + timedelta(hours=1))
    assert not messages(connected_crm)


@pytest.mark.parametrize("form", ["object", "text", "number"])
def test_the_id_is_read_in_each_form(hook, connected_crm, form):
    connected_crm.configure(send_task_data=form)

    assert hook.get_send_status(hook.send_many(PAIRS, "Hello")).status is TaskStatus.COMPLETED


def test_a_task_without_an_id_is_an_error_although_it_was_taken(hook, connected_crm):
    connected_crm.configure(send_task_data="empty")

    with pytest.raises(ResponseFormError):
        hook.send_many(PAIRS, "Hello")
    assert len(messages(connected_crm)) == 10


DOUBTS = [
    ("reset_after", {}),
    ("truncated", {}),
    ("not_json", {}),
    ("empty", {}),
    ("no_code", {}),
    ("html", {"status": 502, "commit": True}),
    ("http", {"status": 503, "commit": True}),
    ("http", {"status": 429, "commit": True}),
    ("http", {"status": 408, "commit": True}),
    ("code", {"code": 517, "commit": True}),
    ("reset_before", {}),
]


@pytest.mark.parametrize(("kind", "options"), DOUBTS)
def test_a_doubtful_send_is_raised_and_never_repeated(hook, connected_crm, kind, options):
    connected_crm.inject(kind, path="Create", times=1, **options)
    with pytest.raises(UncertainError):
        hook.send_many(PAIRS, "Hello")
    connected_crm.faults.clear()
    connected_crm.inject(kind, path="Create", times=1, **options)
    with pytest.raises(UncertainError):
        hook.send(SENDER, "8613800000999", "Hello")

    assert len(connected_crm.calls()) == 2
    assert {*messages(connected_crm).values()} <= {1}
    assert len(messages(connected_crm)) == (0 if kind == "reset_before" else 11)


@pytest.mark.parametrize("status", [429, 503])
def test_a_send_that_was_refused_for_now_is_sent_once_more(hook, connected_crm, status):
    connected_crm.inject("http", status=status, retry_after=0, path="Create", times=1)

    hook.send_many(PAIRS, "Hello")

    assert [call["status"] for call in connected_crm.calls()] == [status, 200]
    assert messages(connected_crm) == Counter(NUMBERS)


@pytest.mark.parametrize("number", [501, 507, 514, 515, 521, 522, 529, 530, 531, 532, 534, 599, -1])
def test_a_code_is_raised_after_one_call(hook, connected_crm, number):
    connected_crm.inject("code", code=number, message=f"no {NUMBERS[0]} Hello", path="Create")

    with pytest.raises(SocialSCRMError) as failure:
        hook.send_many(PAIRS, "Hello")
    assert (failure.value.code.number, len(connected_crm.calls())) == (number, 1)
    assert NUMBERS[0] not in str(failure.value)
    assert "Hello" not in str(failure.value)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_method_that_the_server_knows_is_found_and_remembered(hook, connected_crm, method):
    connected_crm.configure(send_status_method=method)
    task = hook.send_many(PAIRS, "Hello")

    for _ in range(2):
        assert hook.get_send_status(task).status is TaskStatus.COMPLETED
    statuses = [call["status"] for call in connected_crm.calls()[1:]]
    assert statuses == ([200, 200] if method == "GET" else [405, 200, 200])
    assert SocialSCRMHook()._status_method == "GET"


@pytest.mark.parametrize("status", [404, 405])
def test_where_neither_method_is_known_the_error_says_so(hook, connected_crm, status):
    connected_crm.inject("http", status=status, path="queryExecuteStatus")

    with pytest.raises(RequestError, match="queryExecuteStatus"):
        hook.get_send_status("17")
    assert len(connected_crm.calls()) == 2


def test_a_lost_state_is_asked_for_again(hook, connected_crm):
    task = hook.send_many(PAIRS, "Hello")
    connected_crm.inject("reset_after", path="queryExecuteStatus", times=1)

    assert hook.get_send_status(task).status is TaskStatus.COMPLETED


@pytest.mark.parametrize("field", ["friendWhatsApp", "friendWhatsId", "whatsApp"])
def test_a_state_is_a_table_too(hook, connected_crm, field):
    connected_crm.configure(send_number_field=field)
    frame = hook.get_send_status_df(hook.send_many(PAIRS, "Hello"))

    assert list(frame.columns) == ["number", "status", "status_name", "sender", "raw"]
    assert list(frame["number"]) == NUMBERS
    assert list(frame["status_name"][4:8]) == ["read", "delivered", "sent", "failed"]
    assert json.loads(frame["raw"][0]) == {"sendWhatsApp": SENDER, field: NUMBERS[0], "status": 6}


def test_the_text_of_an_unknown_task_is_hidden(hook, connected_crm):
    connected_crm.inject("code", code=-1, message="see you at noon", path="queryExecuteStatus")

    with pytest.raises(UnknownCodeError) as failure:
        hook.get_send_status("17")
    assert "noon" not in str(failure.value)


@pytest.mark.parametrize(
    ("arguments", "options", "sentence"),
    [
        (([], "Hello"), {}, "no recipients"),
        ((PAIRS * 501, "Hello"), {}, "at most 5,000"),
        ((PAIRS, "x" * 1025), {}, "at most 1,024"),
        ((PAIRS, []), {}, "content is empty"),
        ((PAIRS, Image("")), {}, "no address"),
        ((PAIRS, Image("http://10.0.0.1/a.png")), {}, "not a public address"),
        ((PAIRS, "Hello"), {"start": datetime(2020, 1, 1, tzinfo=UTC)}, "start is in the past"),
        ((PAIRS, "Hello"), {"channel": "fax"}, "channel must be"),
        ((PAIRS + PAIRS[:1], "Hello"), {}, "was given before"),
    ],
)
def test_bad_input_makes_no_call(hook, connected_crm, arguments, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        hook.send_many(*arguments, **options)
    assert connected_crm.calls() == []
