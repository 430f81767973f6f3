"""Words for a missing value are found, and are missing where the user says so."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas._libs.parsers import STR_NA_VALUES

from airflow_provider_socialscrm.importer.columns.null_words import NULL_WORDS, null_words, without

WORDS = st.none() | st.sampled_from(sorted(NULL_WORDS)) | st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


def test_all_that_pandas_takes_for_missing_is_found_but_for_the_empty_text():
    assert (STR_NA_VALUES - {""}) - NULL_WORDS == set()


@pytest.mark.parametrize(
    "word", ["NULL", "(null)", r"\N", "NaT", "nil", "none", "#DIV/0!", "-", "--", ".", "0000-00-00", "undefined"]
)
def test_a_word_for_a_missing_value_is_found(word):
    assert null_words(pa.array([word, "Ann", None])).to_pylist() == [True, False, False]


@pytest.mark.parametrize("text", ["", "Nana", "NULL ISLAND", "0", "No", "N", "nA", "---", "Namibia", "\\n"])
def test_another_text_is_not(text):
    assert null_words(pa.array([text, None])).to_pylist() == [False, False]


def test_no_word_has_a_blank_around_it_for_columns_have_none():
    assert [word for word in NULL_WORDS if word != word.strip() or not word] == []


@given(st.lists(WORDS), st.integers(0, 2))
def test_the_mask_says_of_each_row_whether_it_is_one_also_in_a_slice(texts, start):
    column = pa.array(texts, pa.string())[start:]
    assert null_words(column).to_pylist() == [text in NULL_WORDS for text in texts[start:]]


@pytest.mark.parametrize(
    ("null_values", "expected"),
    [
        ([], ["NULL", "null", "n/a", "-999", None]),
        (["NULL"], [None, "null", "n/a", "-999", None]),
        ([" NULL\t", "-999"], [None, "null", "n/a", None, None]),
        (("x",), ["NULL", "null", "n/a", "-999", None]),
        ({"NULL", "null", "n/a", "-999"}, [None] * 5),
        (["NUL", "ULL", "N.LL"], ["NULL", "null", "n/a", "-999", None]),
    ],
)
def test_exactly_the_users_words_become_missing(null_values, expected):
    assert without(pa.array(["NULL", "null", "n/a", "-999", None]), null_values).to_pylist() == expected


@given(st.lists(WORDS), st.integers(0, 2), st.lists(st.sampled_from(sorted(NULL_WORDS))))
def test_all_other_texts_stay_also_in_a_slice(texts, start, null_values):
    column = pa.array(texts, pa.string())[start:]
    assert without(column, null_values).to_pylist() == [None if text in null_values else text for text in texts[start:]]
    assert column.to_pylist() == texts[start:]


def test_an_empty_column_or_one_without_a_value_stays():
    for texts in ([], [None]):
        column = pa.array(texts, pa.string())
        assert (null_words(column).to_pylist(), without(column, ["NULL"]).to_pylist()) == ([False] * len(texts), texts)
