"""No second of anybody's clock sees more calls than its share."""

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


def taken(pace, gaps, now):
    """Return when each caller got its turn, if one comes after the other and sleeps as it is told."""
    turns = []
    for gap in gaps:
        now += gap
        while (wait := pace.turn(now)) > 0:
            now += wait
        assert wait == 0
        turns.append(now)
    return turns


def most_in_a_second(turns):
    """Return the largest number of turns in any second; its end is left out, and so is what floats may round."""
    return max(bisect_left(turns, turn + 1 - MICROSECOND) - index for index, turn in enumerate(turns))


@given(rates, gaps)
def test_no_second_has_more_turns_than_the_rate_rounded_up(rate, gaps):
    # Whatever the arrivals, the half-open seconds [t, t + 1) hold at most ceil(rate) turns, to a microsecond.
    assert most_in_a_second(taken(Pace(rate), gaps, Fraction(0))) <= ceil(rate)


@given(rates, st.floats(0, 1e9), st.lists(st.floats(0, 0.05) | st.floats(0, 3), min_size=1, max_size=150))
def test_a_late_turn_is_made_up_for_and_no_more_than_that(rate, start, gaps):
    # A turn is late by less than an interval, or it starts the pace anew; so any n + 1 turns take n - 1 intervals.
    turns = [Fraction(turn) for turn in taken(Pace(float(rate)), gaps, start)]
    early = [
        (before, after)
        for (before, first), (after, last) in combinations(enumerate(turns), 2)
        if last - first < (after - before - 1) / rate - MICROSECOND
    ]
    assert early == []


def test_calls_that_start_late_by_little_keep_the_pace_all_the_same():
    pace, now = Pace(10.0), 0.0
    for _ in range(101):
        while (wait := pace.turn(now)) > 0:
            now += wait + 0.03  # each sleep ends late
    # Ten seconds for a hundred calls, and the lateness once a second, for no second may see more than ten.
    assert now == pytest.approx(10.3, abs=0.2)


@given(rates.map(float), st.lists(st.floats(0, 1e6), min_size=1, max_size=50).map(sorted))
def test_a_wait_is_never_negative_nor_longer_than_an_interval_or_a_second(rate, arrivals):
    pace = Pace(rate)
    waits = [pace.turn(now) for now in arrivals]
    assert [wait for wait in waits if not 0 <= wait <= max(1, pace.interval) + 1e-6] == []
    assert waits[0] == 0.0


@pytest.mark.parametrize("rate", [0.5, 1.0, 10.0, 45.0])
@pytest.mark.parametrize("early", [1e-6, 0.001, 0.009])
def test_who_comes_a_little_early_waits_that_little(rate, early):
    pace = Pace(rate)
    assert pace.turn(10.0) == 0.0
    assert pace.turn(10.0 + pace.interval - early) == pytest.approx(early, rel=1e-6)


events = st.lists(st.tuples(st.sampled_from("tsu"), st.integers(0, 1500)), min_size=1, max_size=150)


@given(rates, events)
def test_slowing_down_and_speeding_up_keep_the_rate_in_bounds_and_each_second_within_its_share(rate, events):
    pace, now, turns = Pace(float(rate)), 0.0, []
    for event, milliseconds in events:
        now += milliseconds / 1000
        if event == "s":
            pace.slow_down(now)
        elif event == "u":
            pace.speed_up()
        elif pace.turn(now) == 0:
            turns.append(now)
        assert min(SLOWEST, float(rate)) <= pace.rate <= float(rate)
    assert not turns or most_in_a_second(turns) <= ceil(rate)


def test_a_burst_of_refusals_halves_the_pace_once_and_calls_that_pass_bring_it_back():
    pace = Pace(40.0)
    rates = []
    for now in (10.0, 10.2, 10.99, 11.0, 20.0):
        pace.slow_down(now)
        rates.append(pace.rate)
    for _ in range(50):
        pace.speed_up()
    assert [*rates, pace.rate] == [20.0, 20.0, 20.0, 10.0, 5.0, 40.0]


@pytest.mark.parametrize("now", [0.0, -50.0, 1e9])
def test_the_first_turn_is_free_whatever_the_clock_shows(now):
    assert Pace(1.0).turn(now) == 0.0


def test_to_be_told_to_wait_takes_no_turn():
    pace = Pace(2.0)
    assert [pace.turn(now) for now in (10.0, 10.25, 10.25, 10.5, 10.5)] == [0.0, 0.25, 0.25, 0.0, 0.5]


def test_a_pause_saves_up_no_turns():
    pace = Pace(10.0)
    turns = taken(pace, [0, 100, 0, 0], 0.0)
    assert turns == pytest.approx([0, 100, 100.1, 100.2])


def test_calls_without_pause_use_the_whole_rate():
    turns = taken(Pace(Fraction(45)), [0] * 91, Fraction(0))
    assert turns[-1] == 2
