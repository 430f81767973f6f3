"""Texts are what the CRM and JSON can take, whatever they were."""

from __future__ import annotations

import json
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.cleaning import clean, json_members, json_objects
from airflow_provider_socialscrm.importer.text import trimmed

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
TEXTS = st.lists(st.one_of(st.none(), ANY_TEXT), max_size=8)


def cleaned(*texts):
    return clean(trimmed(pa.array(texts, pa.string()))).to_pylist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a\x00b\x07c\x7f", "abc"),
        ("a\x85b\x9fc", "abc"),
        ("line\r\nline\rline\nline", "line\nline\nline\nline"),
        ("a\tb", "a\tb"),
        ("\x00  a \x1f", "a"),
        ("\x00\x1f", None),
        ("e\u0301", "\u00e9"),
        ("\uac00", "\uac00"),
        ("\u1100\u1161", "\uac00"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
        ('say "hi" \\ back', 'say "hi" \\ back'),
        (None, None),
    ],
)
def test_controls_go_line_ends_are_plain_and_letters_composed(text, expected):
    assert cleaned(text, "beside it") == [expected, "beside it"]


@settings(deadline=None, max_examples=200)
@given(TEXTS)
def test_a_clean_text_stays_as_it_is(texts):
    once = cleaned(*texts)
    assert cleaned(*once) == once


@settings(deadline=None, max_examples=200)
@given(TEXTS)
def test_a_clean_text_has_no_control_character_no_blank_around_it_and_is_composed(texts):
    for text in filter(None, cleaned(*texts)):
        assert [c for c in text if unicodedata.category(c) == "Cc" and c not in "\t\n"] == []
        assert text == text.strip() == unicodedata.normalize("NFC", text) != ""


@settings(deadline=None, max_examples=200)
@given(TEXTS, st.integers(0, 3))
def test_only_what_has_to_change_does_also_in_a_slice(texts, start):
    expected = [
        unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n") if text else None for text in texts
    ]
    kept = [
        "".join(c for c in text if unicodedata.category(c) != "Cc" or c in "\t\n") if text else "" for text in expected
    ]
    assert (
        clean(trimmed(pa.array(texts, pa.string()))[start:]).to_pylist()
        == [text.strip() or None for text in kept][start:]
    )


@settings(deadline=None, max_examples=200)
@given(st.lists(st.tuples(*[st.one_of(st.none(), ANY_TEXT)] * 3), max_size=6), st.integers(0, 2))
def test_an_object_of_members_reads_back_in_order_without_those_that_are_missing(rows, start):
    names = ["a", 'quoted "b" \\', "\u540d"]
    columns = [clean(trimmed(pa.array([row[place] for row in rows], pa.string()))) for place in range(3)]
    objects = json_objects([json_members(name, column[start:]) for name, column in zip(names, columns, strict=True)])

    expected = [
        [(name, column[place].as_py()) for name, column in zip(names, columns, strict=True) if column[place].is_valid]
        for place in range(start, len(rows))
    ]
    assert [json.loads(text, object_pairs_hook=list) for text in objects.to_pylist()] == expected
