"""Intervals against a plain set of numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.results.intervals import Intervals

NUMBERS = st.integers(0, 60)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), NUMBERS, st.integers(1, 20)),
        st.tuples(st.just("add_all"), st.lists(NUMBERS, max_size=12)),
        st.tuples(st.just("remove"), st.lists(NUMBERS, max_size=12)),
    ),
    max_size=30,
)


def after(steps) -> tuple[Intervals, set[int]]:
    """Return intervals and a set that went through the same steps."""
    intervals, numbers = Intervals(), set()
    for step, *arguments in steps:
        if step == "add":
            start, length = arguments
            intervals.add(start, start + length)
            numbers |= set(range(start, start + length))
        elif step == "add_all":
            intervals.add_all(iter(arguments[0]))
            numbers |= set(arguments[0])
        else:
            intervals.remove(iter(arguments[0]))
            numbers -= set(arguments[0])
    return intervals, numbers


@given(STEPS)
def test_intervals_hold_what_a_set_holds_whatever_was_added_and_removed(steps):
    intervals, numbers = after(steps)

    assert [number for number in range(-2, 90) if number in intervals] == sorted(numbers)
    assert len(intervals) == len(numbers)
    assert intervals.end == max(numbers, default=-1) + 1


@given(STEPS)
def test_pairs_are_sorted_not_empty_apart_from_each_other_and_cover_the_set(steps):
    intervals, numbers = after(steps)
    pairs = intervals.pairs()

    bounds = [bound for pair in pairs for bound in pair]
    assert bounds == sorted(set(bounds))  # strictly rising, so no pair is empty and no two touch
    assert [number for start, end in pairs for number in range(start, end)] == sorted(numbers)


@given(STEPS)
def test_pairs_make_the_same_intervals_again(steps):
    pairs = after(steps)[0].pairs()

    assert Intervals(pairs).pairs() == pairs


@given(st.permutations(range(0, 60, 3)))
def test_chunks_settled_in_any_order_become_one_interval(starts):
    intervals = Intervals()
    for start in starts:
        intervals.add(start, start + 3)

    assert intervals.pairs() == [[0, 60]]


@pytest.mark.parametrize(
    ("start", "end", "pairs"),
    [
        (0, 5, [[0, 5], [10, 20], [30, 40]]),
        (5, 10, [[5, 20], [30, 40]]),
        (20, 30, [[10, 40]]),
        (15, 35, [[10, 40]]),
        (0, 50, [[0, 50]]),
        (12, 15, [[10, 20], [30, 40]]),
        (40, 41, [[10, 20], [30, 41]]),
        (41, 42, [[10, 20], [30, 40], [41, 42]]),
    ],
)
def test_an_interval_becomes_one_with_those_it_overlaps_or_touches(start, end, pairs):
    intervals = Intervals([[10, 20], [30, 40]])
    intervals.add(start, end)

    assert intervals.pairs() == pairs


def test_taking_a_number_out_of_the_middle_leaves_two_intervals():
    intervals = Intervals([[10, 20]])
    intervals.remove([15])

    assert intervals.pairs() == [[10, 15], [16, 20]]
