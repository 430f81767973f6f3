from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.sandbox.server import Sandbox
from airflow_provider_socialscrm.sensors.socialscrm import SocialSCRMOnlineSensor
from tests.support.airflow import TaskDeferred
from tests.support.sandbox import as_new

WANG, SILVA = "8613900000001", "5511900000002"


@pytest.fixture
def crm(running_sandbox: Sandbox, monkeypatch) -> Sandbox:
    sandbox = as_new(running_sandbox)
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", sandbox.connection_json())
    return sandbox


def sensor(**arguments: Any) -> SocialSCRMOnlineSensor:
    return SocialSCRMOnlineSensor(task_id="wait", poke_interval=0.02, timeout=5, **arguments)


@pytest.mark.parametrize("deferrable", [True, False])
def test_those_who_are_online_already_need_no_trigger(crm, deferrable):
    assert sensor(agents=["agent_wang"], numbers=[SILVA], deferrable=deferrable).execute({}) is None
    assert len(crm.calls()) == 1


def test_otherwise_it_defers_with_logins_and_digits_only(crm):
    crm.configure(offline=[WANG])

    with pytest.raises(TaskDeferred) as deferred:
        sensor(agents=("agent_wang",), numbers=["+86 139-0000-0001"], deferrable=True).execute({})

    path, arguments = deferred.value.trigger.serialize()
    assert path == "airflow_provider_socialscrm.triggers.socialscrm.SocialSCRMOnlineTrigger"
    assert (arguments["agents"], arguments["numbers"], arguments["poke_interval"]) == (["agent_wang"], [WANG], 0.02)
    assert (deferred.value.method_name, deferred.value.timeout) == ("execute_complete", timedelta(seconds=5))


def test_on_a_worker_it_asks_again_and_again(crm, monkeypatch):
    crm.configure(offline=[WANG])
    monkeypatch.setattr("time.sleep", lambda _: crm.configure(offline=[]))

    sensor(numbers=[WANG], deferrable=False).execute({"ti": None, "task_reschedules": []})

    assert len(crm.calls()) == 2


@pytest.mark.parametrize("setting", ["True", "False"])
def test_airflows_setting_decides_if_the_task_does_not(monkeypatch, setting):
    monkeypatch.setenv("AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE", setting)

    assert sensor(agents=["a"]).deferrable is (setting == "True")
    assert sensor(agents=["a"], deferrable=False).deferrable is False


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({}, "Give agents or numbers to wait for."),
        ({"agents": [], "numbers": []}, "Give agents or numbers to wait for."),
        ({"agents": "agent_wang"}, "agents must be a list of texts."),
        ({"agents": [""]}, "agents must be a list of texts."),
        ({"numbers": [None]}, "numbers must be a list of texts."),
        ({"numbers": [WANG, "Ana Silva"]}, "numbers has something that is not a number at place 1."),
        ({"agents": ["a"], "match": "some"}, "match is 'some', not all or any."),
    ],
)
@pytest.mark.parametrize("deferrable", [True, False])
def test_bad_input_is_one_sentence_and_no_call(crm, arguments, sentence, deferrable):
    with pytest.raises(AirflowFailException) as failure:
        sensor(**arguments, deferrable=deferrable).execute({})
    assert str(failure.value) == sentence
    assert crm.calls() == []


@pytest.mark.parametrize("deferrable", [True, False])
def test_a_wrong_setting_fails_at_once(crm, deferrable):
    crm.configure(plan="basic")

    with pytest.raises(AirflowFailException, match="plan"):
        sensor(agents=["agent_wang"], deferrable=deferrable).execute({})


def test_the_event_of_the_trigger_ends_the_wait():
    assert sensor(agents=["a"]).execute_complete({}, {"status": "online"}) is None
    with pytest.raises(AirflowFailException, match="Check ApiKey"):
        sensor(agents=["a"]).execute_complete({}, {"status": "failed", "message": "Check ApiKey."})
