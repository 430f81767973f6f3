"""No second of anybody's clock sees more calls than its share."""

from __future__ import annotations

from bisect import bisect_left
from fractions import Fraction
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.pacing import Pace

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
    """Return the largest number of turns in any second, its end not included."""
    return max(bisect_left(turns, turn + 1) - index for index, turn in enumerate(turns))


@settings(deadline=None, max_examples=100)
@given(rates, gaps)
def test_no_second_has_more_turns_than_the_rate_rounded_up(rate, gaps):
    # In exact numbers: whatever the arrivals, the half-open seconds [t, t + 1) hold at most ceil(rate) turns.
    assert most_in_a_second(taken(Pace(rate), gaps, Fraction(0))) <= ceil(rate)


@settings(deadline=None, max_examples=100)
@given(rates, st.floats(0, 1e9), st.lists(st.floats(0, 0.05) | st.floats(0, 3), min_size=1, max_size=150))
def test_turns_are_an_interval_apart_in_the_clocks_own_precision(rate, start, gaps):
    turns = taken(Pace(float(rate)), gaps, start)
    apart = [Fraction(after) - Fraction(before) for before, after in pairwise(turns)]
    assert [gap for gap in apart if gap < 1 / rate - MICROSECOND] == []


@settings(deadline=None, max_examples=100)
@given(rates.map(float), st.lists(st.floats(0, 1e6), min_size=1, max_size=50).map(sorted))
def test_a_wait_is_never_negative_and_never_longer_than_the_interval(rate, arrivals):
    pace = Pace(rate)
    waits = [pace.turn(now) for now in arrivals]
    assert [wait for wait in waits if not 0 <= wait <= pace.interval * (1 + 1e-6)] == []
    assert waits[0] == 0.0


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
