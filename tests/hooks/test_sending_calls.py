"""Methods of the hook about mass sends, group links and owners, against the sandbox over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_socialscrm.api.errors import RequestError, SettingError, UncertainError
from airflow_provider_socialscrm.api.mass_sends import Content, Group, MassSend, Stage
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.sandbox.mass_sends import MassSends
from airflow_provider_socialscrm.sandbox.server import Sandbox

NEW = Stage("New Customer", "12")
LINK, OTHER = "https://chat.whatsapp.com/AbCdEfGhIjKl", "https://chat.whatsapp.com/MnOpQrStUvWx"


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    connected_crm.configure(group_link_seconds=0)
    return connected_crm


@pytest.fixture(params=["body", "header"])
def hook(request, crm: Sandbox, monkeypatch) -> SocialSCRMHook:
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", crm.connection_json(request.param, login="admin"))
    return SocialSCRMHook()


def created(crm: Sandbox) -> list[str]:
    return [task.name for task in crm.memory(MassSends).tasks]


def test_one_mass_send_or_several(hook, crm):
    start = datetime.now(UTC) + timedelta(hours=1)
    hook.create_mass_send("a", ["agent_wang"], NEW, "Hello", start=start, interval=(1, 2), reached=3)
    crm.configure(mass_send_data="ids")
    tasks = [MassSend(name, ("agent_silva",), Group("VIP", "1"), Content("Hi")) for name in "bc"]
    assert hook.create_mass_sends(tasks) == [2, 3]

    assert created(crm) == ["a", "b", "c"]
    assert [task.state(crm.now()) for task in crm.memory(MassSends).tasks] == ["not started", "completed", "completed"]


def test_a_doubtful_mass_send_is_not_repeated_by_itself(hook, crm):
    crm.inject("reset_after", path="batchAdd", times=1)

    with pytest.raises(UncertainError):
        hook.create_mass_send("a", ["agent_wang"], NEW, "Hello")
    with pytest.raises(RequestError, match="521"):
        hook.create_mass_send("a", ["agent_wang"], NEW, "Hello")
    assert created(crm) == ["a"]


def test_an_administrator_may_be_named(crm, monkeypatch):
    hook = SocialSCRMHook()  # whose connection has an agent

    with pytest.raises(SettingError, match="530"):
        hook.create_mass_send("a", ["agent_wang"], NEW, "Hello")
    with pytest.raises(SettingError, match="530"):
        hook.import_group_links([LINK])
    with pytest.raises(SettingError, match="530"):
        hook.clear_owners(["8613800000001"])
    hook.create_mass_send("a", ["agent_wang"], NEW, "Hello", admin="admin")
    assert hook.import_group_links([LINK], admin="admin").ok == (LINK,)
    assert len(hook.group_info([LINK], admin="admin")) == 1
    assert hook.clear_owners(["8613800000001"], admin="admin").failed == ("8613800000001",)


def test_bad_input_makes_no_call(hook, crm):
    with pytest.raises(ValueError, match="executors is empty"):
        hook.create_mass_send("a", [], NEW, "Hello")
    with pytest.raises(ValueError, match="tasks is empty"):
        hook.create_mass_sends([])
    with pytest.raises(ValueError, match="at place 0"):
        hook.group_info(["x"])
    with pytest.raises(ValueError, match="at place 0"):
        hook.clear_owners(["x"])
    assert crm.calls() == []


@pytest.mark.parametrize("pending", ["call", "link"])
def test_what_is_behind_links_is_known_for_each(hook, crm, pending):
    crm.configure(group_link_pending=pending)
    hook.import_group_links([LINK])

    assert [(group.name, group.code) for group in hook.group_info([LINK, OTHER])] == [("Group AbCdEfGh", 0), ("", 537)]
    crm.configure(group_link_seconds=60)
    assert [group.code for group in hook.group_info([LINK, OTHER])] == [538, 537]
    frame = hook.group_info_df([LINK])
    assert list(frame.columns) == ["link", "name", "group_id", "members", "code", "raw"]


def test_no_links_and_no_numbers_make_no_call(hook, crm):
    assert (hook.import_group_links([]).ok, hook.group_info([]), hook.clear_owners([]).ok) == ((), [], ())
    assert crm.calls() == []


def test_a_lost_response_about_links_or_owners_is_sent_again(hook, crm):
    crm.inject("reset_after", times=1)
    assert hook.import_group_links([LINK]).ok == (LINK,)
    crm.faults.clear()
    crm.inject("reset_after", times=1)
    assert hook.clear_owners(["8613800000001"]).failed == ("8613800000001",)


def test_owners_are_cleared_fifty_a_call(hook, crm):
    numbers = [f"86138{place:08}" for place in range(101)]

    assert len(hook.clear_owners(numbers).failed) == 101
    assert [call["rows"] for call in crm.calls()] == [50, 50, 1]
