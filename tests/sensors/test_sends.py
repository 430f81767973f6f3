"""The sensor that waits for messages, against the sandbox over HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from airflow.sdk import DAG

from airflow_provider_socialscrm._compat import AirflowFailException, AirflowSensorTimeout, AirflowSkipException
from airflow_provider_socialscrm.api.errors import UnknownCodeError
from airflow_provider_socialscrm.api.sends import SendPair
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.sandbox.send_tasks import PAUSED, STOPPED, SendTasks
from airflow_provider_socialscrm.sandbox.server import Sandbox
from airflow_provider_socialscrm.sensors.sends import SocialSCRMSendSensor
from tests.support.airflow import FakeTaskInstance, TaskDeferred

SENDER = "8613900000001"
NUMBERS = [f"86138000000{n:02}" for n in range(10)]  # the last digit says what becomes of a message


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    connected_crm.configure(send_seconds=0, send_interval=0)
    return connected_crm


def sent(*digits: int) -> str:
    return SocialSCRMHook().send_many([SendPair(SENDER, NUMBERS[digit]) for digit in digits], "Hello")


def made(task_ids: Any, **arguments: Any) -> SocialSCRMSendSensor:
    known = {"poke_interval": 0.02, "timeout": 20, "deferrable": False}
    return SocialSCRMSendSensor(task_id="wait", task_ids=task_ids, **known | arguments)


def context() -> Any:
    return {"ti": FakeTaskInstance(task_id="wait", task_reschedules=[]), "task_reschedules": []}


def run(task_ids: Any, **arguments: Any) -> dict[str, Any]:
    return made(task_ids, **arguments).execute(context())


@pytest.mark.parametrize("deferrable", [True, False])
def test_each_recipients_last_status_becomes_a_row(crm, tmp_path, deferrable, caplog, capsys):
    caplog.set_level("DEBUG")
    tasks = [sent(0, 2, 4), sent(5)]
    counts = run(tasks, deferrable=deferrable, result_path=tmp_path / "out.parquet")

    assert counts == {
        "recipients": 4, "reached": 4, "waiting": 0, "failed": 0, "stopped": 0, "path": str(tmp_path / "out.parquet"),
    }  # fmt: skip
    found = pd.read_parquet(tmp_path / "out.parquet")
    assert found[["task_id", "number", "sender", "status", "code"]].to_numpy().tolist() == [
        [tasks[0], NUMBERS[0], SENDER, "read_and_replied", 6],
        [tasks[0], NUMBERS[2], SENDER, "read_without_reply", 7],
        [tasks[0], NUMBERS[4], SENDER, "read", 5],
        [tasks[1], NUMBERS[5], SENDER, "delivered", 4],
    ]
    assert json.loads(found["raw"][0])["friendWhatsApp"] == NUMBERS[0]
    assert (tmp_path / "out.parquet").stat().st_mode & 0o777 == 0o600
    seen = f"{caplog.text}{capsys.readouterr().out}{counts}"
    assert not [number for number in NUMBERS if number in seen]


def test_it_waits_until_messages_are_far_enough(crm):
    crm.configure(send_seconds=0.4)
    before = len(crm.calls())
    assert run([sent(0)], until="sent")["reached"] == 1
    assert len(crm.calls()) > before + 3


@pytest.mark.parametrize(
    ("digits", "until", "arguments", "sentence"),
    [
        ([0, 7], "sent", {}, "1 of 2 messages failed"),
        ([0, 7], "sent", {"max_failed": 1}, None),
        ([0, 7], "sent", {"max_failed": 0.5}, None),
        ([0, 7, 8, 9], "sent", {"max_failed": 0.5}, "3 of 4 messages failed"),
        ([0, 7], "sent", {"max_failed": None}, None),
        ([0, 6], "sent", {}, None),
        ([0, 5], "delivered", {}, None),
        ([0, 5], "read", {"min_share": 0.5}, None),
    ],
)
@pytest.mark.usefixtures("crm")
def test_messages_that_failed_count_against_a_threshold(tmp_path, digits, until, arguments, sentence):
    path = tmp_path / "out.csv"
    if sentence:
        with pytest.raises(AirflowFailException, match=sentence):
            run([sent(*digits)], until=until, result_path=path, **arguments)
    else:
        run([sent(*digits)], until=until, result_path=path, **arguments)
    assert len(path.read_text().splitlines()) == len(digits) + 1


def test_a_stopped_task_is_not_waited_for_and_its_messages_count_as_failed(crm):
    crm.configure(send_seconds=60)
    task = sent(0, 1)
    crm.memory(SendTasks).halt(task, STOPPED, crm.now())

    with pytest.raises(AirflowFailException, match=r"0 of 2 messages failed, and 2 were not sent because .* stopped"):
        run([task])
    assert run([task], max_failed=None)["stopped"] == 2


@pytest.mark.parametrize("soft_fail", [True, False])
def test_a_paused_task_is_waited_for_until_the_time_is_over_and_the_file_is_written(crm, tmp_path, capsys, soft_fail):
    crm.configure(send_seconds=60)
    task = sent(0)
    crm.memory(SendTasks).halt(task, PAUSED, crm.now())

    with pytest.raises(AirflowSkipException if soft_fail else AirflowSensorTimeout):
        run([task], timeout=0.1, result_path=tmp_path / "out.jsonl", soft_fail=soft_fail)
    assert "is paused: somebody has to let it go on" in capsys.readouterr().out
    assert json.loads((tmp_path / "out.jsonl").read_text())["status"] == "to_send"


def test_deferred_it_holds_ids_only_and_then_writes_the_file(crm, tmp_path):
    crm.configure(send_seconds=60)
    task = sent(0)
    sensor = made([task], deferrable=True, until="read", min_share=0.9, result_path=tmp_path / "out.csv")
    with pytest.raises(TaskDeferred) as deferred:
        sensor.execute(context())
    path, arguments = deferred.value.trigger.serialize()

    assert path == "airflow_provider_socialscrm.triggers.sends.SocialSCRMSendTrigger"
    assert arguments.pop("deadline") == pytest.approx(datetime.now(UTC).timestamp() + 20, abs=5)
    assert arguments == {
        "task_ids": [task], "until": "read", "min_share": 0.9, "socialscrm_conn_id": "socialscrm_default",
        "poll_interval": 0.02,
    }  # fmt: skip
    assert deferred.value.method_name == "execute_complete"
    crm.configure(send_seconds=0)
    assert sensor.execute_complete(context(), {"status": "finished"})["reached"] == 1
    assert NUMBERS[0] in (tmp_path / "out.csv").read_text()


def test_the_events_of_the_trigger_end_the_wait(crm, tmp_path):
    sensor = made([sent(0)], result_path=tmp_path / "out.csv")
    with pytest.raises(AirflowSensorTimeout, match="timeout is over"):
        sensor.execute_complete(context(), {"status": "pending"})
    assert (tmp_path / "out.csv").exists()
    with pytest.raises(AirflowFailException, match="Check ApiKey"):
        sensor.execute_complete(context(), {"status": "failed", "message": "Check ApiKey."})


@pytest.mark.parametrize(
    ("result_path", "sentence"),
    [
        (
            "out.csv",
            "The timeout is over, and some messages are not delivered yet: the file has each recipient's status.",
        ),
        (None, "The timeout is over, and some messages are not delivered yet."),
    ],
)
def test_a_wait_that_is_too_long_names_a_file_only_if_there_is_one(crm, tmp_path, result_path, sentence):
    sensor = made([sent(0)], result_path=result_path and tmp_path / result_path)

    with pytest.raises(AirflowSensorTimeout) as failure:
        sensor.execute_complete(context(), {"status": "pending"})

    assert str(failure.value) == sentence


def test_no_tasks_are_a_success_at_once(crm, tmp_path):
    assert run([], result_path=tmp_path / "out.csv")["recipients"] == 0
    assert [run([], result_path=nothing)["path"] for nothing in ("", " ", "None", None)] == [None] * 4
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 1
    assert crm.calls() == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"task_ids": {"a": 1}}, "task_ids must be a list"),
        ({"task_ids": ["a b"]}, "not the id of a task"),
        ({"result_path": "nowhere://bucket/out.csv"}, "No file system for nowhere:// is installed"),
        ({"until": "answered"}, "until must be one of sent, delivered, read"),
        ({"min_share": 0}, "min_share must be"),
        ({"min_share": 1.5}, "min_share must be"),
        ({"max_failed": -1}, "max_failed must be"),
        ({"max_failed": "many"}, "max_failed must be"),
        ({"result_path": 5}, "result_path is a int"),
        ({"result_path": "~/out/"}, "result_path begins with ~"),
        ({"result_path": "file:/x/out.csv"}, "result_path begins with file:/"),
        ({"result_path": "out.xlsx"}, "result_path is out.xlsx"),
    ],
)
@pytest.mark.parametrize("deferrable", [True, False])
def test_bad_input_is_one_sentence_and_no_call(crm, arguments, sentence, deferrable):
    with pytest.raises(AirflowFailException, match=sentence):
        run(**{"task_ids": ["1"], "deferrable": deferrable} | arguments)
    assert crm.calls() == []


@pytest.mark.parametrize("native", [True, False])
def test_templates_give_values_of_any_type(crm, native):
    task = sent(0)
    with DAG("dag", schedule=None, render_template_as_native_obj=native) as dag:
        sensor = made("{{ tasks }}", until="{{ 'read' }}", min_share="{{ 1 }}", max_failed="{{ 0 }}")
    found = {**context(), "dag": dag, "tasks": [task]}
    sensor.render_template_fields(found)

    assert sensor.execute(found)["reached"] == 1


def test_a_task_that_the_crm_does_not_know_fails_at_once(crm):
    with pytest.raises(UnknownCodeError):
        run(["123"])
