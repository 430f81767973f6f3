"""The lines of the log about an import."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from airflow_provider_socialscrm.importer.changes.difference import Counts
from airflow_provider_socialscrm.importer.dry_run import Preview
from airflow_provider_socialscrm.importer.reasons import Bucket, Reason, known_bad
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.runtime import reporting
from airflow_provider_socialscrm.runtime.reporting import log_outcome, log_preview, log_start

SOURCE = SimpleNamespace(describe="DataFrame of 3 rows")
SETTINGS = SimpleNamespace(tenant_id="7", base_url="https://crm.example")

NO_CHANGES = Counts().manifest() | {"generation": 3, "digest": "1790000000-0"}


def manifest_of(report: Report, **more: object) -> dict[str, object]:
    return report.manifest() | {"rejects_path": None, "ambiguous_numbers": {}, "countries": {}, "changes": None} | more


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
        log_outcome(manifest_of(report, rejects_path="/data/rejects.csv"))

    assert lines(caplog) == [
        "Rows: 5 total, 2 accepted, 1 rejected, 2 invalid; 1 call in 0.0 s",
        "2 rows invalid, code bad-number: Not a number. Fix it. First positions, counted from 0: [3, 4]",
        "1 row rejected, code 533: A format. Compare it. First positions, counted from 0: [2]",
        "Rows that were not accepted are in /data/rejects.csv, each with its reason",
    ]


def test_rows_that_the_run_did_not_come_to_have_no_positions(caplog):
    report = Report()
    report.count_rest(300, Reason("stopped", "It stopped.", "Run it again."))

    with caplog.at_level(logging.INFO):
        log_outcome(manifest_of(report, rejects_path="/data/rejects.csv"))

    assert lines(caplog)[1] == "300 rows not_sent, code stopped: It stopped. Run it again."


@pytest.mark.parametrize(("unsaved_ends", "shown"), [(0, "; 7 calls in"), (2, "; at least 7 calls in")])
def test_the_calls_are_at_least_so_many_where_a_killed_try_may_have_made_more(caplog, unsaved_ends, shown):
    report = Report()
    report.count_calls(sent=7, unsaved_ends=unsaved_ends)
    with caplog.at_level(logging.INFO):
        log_outcome(manifest_of(report))

    assert shown in caplog.text


def test_the_outcome_of_a_run_with_a_ledger_counts_what_changed_and_what_did_not(caplog):
    report = Report()
    report.count(Bucket.ACCEPTED, range(3))
    report.count(Bucket.UNCHANGED, range(3, 250))
    report.count(Bucket.KNOWN_BAD, [250], known_bad("533"))
    changes = NO_CHANGES | {"new": 1, "changed": 2, "by_field": {"desc": 2, "friendName": 1}}

    with caplog.at_level(logging.INFO):
        log_outcome(manifest_of(report, changes=changes))

    assert lines(caplog)[:2] == [
        "Rows: 251 total, 3 accepted, 247 unchanged, 1 known_bad; 0 calls in 0.0 s",
        "Against the ledger: 1 new, 2 changed; by field: desc 2, friendName 1",
    ]
    assert lines(caplog)[2].startswith("1 row known_bad, code 533: The CRM rejected this row as it is in an earlier")


@pytest.mark.parametrize(
    ("changes", "level", "expected"),
    [
        ({}, "INFO", "Against the ledger: no row differs"),
        ({"adopted": 2000}, "INFO", "Against the ledger: 2,000 taken for accepted without a call"),
        ({"adopted": 0}, "INFO", "Against the ledger: no row differs"),
        ({"aged": 7, "retried": 1}, "INFO", "Against the ledger: 7 aged, 1 retried"),
        (
            {"gone": 1, "newly_gone": 1},
            "INFO",
            "Not in the input: 1 number of the ledger, 1 of them for the first time",
        ),
        (
            {"gone": 1200, "newly_gone": 0},
            "INFO",
            "Not in the input: 1,200 numbers of the ledger, 0 of them for the first",
        ),
        ({"in_doubt": 1}, "WARNING", "1 row in doubt: an earlier call with a field that is sent once was cut short"),
        ({"emptied": {"desc": 1}}, "WARNING", "desc: no value any more in 1 row; the CRM keeps the old one"),
        ({"emptied": {"desc": 20}}, "WARNING", "desc: no value any more in 20 rows; the CRM keeps the old one"),
    ],
)
def test_each_count_of_the_difference_has_its_line(caplog, changes, level, expected):
    with caplog.at_level(logging.INFO):
        log_outcome(manifest_of(Report(), changes=NO_CHANGES | changes))

    last = caplog.records[-1]
    assert last.getMessage().startswith(expected)
    assert last.levelname == level


def test_an_empty_input_is_a_warning_where_the_ledger_has_customers(caplog):
    with caplog.at_level(logging.INFO):
        log_outcome(manifest_of(Report(), changes=NO_CHANGES | {"ledger": 299}), "/crm/ledger")

    (warning,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warning.startswith("The input is empty, and the ledger has 299 customers: check the task that wrote")
    assert warning.endswith("To fail the task then, set ledger=Ledger('/crm/ledger', min_rows=1)")


def test_a_ledger_without_customers_and_an_input_with_rows_need_no_warning(caplog):
    report = Report()
    report.count(Bucket.UNCHANGED, range(5))
    with caplog.at_level(logging.INFO):
        log_outcome(manifest_of(report, changes=NO_CHANGES | {"ledger": 299}))
        log_outcome(manifest_of(Report(), changes=NO_CHANGES | {"ledger": 0}))

    assert "The input is empty" not in caplog.text


def test_an_import_without_a_ledger_compares_nothing(caplog):
    report = Report()
    report.count(Bucket.ACCEPTED, range(5))
    with caplog.at_level(logging.INFO):
        log_outcome(manifest_of(report))

    assert lines(caplog) == ["Rows: 5 total, 5 accepted; 0 calls in 0.0 s"]


@pytest.mark.parametrize("changes", [None, NO_CHANGES | {"ledger": 0}], ids=["no ledger", "a new one"])
def test_an_input_without_rows_is_a_warning_where_no_ledger_knows_better(caplog, changes):
    with caplog.at_level(logging.INFO):
        log_outcome(manifest_of(Report(), changes=changes), "/crm/ledger")
        log_preview(Preview(observations={"remarks": [], "ambiguous_numbers": {}, "countries": {}}, changes=changes))

    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["The input has no rows: check the task that wrote it"] * 2


def test_the_log_counts_numbers_by_country(caplog):
    countries = {"CN": 1_320, "GB": 40, "US or CA": 11, "others": 2}
    preview = Preview(observations={"remarks": [], "ambiguous_numbers": {}, "countries": countries})

    with caplog.at_level(logging.INFO):
        log_outcome(manifest_of(Report(), countries=countries))
        log_preview(preview)

    assert lines(caplog).count("Numbers by country: CN 1,320, GB 40, US or CA 11, others 2") == 2


def test_a_dry_run_says_what_changed_too(caplog):
    preview = Preview(
        observations={"remarks": [], "ambiguous_numbers": {}, "countries": {}}, changes=NO_CHANGES | {"changed": 2}
    )
    preview.report.count(Bucket.UNCHANGED, range(5))

    with caplog.at_level(logging.INFO):
        log_preview(preview)

    assert lines(caplog)[0] == "Dry run: no call is made, and no dead letter is written. Rows: 5 total, 5 unchanged"
    assert "Against the ledger: 2 changed" in lines(caplog)


def test_a_run_that_broke_off_says_while_doing_what(caplog):
    with caplog.at_level(logging.INFO):
        log_outcome(manifest_of(Report(), broke_off={"error": "InputError", "while": "comparing"}))

    assert lines(caplog)[-1] == "The task broke off while comparing (InputError)"


def test_a_try_that_took_too_long_says_what_ended_it_and_that_a_retry_resumes(caplog):
    with caplog.at_level(logging.INFO):
        log_outcome(manifest_of(Report(), broke_off={"error": "AirflowTaskTimeout", "while": "sending"}))

    assert lines(caplog)[-1] == (
        "execution_timeout ended this try; a retry resumes. If this repeats, raise execution_timeout"
    )
