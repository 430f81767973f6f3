"""How far a run is, told when it is due and in words that fit."""

from __future__ import annotations

import pyarrow as pa
import pytest

from airflow_provider_socialscrm.importer.reasons import Bucket, Reason
from airflow_provider_socialscrm.importer.results.progress import (
    INTERVAL,
    ProgressObserver,
    Reading,
    ReadProgress,
    SendProgress,
    span,
)
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.sources.base import Batch, Source


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.mark.parametrize(
    ("standing", "sentence"),
    [
        (
            SendProgress(120_000, 1_000_000, 4_300.2, 12),
            "Rows: 120,000 of 1,000,000, 4,300 a second, 3 min left, 12 refused so far",
        ),
        (SendProgress(0, 10, 0.0, 0), "Rows: 0 of 10, 0 a second, 0 refused so far"),
        (SendProgress(10, 10, 5.0, 0), "Rows: 10 of 10, 5 a second, 0 s left, 0 refused so far"),
    ],
)
def test_it_is_said_in_one_line(standing, sentence):
    assert str(standing) == sentence


@pytest.mark.parametrize(
    ("so_far", "sentence", "numbers"),
    [
        (ReadProgress(1_200_000, 1), "Read 1,200,000 rows so far", {"rows_read": 1_200_000}),
        (ReadProgress(30_000, 3), "Read 30,000 rows of 3 files so far", {"rows_read": 30_000}),
        (ReadProgress(10, 3, 2_000), "Checked 10 of 2,000 rows so far", {"rows_checked": 10, "total": 2_000}),
    ],
)
def test_what_is_read_before_the_first_call_is_said_in_one_line(so_far, sentence, numbers):
    assert (str(so_far), so_far.numbers) == (sentence, numbers)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2.0 h")]
)
def test_a_time_is_said_in_the_unit_that_fits(seconds, said):
    assert span(seconds) == said


def test_nothing_is_told_before_it_is_due_and_then_once_an_interval():
    clock, told = Clock(), []
    watch = ProgressObserver(told.append, clock, total=100, before=0)
    report = Report()

    for seconds, times in [(0, 0), (9.9, 0), (0.1, 1), (0, 1), (5, 1), (4.9, 1), (0.1, 2), (60, 3), (1, 3)]:
        clock.seconds += seconds
        watch.look(report)
        assert len(told) == times


def test_the_pace_is_that_of_this_try_and_the_rows_are_those_of_all():
    clock, told = Clock(), []
    report = Report()
    report.settle(Bucket.ACCEPTED, range(50))
    watch = ProgressObserver(told.append, clock, total=200, before=50)

    report.settle(Bucket.ACCEPTED, range(50, 90))
    report.settle(Bucket.REJECTED, range(90, 100), Reason(508, "why", "what"))
    report.settle(Bucket.DUPLICATE, range(100, 110), Reason("duplicate", "why", "what"))
    clock.seconds += INTERVAL
    watch.look(report)

    assert told == [SendProgress(110, 200, 6.0, 10)]
    assert told[0].seconds_left == 15


def pieces(clock, *files, seconds):
    """Yield ten rows of each file, each of which takes its time."""
    for file in files:
        clock.seconds += seconds
        yield Batch(0, pa.record_batch({"whatsApp": ["x"] * 10}), file)


def test_a_table_that_is_read_is_told_of_once_an_interval_and_counted_anew_each_time():
    clock, told = Clock(), []
    reading = Reading(told.append, clock)
    source = reading.over(Source(("whatsApp",), "", lambda: pieces(clock, "a", "a", "b", "c", seconds=4)))

    list(source.batches())
    assert told == [ReadProgress(30, 2)]

    list(source.batches())
    assert told[1:] == [ReadProgress(20, 1, 40)]


def test_a_look_at_the_first_rows_alone_does_not_count_as_the_whole():
    clock, told = Clock(), []
    source = Reading(told.append, clock).over(Source((), "", lambda: pieces(clock, "a", "a", seconds=INTERVAL)))

    next(source.batches())
    list(source.batches())

    assert told == [ReadProgress(10, 1), ReadProgress(20, 1)]


def test_what_is_read_while_it_is_sent_is_not_told():
    clock, told = Clock(), []
    reading = Reading(told.append, clock)
    source = reading.over(Source((), "", lambda: pieces(clock, "a", seconds=INTERVAL)))

    watch = reading.before_sending(total=10, before=0)
    list(source.batches())
    assert told == []

    watch.look(Report())
    assert told == [SendProgress(0, 10, 0.0, 0)]
