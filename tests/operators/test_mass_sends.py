"""Tasks that have the CRM send messages, against the sandbox over HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.api.errors import RetriableError
from airflow_provider_socialscrm.api.mass_sends import Content, Group, MassSend, Stage, Tag
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.operators.mass_sends import SocialSCRMMassSendOperator
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance, FakeTaskStateStore, serialized

PATH = "open/mark/batchAdd"
ONE = {"executors": ["agent_wang"], "group": Stage("New Customer", "12"), "content": "Hello"}


@pytest.fixture
def crm(connected_crm: Sandbox, monkeypatch) -> Sandbox:
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", connected_crm.connection_json("header", login="admin"))
    monkeypatch.setattr("airflow_provider_socialscrm.mass_sends.sending.LIMITS", RetryLimits(3, first_wait=0.01))
    return connected_crm


def made(**arguments: Any) -> SocialSCRMMassSendOperator:
    with DAG("dag", schedule=None):
        return SocialSCRMMassSendOperator(task_id="send", **arguments)


def run(store: FakeTaskStateStore | None = None, *, try_number: int = 1, **arguments: Any) -> dict[str, Any]:
    ti = FakeTaskInstance(task_id="send", try_number=try_number, max_tries=5)
    context = {"ti": ti} if store is None else {"ti": ti, "task_state_store": store}
    return made(**arguments).execute(context)


def created(crm: Sandbox) -> list[str]:
    from airflow_provider_socialscrm.sandbox.mass_sends import MassSends

    return [task.name for task in crm.memory(MassSends).tasks]


def calls(crm: Sandbox) -> int:
    return sum(call["path"].endswith(PATH) for call in crm.calls())


def test_a_task_is_created_under_a_name_of_dag_task_and_run(crm):
    manifest = run(**ONE)

    assert created(crm) == ["dag/send run"]
    assert manifest == {
        "accepted": 1,
        "rejected": 0,
        "in_doubt": 0,
        "not_sent": 0,
        "tasks": [{"name": "dag/send run", "outcome": "accepted", "code": None, "reason": ""}],
    }


@pytest.mark.parametrize("nothing", ["", " ", "None"])
def test_a_checkpoint_path_without_a_value_is_no_file(crm, tmp_path, monkeypatch, nothing):
    monkeypatch.chdir(tmp_path)
    assert run(**ONE, checkpoint_path=nothing)["accepted"] == 1
    assert list(tmp_path.iterdir()) == []


def test_several_tasks_are_one_call(crm):
    tasks = [
        MassSend("a", ("agent_wang",), Tag("VIP", "3"), Content("Hi")),
        {
            **ONE,
            "group": {"group": "VIP", "id": 7},
            "content": {"text": "Look", "kind": "file", "url": "https://x.example/a"},
        },
    ]

    assert run(tasks=tasks)["accepted"] == 2
    assert (created(crm), calls(crm)) == (["a", "dag/send#2 run"], 1)


def test_a_lost_response_is_sent_again_and_succeeds(crm):
    crm.inject("reset_after", path=PATH, times=1)

    (task,) = run(**ONE)["tasks"]

    assert (task["outcome"], task["code"]) == ("accepted_before", 521)
    assert (created(crm), calls(crm)) == (["dag/send run"], 2)


def test_a_retry_after_a_try_that_stayed_in_doubt_succeeds_and_a_clear_sends_nothing_again(crm):
    store = FakeTaskStateStore()
    crm.inject("reset_after", path=PATH)
    with pytest.raises(RetriableError):
        run(store, **ONE)
    crm.faults.clear()

    (task,) = run(store, try_number=2, **ONE)["tasks"]
    assert (task["outcome"], task["code"]) == ("accepted_before", 521)
    before = len(crm.calls())
    assert run(store, try_number=3, **ONE)["accepted"] == 1
    assert len(crm.calls()) == before
    assert created(crm) == ["dag/send run"]


def test_a_file_saves_what_was_sent_where_airflow_does_not(crm, tmp_path):
    path = str(tmp_path / "sent.json")
    crm.inject("reset_after", path=PATH)
    with pytest.raises(RetriableError):
        run(checkpoint_path=path, name="mine", **ONE)
    crm.faults.clear()

    assert run(checkpoint_path=path, name="mine", try_number=2, **ONE)["tasks"][0]["code"] == 521
    assert (tmp_path / "sent.json").stat().st_mode & 0o777 == 0o600


def test_a_name_that_is_taken_is_an_error_on_a_first_try(crm):
    run(name="mine", **ONE)

    with pytest.raises(AirflowFailException, match="521"):
        run(FakeTaskStateStore(), name="mine", **ONE)


def test_a_file_and_a_later_start_are_sent(crm):
    start = datetime.now(UTC) + timedelta(hours=2)
    run(**{**ONE, "content": Content("Look", "picture", "https://x.example/a.png")}, start=start, interval=(1, 2))

    assert created(crm) == ["dag/send run"]


BAD = [
    ({"name": ""}, "name is empty"),
    ({"executors": None}, "executors is missing"),
    ({"executors": []}, "executors is empty"),
    ({"executors": "agent_wang"}, "must be a list"),
    ({"executors": ["nobody"]}, "'nobody', whom the CRM does not know"),
    ({"group": None}, "group is missing"),
    ({"group": {}}, "group must be one"),
    ({"group": {"stage": "a", "tag": "b", "id": "1"}}, "group must be one"),
    ({"group": {"stage": "a"}}, "needs the id"),
    ({"group": "New Customer"}, "group must be one"),
    ({"content": None}, "content is missing"),
    ({"content": ""}, "no text"),
    ({"content": {"kind": "file"}}, "content must be"),
    ({"content": {"text": "Look", "kind": "file"}}, "without an address"),
    ({"start": "tomorrow"}, "start is not a time"),
    ({"start": "2026-01-01T00:00:00"}, "no time zone"),
    ({"start": "2020-01-01T00:00:00+08:00"}, "in the past"),
    ({"interval": None}, "interval is missing"),
    ({"interval": "soon"}, "two whole numbers"),
    ({"reached": "many"}, "reached must be"),
    ({"tasks": []}, "both given"),
    ({"executors_as": "json"}, "executors_as must be"),
    ({"check_executors": "maybe"}, "check_executors must be"),
    ({"name_limit": 5}, "name_limit"),
    ({"checkpoint_path": 5}, "checkpoint_path is a int"),
]


@pytest.mark.parametrize(("changes", "sentence"), BAD)
def test_bad_input_fails_before_any_call_that_creates(crm, changes, sentence):
    with pytest.raises(AirflowFailException, match=sentence):
        run(**ONE | changes)
    assert calls(crm) == 0


@pytest.mark.parametrize(
    ("tasks", "sentence"),
    [
        ([], "give 1 to 50"),
        ([ONE] * 51, "give 1 to 50"),
        ("x", "must be a list of MassSend"),
        ([5], "must be a list of MassSend"),
        ([{**ONE, "numbers": ["8613800000000"]}], "'numbers'"),
        ([{**ONE, "name": "a"}, {**ONE, "name": "a"}], "the same name"),
        ([{**ONE, "content": " "}], "no text"),
    ],
)
def test_bad_tasks_fail_before_any_call_that_creates(crm, tasks, sentence):
    with pytest.raises(AirflowFailException, match=sentence):
        run(tasks=tasks)
    assert calls(crm) == 0


def test_a_look_up_that_is_refused_sends_nothing_and_can_be_left_out(crm):
    crm.inject("http", status=404, path="se-api/user/query")

    with pytest.raises(AirflowFailException, match="check_executors=False"):
        run(**ONE)
    assert calls(crm) == 0
    assert run(check_executors=False, **ONE)["accepted"] == 1


def test_a_task_that_is_rejected_fails_and_pushes_what_became_of_each(crm):
    crm.configure(refusal="atomic")
    ti = FakeTaskInstance(task_id="send")
    operator = made(
        tasks=[{**ONE, "name": "good"}, {**ONE, "name": "bad", "group": Group("Nobody", "1")}, {**ONE, "name": "last"}]
    )

    with pytest.raises(AirflowFailException, match=r"1 of 3 mass sends failed: 'bad'.*528"):
        operator.execute({"ti": ti})

    ((_, manifest),) = ti.pushed
    assert [task["outcome"] for task in manifest["tasks"]] == ["accepted", "rejected", "accepted"]
    assert created(crm) == ["good", "last"]


def test_the_other_form_of_executors_helps_where_the_crm_wants_it(crm):
    crm.configure(executors_as="text")

    with pytest.raises(AirflowFailException, match="set executors_as"):
        run(**ONE)
    assert run(executors_as="text", **ONE)["accepted"] == 1


@pytest.mark.parametrize("native", [False, True])
def test_templates_give_values_of_any_type(crm, native):
    with DAG("dag", schedule=None, render_template_as_native_obj=native) as dag:
        operator = SocialSCRMMassSendOperator(
            task_id="send",
            name="{{ 'campaign' }}",
            executors="{{ ['agent_wang'] }}",
            group={"stage": "{{ 2026 }}", "id": "{{ 12 }}"},
            content=Content("{{ 100 }}"),
            start="{{ none }}",
            interval="{{ (5, 6) }}",
            check_executors="{{ false }}",
        )
    context = {"ti": FakeTaskInstance(task_id="send"), "dag": dag}
    operator.render_template_fields(context)
    operator.execute(context)

    from airflow_provider_socialscrm.sandbox.mass_sends import MassSends

    (task,) = crm.memory(MassSends).tasks
    assert (task.name, task.group, task.content, task.seconds) == ("campaign", "stage 2026", "100", 5.5)


def test_a_dag_with_objects_of_ours_is_serialized(crm):
    operator = made(tasks=[MassSend("a", ("agent_wang",), Tag("VIP", "3"), Content("Hi"))], start=datetime.now(UTC))

    serialized(operator.dag)
    assert operator.tasks[0]["group"] == {"tag": "VIP", "id": "3"}


def test_mapped_tasks_are_serialized_with_plain_values(crm):
    with DAG("dag", schedule=None) as dag:
        SocialSCRMMassSendOperator.partial(
            task_id="send", executors=["agent_wang"], group=Stage("New Customer", "12")
        ).expand(content=["Hello", {"text": "Bye"}])

    assert "Stage(" not in serialized(dag)


def test_a_manifest_of_the_most_tasks_is_small_enough_for_xcom(crm):
    crm.configure(rows_per_call=1)
    ti = FakeTaskInstance(task_id="send" * 50)
    operator = made(tasks=[{**ONE, "group": Group("Nobody", "1")}] * 50)

    with pytest.raises(AirflowFailException, match="50 of 50"):
        operator.execute({"ti": ti})
    assert len(json.dumps(ti.pushed[0][1])) < 16 * 1024


def test_nothing_about_a_customer_shows(crm, caplog):
    from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook

    SocialSCRMHook().import_customers(
        [{"whatsApp": "8613800000001", "friendName": "Ann", "stage": "New Customer", "agentAccount": "agent_wang"}]
    )
    caplog.set_level("DEBUG")
    manifest = run(**ONE)

    text = f"{manifest}{caplog.text}"
    assert "8613800000001" not in text
    assert "Ann" not in text
