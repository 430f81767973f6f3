"""What the triggers share: turns of questions, until nothing is pending, the time is over, or a person has to act."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from airflow_provider_socialscrm.api.errors import ServiceError, SettingError
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.triggers.group_links import SocialSCRMGroupLinksTrigger
from airflow_provider_socialscrm.triggers.polling import PollingTrigger
from airflow_provider_socialscrm.triggers.screening import SocialSCRMScreenTrigger
from airflow_provider_socialscrm.triggers.sends import SocialSCRMSendTrigger
from airflow_provider_socialscrm.triggers.socialscrm import SocialSCRMOnlineTrigger

CONNECTION = {"socialscrm_conn_id": "crm"}


class ScriptedTrigger(PollingTrigger):
    """Gets one answer after the other: the things that are still pending, or a failure."""

    stored = ("socialscrm_conn_id",)
    done = "done"
    not_known = "Nobody knows about {asked}."

    def __init__(
        self, *answers: list[str] | Exception, one_by_one: bool = False, deadline: float | None = None
    ) -> None:
        super().__init__(socialscrm_conn_id="crm", poll_interval=0.0, deadline=deadline)
        self.answers, self.asked = [*answers], []
        self.one_by_one = one_by_one  # type: ignore[misc]

    @property
    def awaited(self) -> list[str]:
        return ["a", "b", "c"]

    def ask(self, hook: SocialSCRMHook, asked: list[str]) -> list[str]:  # noqa: ARG002
        self.asked.append(asked)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def progress(self, pending: list[str]) -> str:
        return f"pending: {' '.join(pending)}"


def events_of(trigger: PollingTrigger) -> list[Any]:
    async def all_of_them() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    return asyncio.run(asyncio.wait_for(all_of_them(), 20))


def test_each_turn_asks_about_what_the_last_one_left():
    trigger = ScriptedTrigger(["b", "c"], ["c"], [])

    assert events_of(trigger) == [{"status": "done"}]
    assert trigger.asked == [["a", "b", "c"], ["b", "c"], ["c"]]


def test_a_turn_ends_with_a_failure_that_may_pass_and_keeps_what_it_found_before(capsys):
    trigger = ScriptedTrigger([], ServiceError("No connection."), ["b"], [], [], one_by_one=True)

    assert events_of(trigger) == [{"status": "done"}]
    assert trigger.asked == [["a"], ["b"], ["b"], ["c"], ["b"]]
    assert "Nobody knows about b. No connection." in capsys.readouterr().out


@pytest.mark.parametrize("failure", [SettingError("Wrong key."), ValueError("Wrong key.")])
def test_another_failure_ends_the_wait(failure):
    assert events_of(ScriptedTrigger(["a"], failure)) == [{"status": "failed", "message": "Wrong key."}]


def test_a_deadline_ends_the_wait_after_a_turn_whether_it_failed_or_not():
    assert events_of(ScriptedTrigger(["a"], deadline=time.time())) == [{"status": "pending"}]
    assert events_of(ScriptedTrigger(ServiceError("Busy."), deadline=time.time())) == [{"status": "pending"}]


@pytest.mark.parametrize(
    ("trigger", "path", "stored"),
    [
        (
            SocialSCRMScreenTrigger(orders=("1",), poll_interval=2.0, **CONNECTION),
            "screening.SocialSCRMScreenTrigger",
            {"orders": ["1"], **CONNECTION, "poll_interval": 2.0, "deadline": None},
        ),
        (
            SocialSCRMSendTrigger(task_ids=("1",), until="read", min_share=0.5, poll_interval=2.0, **CONNECTION),
            "sends.SocialSCRMSendTrigger",
            {
                "task_ids": ["1"],
                "until": "read",
                "min_share": 0.5,
                **CONNECTION,
                "poll_interval": 2.0,
                "deadline": None,
            },
        ),
        (
            SocialSCRMGroupLinksTrigger(links=("x",), admin=None, poll_interval=2.0, deadline=5.0, **CONNECTION),
            "group_links.SocialSCRMGroupLinksTrigger",
            {"links": ["x"], "admin": None, **CONNECTION, "poll_interval": 2.0, "deadline": 5.0},
        ),
        (
            SocialSCRMOnlineTrigger(agents=("a",), numbers=(), match="all", poke_interval=2.0, **CONNECTION),
            "socialscrm.SocialSCRMOnlineTrigger",
            {"agents": ["a"], "numbers": [], "match": "all", **CONNECTION, "poke_interval": 2.0},
        ),
    ],
)
def test_what_is_stored_of_tasks_that_wait_now_still_loads(trigger, path, stored):
    assert trigger.serialize() == (f"airflow_provider_socialscrm.triggers.{path}", stored)
    assert type(trigger)(**stored).serialize() == trigger.serialize()
