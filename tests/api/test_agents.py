from __future__ import annotations

import pytest

from airflow_provider_socialscrm.api import agents, service_numbers
from airflow_provider_socialscrm.api.agents import Agent, OnlineNumber
from airflow_provider_socialscrm.api.errors import ResponseFormError, StopError

VENDORS_SAMPLE = {
    "mainUserId": 1, "tenantId": 503516, "username": "kubrick101", "userId": 7, "nickname": "K",
    "guid": "1428695028875792384",
}  # fmt: skip


def test_the_vendors_sample_is_an_agent_with_all_of_its_fields():
    agent = agents.agent_of(VENDORS_SAMPLE)

    assert agent == Agent("kubrick101", "7", "K", VENDORS_SAMPLE)


@pytest.mark.parametrize("data", [None, "", {}, []])
def test_no_data_is_no_agent(data):
    assert agents.agent_of(data) is None


@pytest.mark.parametrize("data", ["text", 1, [1], {"nickname": "K"}, {"username": ""}])
def test_other_data_is_an_error_that_repeats_none_of_it(data):
    with pytest.raises(ResponseFormError, match="/se-api/user/query") as caught:
        agents.agent_of(data)
    assert isinstance(caught.value, StopError)


@pytest.mark.parametrize("name", ["username", "userName", "agentAccount"])
def test_a_list_of_agents_names_logins_in_any_of_the_vendors_ways(name):
    assert [agent.login for agent in agents.agents_of([{name: "a"}, {name: "b"}])] == ["a", "b"]


@pytest.mark.parametrize("data", [{}, "x", ["a"], [{}], [None]])
def test_a_list_in_another_form_is_an_error(data):
    with pytest.raises(ResponseFormError):
        agents.agents_of(data)


@pytest.mark.parametrize(
    ("source", "path", "body"),
    [
        (None, agents.ALL_ONLINE_PATH, None),
        ("pc", agents.ONLINE_PATH, {"source": 1}),
        ("mobile", agents.ONLINE_PATH, {"source": 2}),
        ("cloud", agents.ONLINE_PATH, {"source": 3}),
    ],
)
def test_a_source_is_one_of_the_vendors_numbers(source, path, body):
    request = agents.online_query(source)

    assert (request.path, request.body, request.method, request.repeatable) == (path, body, "POST", True)


@pytest.mark.parametrize("options", [{"source": "fax"}, {"source": ""}, {"login": "a"}])
def test_a_source_that_is_not_one_is_a_sentence(options):
    with pytest.raises(ValueError, match="source"):
        agents.online_query(**options)


def test_who_is_online_has_one_entry_for_each_number():
    data = [
        {
            "userId": 7,
            "agentAccount": "a",
            "whatsAppList": [{"whatsApp": "8613900000001", "name": "N"}, {"whatsApp": 1}],
        },
        {"userId": 8, "agentAccount": "b", "whatsAppList": None},
    ]

    assert agents.online_of(data, "pc") == [
        OnlineNumber("a", "8613900000001", "N", "pc", "7"),
        OnlineNumber("a", "1", "", "pc", "7"),
        OnlineNumber("b", "", "", "pc", "8"),
    ]


@pytest.mark.parametrize("entry", [{"whatsApp": "8613900000001"}, "8613900000001", 8613900000001, "8613900000001@c.us"])
def test_the_list_of_all_sources_may_have_its_numbers_in_any_form(entry):
    data = [{"source": 2, "list": [{"agentAccount": "a", "userName": "a", "whatsAppList": [entry]}]}]

    assert agents.online_of(data) == [OnlineNumber("a", "8613900000001", "", "mobile")]


def test_a_source_that_we_do_not_know_keeps_its_number():
    assert agents.online_of([{"source": 9, "list": [{"agentAccount": "a"}]}])[0].source == "9"


@pytest.mark.parametrize("data", [{"a": 1}, ["a"], [{"source": 1, "list": {}}], [{"source": 1, "list": [{}]}]])
def test_an_online_list_in_another_form_is_an_error(data):
    with pytest.raises(ResponseFormError):
        agents.online_of(data)


def test_a_service_number_keeps_every_field():
    raw = {"whatsId": "8613900000001@c.us", "state": 3, "new": [1]}
    (number,) = service_numbers.numbers_of([raw])

    assert (number.number, number.raw) == ("8613900000001", raw)


@pytest.mark.parametrize(("data", "found"), [([], []), (None, []), ("", []), (["8613900000001"], ["8613900000001"])])
def test_service_numbers_may_be_plain(data, found):
    assert [number.number for number in service_numbers.numbers_of(data)] == found


@pytest.mark.parametrize("data", [{}, ["x"], [None], 5])
def test_service_numbers_in_another_form_are_an_error(data):
    with pytest.raises(ResponseFormError):
        service_numbers.numbers_of(data)
