"""Calls of the hook against a sandbox, over HTTP."""

from __future__ import annotations

import pytest

from airflow_provider_socialscrm.api.errors import RequestError, SettingError, UncertainError, UnknownCodeError
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.sandbox import as_new

QUERY = "/se-api/user/query"


@pytest.fixture
def crm(running_sandbox: Sandbox) -> Sandbox:
    return as_new(running_sandbox)


@pytest.fixture(params=["body", "header"])
def hook(request, crm, monkeypatch) -> SocialSCRMHook:
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", crm.connection_json(request.param))
    return SocialSCRMHook()


def test_any_endpoint_can_be_called_within_a_block_and_without(hook):
    assert hook.call(QUERY, {"username": "agent_silva"}, scheme="header")["username"] == "agent_silva"
    with hook:
        assert hook.call(QUERY, {"username": "agent_novak"}, scheme="header")["username"] == "agent_novak"


def test_calls_outside_of_a_block_keep_the_pace_of_their_path(hook, crm, monkeypatch):
    slept = []
    monkeypatch.setattr("airflow_provider_socialscrm.api.paces.Paces.wait", lambda *a: slept.append(a[1]))
    monkeypatch.setattr("airflow_provider_socialscrm.api.paces.Paces.speed_up", lambda *_: None)
    first = hook.call(QUERY, {"username": "agent_silva"}, scheme="header")
    paces = hook._paces
    assert hook.call(QUERY, {"username": "agent_silva"}, scheme="header") == first
    assert (hook._paces, slept) == (paces, [QUERY, QUERY])


def test_a_doubtful_call_is_not_repeated_unless_the_caller_says_so(hook, crm):
    crm.inject("reset_after", times=1)
    with pytest.raises(UncertainError):
        hook.call(QUERY, {"username": "agent_silva"}, scheme="header")
    crm.inject("truncated", times=1)
    assert hook.call(QUERY, {"username": "agent_silva"}, scheme="header", repeatable=True)["userId"] == 3


def test_bad_input_makes_no_call(hook, crm):
    with pytest.raises(ValueError, match="must begin with one slash"):
        hook.call("https://elsewhere.example/x")
    assert crm.calls() == []


def test_an_agent_is_looked_up(hook):
    agent = hook.get_agent("agent_silva")

    assert (agent.login, agent.user_id, agent.raw["tenantId"]) == ("agent_silva", "3", 1)


@pytest.mark.parametrize("unknown_agents", ["530", "null"])
def test_an_unknown_login_is_none_however_the_crm_says_so(hook, crm, unknown_agents):
    crm.configure(unknown_agents=unknown_agents)

    assert hook.get_agent("nobody") is None


def test_another_failure_of_a_look_up_is_not_an_unknown_login(hook, crm):
    crm.configure(plan="basic")

    with pytest.raises(SettingError, match="plan"):
        hook.get_agent("agent_silva")


@pytest.mark.parametrize("agent_list", ["userName", "username"])
def test_all_agents_are_listed(hook, crm, agent_list):
    crm.configure(agent_list=agent_list)

    assert [agent.login for agent in hook.list_agents()] == list(crm.settings.agents)


def test_without_a_list_the_given_logins_are_looked_up(hook, crm):
    crm.configure(agent_list="refused")

    assert [each.login for each in hook.list_agents(["agent_silva", "nobody", "agent_silva"])] == ["agent_silva"]
    with pytest.raises(UnknownCodeError):
        hook.list_agents()


def test_a_missing_list_is_replaced_too_but_not_where_the_key_is_wrong(hook, crm):
    crm.inject("http", status=404, path="listUserByTenantId")
    assert [each.login for each in hook.list_agents(["agent_silva"])] == ["agent_silva"]
    with pytest.raises(RequestError, match="does not know POST"):
        hook.list_agents()
    crm.configure(api_key="another")
    with pytest.raises(SettingError, match="ApiKey"):
        hook.list_agents(["agent_silva"])


@pytest.mark.parametrize("numbers_as", ["objects", "texts"])
def test_who_is_online_is_listed_for_one_source_or_all(hook, crm, numbers_as):
    crm.configure(numbers_as=numbers_as)

    online = {(each.login, each.number, each.source) for each in hook.list_online()}
    assert online == {("agent_wang", "8613900000001", "pc"), ("agent_silva", "5511900000002", "mobile")}
    assert [each.login for each in hook.list_online("mobile")] == ["agent_silva"]
    assert hook.list_online("cloud") == []
    crm.configure(offline=["8613900000001"])
    assert [each.login for each in hook.list_online()] == ["agent_silva"]


def test_a_source_that_is_not_one_makes_no_call(hook, crm):
    with pytest.raises(ValueError, match="must be pc, mobile or cloud"):
        hook.list_online("fax")
    assert crm.calls() == []


@pytest.mark.parametrize("numbers_as", ["objects", "texts"])
def test_service_numbers_are_a_table_with_the_vendors_fields(hook, crm, numbers_as):
    crm.configure(numbers_as=numbers_as, offline=["8613900000001"])

    frame = hook.get_numbers_df()

    assert list(frame["number"]) == ["8613900000001", "5511900000002"]
    assert ("status" in frame) is (numbers_as == "objects")
    assert crm.calls()[-1]["path"] == "/group-dispatch-api/whatsapp/queryWhatsAppStatus"


def test_tables_have_their_columns_even_without_rows(hook, crm):
    crm.configure(service_numbers=[])

    assert list(hook.get_numbers_df().columns) == ["number"]
    assert list(hook.list_online_df().columns) == ["login", "number", "name", "source", "user_id"]
    assert list(hook.list_agents_df()["login"]) == list(crm.settings.agents)
