from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.redaction import HIDDEN, LONGEST_TEXT, redact


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("customer 8615266667779 exists", "customer [hidden] exists"),
        ("customer +86 152-6666 (77) 79 exists", "customer [hidden] exists"),
        ("customer 152.666.677.79 exists", "customer [hidden] exists"),
        ("Kunde ٠١٢٣٤٥٦ da", "Kunde [hidden] da"),
        ("line 1234 of 20", "line 1234 of 20"),
        ("mail to ana@example.com failed", "mail to [hidden] failed"),
        ("bad token d5b3aedbd8fad73eb71016d2dc5450eb here", "bad token [hidden] here"),
        ("bad token D5B3AEDBD8FAD73EB71016D2DC5450EB", "bad token [hidden]"),
        ("Success ", "Success"),
        ("two\nlines\tand  gaps", "two lines and gaps"),
        ("", ""),
    ],
)
def test_numbers_mail_addresses_and_tokens_are_taken_out(said, shown):
    assert redact(said) == shown


@pytest.mark.parametrize(
    ("said", "values", "shown"),
    [
        ("name Ana Silva is taken", ["Ana Silva"], "name [hidden] is taken"),
        ("name ANA SILVA is taken", ["Ana Silva"], "name [hidden] is taken"),
        ("name Ana\n  Silva is taken", ["Ana Silva"], "name [hidden] is taken"),
        ("name Ana Silva is taken", ["Ana  Silva "], "name [hidden] is taken"),
        ("客户 李雷 已存在", ["李雷"], "客户 [hidden] 已存在"),
        ("Ana Silva and Ana", ["Ana", "Ana Silva"], "[hidden] and [hidden]"),
        ("level a.b is odd", ["a.b"], "level [hidden] is odd"),
        ("level axb is odd", ["a.b"], "level axb is odd"),
        ("is it hidden?", ["id", "is", "hidden"], "[hidden] it [hidden]?"),
        ("a b c", ["a", "b", "", " "], "a b c"),
    ],
)
def test_values_that_were_sent_are_taken_out_in_any_case_and_spacing(said, values, shown):
    assert redact(said, values) == shown


@given(st.text(), st.lists(st.text()))
@example("x12345y", ["2"])
@example("12 345", ["\x00"])
@example("ab", ["a\x00b"])
def test_no_long_number_and_no_value_survives(text, values):
    shown = redact(text, values)
    said = shown.removesuffix("...").replace(HIDDEN, "\0")
    assert not re.search(r"\d{5}", shown)
    for value in values:
        assert len(value) < 2 or "\0" in value or value not in said


@given(st.text(min_size=LONGEST_TEXT))
def test_a_text_stays_one_short_line(text):
    shown = redact(text)
    assert len(shown) <= LONGEST_TEXT
    assert shown.splitlines() in ([], [shown])


def test_a_page_is_cut_and_says_so():
    assert redact("word " * 100) == ("word " * 100)[: LONGEST_TEXT - 3] + "..."
