"""Settings that make no sense are refused, all of them at once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.options import (
    DEFAULT_BYTES,
    DEFAULT_CONCURRENCY,
    DEFAULT_ROWS,
    Options,
    resolved_rows_per_call,
)
from airflow_provider_socialscrm.importer.results.threshold import allowed_number

NAMES = ["bytes_per_call", "concurrency", "parallel_tasks"]


def test_the_defaults_stand():
    options = Options()
    assert [getattr(options, name) for name in NAMES] == [DEFAULT_BYTES, DEFAULT_CONCURRENCY, 1]
    assert options.rows_per_call is None
    assert options.max_rejected == 0


@pytest.mark.parametrize("name", ["rows_per_call", *NAMES])
@pytest.mark.parametrize("value", [1, 2, 10**9])
def test_a_whole_number_above_0_is_taken(name, value):
    assert getattr(Options(**{name: value}), name) == value


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [0, -1, True, False, 1.0, 2.5, "10", None, Decimal(1), float("nan")])
def test_what_is_no_whole_number_above_0_is_refused_with_its_name_and_value(name, value):
    with pytest.raises(InputError) as caught:
        Options(**{name: value})
    assert str(caught.value) == f"{name} is {value!r}, not a whole number above 0."


@pytest.mark.parametrize("value", [0, -1, True, False, 1.0, 2.5, "10", "Auto", "", Decimal(1), float("nan"), b"auto"])
def test_rows_per_call_is_a_whole_number_above_0_or_auto(value):
    with pytest.raises(InputError) as caught:
        Options(rows_per_call=value)
    assert str(caught.value) == f"rows_per_call is {value!r}, not a whole number above 0 or 'auto'."


@pytest.mark.parametrize(
    ("value", "has_ledger", "resolved"),
    [
        (None, False, DEFAULT_ROWS),
        (None, True, "auto"),
        ("auto", False, "auto"),
        ("auto", True, "auto"),
        (1, False, 1),
        (500, True, 500),
    ],
)
def test_rows_per_call_is_found_by_default_where_a_ledger_keeps_it(value, has_ledger, resolved):
    assert resolved_rows_per_call(Options(rows_per_call=value).rows_per_call, has_ledger=has_ledger) == resolved


@pytest.mark.parametrize("name", ["save_interval", "progress_interval"])
@pytest.mark.parametrize("value", [float("inf"), float("nan"), -1, "1", None, True])
def test_an_interval_is_a_number_of_seconds(name, value):
    with pytest.raises(InputError) as caught:
        Options(**{name: value})
    assert str(caught.value) == f"{name} is {value!r}, not a number of seconds."
    assert getattr(Options(**{name: 0}), name) == 0


@pytest.mark.parametrize("value", [0, 5, 0.0, 0.25, 1.0, 1000, None])
def test_a_number_or_a_fraction_of_rows_may_be_refused(value):
    assert Options(max_rejected=value).max_rejected == value


THRESHOLD = "give a whole number of rows, a share of them as a float from 0.0 to 1.0, or None for no limit"


@pytest.mark.parametrize("value", [-1, -0.1, True, False, "5", float("nan"), float("inf")])
def test_what_is_no_number_of_refused_rows_is_refused(value):
    with pytest.raises(InputError) as caught:
        Options(max_rejected=value)
    assert str(caught.value) == f"max_rejected is {value!r}: {THRESHOLD}."


def test_a_float_above_1_is_neither_a_share_nor_a_number_of_rows():
    with pytest.raises(InputError) as caught:
        Options(max_rejected=50.0)
    assert str(caught.value) == f"max_rejected is 50.0: {THRESHOLD} (for 50 rows write 50)."


@pytest.mark.parametrize(
    ("allowed", "rows", "refused"),
    [
        (0, 100, 0),
        (5, 100, 5),
        (1, 100, 1),
        (1.0, 100, 100),
        (0.29, 100, 29),
        (0.01, 99, 0),
        (0.0, 9, 0),
        (0.5, 3, 1),
        (None, 9, None),
    ],
)
def test_an_int_is_rows_and_a_float_a_share(allowed, rows, refused):
    assert allowed_number(allowed, rows) == refused


@pytest.mark.parametrize(("value", "resend"), [("hold", False), ("resend", True)])
def test_an_unknown_outcome_is_held_or_sent_again(value, resend):
    assert Options(on_unknown=value).resend is resend


@pytest.mark.parametrize("value", ["", "Hold", None, True])
def test_another_word_for_unknown_outcomes_is_refused_with_those_there_are(value):
    with pytest.raises(InputError) as caught:
        Options(on_unknown=value)
    assert [part for part in ("on_unknown", repr(value), "hold", "resend") if part not in str(caught.value)] == []


def test_all_wrong_settings_are_named_at_once():
    with pytest.raises(InputError) as caught:
        Options(rows_per_call=0, bytes_per_call="1 MB", concurrency=True, max_rejected=-1)
    assert str(caught.value).split("; ") == [
        "rows_per_call is 0, not a whole number above 0 or 'auto'",
        "bytes_per_call is '1 MB', not a whole number above 0",
        "concurrency is True, not a whole number above 0",
        f"max_rejected is -1: {THRESHOLD}.",
    ]


def test_time_and_chance_are_real_unless_a_test_owns_them():
    clock = Options().clock
    assert clock.now() <= clock.now()
    assert [chance for chance in (clock.chance() for _ in range(20)) if not 0 <= chance < 1] == []
