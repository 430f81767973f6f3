"""What is said before the first call about customers who get a message."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_socialscrm.api.errors import UncertainError
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.importer.dry_run import preview_import
from airflow_provider_socialscrm.importer.options import Options, Rules
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sending.welcome import WelcomeCount
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.runtime.reporting import log_preview
from tests.support.checkpoints import MemoryCheckpointStore
from tests.support.imports import OFFLINE, OfflineCrm, failure_of, number_of, table_of

TWICE = "No ledger says who has had it, so every run sends it again."
ADVICE = (
    "If your CRM takes none of the rows of a call that it refuses, set Refusals are atomic in the connection: such "
    "rows then share calls."
)


def people(welcomed: Sequence[bool], **more: str) -> list[dict[str, Any]]:
    return [
        {"whatsApp": number_of(place), "welcome": "Hello!" if is_welcomed else None} | more
        for place, is_welcomed in enumerate(welcomed)
    ]


def importing(rows, *, store=None, crm: OfflineCrm | None = None, settings: Settings = OFFLINE, **options) -> Import:
    crm = crm or OfflineCrm(settings=settings)
    return Import(open_source(table_of(rows)), crm, Options(max_rejected=None, **options), checkpoint_store=store)


def said(caplog) -> list[str]:
    lines = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return [line for line in lines if line.startswith("welcome sends")]


@pytest.mark.parametrize(
    ("customers", "calls", "rate", "together", "begins"),
    [
        (100_000, 100_000, 45.0, False, "100,000 customers, each by a call of its own: 100,000 calls, at least 37 min"),
        (100_000, 1_000, 45.0, True, "100,000 customers: 1,000 calls, at least 23 s at 45 calls a second. "),
        (1, 1, 5.625, False, "1 customer, each by a call of its own: 1 call, at least 1 s at 5.62 calls a second. "),
        (500_000, 500_000, 45.0, False, "500,000 customers, each by a call of its own: 500,000 calls, at least 3.1 h"),
    ],
)
def test_the_sentence_names_customers_calls_and_time(customers, calls, rate, together, begins):
    sentence = WelcomeCount(customers, calls).sentence(rate, together=together)

    assert sentence.startswith(f"welcome sends a message to {begins}")
    assert TWICE in sentence
    assert (ADVICE in sentence) is not together


def test_an_import_says_it_before_its_first_call(caplog):
    class Noting(OfflineCrm):
        def import_customers(self, rows: Sequence[bytes], *, agent: str | None = None) -> Any:
            logging.getLogger("crm").warning("a call")
            return super().import_customers(rows, agent=agent)

    rows = [*people([True, False, True]), {"whatsApp": "12", "welcome": "Hello!"}, *people([True])]
    assert failure_of(importing(rows, crm=Noting())) is None

    lines = [record.getMessage() for record in caplog.records]
    first_call = lines.index("a call")
    (announced,) = (place for place, line in enumerate(lines) if line.startswith("welcome sends"))
    assert announced < first_call
    assert "to 2 customers, each by a call of its own: 2 calls" in lines[announced]  # one is invalid, one a duplicate


@pytest.mark.parametrize("rows", [people([False, False]), [{"whatsApp": number_of(0)}], []])
def test_an_import_that_welcomes_nobody_says_nothing(caplog, rows):
    assert failure_of(importing(rows)) is None

    assert said(caplog) == []


def test_an_import_that_sends_nothing_says_nothing(caplog):
    rows = [*people([True]), {"whatsApp": "12"}]
    importing(rows, rules=Rules(on_invalid="fail"))
    assert failure_of(importing(rows, rules=Rules(on_invalid="fail"))) is not None

    assert said(caplog) == []


def test_a_retry_counts_those_who_are_left(caplog):
    class Lossy(OfflineCrm):
        def import_customers(self, rows: Sequence[bytes], *, agent: str | None = None) -> Any:
            if len(self.calls) == 4:
                raise UncertainError("lost")
            return super().import_customers(rows, agent=agent)

    rows, store = people([True] * 10), MemoryCheckpointStore()
    limits = RetryLimits(attempts=1, budget=1)  # the fifth call is held, and ends the run
    assert failure_of(importing(rows, store=store, crm=Lossy(), concurrency=1, retry_limits=limits)) is not None
    assert len(said(caplog)) == 1

    assert failure_of(importing(rows, store=store)) is None
    (line,) = said(caplog)
    assert "to 5 customers" in line

    assert failure_of(importing(rows, store=store)) is None  # nothing is left
    assert said(caplog) == []


@pytest.mark.parametrize("scheme", list(AuthScheme))
def test_rows_that_share_calls_are_counted_by_those_calls(caplog, scheme):
    settings = replace(OFFLINE, auth_scheme=scheme, refusals_are_atomic=True, calls_per_second=45.0)
    crm = OfflineCrm(settings=settings)
    rows = people([True, False] * 150, agentAccount="agent_wang")
    run = importing(rows, crm=crm, rows_per_call=100)
    assert failure_of(run) is None

    assert crm.calls == [100, 100, 100]
    (line,) = said(caplog)
    assert "to 150 customers: 2 calls, at least 1 s at 45 calls a second" in line


@pytest.mark.parametrize(("tasks", "url", "rate"), [(1, "", "45"), (9, "", "5"), (9, "redis://host", "45")])
def test_the_time_is_that_of_this_tasks_part_of_the_pace(tasks, url, rate):
    settings = replace(OFFLINE, calls_per_second=45.0, pace_url=url)
    run = importing(people([True]), settings=settings, parallel_tasks=tasks)
    run._input.read()

    assert f"at {rate} calls a second" in run._chunks_to_send().welcome_sentence()


@pytest.mark.parametrize("atomic", [False, True])
def test_a_dry_run_says_the_same(caplog, atomic):
    settings = replace(OFFLINE, refusals_are_atomic=atomic, calls_per_second=45.0)
    rows = people([True, True, False])
    found = preview_import(open_source(table_of(rows)), Options(), settings, lambda _: 100)
    log_preview(found)
    (in_dry_run,) = said(caplog)
    assert found.calls == (1 if atomic else 3)

    assert failure_of(importing(rows, settings=settings)) is None
    assert said(caplog) == [in_dry_run]


def test_a_dry_run_that_would_welcome_nobody_says_nothing(caplog):
    log_preview(preview_import(open_source(table_of(people([False]))), Options(), OFFLINE, lambda _: 100))

    assert said(caplog) == []
