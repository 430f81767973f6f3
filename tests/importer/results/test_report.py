"""Every row is in one bucket, and the manifest says so without a customer."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.changes.difference import Counts
from airflow_provider_socialscrm.importer.errors import AccountingError, InputError
from airflow_provider_socialscrm.importer.reasons import Bucket, Reason
from airflow_provider_socialscrm.importer.results.broke_off import broke_off
from airflow_provider_socialscrm.importer.results.report import (
    FIRST_POSITIONS,
    MOST_NAMES,
    MOST_REASONS,
    MOST_REMARKS,
    OTHER,
    Report,
    observations,
)

FORMAT = Reason(533, "An extension field is malformed.", "Fix it.")
NUMBER = Reason("bad-number", "No number.", "Write it with its country code.")
REASONS = {Bucket.REJECTED: FORMAT, Bucket.INVALID: NUMBER}

settlements = st.lists(st.tuples(st.sampled_from(list(Bucket)), st.integers(0, 30)), max_size=20)


def counted(settlements):
    """Return a report of rows counted in shares, their positions running on."""
    report, position = Report(), 0
    for turn, (bucket, rows) in enumerate(settlements):
        report.count(bucket, range(position, position + rows), REASONS.get(bucket), for_good=turn % 2 == 0)
        position += rows
    return report, position


@given(settlements)
def test_the_buckets_add_up_to_the_rows(settlements):
    report, rows = counted(settlements)
    counts = report.manifest()["rows"]

    report.check(rows)
    assert counts.pop("total") == report.rows == rows
    assert list(counts) == [bucket.value for bucket in Bucket]
    assert counts == {b.value: sum(n for bucket, n in settlements if bucket is b) for b in Bucket}


@given(settlements, st.integers(-3, 3).filter(bool))
def test_any_difference_to_the_rows_read_is_a_bug_and_says_so(settlements, difference):
    report, rows = counted(settlements)
    with pytest.raises(AccountingError) as caught:
        report.check(rows + difference)
    assert f"{rows + difference:,} rows were read and {rows:,} are accounted for" in str(caught.value)
    assert "please report it" in str(caught.value)


def test_an_accounting_error_shows_the_buckets():
    report = Report()
    with pytest.raises(AccountingError, match=r"\(none\)"):
        report.check(1)
    report.count(Bucket.ACCEPTED, range(1500))
    report.count(Bucket.INVALID, [1500], NUMBER)
    with pytest.raises(AccountingError, match=r"\(1,500 accepted, 1 invalid\)"):
        report.check(1502)


@given(st.lists(st.integers(0, 10**6), unique=True, max_size=60), st.integers(1, 9))
def test_a_refusal_names_its_lowest_positions_in_order_whatever_order_they_came_in(positions, share):
    report = Report()
    for turn, start in enumerate(range(0, len(positions), share)):
        report.count(Bucket.REJECTED, positions[start : start + share], FORMAT, for_good=turn % 3 > 0)

    shown = report.manifest()["refusals"]
    assert [refusal["first_positions"] for refusal in shown] == (
        [sorted(positions)[:FIRST_POSITIONS]] if positions else []
    )
    assert [refusal["rows"] for refusal in shown] == ([len(positions)] if positions else [])


def test_refusals_are_listed_by_bucket_and_code_and_the_most_frequent_comes_first():
    report = Report()
    report.count(Bucket.REJECTED, [1], FORMAT)
    report.count(Bucket.INVALID, [2, 3, 4], NUMBER)
    report.count(Bucket.UNKNOWN, [5, 6], FORMAT)

    shown = [(refusal["bucket"], refusal["code"], refusal["rows"]) for refusal in report.manifest()["refusals"]]
    assert shown == [("invalid", "bad-number", 3), ("unknown", 533, 2), ("rejected", 533, 1)]


def test_the_manifest_is_json_with_the_reasons_texts():
    report = Report()
    report.count(Bucket.ACCEPTED, range(90))
    report.count(Bucket.REJECTED, [90], FORMAT)
    report.calls.sent, report.seconds.total, report.clock_offset = 3, 1.23456, -7.04

    manifest = json.loads(json.dumps(report.manifest(), allow_nan=False))

    assert manifest == report.manifest()
    assert manifest["refusals"] == [
        {
            "bucket": "rejected",
            "code": 533,
            "meaning": "An extension field is malformed.",
            "hint": "Fix it.",
            "rows": 1,
            "first_positions": [90],
        }
    ]
    assert manifest["calls"]["sent"] == 3
    assert [count for name, count in manifest["calls"].items() if name != "sent" and count] == []
    assert (manifest["seconds"]["total"], manifest["clock_offset_seconds"]) == (1.235, -7.0)
    assert manifest["rows_per_second"] == 72.9


def test_reasons_beyond_those_a_manifest_lists_are_counted_together():
    report = Report()
    for number in range(MOST_REASONS + 5):
        report.count(Bucket.REJECTED, range(number * 10, number * 10 + 2), Reason(number, "Wrong.", "Fix it."))

    shown = report.manifest()["refusals"]
    together = next(refusal for refusal in report.refusals() if refusal.reason == OTHER)
    assert len(shown) == MOST_REASONS + 1
    assert (together.rows, together.first_positions[:2]) == (10, [MOST_REASONS * 10, MOST_REASONS * 10 + 1])
    assert sum(refusal.rows for refusal in report.refusals()) == 2 * (MOST_REASONS + 5)


@pytest.mark.parametrize("letter", ["x", "é", "错", "😀"])
def test_the_manifest_stays_under_16_kib_whatever_the_reasons(letter):
    report = Report()
    for number in range(300):
        bucket = list(Bucket)[number % len(Bucket)]
        report.count(bucket, range(10**9, 10**9 + 20), Reason(f"code-{number}", letter * 900, letter * 900))

    beside = observations(
        {Reason(f"code-{n}", "\u5ba2" * 300, "\u6237" * 300): 10**7 for n in range(50)},
        {f"C{n} or D{n}": 10**7 for n in range(300)},
        ["\u5ba2" * 100] * 500,
    )
    fields = Counter({f"{n}{letter * 100}": 10**7 for n in range(100)})
    changes = {"changes": Counts(gone=10**7, by_field=fields, emptied=fields).manifest() | {"digest": "9" * 43}}
    ended = {"broke_off": broke_off(InputError(letter * 10**5), "finishing")}
    assert len(json.dumps(report.manifest() | beside | changes | ended)) < 16 * 1024
    assert len(beside["remarks"]) == MOST_REMARKS
    assert beside["left_out"][-1] == f"... and {500 - MOST_NAMES} more"
    assert sum(refusal["rows"] for refusal in report.manifest()["refusals"]) == 300 * 20


@given(settlements, st.integers(0, 9), st.floats(0, 1e4))
def test_a_later_try_resumes_from_the_rows_that_are_done_and_forgets_the_rest(settlements, sent, seconds):
    report, _ = counted(settlements)
    report.calls.sent, report.seconds.total = sent, seconds

    resumed = Report.resumed(json.loads(json.dumps(report.state())))

    for_good = settlements[::2]
    assert resumed.rows == sum(rows for _, rows in for_good)
    assert [resumed.rows_in(bucket) for bucket in Bucket] == [sum(n for b, n in for_good if b is x) for x in Bucket]
    assert (resumed.calls.sent, resumed.seconds.total) == (sent, seconds)


def test_building_the_manifest_changes_nothing():
    report = Report()
    report.count(Bucket.REJECTED, [5], FORMAT)
    report.count(Bucket.REJECTED, [3], FORMAT, for_good=False)
    assert report.manifest() == report.manifest()
    assert report.manifest()["refusals"][0]["first_positions"] == [3, 5]
    assert report.state()["done"]["refusals"][0]["first_positions"] == [5]


def test_a_run_that_took_no_time_has_no_speed():
    assert Report().manifest()["rows_per_second"] == 0.0


@pytest.mark.parametrize(
    ("settlements", "sentence"),
    [
        ([], "0 of 0 rows were refused"),
        ([(Bucket.ACCEPTED, 2000)], "0 of 2,000 rows were refused"),
        (
            [(Bucket.ACCEPTED, 995), (Bucket.REJECTED, 3), (Bucket.INVALID, 1002)],
            "1,005 of 2,000 rows were refused (1,002 x bad-number, 3 x 533)",
        ),
        ([(Bucket.UNKNOWN, 2), (Bucket.NOT_SENT, 5), (Bucket.DUPLICATE, 1)], "2 of 8 rows were refused"),
    ],
)
def test_the_summary_says_in_one_sentence_how_many_and_why(settlements, sentence):
    assert counted(settlements)[0].summary() == sentence
