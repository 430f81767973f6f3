from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.customers import Outcome, named_outcome

ROWS = ["861", "862", "863"]
SHAPES = [("successWhatsIds", "failWhatsIds"), ("success", "fail"), ("successList", "failList")]
of_each_shape = pytest.mark.parametrize("names", SHAPES)


def data(names: Sequence[str], *lists: list[Any] | None, **more: Any) -> dict[str, Any]:
    return {name: values for name, values in zip(names, lists, strict=True) if values is not None} | more


@pytest.mark.parametrize(
    "silent",
    ["", None, 0, True, [], {}, "1234", ["861"], {"isAllOk": False}, {"total": 3}, {"success": True, "fail": 0},
     {"success": "861", "fail": "862"}, {"failWhatsIds": None}, {"data": {"fail": ["861"]}}],
)  # fmt: skip
def test_data_that_names_no_rows_says_that_all_were_taken(silent):
    assert named_outcome(silent, ROWS) == Outcome()


@of_each_shape
@pytest.mark.parametrize(
    ("success", "fail", "failed", "unclear", "unexpected_numbers"),
    [
        (ROWS, [], (), (), 0),
        (["861", "863"], ["862"], (1,), (), 0),
        ([], ROWS, (0, 1, 2), (), 0),
        (None, ["862"], (1,), (), 0),  # only failures are listed: the others were taken
        (None, [], (), (), 0),
        (ROWS, None, (), (), 0),
        (["861"], None, (), (1, 2), 0),  # only successes are listed: the others were left out
        (["861"], ["862"], (1,), (2,), 0),
        (ROWS, ["862"], (), (1,), 0),  # named both ways
        ([861, 863], [862], (1,), (), 0),  # as numbers
        (ROWS, ["999", "998", "999"], (), (), 2),
        ([], [], (), (0, 1, 2), 0),
    ],
)
def test_rows_are_told_by_the_lists_that_name_them(names, *, success, fail, failed, unclear, unexpected_numbers):
    outcome = named_outcome(data(names, success, fail), ROWS)
    assert outcome == Outcome(frozenset(failed), frozenset(unclear), unexpected_numbers)


@of_each_shape
@pytest.mark.parametrize("success", [None, []])
def test_a_call_that_is_all_ok_needs_no_names(names, success):
    assert named_outcome(data(names, success, [], isAllOk=True), ROWS) == Outcome()


@of_each_shape
def test_all_ok_does_not_outweigh_names(names):
    assert named_outcome(data(names, ["861"], [], isAllOk=True), ROWS).unclear == {1, 2}
    assert named_outcome(data(names, ["861", "863"], ["862"], isAllOk=True), ROWS).failed == {1}


@of_each_shape
def test_a_failed_number_of_several_rows_blames_none_of_them(names):
    outcome = named_outcome(data(names, ["862"], ["861"]), ["861", "862", "861"])
    assert outcome == Outcome(unclear=frozenset({0, 2}))


@of_each_shape
def test_a_taken_number_of_several_rows_clears_them_all(names):
    assert named_outcome(data(names, ["861", "862"], []), ["861", "862", "861"]) == Outcome()


numbers = st.lists(st.sampled_from(["861", "862", "863", "864"]), max_size=6)


@given(st.sampled_from(SHAPES), st.none() | numbers, st.none() | numbers, numbers, st.booleans())
def test_no_row_is_blamed_that_the_answer_does_not_name_as_failed_only(names, success, fail, sent, is_all_ok):
    outcome = named_outcome(data(names, success, fail, isAllOk=is_all_ok), sent)
    assert not outcome.failed & outcome.unclear
    assert all(sent[place] in (fail or []) and sent[place] not in (success or []) for place in outcome.failed)
    assert all(sent.count(sent[place]) == 1 for place in outcome.failed)
    taken = {*range(len(sent))} - outcome.failed - outcome.unclear
    assert all(sent[place] not in (fail or []) for place in taken)
