"""Imports that find how many rows a call may carry, against the sandbox: every row is accepted, in few calls."""

from __future__ import annotations

import pytest

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from tests.support.imports import counts_of, failure_of, number_of, table_of
from tests.support.sandbox import settings_of

SOON = RetryLimits(first_wait=0.005, longest_wait=0.02, outage=0.0)
ROWS = 8_000


def people(count: int) -> list[dict]:
    return [{"whatsApp": number_of(place), "agentAccount": "agent_wang"} for place in range(count)]


def importing(crm, rows, *, start=None, rows_per_call="auto", **options) -> Import:
    chosen = Options(rows_per_call=rows_per_call, concurrency=4, retry_limits=SOON, max_rejected=None, **options)
    return Import(open_source(table_of(rows)), Client(settings_of(crm), connections=4), chosen, start_rows=start)


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    ("limit", "start"),
    [
        *((60, None), (1_000, None), (150, 500), (10**6, 500)),
        *(
            pytest.param(*case, marks=pytest.mark.thorough)
            for case in [(150, None), (10**6, None), (60, 500), (1_000, 500)]
        ),
    ],
)
def test_every_row_is_accepted_whatever_the_limit(crm, limit, start):
    crm.configure(rows_per_call=limit)
    run = importing(crm, people(ROWS), start=start)
    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": ROWS}
    assert run.rows_per_call == run.manifest()["rows_per_call"] <= limit
    assert crm.stats()["calls_by_code"].get("507", 0) <= 12
    if limit > 100:
        assert crm.stats()["calls"] < ROWS / 100


def test_without_asking_for_it_a_call_has_a_hundred_rows(crm):
    run = importing(crm, people(1_000), rows_per_call=None)
    assert failure_of(run) is None
    assert {call["rows"] for call in crm.calls()} == {100}
    assert run.manifest()["rows_per_call"] == 100


def test_lost_responses_and_bad_rows_meanwhile_lose_no_row(crm):
    crm.inject("reset_after", rate=0.1)
    crm.inject("code", code=517, rate=0.1)
    rows = people(ROWS)
    for place in range(0, ROWS, 900):
        rows[place]["agentAccount"] = "nobody"
    run = importing(crm, rows)
    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": ROWS - 9, "rejected": 9}


def test_a_limit_that_falls_meanwhile_is_followed(crm):
    crm.inject("code", code=507, after=15, times=4)
    run = importing(crm, people(ROWS))
    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": ROWS}


def test_rows_with_welcome_keep_a_call_of_their_own(crm):
    rows = people(3_000)
    for place in range(0, 3_000, 150):
        rows[place]["welcome"] = "Hi"
    run = importing(crm, rows, start=500)
    assert failure_of(run) is None
    assert counts_of(run) == {"accepted": 3_000}
    assert [call["rows"] for call in crm.calls()].count(1) == 20
