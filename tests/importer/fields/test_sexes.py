"""A customer's sex is in the vendor's words where the meaning is certain."""

from __future__ import annotations

from collections import Counter
from unicodedata import normalize

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.fields.sexes import SEXES, sexes
from airflow_provider_socialscrm.importer.reasons import ODD_SEX

WORDS = [(word, sex) for sex, words in SEXES.items() for word in words]


def found(*texts):
    """Return each row's text, and whether it has a remark."""
    checked = sexes(pa.array(texts, pa.string()))
    [(reason, mask)] = checked.remarks
    assert (reason, checked.problems) == (ODD_SEX, ())
    return list(zip(checked.text.to_pylist(), mask.to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("sex", "words"),
    [
        ("male", "male Male MALE m M man Masculino hombre homem homme uomo männlich MÄNNLICH М м. мужской erkek ERKEK"),
        ("male", "Laki-laki pria Nam nam 男 男性 남자 ชาย ذكر"),
        ("female", "female FEMALE f F woman Femenino femenina feminino mujer Mulher femme FÉMININ donna weiblich Ж"),
        ("female", "женский Kadın KADIN kadın perempuan Wanita nữ NỮ 女 女性 여성 หญิง أنثى"),
        ("unknown", "unknown Unknown U u 未知 unbekannt desconocido неизвестно"),
    ],
)
def test_a_word_for_a_sex_becomes_the_vendors(sex, words):
    for word in words.split():
        assert found(word, None) == [(sex, False), (None, False)]


@pytest.mark.parametrize(("word", "sex"), WORDS)
def test_each_word_of_the_table_is_known_in_any_case(word, sex):
    assert found(word, word.title()) == [(sex, False)] * 2


def test_no_word_has_two_meanings_and_each_is_as_a_clean_column_has_it():
    assert [word for word, count in Counter(word for word, _ in WORDS).items() if count > 1] == []
    assert [word for word, _ in WORDS if word != normalize("NFC", word).strip().lower()] == []


@pytest.mark.parametrize("word", ["h", "H", "w", "k", "P", "L", "v", "E", "x", "1", "0", "Mr", "other", "divers", "?"])
def test_another_word_stays_as_it_is_with_a_remark(word):
    assert found(word, "male") == [(word, True), ("male", False)]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("H M", "H M"),  # hombre and mujer
        ("h m hombre", "h m male"),
        ("V M", "V M"),  # vyras and moteris, or vrouw and man
        ("F N", "F N"),  # férfi and nő
        ("M F", "male female"),
        ("M F H N", "male female H N"),
        ("M F X", "male female X"),
        ("M W", "male W"),
        ("H F", "H female"),
        ("M N", "male N"),
        ("F V", "female V"),
    ],
)
def test_m_and_f_stay_beside_letters_that_may_give_them_another_meaning(column, expected):
    kept = set("HMVFNXWhm")
    assert found(*column.split()) == [(word, word in kept) for word in expected.split()]


@given(
    st.lists(st.none() | st.sampled_from([word for word, _ in WORDS]) | st.text("hmf男é ", max_size=3)),
    st.integers(0, 2),
)
def test_each_row_is_translated_or_stays_with_a_remark_also_in_a_slice(texts, start):
    checked = sexes(pa.array(texts, pa.string())[start:])
    [(_, mask)] = checked.remarks
    for before, after, remark in zip(texts[start:], checked.text.to_pylist(), mask.to_pylist(), strict=True):
        assert after == before if remark or before is None else after == dict(WORDS)[before.lower()]
        assert not (remark and before is None)
