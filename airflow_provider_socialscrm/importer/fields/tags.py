"""Convert tags, as people and programs write them, to the vendor's form: names with commas between.

A text that is a list in the notation of JSON, Python or PostgreSQL is read as that list. A text that only looks like a
list is refused, because its brackets and quotes would become part of names.
"""

from __future__ import annotations

import re
from ast import literal_eval
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.columns.cleaning import clean
from airflow_provider_socialscrm.importer.columns.findings import Finding, RuleResult
from airflow_provider_socialscrm.importer.columns.text import as_text, trimmed, value_as_text
from airflow_provider_socialscrm.importer.columns.values import content_of, rows_with
from airflow_provider_socialscrm.importer.reasons import BAD_TAGS, COMMA_IN_TAG, OTHER_SEPARATOR

_BRACKETS: Final = "[{("
_SEPARATORS: Final = ";；，、､،؛|\n"
"""Characters that separate tags in exports of other programs, in cells of several lines, and in other scripts."""

_LIKE_A_LIST: Final = "(?s)" + "|".join(
    (
        r"^[\[{].*[\]}]$",
        r"^\[[^\]]*,|^\{[^}]*,",  # cut off, or with more text after it
        r"""[\[{]\s*\\*['"]""",  # within another notation, as in array(['VIP'])
        r"""^\(\s*['"].*,|^\([^()]*,[^()]*\)$|^\(\s*\)$""",  # (old) is a tag, and so is each of (old), (new)
    )
)

_STRING: Final = "|".join(
    rf"{quote}(?:[^{quote}\\\n]|\\(?:[\\'\"nrt]|x[0-9a-f]{{2}}|u[0-9a-f]{{4}}|U[0-9a-f]{{8}}))*{quote}"
    for quote in "'\""
)
"""A string with the escapes that Python writes, without a prefix. Python would join two in a row; here none match."""

_MISSING: Final = ("None", "nan", "NaT", "<NA>")
_NUMBER: Final = r"-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?(?:e[+-]?[0-9]{1,2})?"
_PYTHON_VALUE: Final = rf"(?:{_STRING}|{_NUMBER}|True|False|{'|'.join(_MISSING)})"
_VALUE: Final = rf"\s*+{_PYTHON_VALUE}\s*+"
_VALUES: Final = rf"(?:{_VALUE}(?:,{_VALUE})*,?)?\s*+"
_PYTHON: Final[Mapping[str, re.Pattern[str]]] = {
    "[": re.compile(rf"\[{_VALUES}\]"),
    "{": re.compile(rf"\{{{_VALUES}\}}"),
    "(": re.compile(rf"\((?:{_VALUE},{_VALUES}|\s*)\)"),  # brackets without a comma are not a tuple
}
_PYTHON_VALUES: Final = re.compile(_PYTHON_VALUE)

_ELEMENT: Final = r"""(?:"(?:[^"\\]|\\.)*"|[^{}",\\'\s:=][^{}",\\\s:=]*)"""
"""An element of a PostgreSQL array, in double quotes if it has blanks or signs of the notation.

PostgreSQL writes colons and equal signs without quotes, but so do programs that write structures: {name=VIP}.
"""

_POSTGRES: Final = re.compile(rf"\{{(?:{_ELEMENT}(?:,{_ELEMENT})*)?\}}", re.DOTALL)
_POSTGRES_ELEMENTS: Final = re.compile(_ELEMENT, re.DOTALL)


def tags(text: pa.Array, lists: pa.Array | None = None) -> RuleResult:
    """Return a column of tags as names with commas between; text in brackets that is not a list is a problem.

    :param text: clean strings; null where the row has no value.
    :param lists: the rows whose value was a list and not text; their names may be in brackets.
    """
    content = content_of(text)
    names = _with_plain_commas(text) if b"," in content else text
    remarks: tuple[Finding, ...] = ()
    if any(sign.encode() in content for sign in _SEPARATORS):
        remarks = ((OTHER_SEPARATOR, _unless(lists, _matches(text, f"[{_SEPARATORS}]"))),)
    if not any(sign.encode() in content for sign in _BRACKETS):
        return RuleResult(names, remarks=remarks)
    listed = _unless(lists, _matches(text, _LIKE_A_LIST))
    others = text.filter(listed).dictionary_encode()
    read = _each(others.dictionary).take(others.indices)
    return RuleResult(
        pc.replace_with_mask(names, listed, read.text),
        tuple((reason, pc.replace_with_mask(listed, listed, mask)) for reason, mask in read.problems),
        tuple((reason, pc.and_not(mask, listed)) for reason, mask in remarks),
    )


def _matches(text: pa.Array, pattern: str) -> pa.Array:
    return pc.fill_null(pc.match_substring_regex(text, pattern), False)


def _unless(lists: pa.Array | None, mask: pa.Array) -> pa.Array:
    return mask if lists is None else pc.and_not(mask, lists)


def _with_plain_commas(text: pa.Array) -> pa.Array:
    names = pc.replace_substring_regex(text, r"[\s,]*,[\s,]*", ",")
    return trimmed(pc.replace_substring_regex(names, "^,|,$", ""))


def _each(texts: pa.Array) -> RuleResult:
    lists = [_read(text) for text in texts.to_pylist()]
    read = pa.array([names or () for names in lists], pa.list_(pa.string()))
    names = clean(read.values)  # escapes may have hidden control characters
    read = pa.ListArray.from_arrays(read.offsets, names)
    bad = pa.array([names is None for names in lists], pa.bool_())
    return RuleResult(as_text(read), ((BAD_TAGS, bad), (COMMA_IN_TAG, rows_with(read, pc.match_substring(names, ",")))))


def _read(text: str) -> tuple[str, ...] | None:
    """Return the names in a list, or ``None`` if no notation can read it, or two read it differently."""
    readings = (notation(text) for notation in _NOTATIONS.get(text[0], ()))
    found = {_names(values) for values in readings if values is not None}
    return found.pop() if len(found) == 1 else None


def _names(values: Sequence[Any]) -> tuple[str, ...]:
    return tuple(name for value in values if (name := value_as_text(value)) is not None)


def _from_json(text: str) -> Sequence[Any] | None:
    try:
        return msgspec.json.decode(text, type=list[str | bool | int | float | None])
    except msgspec.DecodeError:
        return None


def _from_python(text: str) -> Sequence[Any] | None:
    if not _PYTHON[text[0]].fullmatch(text):
        return None
    try:
        return [_value(written) for written in _PYTHON_VALUES.findall(text)]
    except SyntaxError:  # an escape beyond Unicode
        return None


def _value(written: str) -> Any:
    if written[0] in "'\"" and "\\" not in written:
        return written[1:-1]  # nearly all are so, and literal_eval takes twenty times as long
    return None if written in _MISSING else literal_eval(written)


def _from_postgres(text: str) -> Sequence[Any] | None:
    if not _POSTGRES.fullmatch(text):
        return None
    return [_element(each) for each in _POSTGRES_ELEMENTS.findall(text, 1, len(text) - 1)]


def _element(written: str) -> str | None:
    if written.startswith('"'):
        return re.sub(r"\\(.)", r"\1", written[1:-1], flags=re.DOTALL)
    return None if written.upper() == "NULL" else written


_NOTATIONS: Final[Mapping[str, Sequence[Callable[[str], Sequence[Any] | None]]]] = {
    "[": (_from_json, _from_python),
    "{": (_from_postgres, _from_python),
    "(": (_from_python,),
}
"""Readers by the first character. JSON and Python lists differ only in escapes, as do PostgreSQL arrays and sets."""
