"""Sends to numbers in the sandbox: tasks that move through their states by the clock, and what is unknown of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from airflow_provider_socialscrm.sandbox.send_tasks import (
    COMPLETED,
    NOT_STARTED,
    PAUSED,
    PENDING,
    PROCESSING,
    STOPPED,
    Pace,
    SendTask,
    SendTasks,
)

ONE = "/group-dispatch-api/gsTask/assign/soCreate"
MANY = "/group-dispatch-api/gsTask/assign/moscCreate"
STATUS = "/group-dispatch-api/gsTask/queryExecuteStatus"
SENDER = "8613900000001"
NUMBERS = [f"861380000000{digit}" for digit in range(10)]
TEXT = {"type": 1, "text": "Hello", "sort": 0}


def infos(*numbers: Any, sender: Any = SENDER) -> list[dict[str, Any]]:
    return [{"sendWhatsApp": sender, "friendWhatsApp": number} for number in numbers]


def body(**changes: Any) -> dict[str, Any]:
    fields = {"name": "spring", "sendType": 1, "targetType": 1, "content": [TEXT], "sendInfos": infos(*NUMBERS)}
    return {name: value for name, value in (fields | changes).items() if value is not None}


@pytest.fixture
def send(client):
    def call(**changes):
        return client.send_header(None, path=MANY, body=body(**changes)).json()

    return call


@pytest.fixture
def status(client, sandbox):
    """Read the state of a task by the method that the sandbox answers."""

    def call(task_id):
        signed = client.send_header(None, path=ONE, body={}).request.headers
        headers = {name: signed[name] for name in ("tenant_id", "timestamp", "token")}
        method = sandbox.settings.send_status_method
        return requests.request(method, f"{sandbox.url}{STATUS}?taskId={task_id}", headers=headers, timeout=10).json()

    return call


def test_a_message_ends_by_the_last_digit_of_its_number(sandbox, send, status):
    sandbox.configure(send_seconds=0, send_interval=0)
    task = send()["data"]["taskId"]

    data = status(task)["data"]
    assert data["status"] == 5
    assert [each["friendWhatsApp"] for each in data["info"]] == NUMBERS
    assert {each["sendWhatsApp"] for each in data["info"]} == {SENDER}
    assert [each["status"] for each in data["info"]] == [6, 6, 7, 7, 5, 4, 3, -1, -1, -1]


TASK = SendTask("1", "a", "", 1, 1, (("5", "71"), ("5", "76"), ("5", "79")), (TEXT,), 1000.0)
PACE = Pace(10.0, 5.0)


@pytest.mark.parametrize(
    ("now", "state", "messages"),
    [
        (999.0, NOT_STARTED, [0, 0, 0]),
        (1000.0, PENDING, [1, 1, 1]),
        (1010.0, PROCESSING, [2, 1, 1]),
        (1015.0, PROCESSING, [2, 2, 1]),
        (1020.0, PROCESSING, [3, 2, 2]),
        (1030.0, COMPLETED, [4, 3, -1]),
        (1040.0, COMPLETED, [5, 3, -1]),
        (9999.0, COMPLETED, [6, 3, -1]),
    ],
)
def test_a_task_and_its_messages_move_by_the_clock(now, state, messages):
    assert (TASK.state(now, PACE), TASK.message_states(now, PACE)) == (state, messages)


@pytest.mark.parametrize(
    ("changes", "state", "messages"),
    [
        ({"ends_at": 1015.0}, STOPPED, [6, 1, 1]),
        ({"ends_at": 1016.0}, STOPPED, [6, 3, 1]),
        ({"ends_at": 1021.0}, COMPLETED, [6, 3, -1]),
        ({"halted": (PAUSED, 1012.0)}, PAUSED, [6, 1, 1]),
        ({"halted": (STOPPED, 1012.0)}, STOPPED, [6, 1, 1]),
        ({"halted": (STOPPED, 5000.0)}, COMPLETED, [6, 3, -1]),
    ],
)
def test_what_an_end_or_a_stop_leaves_out_is_not_sent(changes, state, messages):
    task = replace(TASK, **changes)

    assert (task.state(9999.0, PACE), task.message_states(9999.0, PACE)) == (state, messages)


def test_one_recipient_is_in_the_task_itself(client, sandbox):
    sent = {name: value for name, value in body().items() if name != "sendInfos"}
    made = client.send_header(None, path=ONE, body={**sent, "sendWhatsApp": SENDER, "friendWhatsApp": NUMBERS[0]})

    (message,) = sandbox.memory(SendTasks).messages()
    assert (message.task_id, message.name) == (made.json()["data"]["taskId"], "spring")
    assert (message.sender, message.recipient, message.contents) == (SENDER, NUMBERS[0], (TEXT,))


def moment(minutes: float) -> str:
    return f"{datetime.now(ZoneInfo('Asia/Shanghai')) + timedelta(minutes=minutes):%Y-%m-%d %H:%M:%S}"


def milliseconds(minutes: float) -> int:
    return int((datetime.now(ZoneInfo("UTC")) + timedelta(minutes=minutes)).timestamp() * 1000)


@pytest.mark.parametrize(("form", "time"), [("text", moment), ("milliseconds", milliseconds)])
def test_a_timed_task_waits_for_its_time(sandbox, send, status, form, time):
    sandbox.configure(send_times=form, send_seconds=0)

    data = status(send(startTaskTime=time(60), endTaskTime=time(120))["data"]["taskId"])["data"]
    assert (data["status"], {each["status"] for each in data["info"]}) == (1, {0})


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"content": None}, 514),
        ({"content": []}, 514),
        ({"content": "Hello"}, 514),
        ({"content": [{**TEXT, "text": ""}]}, 514),
        ({"content": [{"type": 9, "text": "x"}]}, -1),
        ({"content": [{"type": [1], "text": "x"}]}, -1),
        ({"content": [{"type": 2, "text": "Look"}]}, 515),
        ({"content": [TEXT, {"type": 3}]}, 515),
        ({"content": [{"type": 10, "title": "Look"}]}, 514),
        ({"content": [{"type": 11, "title": "Look", "routeList": []}]}, 514),
        ({"content": [{**TEXT, "text": "x" * 1025}]}, 507),
        ({"content": [{**TEXT, "text": "\N{GRINNING FACE}" * 513}]}, 507),
        ({"sendInfos": infos(*(f"86138{n:08}" for n in range(5001)))}, 507),
        ({"sendInfos": None}, 534),
        ({"sendInfos": []}, 534),
        ({"sendInfos": infos("")}, 534),
        ({"sendInfos": [5]}, 534),
        ({"sendInfos": infos("+8613800000001")}, -1),
        ({"sendInfos": infos(NUMBERS[0], sender="8613900000009")}, -1),
        ({"sendInfos": infos(NUMBERS[0], sender=None)}, -1),
        ({"sendType": 4}, -1),
        ({"sendType": "1"}, -1),
        ({"targetType": None}, -1),
        ({"targetType": 2}, 200),
        ({"targetType": 2, "sendInfos": infos("120363041234567890")}, 200),
        ({"targetType": 1, "sendInfos": infos("120363041234567890")}, -1),
        ({"agentAccount": "nobody"}, 531),
        ({"agentAccount": "agent_wang"}, 200),
        ({"startTaskTime": "tomorrow"}, 513),
        ({"startTaskTime": 1_900_000_000_000}, 513),
        ({"startTaskTime": moment(-5)}, 513),
        ({"endTaskTime": moment(-5)}, 513),
        ({"startTaskTime": moment(2000), "endTaskTime": moment(1000)}, 513),
        ({"name": None}, 200),
    ],
)
def test_a_bad_task_is_rejected_and_reaches_nobody(sandbox, send, changes, code):
    assert send(**changes)["code"] == code
    assert bool(sandbox.memory(SendTasks).all()) == (code == 200)


def test_the_largest_task_and_the_longest_text_are_taken(send):
    assert (
        send(sendInfos=infos(*(f"86138{n:08}" for n in range(5000))), content=[{**TEXT, "text": "x" * 1024}])["code"]
        == 200
    )


@pytest.mark.parametrize(
    ("settings", "changes", "code"),
    [
        ({"send_limit": "-1"}, {"content": [{**TEXT, "text": "x" * 1025}]}, -1),
        ({"send_limit": "-1"}, {"sendInfos": infos(*(f"86138{n:08}" for n in range(5001)))}, -1),
        ({"send_senders": "any"}, {"sendInfos": infos(NUMBERS[0], sender="8613900000009")}, 200),
        ({"send_recipients": "customers"}, {}, 532),
        ({"send_times": "milliseconds"}, {"startTaskTime": moment(5000)}, 513),
    ],
)
def test_what_is_unknown_is_a_setting(sandbox, send, settings, changes, code):
    sandbox.configure(**settings)

    assert send(**changes)["code"] == code


def test_only_customers_may_get_messages_if_so_configured(client, sandbox, send):
    sandbox.configure(send_recipients="customers")
    assert client.send_body([{"whatsApp": NUMBERS[0]}]).json()["code"] == 200

    assert send(sendInfos=infos(NUMBERS[0]))["code"] == 200


@pytest.mark.parametrize(("refusal", "kept"), [("atomic", []), ("partial", NUMBERS[:1])])
def test_whether_good_numbers_get_their_message_beside_a_bad_one_is_a_setting(sandbox, send, refusal, kept):
    sandbox.configure(refusal=refusal)

    assert send(sendInfos=infos(NUMBERS[0], "x"))["code"] == -1
    assert [each.recipient for each in sandbox.memory(SendTasks).messages()] == kept


@pytest.mark.parametrize("form", ["object", "text", "number", "empty"])
def test_the_response_has_the_id_in_the_configured_form(sandbox, send, form):
    sandbox.configure(send_task_data=form)
    data = send()["data"]

    (task,) = sandbox.memory(SendTasks).all()
    assert data == {"object": {"taskId": task.id}, "text": task.id, "number": int(task.id), "empty": ""}[form]


@pytest.mark.parametrize(("setting", "code", "tasks"), [("ignored", 200, 2), ("refused", -1, 1), ("same", 200, 1)])
def test_what_a_trans_id_does_is_a_setting(sandbox, send, setting, code, tasks):
    sandbox.configure(trans_ids=setting)
    first = send(content=[{**TEXT, "transId": "a"}])
    again = send(content=[{**TEXT, "transId": "a"}])

    assert (first["code"], again["code"]) == (200, code)
    assert len(sandbox.memory(SendTasks).all()) == tasks
    assert (again["data"] == first["data"]) == (setting == "same")
    assert send(content=[{**TEXT, "transId": "b"}])["code"] == 200


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_state_is_read_by_the_configured_method_only(client, sandbox, send, status, method):
    sandbox.configure(send_status_method=method, send_number_field="whatsApp")
    task = send()["data"]["taskId"]

    assert status(task)["data"]["info"][0]["whatsApp"] == NUMBERS[0]
    assert status("17")["code"] == -1
    posted = client.send_header(None, path=STATUS, body={"taskId": task})
    assert posted.status_code == (200 if method == "POST" else 405)


def test_a_lost_response_leaves_the_task(sandbox, send):
    sandbox.inject("reset_after", path="Create", times=1)
    with pytest.raises(requests.ConnectionError):
        send(sendInfos=infos(NUMBERS[0]))

    assert send(sendInfos=infos(NUMBERS[0]))["code"] == 200  # the sandbox forbids no repeat, and counts both
    messages = sandbox.memory(SendTasks).messages()
    assert [(each.name, each.recipient) for each in messages] == [("spring", NUMBERS[0])] * 2


def test_a_task_can_be_paused_and_go_on(client, sandbox, send, status):
    sandbox.configure(send_seconds=0, send_interval=1000)
    task = send()["data"]["taskId"]

    for state, number in (("paused", 6), ("stopped", 4), ("going", 3)):
        listed = client.admin("POST", "sends", json={"id": task, "state": state}).json()
        assert status(task)["data"]["status"] == number
        assert listed[0]["state"] == {"going": "processing"}.get(state, state)
    assert client.admin("POST", "sends", json={"id": task}).status_code == 400
    assert client.admin("POST", "sends", json={"id": "17", "state": "paused"}).status_code == 400


def test_the_page_shows_tasks_and_messages_without_their_numbers(client, sandbox, send):
    sandbox.configure(send_seconds=0, send_interval=0)
    task = send(content=[{**TEXT, "text": "<b>" + "x" * 100}])["data"]["taskId"]

    page = client.page()
    assert 'id="sends"' in page
    assert 'id="send-messages"' in page
    assert task in page
    assert "&lt;b&gt;xxx" in page
    assert "2 read and replied" in page
    assert NUMBERS[0] not in page
    assert "•" * 11 + "00" in page
    assert client.admin("GET", "sends").json()[0]["messages"][0] == {
        "sender": SENDER, "recipient": NUMBERS[0], "state": "read and replied",
    }  # fmt: skip


def test_a_wrong_signature_is_rejected_and_a_reset_forgets_everything(client, sandbox, send):
    assert client.send_header(None, path=MANY, body=body(), token="wrong").json()["code"] == 522
    send()
    assert [call["rows"] for call in sandbox.calls()] == [10, 10]
    sandbox.reset()
    assert sandbox.memory(SendTasks).messages() == []
