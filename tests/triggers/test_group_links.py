"""The trigger that waits for group links, against the sandbox over HTTP."""

from __future__ import annotations

import asyncio
import json
import time
from importlib import import_module
from typing import Any

import pytest

from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.sandbox.server import Sandbox
from airflow_provider_socialscrm.triggers.group_links import SocialSCRMGroupLinksTrigger

LINK = "https://chat.whatsapp.com/AbCdEfGhIjKl"


@pytest.fixture
def crm(connected_crm: Sandbox, monkeypatch) -> Sandbox:
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", connected_crm.connection_json(login="admin"))
    SocialSCRMHook().import_group_links([LINK])
    return connected_crm


def trigger(**changes: Any) -> SocialSCRMGroupLinksTrigger:
    known = {"links": [LINK], "admin": None, "socialscrm_conn_id": "socialscrm_default", "poll_interval": 0.05}
    return SocialSCRMGroupLinksTrigger(**known | changes)


def event_of(made: SocialSCRMGroupLinksTrigger) -> Any:
    async def first() -> Any:
        async for event in made.run():
            return event.payload
        return None

    return asyncio.run(asyncio.wait_for(first(), 20))


def test_it_waits_until_links_are_parsed_and_only_reads(crm):
    crm.configure(group_link_seconds=1)

    assert event_of(trigger()) == {"status": "ready"}
    paths = [call["path"].rpartition("/")[2] for call in crm.calls()[1:]]
    assert {*paths} == {"getInfo"}
    assert len(paths) > 1


def test_a_link_that_is_forgotten_is_left_to_the_worker(crm):
    crm.inject("links_forgotten")

    assert event_of(trigger()) == {"status": "ready"}


def test_a_deadline_ends_the_wait(crm):
    crm.configure(group_link_seconds=600)

    assert event_of(trigger(deadline=time.time())) == {"status": "pending", "pending": 1}


def test_a_failure_that_may_pass_is_waited_for_and_another_is_not(crm):
    crm.configure(group_link_seconds=0)
    crm.inject("http", status=503, retry_after=0, times=1)
    assert event_of(trigger()) == {"status": "ready"}
    crm.configure(plan="basic")
    event = event_of(trigger())
    assert event["status"] == "failed"
    assert "plan" in event["message"]


def test_what_airflow_stores_makes_the_same_trigger():
    made = trigger(deadline=5.0)
    path, arguments = made.serialize()
    module, _, name = path.rpartition(".")

    again = getattr(import_module(module), name)(**json.loads(json.dumps(arguments)))

    assert again.serialize() == (path, arguments)
