"""Progress is reported once an interval, in one line."""

from __future__ import annotations

import pyarrow as pa
import pytest

from airflow_provider_socialscrm.importer.reasons import Bucket, Reason
from airflow_provider_socialscrm.importer.results.progress import (
    ProgressObserver,
    ReadProgress,
    SendProgress,
    Wait,
    span,
)
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.sources.base import Batch, Source

INTERVAL = 10.0
WAITS = "waiting for SocialsCRM for 6 s"


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("progress", "sentence"),
    [
        (
            SendProgress(120_000, 1_000_000, 4_300.2, 12),
            "Rows: 120,000 of 1,000,000, 4,300 a second, 3 min left, 12 refused so far",
        ),
        (SendProgress(0, 10, 0.0, 0), "Rows: 0 of 10, 0 a second, 0 refused so far"),
        (
            SendProgress(1, 9, 0.0, 0, Wait(6.4, 8, 60)),
            f"Rows: 1 of 9, {WAITS}; the next call in 8 s; gives up after 1 min, 0 refused so far",
        ),
        (
            SendProgress(100, 300, 40.0, 0, Wait(140, 0, 150)),
            "Rows: 100 of 300, waiting for SocialsCRM for 2 min; gives up after 2.5 min, 0 refused so far",
        ),
        (SendProgress(10, 10, 5.0, 0), "Rows: 10 of 10, 5 a second, 0 s left, 0 refused so far"),
    ],
)
def test_sending_is_reported_in_one_line(progress, sentence):
    assert str(progress) == sentence


@pytest.mark.parametrize(
    ("progress", "sentence", "numbers"),
    [
        (ReadProgress(1_200_000, 1), "Read 1,200,000 rows so far", {"rows_read": 1_200_000}),
        (ReadProgress(30_000, 3), "Read 30,000 rows of 3 files so far", {"rows_read": 30_000}),
    ],
)
def test_reading_is_reported_in_one_line(progress, sentence, numbers):
    assert (str(progress), progress.numbers) == (sentence, numbers)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2.0 h")]
)
def test_a_duration_has_the_unit_that_fits(seconds, text):
    assert span(seconds) == text


def sending(clock, reports, *, total, done=0) -> ProgressObserver:
    observer = ProgressObserver(reports.append, clock, INTERVAL)
    observer.start_sending(total=total, done=done)
    return observer


def test_nothing_is_reported_before_it_is_due_and_then_once_an_interval():
    clock, reports = Clock(), []
    observer = sending(clock, reports, total=100)
    report = Report()

    for seconds, times in [(0, 0), (9.9, 0), (0.1, 1), (0, 1), (5, 1), (4.9, 1), (0.1, 2), (60, 3), (1, 3)]:
        clock.seconds += seconds
        observer.maybe_report(report)
        assert len(reports) == times


def test_the_pace_is_that_of_this_try_and_the_rows_are_those_of_all():
    clock, reports = Clock(), []
    report = Report()
    report.count(Bucket.ACCEPTED, range(50))
    observer = sending(clock, reports, total=200, done=50)

    report.count(Bucket.ACCEPTED, range(50, 90))
    report.count(Bucket.REJECTED, range(90, 100), Reason(508, "why", "what"))
    report.count(Bucket.DUPLICATE, range(100, 110), Reason("duplicate", "why", "what"))
    clock.seconds += INTERVAL
    observer.maybe_report(report)

    assert reports == [SendProgress(110, 200, 6.0, 10)]
    assert reports[0].seconds_left == 15


def test_there_is_no_pace_before_a_call_of_this_try_is_accepted():
    clock, reports = Clock(), []
    report = Report()
    report.count(Bucket.ACCEPTED, range(50))
    observer = ProgressObserver(reports.append, clock, INTERVAL)
    observer.start_sending(total=300, done=50, accepted=50)
    report.count(Bucket.INVALID, [50], Reason("bad-number", "why", "what"))

    for wait in (None, Wait(60, 15, 150)):
        clock.seconds += INTERVAL
        observer.maybe_report(report, {clock.seconds: wait}.get)

    first, second = reports
    assert (first.per_second, first.seconds_left, first.wait) == (0.0, None, None)
    counts = {"rows": 51, "total": 300, "refused": 1, "rows_per_second": 0, "seconds_left": -1}
    assert second.numbers == counts | {"waiting": 60, "next_call_in": 15, "given_up_after": 150}


def test_without_an_interval_every_change_is_reported_and_no_time_gives_no_pace():
    clock, reports = Clock(), []
    observer = ProgressObserver(reports.append, clock, interval=0.0)
    list(observer.observe(Source((), "", lambda _: pieces(clock, "a", "a", seconds=0))).batches())
    observer.start_sending(total=20, done=0)

    report = Report()
    report.count(Bucket.ACCEPTED, range(20))
    observer.maybe_report(report)

    assert reports == [ReadProgress(10, 1), ReadProgress(20, 1), SendProgress(20, 20, 0.0, 0)]


def pieces(clock, *files, seconds):
    """Yield ten rows of each file, each of which takes its time."""
    for file in files:
        clock.seconds += seconds
        yield Batch(0, pa.record_batch({"whatsApp": ["x"] * 10}), file)


def test_reading_is_reported_once_an_interval_and_counted_from_the_start_each_time():
    clock, reports = Clock(), []
    observer = ProgressObserver(reports.append, clock, INTERVAL)
    source = observer.observe(Source(("whatsApp",), "", lambda _: pieces(clock, "a", "a", "b", "c", seconds=4)))

    list(source.batches())
    assert reports == [ReadProgress(30, 2)]

    list(source.batches())
    assert reports[1:] == [ReadProgress(20, 1)]


def test_reading_the_first_rows_alone_does_not_count_as_the_whole():
    clock, reports = Clock(), []
    observer = ProgressObserver(reports.append, clock, INTERVAL)
    source = observer.observe(Source((), "", lambda _: pieces(clock, "a", "a", seconds=INTERVAL)))

    next(source.batches())
    list(source.batches())

    assert reports == [ReadProgress(10, 1), ReadProgress(20, 1)]


def test_sending_is_not_reported_before_it_starts():
    clock, reports = Clock(), []
    observer = ProgressObserver(reports.append, clock, INTERVAL)
    clock.seconds += INTERVAL
    observer.maybe_report(Report())
    assert reports == []
