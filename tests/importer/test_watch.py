"""How far a run is, told when it is due and in words that fit."""

from __future__ import annotations

import pytest

from airflow_provider_socialscrm.importer.report import Bucket, Cause, Report
from airflow_provider_socialscrm.importer.watch import INTERVAL, Standing, Watch, span


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
            Standing(120_000, 1_000_000, 4_300.2, 12),
            "Rows: 120,000 of 1,000,000, 4,300 a second, 3 min left, 12 refused so far",
        ),
        (Standing(0, 10, 0.0, 0), "Rows: 0 of 10, 0 a second, 0 refused so far"),
        (Standing(10, 10, 5.0, 0), "Rows: 10 of 10, 5 a second, 0 s left, 0 refused so far"),
    ],
)
def test_it_is_said_in_one_line(standing, sentence):
    assert str(standing) == sentence


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7199, "120 min"), (7200, "2.0 h")]
)
def test_a_time_is_said_in_the_unit_that_fits(seconds, said):
    assert span(seconds) == said


def test_nothing_is_told_before_it_is_due_and_then_once_an_interval():
    clock, told = Clock(), []
    watch = Watch(told.append, clock, total=100, before=0)
    report = Report()

    for seconds, times in [(0, 0), (9.9, 0), (0.1, 1), (0, 1), (5, 1), (4.9, 1), (0.1, 2), (60, 3), (1, 3)]:
        clock.seconds += seconds
        watch.look(report)
        assert len(told) == times


def test_the_pace_is_that_of_this_try_and_the_rows_are_those_of_all():
    clock, told = Clock(), []
    report = Report()
    report.settle(Bucket.ACCEPTED, range(50))
    watch = Watch(told.append, clock, total=200, before=50)

    report.settle(Bucket.ACCEPTED, range(50, 90))
    report.settle(Bucket.REJECTED, range(90, 100), Cause(508, "why", "what"))
    report.settle(Bucket.DUPLICATE, range(100, 110), Cause("duplicate", "why", "what"))
    clock.seconds += INTERVAL
    watch.look(report)

    assert told == [Standing(110, 200, 6.0, 10)]
    assert told[0].seconds_left == 15
