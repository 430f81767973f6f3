"""The trigger that waits for agents and service numbers, in an event loop as the triggerer runs it."""

from __future__ import annotations

import asyncio
import json
from importlib import import_module
from typing import Any

import pytest

from airflow_provider_socialscrm.api.errors import ServiceError, UncertainError
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.sandbox.server import Sandbox
from airflow_provider_socialscrm.triggers.socialscrm import SocialSCRMOnlineTrigger
from tests.support.sandbox import as_new

WANG, SILVA = "8613900000001", "5511900000002"


@pytest.fixture
def crm(running_sandbox: Sandbox, monkeypatch) -> Sandbox:
    sandbox = as_new(running_sandbox)
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", sandbox.connection_json())
    return sandbox


def trigger(**changes: Any) -> SocialSCRMOnlineTrigger:
    given = {"agents": [], "numbers": [], "match": "all", "socialscrm_conn_id": "socialscrm_default"}
    return SocialSCRMOnlineTrigger(**{**given, "poke_interval": 0.02, **changes})


async def first_event(of: SocialSCRMOnlineTrigger) -> Any:
    async for event in of.run():
        return event.payload
    return None


def event_of(of: SocialSCRMOnlineTrigger, seconds: float = 10.0) -> Any:
    return asyncio.run(asyncio.wait_for(first_event(of), seconds))


@pytest.mark.parametrize(
    "awaited",
    [
        {"agents": ["agent_wang"]},
        {"numbers": [WANG, SILVA]},
        {"agents": ["agent_wang", "agent_silva"], "numbers": [SILVA]},
        {"agents": ["agent_wang", "agent_novak"], "match": "any"},
    ],
)
def test_an_event_says_that_they_are_online_and_names_nobody(crm, awaited):
    assert event_of(trigger(**awaited)) == {"status": "online"}


def test_it_waits_until_the_last_one_is_online(crm):
    crm.configure(offline=[SILVA])

    async def scenario() -> Any:
        waiting = asyncio.create_task(first_event(trigger(numbers=[WANG, SILVA])))
        await asyncio.sleep(0.3)
        assert not waiting.done()
        crm.configure(offline=[])
        return await asyncio.wait_for(waiting, 10)

    assert asyncio.run(scenario()) == {"status": "online"}


def test_a_failure_that_may_pass_is_waited_for(crm, monkeypatch):
    list_online, failures = SocialSCRMHook.list_online, [ServiceError("no connection"), UncertainError("lost")]

    def failing_first(hook: SocialSCRMHook) -> Any:
        if failures:
            raise failures.pop()
        return list_online(hook)

    monkeypatch.setattr(SocialSCRMHook, "list_online", failing_first)

    assert event_of(trigger(agents=["agent_wang"])) == {"status": "online"}
    assert failures == []


def test_a_wrong_setting_ends_the_wait_with_a_sentence(crm):
    crm.configure(plan="basic")

    event = event_of(trigger(agents=["agent_wang"]))

    assert event["status"] == "failed"
    assert "plan" in event["message"]


def test_the_loop_is_not_blocked_while_the_crm_responds(crm):
    crm.inject("latency", seconds=0.5)

    async def scenario() -> int:
        waiting, beats = asyncio.create_task(first_event(trigger(agents=["agent_wang"]))), 0
        while not waiting.done():
            beats += 1
            await asyncio.sleep(0.01)
        return beats

    assert asyncio.run(scenario()) > 10


def test_it_only_reads(crm):
    event_of(trigger(agents=["agent_wang"]))

    assert {call["path"] for call in crm.calls()} == {"/group-dispatch-api/user/queryAllOlWhatsAppInfo"}


def test_what_airflow_stores_makes_the_same_trigger():
    made = trigger(agents=["agent_wang"], numbers=[WANG])
    path, arguments = made.serialize()
    module, _, name = path.rpartition(".")

    again = getattr(import_module(module), name)(**json.loads(json.dumps(arguments)))

    assert again.serialize() == (path, arguments)
    assert set(arguments) == {"agents", "numbers", "match", "socialscrm_conn_id", "poke_interval"}
