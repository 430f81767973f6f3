"""Large imports through a wire on which everything goes wrong at once."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.errors import ServiceError, UncertainError
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.imports import counts_of, number_of, rejected_rows, run_through
from tests.support.sandbox import settings_of

ROWS = 20_000
WELCOME_EVERY = 67  # a few hundred rows with a side effect among them

STORM = (
    {"kind": "latency", "seconds": 0.05, "rate": 0.05},
    {"kind": "reset_before", "rate": 0.05},
    {"kind": "reset_after", "rate": 0.05},
    {"kind": "truncated", "rate": 0.05},
    {"kind": "code", "code": 517, "rate": 0.05},
    {"kind": "html", "status": 502, "rate": 0.02},
    {"kind": "html", "status": 502, "commit": True, "rate": 0.02},
    {"kind": "http", "status": 503, "retry_after": 0, "rate": 0.02},
    {"kind": "http", "status": 429, "rate": 0.01},
)
"""Three calls in ten go wrong, of those that reach each fault."""

TOUGH = RetryLimits(attempts=40, first_wait=0.005, longest_wait=0.02)
"""So many attempts that no chunk runs out of them, whatever the order in which calls arrive."""


def people(count: int, welcome_every: int = WELCOME_EVERY) -> pa.Table:
    return pa.table(
        {
            "whatsApp": [number_of(place) for place in range(count)],
            "friendName": [f"N{place}" for place in range(count)],
            "welcome": [None if place % welcome_every else "Hello!" for place in range(count)],
        }
    )


def importing(crm: Sandbox, data: pa.Table, rejects_path: Path | None = None, **options) -> Import:
    chosen = {"max_rejected": len(data), "retry_limits": TOUGH} | options
    return Import(open_source(data), Client(settings_of(crm, "body"), connections=8), Options(**chosen), rejects_path)


@pytest.mark.thorough  # kills and properties cover it on fewer rows
def test_a_storm_loses_no_row_and_sends_no_welcome_twice(crm, tmp_path):
    for fault in STORM:
        crm.inject(**fault)
    data = people(ROWS)
    rejects = tmp_path / "dead.jsonl"
    run = importing(crm, data, rejects)
    run_through(run)

    held = [(place, bucket) for place, bucket, _ in rejected_rows(rejects)]
    assert 0 < len(held) < ROWS / WELCOME_EVERY / 2
    assert {bucket for _, bucket in held} == {"unknown"}
    assert {place % WELCOME_EVERY for place, _ in held} == {0}  # only rows with a side effect are ever held
    assert counts_of(run) == {"accepted": ROWS - len(held), "unknown": len(held)}

    customers = {one["whatsApp"]: one for one in crm.customers()}
    in_doubt = {place for place, _ in held}
    expected = [row for place, row in enumerate(data.to_pylist()) if place not in in_doubt]
    assert [customers[row["whatsApp"]]["fields"] for row in expected] == [
        {name: row[name] for name in ("friendName", "welcome") if row[name]} for row in expected
    ]
    assert {one["welcomes"] for one in customers.values()} == {0, 1}
    calls = run.manifest()["calls"]
    assert calls["sent"] == crm.stats()["calls"]
    assert calls["retries"] > 20


def test_rows_held_as_unknown_may_or_may_not_be_in_the_crm(crm, tmp_path):
    crm.inject("reset_before", after=1, times=10)
    crm.inject("reset_after", after=1, times=10)
    rejects = tmp_path / "dead.jsonl"
    run = importing(crm, people(100, welcome_every=1), rejects)
    run_through(run)
    assert counts_of(run) == {"accepted": 80, "unknown": 20}
    numbers = {one["whatsApp"] for one in crm.customers()}
    held = [place for place, _, _ in rejected_rows(rejects)]
    assert len([place for place in held if number_of(place) in numbers]) == 10


@pytest.mark.one_in(2)
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "http", "status": 503, "commit": True},
        {"kind": "http", "status": 503, "retry_after": "soon", "commit": True},
        {"kind": "http", "status": 429, "commit": True},
        {"kind": "http", "status": 408, "commit": True},
        {"kind": "code", "code": 517, "commit": True},
        {"kind": "html", "status": 404, "commit": True},
    ],
    ids=str,
)
def test_a_late_refusal_welcomes_nobody_twice(crm, tmp_path, fault):
    crm.inject(**fault, after=5, times=5)
    rejects = tmp_path / "dead.jsonl"
    run = importing(crm, people(40, welcome_every=1), rejects)
    run_through(run)

    assert counts_of(run) == {"accepted": 35, "unknown": 5}
    assert {one["welcomes"] for one in crm.customers()} == {1}
    assert len(crm.customers()) == 40  # those in doubt, too


@pytest.mark.one_in(3)
@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 405])
def test_a_few_stray_responses_cost_no_row(crm, status):
    crm.inject("stray", status=status, times=4)
    run = importing(crm, people(1001, welcome_every=2000).slice(1), rows_per_call=10)
    run_through(run)

    assert counts_of(run) == {"accepted": 1000}
    assert len(crm.customers()) == 1000


@pytest.mark.parametrize("status", [302, 401, 404])
def test_stray_responses_that_last_are_left_to_a_retry_and_not_called_a_wrong_setting(crm, status):
    crm.inject("stray", status=status)
    run = importing(
        crm, people(100), rows_per_call=10, retry_limits=RetryLimits(attempts=3, first_wait=0.001, outage=0.0)
    )
    with pytest.raises(UncertainError, match=f"HTTP {status}, though earlier calls succeeded"):
        run_through(run)
    assert counts_of(run)["accepted"] >= 1


def test_resend_sends_rows_with_a_side_effect_again_and_holds_none(crm):
    for fault in STORM:
        crm.inject(**fault)
    run = importing(crm, people(2000, welcome_every=3), on_unknown="resend", rows_per_call=10)
    run_through(run)
    assert counts_of(run) == {"accepted": 2000}
    customers = crm.customers()
    assert len(customers) == 2000
    assert max(one["welcomes"] for one in customers) > 1  # which is what the user agreed to


@pytest.mark.parametrize(
    ("fault", "error", "bucket"),
    [
        ({"kind": "code", "code": 517}, UncertainError, "unknown"),
        ({"kind": "http", "status": 503}, UncertainError, "unknown"),
        ({"kind": "http", "status": 503, "retry_after": 0}, ServiceError, "not_sent"),
        ({"kind": "http", "status": 429, "retry_after": 0}, ServiceError, "not_sent"),
        ({"kind": "reset_before"}, UncertainError, "unknown"),
        ({"kind": "http", "status": 500}, UncertainError, "unknown"),
        ({"kind": "not_json"}, UncertainError, "unknown"),
    ],
)
def test_trouble_that_lasts_is_left_to_a_retry_of_the_task(crm, fault, error, bucket):
    crm.inject(**fault, after=5)
    retry_limits = RetryLimits(attempts=3, first_wait=0.001, outage=0.0)
    run = importing(
        crm, people(1000, welcome_every=1001).slice(1), rows_per_call=10, concurrency=1, retry_limits=retry_limits
    )
    with pytest.raises(error):
        run_through(run)
    rows = counts_of(run)
    assert rows.pop("accepted") == 50
    assert rows[bucket] >= 10
    assert crm.stats()["calls"] <= 5 + 2 * 3  # two chunks were open, each with three attempts


def test_a_service_that_refuses_most_calls_is_left_alone_before_each_chunk_ran_out_of_attempts(crm):
    crm.inject("code", code=517)
    retry_limits = RetryLimits(attempts=1000, first_wait=0.001, longest_wait=0.001, budget=25)
    run = importing(crm, people(ROWS), rows_per_call=10, retry_limits=retry_limits)
    with pytest.raises(UncertainError):
        run_through(run)
    rows = counts_of(run)
    assert rows["unknown"] + rows["not_sent"] == ROWS
    assert rows["unknown"] <= 10 * crm.stats()["calls"]
    assert crm.stats()["calls"] <= 25 + 16  # the budget, and a first call for each chunk that may be open
