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


SENT = ["8615266667779", "8615266667778", "5511987654321"]


@of_each_shape
@pytest.mark.parametrize(
    "spelled",
    ["8615266667779@c.us", "8615266667779@s.whatsapp.net", "8615266667779:12@s.whatsapp.net", "+8615266667779",
     "+86 152-6666-7779", "+86 (152) 6666.7779", "86 152 6666 7779", "0086 152 6666 7779", "whatsapp:+8615266667779",
     "WhatsApp:+86 152 6666 7779", "tel:+86-152-6666-7779", "https://wa.me/8615266667779", " 8615266667779 ",
     "８６１５２６６６６７７７９", "٨٦١٥٢٦٦٦٦٧٧٧٩", "\u202a+86 152\u20116666\u20117779\u202c", 8615266667779,
     8615266667779.0, "8.615266667779E12", "8.615266667779e+12", "8615266667779.0",
     {"whatsApp": "+8615266667779", "reason": "blocked"}, {"whatsId": 8615266667779}],
    ids=repr,
)  # fmt: skip
def test_a_number_in_another_spelling_is_the_row_it_was_sent_with(names, spelled):
    assert named_outcome(data(names, SENT[1:], [spelled]), SENT) == Outcome(failed=frozenset({0}))
    assert named_outcome(data(names, [spelled, *SENT[1:]], []), SENT) == Outcome()


@pytest.mark.parametrize(
    "stranger",
    ["8615266667779@g.us", "8615266667779@lid", "86152666677790", "8615266667779.5", 8615266667779.5, 8.6152e12,
     "8.6152E12", True, "1e99", "9" * 400, "861526666777x", "-8615266667779", -8615266667779, "+", "wa.me/", ["861"]],
    ids=repr,
)  # fmt: skip
def test_a_number_that_is_not_one_that_was_sent_blames_no_row(stranger):
    outcome = named_outcome({"success": SENT, "fail": [stranger]}, SENT)
    assert outcome == Outcome(unexpected_numbers=1)


def test_two_spellings_in_one_response_are_one_number():
    outcome = named_outcome({"success": ["+86 152 6666 7779", *SENT[1:]], "fail": ["8615266667779@c.us"]}, SENT)
    assert outcome == Outcome(unclear=frozenset({0}))


def test_numbers_that_were_sent_in_two_spellings_are_not_blamed_for_one_another():
    assert named_outcome({"fail": ["861"]}, ["861", "00861", "862"]) == Outcome(unclear=frozenset({0, 1}))


@pytest.mark.parametrize("national", ["15266667779", "015266667779", 15266667779, "152 6666 7779"])
def test_a_failed_number_without_its_country_code_makes_the_rows_it_may_mean_unclear(national):
    outcome = named_outcome({"fail": [national]}, [*SENT, "115266667779"])
    assert outcome == Outcome(unclear=frozenset({0, 3}), unexpected_numbers=1)


@pytest.mark.parametrize("unreadable", ["Li Lei", {"id": 5}, True])
def test_a_failure_that_names_nobody_we_know_makes_all_rows_unclear_unless_successes_are_listed(unreadable):
    assert named_outcome({"fail": [unreadable]}, SENT) == Outcome(unclear=frozenset({0, 1, 2}), unexpected_numbers=1)
    assert named_outcome({"success": SENT, "fail": [unreadable]}, SENT) == Outcome(unexpected_numbers=1)


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_entry_names_nobody(nothing):
    assert named_outcome({"fail": [nothing]}, SENT) == Outcome()


SPELLINGS = [
    *(str, int, float, "+{}".format, "{}@c.us".format, "whatsapp:+{}".format, "00{}".format),
    lambda number: f"+{number[:2]} ({number[2:5]}) {number[5:]}",
    lambda number: f"{float(number)!r}",
]


@given(st.lists(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True), unique=True, min_size=1), st.data())
def test_only_the_number_that_is_spelled_is_blamed(sent, draw):
    number = draw.draw(st.sampled_from(sent))
    spelled = draw.draw(st.sampled_from(SPELLINGS))(number)
    outcome = named_outcome({"success": [other for other in sent if other != number], "fail": [spelled]}, sent)
    assert outcome == Outcome(failed=frozenset({sent.index(number)}))


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
