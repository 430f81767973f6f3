"""Rows that share a number are found, whatever their number, and one of them goes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.columns.findings import FieldColumn, RuleResult
from airflow_provider_socialscrm.importer.fields.duplicates import KEYS_AT_ONCE, KeyList, keys_of, superseded
from airflow_provider_socialscrm.importer.reasons import BAD_NUMBER

NONE = -1


def repeated(keys, sizes=(5,), keys_at_once=KEYS_AT_ONCE):
    """Return the repeated keys with their positions, the keys handed over in blocks of these sizes."""
    kept = KeyList(keys_at_once)
    left = list(keys)
    while left:
        for size in sizes:
            kept.add(np.array(left[:size], np.int64))
            left = left[size:]
    positions, found = kept.repeated()
    kept.close()
    return list(zip(positions.tolist(), found.tolist(), strict=True))


def losers(rows, keep_last=True):
    """Return who goes instead of each row that does not; a row is a key and whether it can be sent."""
    keys = np.array([key for key, _ in rows], np.int64)
    flags = np.array([flag for _, flag in rows], np.bool_)
    lost, winners = superseded(np.arange(len(rows)), keys, flags, keep_last=keep_last)
    return dict(zip(lost.tolist(), winners.tolist(), strict=True))


def test_a_number_is_its_own_key_and_what_is_none_has_none():
    text = pa.array(["8615266667780", None, "12x", "999999999999999"])
    column = FieldColumn("whatsApp", RuleResult(text, ((BAD_NUMBER, pa.array([False, None, True, False])),)))
    assert keys_of(column).tolist() == [8615266667780, NONE, NONE, 999999999999999]


def test_the_key_of_a_repeated_value_stands_for_each_of_its_rows():
    distinct = RuleResult(pa.array(["1234567", None]))
    assert keys_of(FieldColumn("whatsApp", distinct, pa.array([0, 1, 0]))).tolist() == [1234567, NONE, 1234567]


@settings(deadline=None)
@given(st.lists(st.sampled_from([NONE, 1, 2, 3, 10**15 - 1, *range(20, 40)])), st.lists(st.integers(1, 7), min_size=1))
def test_every_row_whose_key_another_has_is_found_once_and_in_order(keys, sizes):
    expected = [(place, key) for place, key in enumerate(keys) if key != NONE and keys.count(key) > 1]
    assert repeated(keys, sizes) == expected


@pytest.mark.parametrize("at_once", [pytest.param(1, marks=pytest.mark.thorough), 2, 3, 8, 100])
def test_more_keys_than_are_compared_at_a_time_are_found_all_the_same(at_once):
    keys = [n % 37 for n in range(500)] + list(range(1000, 1500))
    expected = [(place, key) for place, key in enumerate(keys) if key < 1000]
    assert repeated(keys, keys_at_once=at_once * 8) == expected


@pytest.mark.parametrize(
    ("rows", "keep_last", "expected"),
    [
        ([], True, {}),
        ([(1, True), (1, True)], True, {0: 1}),
        ([(1, True), (1, True)], False, {1: 0}),
        ([(1, True), (2, True), (1, True), (2, True), (1, True)], True, {0: 4, 1: 3, 2: 4}),
        ([(1, True), (2, True), (1, True), (2, True), (1, True)], False, {2: 0, 3: 1, 4: 0}),
        # the last that can be sent: what stands behind it has to be mended, what stands before it is out of date
        ([(1, False), (1, True), (1, False)], True, {0: 1}),
        ([(1, False), (1, True), (1, False)], False, {2: 1}),
        ([(1, False), (1, False)], True, {}),
        ([(1, False), (1, False)], False, {}),
    ],
)
def test_one_row_of_a_number_goes(rows, keep_last, expected):
    assert losers(rows, keep_last) == expected


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 4), st.booleans())), st.booleans())
def test_what_goes_is_the_one_row_of_its_number_that_a_loop_would_choose(rows, keep_last):
    winner = {}
    for place, (key, sendable) in enumerate(rows):
        if sendable and (keep_last or key not in winner):
            winner[key] = place
    expected = {
        place: winner[key]
        for place, (key, _) in enumerate(rows)
        if key in winner and ((place < winner[key]) if keep_last else (place > winner[key]))
    }
    assert losers(rows, keep_last) == expected
