"""Agents that rows name are looked up before the first row is sent."""

from __future__ import annotations

import json
import logging

import pytest

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.errors import SettingError, SocialSCRMError, UncertainError, UnknownCodeError
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.fields.agent_check import MOST_LOGINS, SHOWN_LOGINS
from airflow_provider_socialscrm.importer.options import Options, Rules
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.imports import counts_of, failure_of, number_of, rejected_rows, run_through, table_of
from tests.support.sandbox import settings_of

QUERY = "/se-api/user/query"
SOON = RetryLimits(attempts=3, first_wait=0.005, longest_wait=0.01, outage=0.0)


def rows(*agents: str | None) -> list[dict]:
    return [{"whatsApp": number_of(place), "agentAccount": agent} for place, agent in enumerate(agents)]


@pytest.fixture(params=["header", "body"])
def importing(request, crm: Sandbox):
    def make(data: list[dict], rejects_path=None, **options) -> Import:
        rules = Rules(**options.pop("rules", {}))
        chosen = {"max_rejected": None, "retry_limits": SOON, "check_agents": True, "rules": rules} | options
        client = Client(settings_of(crm, request.param), connections=4)
        return Import(open_source(table_of(data)), client, Options(**chosen), rejects_path)

    return make


def calls(crm: Sandbox) -> list[str]:
    return [call["user"] for call in crm.calls() if call["path"] == QUERY]


@pytest.mark.parametrize("unknown_agents", ["530", "null"])
def test_rows_of_unknown_agents_are_invalid_and_the_others_are_sent(importing, crm, tmp_path, unknown_agents, caplog):
    crm.configure(unknown_agents=unknown_agents)
    rejects = tmp_path / "rejects.jsonl"
    run = importing(rows("agent_wang", "nobody", "agent_silva", "nobody", "agent_wang", "no one"), rejects)

    with caplog.at_level(logging.WARNING):
        run_through(run)

    assert counts_of(run) == {"accepted": 3, "invalid": 3}
    assert rejected_rows(rejects) == [(place, "invalid", "unknown-agent") for place in (1, 3, 5)]
    meanings = [json.loads(line)["socialscrm_meaning"] for line in rejects.read_text().splitlines()]
    assert meanings == [f"The CRM does not know the agent '{login}'." for login in ("nobody", "nobody", "no one")]
    assert sorted(calls(crm)) == ["agent_silva", "agent_wang", "no one", "nobody"]
    assert "The CRM does not know 2 of 4 agents: 'no one', 'nobody'" in caplog.text
    (refused,) = run.manifest()["refusals"]
    assert (refused["code"], refused["rows"]) == ("unknown-agent", 3)


def test_all_look_ups_come_before_the_first_row(importing, crm):
    run_through(importing(rows("agent_wang", "nobody", "agent_silva")))

    paths = [call["path"] == QUERY for call in crm.calls()]
    assert paths == sorted(paths, reverse=True)
    assert sum(paths) == 3


def test_without_the_option_nobody_is_looked_up(importing, crm):
    run_through(importing(rows("agent_wang", "nobody"), check_agents=False))

    assert calls(crm) == []


@pytest.mark.parametrize("data", [[{"whatsApp": number_of(0)}], []])
def test_rows_that_name_no_agent_are_looked_up_by_nobody(crm, data):
    client = Client(settings_of(crm, "body"))
    run = Import(open_source(table_of(data)), client, Options(check_agents=True))

    run_through(run)

    assert calls(crm) == []


def test_a_default_agent_is_looked_up_too(importing, crm):
    run = importing([{"whatsApp": number_of(0)}], rules={"defaults": {"agentAccount": "nobody"}})

    run_through(run)

    assert counts_of(run) == {"invalid": 1}


def test_of_two_rows_with_one_number_the_one_of_a_known_agent_is_sent(importing, crm):
    data = [
        {"whatsApp": number_of(0), "agentAccount": "agent_wang"},
        {"whatsApp": number_of(0), "agentAccount": "nobody"},
    ]
    run = importing(data)

    run_through(run)

    assert counts_of(run) == {"accepted": 1, "invalid": 1}


def test_a_row_has_all_of_its_reasons(importing, crm, tmp_path):
    rejects = tmp_path / "rejects.jsonl"
    run_through(importing([{"whatsApp": "12", "agentAccount": "nobody"}], rejects))

    assert rejected_rows(rejects) == [(0, "invalid", "bad-number + unknown-agent")]


def test_on_invalid_fail_sends_nothing(importing, crm):
    failure = failure_of(importing(rows("agent_wang", "nobody"), rules={"on_invalid": "fail"}))

    assert isinstance(failure, InputError)
    assert crm.customers() == []


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "code", "code": -1, "message": "later"}, UnknownCodeError),
        ({"kind": "code", "code": 522}, SettingError),
        ({"kind": "code", "code": 529}, SettingError),
        ({"kind": "html"}, UncertainError),
        ({"kind": "http", "status": 404}, SocialSCRMError),
    ],
    ids=str,
)
def test_another_failure_of_a_look_up_stops_before_any_row(importing, crm, fault, kind):
    crm.inject(**fault, path=QUERY)
    run = importing(rows("agent_wang", "nobody"))

    failure = failure_of(run)

    assert isinstance(failure, kind)
    assert str(failure).startswith("check_agents could not look up the rows' agents, so no customer was sent. ")
    assert {call["path"] for call in crm.calls()} == {QUERY}


def test_a_look_up_that_fails_for_now_is_repeated(importing, crm):
    crm.inject("reset_after", path=QUERY, times=1)
    run = importing(rows("agent_wang", "nobody"))

    run_through(run)

    assert counts_of(run) == {"accepted": 1, "invalid": 1}


def test_a_column_of_something_else_is_not_looked_up(importing, crm):
    failure = failure_of(importing(rows(*(f"Ana {place}" for place in range(MOST_LOGINS + 1)))))

    assert isinstance(failure, InputError)
    assert str(failure).startswith("agentAccount has 1,001 different values, and check_agents looks up at most 1,000")
    assert crm.calls() == []


def test_the_log_names_some_logins_and_masks_what_looks_like_a_customers(importing, crm, caplog):
    strange = ["8613900000077", "ana@example.com", *(f"z{place:02}" for place in range(SHOWN_LOGINS))]

    with caplog.at_level(logging.INFO):
        run_through(importing(rows(*strange)))

    assert "'z07' and 2 more" in caplog.text
    assert "'9999999999999'" in caplog.text
    assert "8613900000077" not in caplog.text
    assert "ana@example.com" not in caplog.text


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_the_option_is_true_or_false(value):
    with pytest.raises(InputError, match=f"check_agents is {value!r}, not True or False"):
        Options(check_agents=value)
