"""Texts are what the CRM and JSON can take, whatever they were."""

from __future__ import annotations

import json
import re
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.columns.cleaning import clean, clean_text, json_objects, json_text
from airflow_provider_socialscrm.importer.columns.text import as_raw_text

BREAKS = "\x0b\x0c\x1c\x1d\x1e\x1f"
# Control characters and combining marks are rare among all characters, and here they matter.
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.text(
    f"ae \n\r\t\x00\x7f\x80\x85\x9d\xa0{BREAKS}\u0301"
)
TEXTS = st.lists(st.one_of(st.none(), ANY_TEXT), max_size=8)


def cleaned(*texts):
    return clean(pa.array(texts, pa.string())).to_pylist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("a\x00b\x07c\x7f", "abc"),
        ("a\x00\x01b", "ab"),
        ("a\x00 b", "a b"),
        *((f"street{each}city", "street city") for each in BREAKS),
        (f"street{BREAKS}city", "street city"),
        ("street \x0b \x00\x0c city", "street city"),
        ("street\n\x0bcity", "street\n city"),
        ("\x1cstreet\x0b", "street"),
        ("two  blanks \x07 stay", "two  blanks  stay"),
        ("line\r\nline\rline\nline", "line\nline\nline\nline"),
        ("a\tb", "a\tb"),
        ("\x00  a \x1f", "a"),
        ("\x00\x1f", None),
        ("e\u0301", "\u00e9"),
        ("e\x00\u0301", "\u00e9"),
        ("\uac00", "\uac00"),
        ("\u1100\u1161", "\uac00"),
        ("\U0001f468\u200d\U0001f469", "\U0001f468\u200d\U0001f469"),
        ('say "hi" \\ back', 'say "hi" \\ back'),
        (None, None),
    ],
)
def test_controls_go_line_ends_are_plain_and_letters_composed(text, expected):
    assert cleaned(text, "beside it") == [expected, "beside it"]


@given(TEXTS)
def test_a_clean_text_stays_as_it_is(texts):
    once = cleaned(*texts)
    assert cleaned(*once) == once


@given(TEXTS)
def test_a_clean_text_has_no_control_character_no_blank_around_it_and_is_composed(texts):
    for text in filter(None, cleaned(*texts)):
        assert [c for c in text if unicodedata.category(c) == "Cc" and c not in "\t\n"] == []
        assert text == text.strip() == unicodedata.normalize("NFC", text) != ""


@pytest.mark.parametrize("code", range(0x80, 0xA0))
def test_a_control_character_of_latin_1_is_the_character_it_is_in_cp1252(code):
    expected = bytes([code]).decode("cp1252", "ignore")
    assert cleaned(f"a{chr(code)}b", None, f"{chr(code)}c{chr(code)}") == [
        f"a{expected}b",
        None,
        f"{expected}c{expected}",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("O\x92Brien \x96 \x93Xan\x94", "O\u2019Brien \u2013 \u201cXan\u201d"),
        ("\x805", "\u20ac5"),
        ("5 Street\x85", "5 Street\u2026"),
        ("\x85", "\u2026"),
        ("\x81\x8d\x8f\x90\x9d", None),
        (" \x9d x \x9d ", "x"),
        ("\u017b\x9f \u0440\x85", "\u017b\u0178 \u0440\u2026"),
        ("\xa0\xbf\xe9\xa0", "\xbf\xe9"),
    ],
)
def test_quotes_dashes_and_signs_read_as_latin_1_come_back_also_at_the_ends(text, expected):
    assert cleaned(text, "beside it") == [expected, "beside it"]


def test_a_name_is_cleaned_as_a_text_is_and_an_empty_one_stays():
    assert [clean_text(name) for name in (" O\x92Brien\x85 ", "", "\x00")] == ["O\u2019Brien\u2026", "", ""]


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_a_column_of_any_kind_of_text_is_cleaned(kind):
    texts = pa.array([" a\x0bb", None, "\x93c", " "], pa.string()).cast(kind)
    assert clean(as_raw_text(texts)).to_pylist() == ["a b", None, "\u201cc", None]


def reference(text):
    """Return what a text becomes, one character after the other."""
    text = "".join(bytes([ord(c)]).decode("cp1252", "ignore") if "\x80" <= c <= "\x9f" else c for c in text)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = "".join(c for c in text if unicodedata.category(c) != "Cc" or c in "\t\n" + BREAKS)
    text = re.sub(rf" *[{BREAKS}][{BREAKS} ]*", " ", text)
    return unicodedata.normalize("NFC", text).strip() or None


@given(TEXTS, st.integers(0, 3))
def test_only_what_has_to_change_does_also_in_a_slice(texts, start):
    expected = [reference(text or "") for text in texts]
    assert clean(pa.array(texts, pa.string())[start:]).to_pylist() == expected[start:]


@given(st.lists(st.tuples(*[st.one_of(st.none(), ANY_TEXT)] * 3), max_size=6), st.integers(0, 2))
def test_an_object_of_members_reads_back_in_order_without_those_that_are_missing(rows, start):
    names = ["a", 'quoted "b" \\', "\u540d"]
    columns = [clean(pa.array([row[place] for row in rows], pa.string())) for place in range(3)]
    objects = json_objects([(name, json_text(column[start:])) for name, column in zip(names, columns, strict=True)])

    expected = [
        [(name, column[place].as_py()) for name, column in zip(names, columns, strict=True) if column[place].is_valid]
        for place in range(start, len(rows))
    ]
    assert [json.loads(text, object_pairs_hook=list) for text in objects.to_pylist()] == expected


@pytest.mark.parametrize(
    "unseen", ["\u200b", "\ufeff", "\u200b \u2060", "\u00a0\u200d", "\u200b\n", "\t\u200b\r\n\u200b"]
)
def test_a_text_in_which_nobody_sees_anything_is_missing(unseen):
    assert clean(pa.array([unseen, "a\u200db"])).to_pylist() == [None, "a\u200db"]


@given(st.lists(ANY_TEXT | st.text("a\u200b\u2060\ufeff\u0085\u00a0\u0301 \t\n\r\x0b\x1f\x7f", max_size=6)))
def test_a_clean_text_stays_as_it_is_when_it_is_cleaned_again(texts):
    once = clean(pa.array(texts, pa.string()))
    assert clean(once).to_pylist() == once.to_pylist()
