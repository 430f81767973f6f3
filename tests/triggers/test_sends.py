"""The trigger that waits for messages, against the sandbox over HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from importlib import import_module
from typing import Any

import pytest

from airflow_provider_socialscrm.api.sends import SendPair
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.sandbox.send_tasks import PAUSED, SendTasks
from airflow_provider_socialscrm.sandbox.server import Sandbox
from airflow_provider_socialscrm.triggers.sends import SocialSCRMSendTrigger

NUMBER = "8613800000000"


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    connected_crm.configure(send_seconds=0.2, send_interval=0)
    return connected_crm


@pytest.fixture
def task(crm: Sandbox) -> str:
    return SocialSCRMHook().send_many([SendPair("8613900000001", NUMBER)], "Hello")


def trigger(task: str, **changes: Any) -> SocialSCRMSendTrigger:
    known = {
        "task_ids": [task], "until": "delivered", "min_share": 1.0, "socialscrm_conn_id": "socialscrm_default",
        "poll_interval": 0.05,
    }  # fmt: skip
    return SocialSCRMSendTrigger(**known | changes)


def event_of(made: SocialSCRMSendTrigger) -> Any:
    async def first() -> Any:
        async for event in made.run():
            return event.payload
        return None

    return asyncio.run(asyncio.wait_for(first(), 20))


def test_it_waits_and_only_reads(crm, task):
    assert event_of(trigger(task)) == {"status": "finished"}
    paths = [call["path"].partition("?")[0].rpartition("/")[2] for call in crm.calls()[1:]]
    assert {*paths} == {"queryExecuteStatus"}
    assert len(paths) > 1


def test_a_deadline_ends_the_wait(crm, task, capsys):
    crm.memory(SendTasks).halt(task, PAUSED, crm.now())

    assert event_of(trigger(task, deadline=time.time() + 0.3)) == {"status": "pending"}
    assert "is paused" in capsys.readouterr().out


def test_it_goes_on_after_an_outage_and_stops_for_a_person(crm, task):
    crm.inject("http", status=500, path="queryExecuteStatus", times=1)
    assert event_of(trigger(task)) == {"status": "finished"}

    crm.inject("code", code=516, path="queryExecuteStatus", times=9)
    event = event_of(trigger(task))
    assert (event["status"], "516" in event["message"]) == ("failed", True)


def test_it_is_stored_without_a_number_and_made_again(task):
    path, arguments = trigger(task).serialize()
    assert NUMBER not in json.dumps(arguments)
    module, _, name = path.rpartition(".")
    assert getattr(import_module(module), name)(**arguments).serialize() == (path, arguments)
