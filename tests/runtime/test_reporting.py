"""The lines of the log about an import."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from airflow_provider_socialscrm.importer.reasons import Bucket, Reason
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.runtime import reporting
from airflow_provider_socialscrm.runtime.reporting import log_outcome, log_start

SOURCE = SimpleNamespace(describe="DataFrame of 3 rows")
SETTINGS = SimpleNamespace(tenant_id="7", base_url="https://crm.example")


def lines(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(("dry_run", "action"), [(False, "Importing into"), (True, "Dry run against")])
def test_the_first_line_names_the_target_and_the_input(caplog, dry_run, action):
    with caplog.at_level(logging.INFO):
        log_start(SOURCE, SETTINGS, dry_run=dry_run)

    assert lines(caplog)[0] == f"{action} tenant 7 at https://crm.example: DataFrame of 3 rows"


@pytest.mark.parametrize(("policies", "count"), [(False, 1), (True, 0)])
def test_one_line_says_what_this_airflow_lacks_and_what_serves_instead(monkeypatch, caplog, policies, count):
    monkeypatch.setattr(reporting, "has_retry_policies", lambda: policies)

    with caplog.at_level(logging.INFO):
        log_start(SOURCE, SETTINGS, dry_run=False)

    assert [line.split(":")[0] for line in lines(caplog)[1:]] == [
        "Airflow before 3.3 has no retry policies and no task state"
    ] * count


def test_the_outcome_counts_rows_calls_and_each_reason_in_the_right_number(caplog):
    report = Report()
    report.count_calls(sent=1)
    report.count(Bucket.ACCEPTED, range(2))
    report.count(Bucket.REJECTED, [2], Reason(533, "A format.", "Compare it."))
    report.count(Bucket.INVALID, [3, 4], Reason("bad-number", "Not a number.", "Fix it."))

    with caplog.at_level(logging.INFO):
        log_outcome({**report.manifest(), "rejects_path": "/data/rejects.csv", "ambiguous_numbers": {}})

    assert lines(caplog) == [
        "Rows: 5 total, 2 accepted, 1 rejected, 2 invalid; 1 call in 0.0 s",
        "2 rows invalid, code bad-number: Not a number. Fix it. First positions: [3, 4]",
        "1 row rejected, code 533: A format. Compare it. First positions: [2]",
        "Rows that were not accepted are in /data/rejects.csv, each with its reason",
    ]


@pytest.mark.parametrize(("unsaved_ends", "shown"), [(0, "; 7 calls in"), (2, "; at least 7 calls in")])
def test_the_calls_are_at_least_so_many_where_a_killed_try_may_have_made_more(caplog, unsaved_ends, shown):
    report = Report()
    report.count_calls(sent=7, unsaved_ends=unsaved_ends)
    with caplog.at_level(logging.INFO):
        log_outcome({**report.manifest(), "rejects_path": None, "ambiguous_numbers": {}})

    assert shown in caplog.text
