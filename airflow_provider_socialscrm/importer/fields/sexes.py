"""Translate words for a customer's sex, in some thirty languages, to the vendor's three."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.columns.findings import RuleResult
from airflow_provider_socialscrm.importer.reasons import ODD_SEX

SEXES: Final[Mapping[str, Sequence[str]]] = {
    "male": (
        "male", "m", "man", "men", "boy", "masculine",
        "masculino", "masculina", "hombre", "varón", "varon", "homem",  # Spanish, Portuguese
        "masculin", "homme", "maschio", "maschile", "uomo", "bărbat", "barbat",  # French, Italian, Romanian
        "männlich", "maennlich", "mann", "mannelijk", "mand",  # German, Dutch, Danish, Norwegian, Swedish
        "мужской", "мужчина", "муж", "муж.", "м", "м.", "чоловік", "чоловіча", "чоловічий",  # Russian, Ukrainian
        "mężczyzna", "muž", "muški", "férfi", "άνδρας", "άρρεν",  # Polish, Czech, Croatian, Hungarian, Greek
        "erkek", "laki-laki", "laki laki", "lelaki", "pria", "lalaki", "nam",  # Turkish, Malay, Tagalog, Vietnamese
        "男", "男性", "男士", "男生", "남", "남자", "남성", "ชาย", "पुरुष", "ذكر", "זכר",
    ),
    "female": (
        "female", "f", "woman", "women", "girl", "feminine",
        "femenino", "femenina", "mujer", "feminino", "feminina", "mulher",
        "féminin", "feminin", "femme", "femmina", "femminile", "donna", "femeie",
        "weiblich", "frau", "vrouw", "vrouwelijk", "kvinde", "kvinne", "kvinna",
        "женский", "женщина", "жен", "жен.", "ж", "ж.", "жінка", "жіноча", "жіночий",
        "kobieta", "žena", "ženský", "ženski", "nő", "γυναίκα", "θήλυ",
        "kadın", "kadin", "perempuan", "wanita", "babae", "nữ",
        "女", "女性", "女士", "女生", "여", "여자", "여성", "หญิง", "महिला", "أنثى", "انثى", "נקבה",
    ),
    "unknown": (
        "unknown", "u", "unk", "unspecified", "not specified",
        "desconocido", "desconhecido", "inconnu", "unbekannt", "sconosciuto", "неизвестно", "не указан",
        "bilinmiyor", "tidak diketahui", "未知", "不明",
    ),
}  # fmt: skip
"""Words in lower case, by the vendor's word (vendor API 3.2), without those that differ in meaning between languages.

So letters other than M and F are left out: K is kadın or kobieta, but kille in Swedish, and P is pria or perempuan.
"""

_LETTERS: Final = (
    ("m", "f", frozenset("hv")),  # with H for hombre or homem, M is mujer or mulher; with V for vyras, moteris
    ("f", "m", frozenset("n")),  # with N for nő, F is férfi
)
"""A letter, the letter that makes it certain, and the letters in whose company it may mean the other sex."""

_WORDS: Final = [(word, sex) for sex, words in SEXES.items() for word in words]
_KNOWN: Final = pa.array([word for word, _ in _WORDS], pa.string())
_VENDORS: Final = pa.array([sex for _, sex in _WORDS], pa.string())


def sexes(text: pa.Array, letters: Set[str] | None = None) -> RuleResult:
    """Return a column in the vendor's words for a sex; another word is left as it is, with a remark.

    M and F are left, too, if other letters of the column show that they may not have their English meaning.

    :param text: strings, trimmed, composed (NFC); null where the row has no value.
    :param letters: of the whole table, see :func:`letters_of`; ``None`` takes the column's own.
    """
    lower = pc.utf8_lower(text)
    known = _VENDORS.take(pc.index_in(lower, _KNOWN))
    if uncertain := uncertain_letters(letters_of(text) if letters is None else letters):
        # The input is fresh from a kernel: before Arrow 24 if_else with a null corrupts a slice of strings.
        known = pc.if_else(pc.is_in(lower, pa.array(uncertain)), pa.scalar(None, pa.string()), known)
    unknown = pc.and_(pc.is_null(known), pc.is_valid(text))
    return RuleResult(pc.coalesce(known, text), remarks=((ODD_SEX, unknown),))


def letters_of(text: pa.Array) -> set[str]:
    """Return the values of a column that are single letters, in lower case."""
    lower = pc.utf8_lower(text)
    return set(lower.filter(pc.equal(pc.utf8_length(lower), 1)).unique().to_pylist())


def uncertain_letters(letters: Set[str]) -> list[str]:
    """Return the letters that may have another meaning than in English, given all single letters of a column."""
    return [letter for letter, partner, others in _LETTERS if letters & others and partner not in letters]
