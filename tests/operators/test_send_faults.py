"""Sends under lost responses, refusals, killed workers, retries and clears, against the sandbox over HTTP."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.api.errors import RetriableError, ServiceError
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.operators.sends import SocialSCRMSendOperator
from airflow_provider_socialscrm.sandbox.send_tasks import SendTasks
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance
from tests.support.sends import Killed

NUMBERS = [f"86138000000{n:02}" for n in range(12)]
PATH = "moscCreate"
CAMPAIGNS = ["autumn", "winter"]

FAULTS: list[dict[str, Any]] = [
    {"kind": "reset_before"},
    {"kind": "reset_after"},
    {"kind": "truncated"},
    {"kind": "not_json"},
    {"kind": "http", "status": 503, "commit": True},
    {"kind": "html", "status": 404, "commit": True},
    {"kind": "code", "code": 517, "commit": True},
    {"kind": "code", "code": 517},
    {"kind": "code", "code": 514},
    {"kind": "code", "code": 516},
]


@pytest.fixture
def crm(connected_crm: Sandbox, monkeypatch) -> Sandbox:
    connected_crm.configure(send_seconds=0, send_interval=0)
    monkeypatch.setattr("airflow_provider_socialscrm.sends.sending.OTHERS_WAIT", 0)  # the others are killed
    return connected_crm


def break_next_call(monkeypatch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Let the worker be killed before or after a call of its, or let the CRM be unavailable for it."""
    moment, left = chance.choice(["before", "after", "unavailable"]), chance.randint(0, 2)
    send_many = SocialSCRMHook.send_many

    def broken(hook: SocialSCRMHook, *arguments: Any, **named: Any) -> str:
        nonlocal left
        left -= 1
        if left >= 0:
            return send_many(hook, *arguments, **named)
        if moment == "unavailable":
            raise ServiceError("SocialsCRM is unavailable.")
        if moment == "after":
            send_many(hook, *arguments, **named)
        raise Killed

    monkeypatch.setattr(SocialSCRMHook, "send_many", broken)


def run(crm: Sandbox, ledger: Path, **arguments: Any) -> dict[str, Any] | None:
    """Run a try, and compare what it reports with what the CRM has; ``None`` if it was killed."""
    task, numbers = arguments.pop("task", "send"), arguments.pop("numbers")
    ti = FakeTaskInstance(task_id=task)
    operator = SocialSCRMSendOperator(
        task_id="send", data=pd.DataFrame({"whatsApp": numbers}), sender="8613900000001", ledger=str(ledger),
        confirm_recipients=len(numbers), check_executors=False, **arguments,
    )  # fmt: skip
    try:
        manifest = operator.execute({"ti": ti})
    except (RetriableError, AirflowFailException):
        manifest = dict(ti.pushed)["return_value"]
    except Killed:
        return None
    check(crm, manifest, arguments["campaign"], numbers)
    return manifest


def check(crm: Sandbox, manifest: dict[str, Any], campaign: str, numbers: list[str]) -> None:
    tasks = [task for task in crm.memory(SendTasks).all() if task.contents[0]["text"] == campaign]
    got = Counter(recipient for task in tasks for _, recipient in task.pairs)
    counts = [manifest[each] for each in ("accepted", "sent_before", "rejected", "in_doubt", "not_sent")]
    assert sum(counts) == len(numbers)
    reached = sum(number in got for number in numbers)
    assert counts[0] + counts[1] <= reached <= counts[0] + counts[1] + counts[3]
    mine = {recipient for task in tasks if task.id in manifest["task_ids"] for _, recipient in task.pairs}
    assert sum(number in mine for number in numbers) == manifest["accepted"]


def truth_of(crm: Sandbox, manifest: dict[str, Any]) -> dict[str, str]:
    """Return what a person finds out in the CRM about calls in doubt."""
    by_name = {task.name: task.id for task in crm.memory(SendTasks).all()}
    return {doubt["call"]: by_name.get(doubt["name"], "not_sent") for doubt in manifest["doubts"]}


@pytest.mark.one_in(2)
@pytest.mark.parametrize("seed", [*range(12), *(pytest.param(n, marks=pytest.mark.thorough) for n in range(12, 200))])
def test_no_sequence_of_faults_retries_and_clears_sends_a_message_twice(crm, tmp_path, monkeypatch, seed):
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
    doubts: dict[str, dict[str, str]] = {campaign: {} for campaign in CAMPAIGNS}
    for _ in range(chance.randint(2, 5)):
        crm.faults.clear()
        for _ in range(chance.randint(0, 2)):
            crm.inject(**chance.choice(FAULTS), path=PATH, after=chance.randint(0, 2), times=1)
        campaign = chance.choice(CAMPAIGNS)
        with monkeypatch.context() as patch:
            if chance.random() < 0.4:
                break_next_call(patch, chance)
            manifest = run(
                crm, tmp_path, campaign=campaign, content=campaign, task=chance.choice("ab"),
                numbers=chance.sample(NUMBERS, chance.randint(1, 12)), recipients_per_task=chance.randint(2, 6),
                doubts=doubts[campaign],
            )  # fmt: skip
        if manifest and chance.random() < 0.5:
            doubts[campaign] |= truth_of(crm, manifest)
    crm.faults.clear()

    for campaign in CAMPAIGNS:
        last = {"campaign": campaign, "content": campaign, "numbers": NUMBERS}
        manifest = run(crm, tmp_path, **last)
        assert manifest is not None
        assert manifest["not_sent"] == 0
        done = run(crm, tmp_path, doubts=truth_of(crm, manifest), **last) or {}
        assert (done["accepted"] + done["sent_before"], done["in_doubt"]) == (12, 0)
    got = Counter(
        (task.contents[0]["text"], recipient)
        for task in crm.memory(SendTasks).all()
        for _, recipient in task.pairs
    )  # fmt: skip
    assert got == dict.fromkeys([(campaign, number) for campaign in CAMPAIGNS for number in NUMBERS], 1)
