"""Tasks that send, with lost responses, killed workers, retries and clears, against the sandbox over HTTP."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.api.errors import RetriableError
from airflow_provider_socialscrm.api.mass_sends import Content, MassSend, Stage
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.operators.mass_sends import SocialSCRMMassSendOperator
from airflow_provider_socialscrm.sandbox.mass_sends import MassSends
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance, FakeTaskStateStore

FAULTS: list[dict[str, Any]] = [
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "truncated"},
    {"kind": "not_json"},
    {"kind": "http", "status": 503, "commit": True},
    {"kind": "http", "status": 503},
    {"kind": "html", "status": 502, "commit": True},
    {"kind": "code", "code": 517, "commit": True},
    {"kind": "code", "code": 517},
]


class Killed(BaseException):
    """The worker is gone."""


@pytest.fixture
def crm(connected_crm: Sandbox, monkeypatch) -> Sandbox:
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", connected_crm.connection_json(login="admin"))
    monkeypatch.setattr("airflow_provider_socialscrm.mass_sends.sending.LIMITS", RetryLimits(2, first_wait=0.01))
    return connected_crm


def killed_at(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Let the worker be killed before or after its next call."""
    create = SocialSCRMHook.create_mass_sends

    def killed(hook: SocialSCRMHook, tasks: Any, **arguments: Any) -> Any:
        if moment == "after":
            create(hook, tasks, **arguments)
        raise Killed

    monkeypatch.setattr(SocialSCRMHook, "create_mass_sends", killed)


@pytest.mark.parametrize("seed", range(25))
def test_each_name_is_created_at_most_once_and_the_report_matches_what_the_crm_has(crm, monkeypatch, seed):
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    crm.configure(refusal=chance.choice(["atomic", "partial"]))
    tasks = [
        MassSend(name, ("agent_wang",), Stage("New Customer", "12"), Content(f"Hello {name}"))
        for name in "abc"[: chance.randint(1, 3)]
    ]
    store = FakeTaskStateStore()
    for number in range(1, chance.randint(2, 5)):
        crm.faults.clear()
        for _ in range(chance.randint(0, 2)):
            crm.inject(**chance.choice(FAULTS), path="batchAdd", times=chance.randint(1, 2))
        with monkeypatch.context() as patch:
            if chance.random() < 0.3:
                killed_at(patch, chance.choice(["before", "after"]))
            run(crm, store, number, tasks)
    crm.faults.clear()

    outcomes = run(crm, store, 9, tasks)

    assert {name for name, outcome in outcomes.items() if outcome != "in_doubt"} <= {*created(crm)}
    assert {*created(crm)} == {task.name for task in tasks}


def run(crm: Sandbox, store: FakeTaskStateStore, number: int, tasks: list[MassSend]) -> dict[str, str]:
    """Run a try of the task, and compare what it reports with what the CRM has."""
    ti = FakeTaskInstance(task_id="send", try_number=number, max_tries=12)
    with DAG("dag", schedule=None):
        operator = SocialSCRMMassSendOperator(task_id="send", tasks=tasks, check_executors=False)
    try:
        manifest = operator.execute({"ti": ti, "task_state_store": store})
    except (RetriableError, AirflowFailException):
        manifest = ti.pushed[0][1] if ti.pushed else {"tasks": []}
    except Killed:
        manifest = {"tasks": []}
    counts = Counter(created(crm))
    assert max(counts.values(), default=0) <= 1
    outcomes = {task["name"]: task["outcome"] for task in manifest["tasks"]}
    for name, outcome in outcomes.items():
        assert outcome != "rejected"
        if outcome.startswith("accepted"):
            assert counts[name] == 1
    return outcomes


def created(crm: Sandbox) -> list[str]:
    return [task.name for task in crm.memory(MassSends).tasks]
