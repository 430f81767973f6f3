"""Clean texts for the CRM, and write them as JSON.

Each step is skipped when the column's bytes show that it is not needed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache, reduce
from typing import Any, Final
from unicodedata import is_normalized, normalize

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.columns.text import as_raw_text, trimmed, visible_edges
from airflow_provider_socialscrm.importer.columns.values import content_of, values_to_arrow

FIRST_PRINTABLE: Final = 0x20
DELETE: Final = b"\x7f"

_UNSEEN: Final = r"^[\p{Cf}\pZ\s]+$"
"""Texts without a visible character, such as a single zero-width space."""

_LINE_ENDS: Final = r"\r\n?"

_CONTROLS: Final = r"[\x00-\x08\x0E-\x1B\x7F]"
"""Control characters, except tabs and line ends, which an address or a welcome message may contain."""

_BREAK: Final = r"[\x0B\x0C\x1C-\x1F]"
"""Control characters that separate lines in a cell, pages or fields. A blank replaces them, to keep words apart."""

_BREAK_IN_BYTES: Final = re.compile(_BREAK.encode())

_C1: Final = r"[\x{80}-\x{9F}]"
_C1_IN_BYTES: Final = re.compile(rb"\xc2[\x80-\x9f]")
"""The same in UTF-8, where C2 is always the first byte of a character."""

_FROM_LATIN_1: Final = {code: bytes([code]).decode("cp1252", "ignore") for code in range(0x80, 0xA0)}
"""Characters of cp1252 for the codes that Latin-1 leaves to control characters. Text labelled Latin-1 is nearly always
cp1252, and browsers decode it so. Five of the codes have no character there."""

_ESCAPES: Final = (("\\", r"\\"), ('"', r"\""), ("\n", r"\n"), ("\t", r"\t"))
"""Characters that JSON escapes, the backslash first. Other control characters have been removed before."""


def clean(text: pa.Array) -> pa.Array:
    """Return texts trimmed, without control characters, with plain line ends, in Unicode's composed form (NFC).

    U+0080 to U+009F become the characters of cp1252 that were decoded as Latin-1. An empty result becomes null.

    :param text: strings, not trimmed before, since trimming would remove U+0085, which is an ellipsis in cp1252. Null
        where there is no text.
    """
    content = content_of(text)
    if not content.isascii() and _C1_IN_BYTES.search(content):
        text = _decoded_again(text)
        content = content_of(text)
    if _has_controls(content):
        text = _without_controls(text, content)
        content = content_of(text)
    if not content.isascii() and not is_normalized("NFC", content.decode()):
        # Not Arrow's own function: up to version 22 it decomposes letters for NFC and does not compose them again.
        text = pa.array([each and normalize("NFC", each) for each in text.to_pylist()], pa.string())
    if not content.isascii() and not _are_visible(text):
        text = pc.replace_substring_regex(text, _UNSEEN, "")
    return trimmed(text)


def json_objects(members: Sequence[tuple[str, pa.Array]]) -> pa.Array:
    """Return JSON objects of texts in order, without those that are null.

    :param members: at least one name with its texts, as :func:`json_text` returns them; all of one length. A column
        that repeats its texts may be a dictionary, whose values may be null and whose indices are not.
    """
    keys = [f'"{json_text(pa.array([clean_text(name)]))[0].as_py()}":"' for name, _ in members]
    if _values(members[0][1]).null_count:
        whole = [_by_row(text, _values(text)) for _, text in members]
        return _objects_with_gaps([_joined(key, text, '"') for key, text in zip(keys, whole, strict=True)])
    parts: list[Any] = []
    before = "{"
    for key, (_, text) in zip(keys, members, strict=True):
        begin, values = f",{key}" if parts else key, _values(text)
        if values.null_count:
            parts += [before, _by_row(text, _joined(begin, values, '"'))]
            before = ""
        elif values is text:  # joined once with all others, which copies it once
            parts += [before + begin, text]
            before = '"'
        elif len(values) == 1 and parts:
            before += f'{begin}{values[0].as_py()}"'
        else:  # joining a name to the distinct texts takes no time; to each row's it takes 27 ns
            parts.append(_by_row(text, _joined(before + begin, values, "")))
            before = '"'
    return pc.binary_join_element_wise(*parts, before + "}", "", null_handling="replace")


def _values(text: pa.Array) -> pa.Array:
    return text.dictionary if isinstance(text, pa.DictionaryArray) else text


def _by_row(text: pa.Array, values: pa.Array) -> pa.Array:
    return values.take(text.indices) if isinstance(text, pa.DictionaryArray) else values


def json_text(text: pa.Array) -> pa.Array:
    """Return clean texts as they stand between the quotes of JSON."""
    content = content_of(text)
    for character, escape in _ESCAPES:
        if character.encode() in content:
            text = pc.replace_substring(text, character, escape)
    return text


@lru_cache(maxsize=1024)  # the same column names come with each batch
def clean_text(text: str) -> str:
    """Return one text, such as a field's name, cleaned as it is sent."""
    cleaned: str | None = clean(as_raw_text(values_to_arrow([text])))[0].as_py()
    return cleaned or ""


def _objects_with_gaps(members: list[pa.Array]) -> pa.Array:
    first, *others = members
    if all(member.null_count for member in members):
        # Joining leaves out a row that has nothing to join, and all behind it would move up.
        empty = reduce(pc.and_, map(pc.is_null, members))
        first = pc.if_else(empty, pa.scalar(""), first)
    inner = pc.binary_join_element_wise(first, *others, ",", null_handling="skip")
    return _joined("{", inner, "}")


def _joined(before: str, text: pa.Array, behind: str) -> pa.Array:
    return pc.binary_join_element_wise(before, text, behind, "")


def _are_visible(text: pa.Array) -> bool:
    """Return whether each text surely has a visible character, at one of its ends."""
    edges = visible_edges(text)
    return edges is not None and bool((edges[0] | edges[1]).all())


def _has_controls(content: bytes) -> bool:
    return bool(content) and (bool(np.frombuffer(content, np.uint8).min() < FIRST_PRINTABLE) or DELETE in content)


def _without_controls(text: pa.Array, content: bytes) -> pa.Array:
    text = pc.replace_substring_regex(text, _LINE_ENDS, "\n")
    text = pc.replace_substring_regex(text, _CONTROLS, "")
    if not _BREAK_IN_BYTES.search(content):
        return text
    return pc.replace_substring_regex(text, f" *{_BREAK}(?:{_BREAK}| )*", " ")


def _decoded_again(text: pa.Array) -> pa.Array:
    affected = pc.match_substring_regex(text, _C1)
    decoded = [each.translate(_FROM_LATIN_1) for each in text.filter(affected).to_pylist()]
    return pc.replace_with_mask(text, affected, pa.array(decoded, pa.string()))
