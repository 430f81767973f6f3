"""No second of any clock sees more calls than the rate."""

from __future__ import annotations

from bisect import bisect_left
from fractions import Fraction
from itertools import combinations
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.pacing import SLOWEST, Pace

MICROSECOND = Fraction(1, 10**6)
rates = st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(5, 2), Fraction(10), Fraction(45), Fraction(99, 2)])
gaps = st.lists(
    st.one_of(st.integers(0, 50), st.integers(0, 3000)).map(lambda ms: Fraction(ms, 1000)), min_size=1, max_size=150
)


def started(pace, gaps, now):
    """Return when each call started, if one comes after the other and each sleeps as long as it has to."""
    starts = []
    for gap in gaps:
        now += gap
        while (wait := pace.try_start(now)) > 0:
            now += wait
        assert wait == 0
        starts.append(now)
    return starts


def most_in_a_second(starts):
    """Return the largest number of starts in any second, without its end and what floats may round."""
    return max(bisect_left(starts, start + 1 - MICROSECOND) - index for index, start in enumerate(starts))


@given(rates, gaps)
def test_no_second_has_more_starts_than_the_rate_rounded_up(rate, gaps):
    # Whatever the arrivals, the half-open seconds [t, t + 1) hold at most ceil(rate) starts, to a microsecond.
    assert most_in_a_second(started(Pace(rate), gaps, Fraction(0))) <= ceil(rate)


@given(rates, st.floats(0, 1e9), st.lists(st.floats(0, 0.05) | st.floats(0, 3), min_size=1, max_size=150))
def test_a_late_start_is_made_up_for_and_no_more_than_that(rate, first, gaps):
    # A call is late by less than an interval, or it starts the pace anew; so any n + 1 calls take n - 1 intervals.
    starts = [Fraction(start) for start in started(Pace(float(rate)), gaps, first)]
    early = [
        (before, after)
        for (before, earlier), (after, later) in combinations(enumerate(starts), 2)
        if later - earlier < (after - before - 1) / rate - MICROSECOND
    ]
    assert early == []


def test_calls_that_start_late_by_little_keep_the_pace_all_the_same():
    pace, now = Pace(10.0), 0.0
    for _ in range(101):
        while (wait := pace.try_start(now)) > 0:
            now += wait + 0.03  # each sleep ends late
    # Ten seconds for a hundred calls, and the lateness once a second, for no second may see more than ten.
    assert now == pytest.approx(10.3, abs=0.2)


@given(rates.map(float), st.lists(st.floats(0, 1e6), min_size=1, max_size=50).map(sorted))
def test_a_wait_is_never_negative_nor_longer_than_an_interval_or_a_second(rate, arrivals):
    pace = Pace(rate)
    waits = [pace.try_start(now) for now in arrivals]
    assert [wait for wait in waits if not 0 <= wait <= max(1, pace.interval) + 1e-6] == []
    assert waits[0] == 0.0


@pytest.mark.parametrize("rate", [0.5, 1.0, 10.0, 45.0])
@pytest.mark.parametrize("early", [1e-6, 0.001, 0.009])
def test_a_call_that_is_a_little_early_waits_that_little(rate, early):
    pace = Pace(rate)
    assert pace.try_start(10.0) == 0.0
    assert pace.try_start(10.0 + pace.interval - early) == pytest.approx(early, rel=1e-6)


events = st.lists(st.tuples(st.sampled_from("tsu"), st.integers(0, 1500)), min_size=1, max_size=150)


@given(rates, events)
def test_slowing_down_and_speeding_up_keep_the_rate_in_bounds_and_each_second_within_the_rate(rate, events):
    pace, now, starts = Pace(float(rate)), 0.0, []
    for event, milliseconds in events:
        now += milliseconds / 1000
        if event == "s":
            pace.slow_down(now)
        elif event == "u":
            pace.speed_up()
        elif pace.try_start(now) == 0:
            starts.append(now)
        assert min(SLOWEST, float(rate)) <= pace.rate <= float(rate)
    assert not starts or most_in_a_second(starts) <= ceil(rate)


def test_a_burst_of_429_halves_the_rate_once_and_successful_calls_restore_it():
    pace = Pace(40.0)
    rates = []
    for now in (10.0, 10.2, 10.99, 11.0, 20.0):
        pace.slow_down(now)
        rates.append(pace.rate)
    for _ in range(50):
        pace.speed_up()
    assert [*rates, pace.rate] == [20.0, 20.0, 20.0, 10.0, 5.0, 40.0]


@pytest.mark.parametrize("now", [0.0, -50.0, 1e9])
def test_the_first_call_starts_at_once_whatever_the_clock_shows(now):
    assert Pace(1.0).try_start(now) == 0.0


def test_an_attempt_that_has_to_wait_does_not_count_as_a_call():
    pace = Pace(2.0)
    assert [pace.try_start(now) for now in (10.0, 10.25, 10.25, 10.5, 10.5)] == [0.0, 0.25, 0.25, 0.0, 0.5]


def test_a_pause_saves_up_no_calls():
    pace = Pace(10.0)
    assert started(pace, [0, 100, 0, 0], 0.0) == pytest.approx([0, 100, 100.1, 100.2])


def test_calls_without_pause_use_the_whole_rate():
    assert started(Pace(Fraction(45)), [0] * 91, Fraction(0))[-1] == 2
