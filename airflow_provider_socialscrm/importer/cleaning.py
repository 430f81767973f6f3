"""Texts as the CRM can take them, and as JSON writes them. What a column does not hold is looked for only once."""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import Final
from unicodedata import is_normalized, normalize

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.text import as_text, trimmed
from airflow_provider_socialscrm.importer.values import content_of, values_to_arrow

FIRST_PRINTABLE: Final = 0x20
DELETE: Final = b"\x7f"
FIRST_OF_C1: Final = b"\xc2"
"""The byte that begins the control characters U+0080 to U+009F in UTF-8, and some letters beside them."""

_CONTROLS: Final = r"[\x00-\x08\x0B\x0C\x0E-\x1F\x7F-\x{9F}]"
"""Control characters but for tabs and line ends, which an address or a welcome message may have."""

_LINE_ENDS: Final = r"\r\n?"

_ESCAPES: Final = (("\\", r"\\"), ('"', r"\""), ("\n", r"\n"), ("\t", r"\t"))
"""What JSON cannot have in a text as it is, the backslash first; other control characters are gone by then."""


def clean(text: pa.Array) -> pa.Array:
    """Return texts without control characters, with plain line ends, in Unicode's composed form (NFC), trimmed.

    :param text: strings, trimmed; null where there is none, as it is where nothing is left.
    """
    content = content_of(text)
    has_controls = _has_controls(content) or DELETE in content
    if content.isascii() and not has_controls:
        return text
    if not is_normalized("NFC", content.decode()):
        # Not with Arrow, which up to version 22 takes letters apart for NFC and does not compose them again.
        text = pa.array([each and normalize("NFC", each) for each in text.to_pylist()], pa.string())
    if has_controls or FIRST_OF_C1 in content:
        text = pc.replace_substring_regex(text, _LINE_ENDS, "\n")
        text = pc.replace_substring_regex(text, _CONTROLS, "")
    return trimmed(text)


def json_members(name: str, text: pa.Array) -> pa.Array:
    """Return each text as the member of a JSON object, ``"name":"text"``; null where there is none.

    :param name: the member's name.
    :param text: clean texts.
    """
    key = _escaped(pa.array([clean_text(name)]))[0].as_py()
    return pc.binary_join_element_wise(f'"{key}":"', _escaped(text), '"', "")


def json_objects(members: list[pa.Array]) -> pa.Array:
    """Return objects of the members, those that are null left out, in order.

    :param members: at least one array, all of one length.
    """
    first, *others = members
    if all(member.null_count for member in members):
        # Joining leaves out a row that has nothing to join, and all behind it would move up.
        empty = reduce(pc.and_, map(pc.is_null, members))
        first = pc.if_else(empty, pa.scalar(""), first)
    inner = pc.binary_join_element_wise(first, *others, ",", null_handling="skip")
    return pc.binary_join_element_wise("{", inner, "}", "")


@lru_cache(maxsize=1024)  # names of columns, again for each batch
def clean_text(text: str) -> str:
    """Return one text, such as a field's name, as it is sent."""
    cleaned: str | None = clean(as_text(values_to_arrow([text])))[0].as_py()
    return cleaned or ""


def _escaped(text: pa.Array) -> pa.Array:
    content = content_of(text)
    for character, escape in _ESCAPES:
        if character.encode() in content:
            text = pc.replace_substring(text, character, escape)
    return text


def _has_controls(content: bytes) -> bool:
    return bool(content) and bool(np.frombuffer(content, np.uint8).min() < FIRST_PRINTABLE)
