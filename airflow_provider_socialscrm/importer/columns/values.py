"""Convert mixed Python values to Arrow columns, and find values that cannot be text.

Such values come from pandas' object columns, lists of dictionaries and JSON lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from math import isinf
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.columns.findings import Finding
from airflow_provider_socialscrm.importer.columns.rounded_numbers import Precision
from airflow_provider_socialscrm.importer.columns.text import (
    EXACT_FLOAT,
    MIXED,
    as_python,
    is_list,
    is_narrow,
    value_as_text,
)
from airflow_provider_socialscrm.importer.reasons import NOT_A_NUMBER, NOT_TEXT, ROUNDED_NUMBER
from airflow_provider_socialscrm.importer.unwritable import is_too_long, is_utf8

_INFERRED: Final = frozenset({str, int, float, bool, bytes, date, datetime, Decimal, type(None)})
"""Types that pyarrow converts correctly. It changes values of other types, or ends the process (NumPy's timestamps)."""

_NOT_TOGETHER: Final = ({date, datetime}, {Decimal, int}, {Decimal, float}, {str, bytes})
"""Types that pyarrow would convert to one of the two, so that some values would be written by the wrong type's rule."""

EXACT_FLOAT32: Final = 2.0**24
"""From here on a 32-bit float cannot hold every integer, so a phone number in one has lost digits."""

_WHOLE: Final = "whole-float"
"""Code in :data:`MIXED` of a float without a fraction."""

_INEXACT: Final = "inexact"
"""Code in :data:`MIXED` of a float from :data:`EXACT_FLOAT` on."""

_TEXT_AND_NUMBERS: Final = frozenset({str, int, float, type(None)})
"""Types of JSON columns of decimals. They do not need :data:`MIXED`, because each value can be a text at once."""

_LISTS: Final = list | tuple | set | frozenset


class Scientific(float):
    """A float that was written in scientific notation, such as 8.61527E+12, and may have lost digits.

    :param literal: the number as it was written; its value is at least 1 and finite.
    """

    __slots__ = ("literal",)
    literal: str

    def __new__(cls, literal: str) -> Self:
        """Create the float from its literal."""
        new = super().__new__(cls, literal)
        new.literal = literal
        return new


def values_to_arrow(values: Sequence[Any]) -> pa.Array:
    """Return values of any types as a column: of their common type if they have one, otherwise of :data:`MIXED`.

    :param values: scalars, lists and dictionaries; ``None``, NaN, NA and NaT are missing.
    """
    types: list[type] = list(map(type, values))
    # Most columns have only texts, which are counted in two thirds of the time that a set takes.
    kinds: set[type] = {str} if types and types.count(str) == len(types) else set(types)
    if Decimal in kinds and any(map(_scientific, values)):
        return _mixed(values)
    if str in kinds and len(kinds) > 1 and kinds <= _TEXT_AND_NUMBERS and (column := _texts_and_numbers(values)):
        return column
    if kinds <= _INFERRED and not any(kinds >= pair for pair in _NOT_TOGETHER):
        try:
            column = pa.array(values, from_pandas=True)
        except (ValueError, TypeError, OverflowError):  # mixed types; Arrow's own errors are among these
            return _mixed(values)
        # pyarrow converts all datetimes to the first one's zone, where the day can differ, and booleans after a number
        # to numbers. Convert those ourselves.
        if not pa.types.is_timestamp(column.type) and (bool not in kinds or pa.types.is_boolean(column.type)):
            return column
    return _mixed(values)


def as_utf8(column: pa.Array) -> pa.Array:
    """Return a column whose texts are all valid UTF-8; :func:`unsendable` finds the rows that had others.

    :param column: of any type; the contents of files are not checked before.
    """
    column = _without_extension_type(column)
    if pa.types.is_decimal(column.type) and column.type.scale < 0:  # a negative scale drops the last digits
        return _mixed(column.to_pylist())
    values = _values(column)
    if not any(test(values.type) for test in _TEXTS):
        return column if _has_only_text(column) else _mixed([_python(each) for each in column])
    if pa.types.is_string(values.type) and content_of(values).isascii():
        return column
    try:
        text = pc.cast(pc.cast(values, pa.large_binary()), pa.large_string())
    except pa.ArrowInvalid:
        return _mixed(_undecoded(column))
    return column if is_list(column.type) else pc.cast(text, pa.string())


def content_of(text: pa.StringArray) -> bytes:
    """Return a copy of the bytes of all texts of a column, which is cheap to search."""
    _, offsets, values = text.buffers()
    if values is None or len(text) == 0:
        return b""
    ends = memoryview(offsets).cast("i")
    return bytes(values[ends[text.offset] : ends[text.offset + len(text)]])


def unsendable(column: pa.Array) -> tuple[Finding, ...]:
    """Return the rows whose value cannot be text: an infinite number, or bytes that are not UTF-8.

    :param column: as :func:`as_utf8` returns it.
    """
    if column.type.equals(MIXED):
        return tuple((reason, _has_code(column, str(reason.code))) for reason in (NOT_A_NUMBER, NOT_TEXT))
    values = _values(column)
    if not pa.types.is_floating(values.type):
        return ()
    return ((NOT_A_NUMBER, _by_row(column, pc.is_inf(pc.cast(values, pa.float64())))),)


def rounded(column: pa.Array) -> pa.Array:
    """Return which rows hold a number that may have lost digits.

    That is a float of fewer than 64 bits that is too large to hold them all, and a number written as 8.61527E+12,
    unless the other numbers of the column show that none were cut.

    :param column: as :func:`as_utf8` returns it.
    """
    return _large(column, str(ROUNDED_NUMBER.code), EXACT_FLOAT32, (pa.types.is_float32, pa.types.is_float16))


def inexact(column: pa.Array) -> pa.Array:
    """Return which rows hold a float that is too large to hold each digit, so that the digits sent may differ.

    :param column: as :func:`as_utf8` returns it.
    """
    return _large(column, _INEXACT, EXACT_FLOAT, (pa.types.is_floating,))


def whole_floats(column: pa.Array) -> pa.Array:
    """Return which rows hold a whole number that is a 64-bit float.

    :param column: as :func:`as_utf8` returns it.
    """
    if column.type.equals(MIXED):
        return _has_code(column, _WHOLE)
    if not pa.types.is_float64(column.type):
        return pa.repeat(pa.scalar(False), len(column))
    return pc.fill_null(pc.equal(column, pc.trunc(column)), False)


def _large(column: pa.Array, code: str, limit: float, kinds: Sequence[Callable[[pa.DataType], bool]]) -> pa.Array:
    if column.type.equals(MIXED):
        return _has_code(column, code)
    values = _values(column)
    if not any(test(values.type) for test in kinds):
        return pa.repeat(pa.scalar(False), len(column))
    size = pc.abs(pc.cast(values, pa.float64()))
    return pc.fill_null(_by_row(column, pc.and_(pc.greater_equal(size, limit), pc.is_finite(size))), False)


def _has_code(column: pa.Array, code: str) -> pa.Array:
    return pc.fill_null(pc.match_substring(column.flatten()[MIXED.get_field_index("socialscrm_problem")], code), False)


def _by_row(column: pa.Array, marked: pa.Array) -> pa.Array:
    return rows_with(column, marked) if is_list(column.type) else marked


def rows_with(lists: pa.Array, marked: pa.Array) -> pa.Array:
    """Return which lists hold a marked value.

    :param lists: a column of lists.
    :param marked: a boolean for each value of all lists.
    """
    parents = pc.list_parent_indices(lists)
    return pc.is_in(pa.array(range(len(lists)), parents.type), parents.filter(pc.fill_null(marked, False)))


def _without_extension_type(column: pa.Array) -> pa.Array:
    """Return a column of an extension type as its storage, unless Arrow converts its values to Python's own types."""
    if is_list(column.type) and isinstance(column.type.value_type, pa.BaseExtensionType):
        return _mixed(column.to_pylist())
    if not isinstance(column.type, pa.BaseExtensionType) or column.type.extension_name in _OWN_FORMS:
        return column
    if column.type.extension_name.startswith("pandas."):  # periods and intervals, stored as numbers
        return values_to_arrow(column.to_pandas().tolist())
    return _without_extension_type(column.storage)


def _values(column: pa.Array) -> pa.Array:
    return pc.list_flatten(column) if is_list(column.type) else column


def _has_only_text(column: pa.Array) -> bool:
    """Return whether structs, maps, dictionaries and nested lists hold only valid text."""
    kind = column.type
    if kind.equals(MIXED) or not (pa.types.is_nested(kind) or pa.types.is_dictionary(kind)):
        return True
    if _has_bytes(kind):
        return False
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _has_bytes(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.BaseExtensionType):
        return False
    if pa.types.is_dictionary(kind):
        return _has_bytes(kind.value_type)
    return any(test(kind) for test in _BYTES) or any(
        _has_bytes(kind.field(place).type) for place in range(kind.num_fields)
    )


def _python(value: pa.Scalar[Any]) -> Any:
    """Return a value as one of Python's types; a text that is not valid becomes its bytes."""
    if not value.is_valid:
        return None
    python: Any
    if isinstance(value, pa.DictionaryScalar):
        python = _python(value.value)
    elif isinstance(value, pa.StructScalar):
        python = {value.type.field(place).name: _python(value[place]) for place in range(value.type.num_fields)}
    elif isinstance(value, pa.MapScalar):
        python = {_python(pair[0]): _python(pair[1]) for pair in value.values}
    elif is_list(value.type):
        python = [_python(each) for each in value.values]
    else:
        try:
            python = value.as_py()
        except UnicodeDecodeError:
            python = value.as_buffer().to_pybytes()
    return python


def _undecoded(column: pa.Array) -> list[Any]:
    if not is_list(column.type):
        return list(pc.cast(column, pa.large_binary()).to_pylist())
    values, parents = pc.cast(_values(column), pa.large_binary()), pc.list_parent_indices(column)
    lists: list[list[Any]] = [[] for _ in range(len(column))]
    for parent, value in zip(parents.to_pylist(), values.to_pylist(), strict=True):
        lists[parent].append(value)
    return lists


_OWN_FORMS: Final = frozenset(["arrow.bool8", "arrow.fixed_shape_tensor", "arrow.uuid"])
"""Extension types whose values Arrow converts to Python's; their storage holds something else."""

_BYTES: Final = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_binary_view,
)
_TEXTS: Final = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, *_BYTES)


def _texts_and_numbers(values: Sequence[Any]) -> pa.Array | None:
    """Return texts and numbers as texts, or ``None`` if a number has a problem or a text is not valid."""
    if any(isinstance(value, float) and abs(value) >= EXACT_FLOAT for value in values):
        return None
    try:
        return pa.array([value if type(value) is str else _number_text(value) for value in values], pa.string())
    except ValueError:  # a text that is not valid, or an integer too long to write
        return None


def _number_text(value: Any) -> str | None:
    return str(value) if type(value) is int else value_as_text(value)


def _scientific(value: Any) -> str | None:
    """Return a number as it was written if it does not show its last digits (8.61527E+12), otherwise ``None``."""
    if isinstance(value, Scientific):
        return value.literal
    return str(value) if _is_writable(value) and _exponent(value) > 0 else None


def _is_writable(value: Any) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and not is_too_long(value)


def _exponent(value: Decimal) -> int:
    return int(value.as_tuple().exponent)


def _certain_among(values: Sequence[Any]) -> frozenset[str]:
    """Return the numbers in scientific notation that show all their digits, by the other numbers of the column."""
    if not {Scientific, Decimal} & set(map(type, values)):
        return frozenset()
    literals = {value.literal for value in values if isinstance(value, Scientific)}
    literals |= {str(value) for value in values if _is_writable(value)}
    precision = Precision()
    precision.observe_scientific(literals)
    return frozenset(filter(precision.digits_of, literals))


def _mixed(values: Sequence[Any]) -> pa.Array:
    python = [as_python(value) for value in values]
    lists = [_texts(value) if isinstance(value, _LISTS) else None for value in python]
    texts = [None if isinstance(value, _LISTS) else value_as_text(value) for value in python]
    certain = _certain_among(values)
    problems = [" ".join(dict.fromkeys(_problems(value, certain))) or None for value in values]
    kinds = [MIXED.field(index).type for index in range(MIXED.num_fields)]
    arrays = [pa.array(part, kind) for part, kind in zip((texts, lists, problems), kinds, strict=True)]
    return pa.StructArray.from_arrays(arrays, fields=list(MIXED))


def _texts(values: Any) -> list[str]:
    texts: list[str] = []
    for value in map(as_python, values):
        if isinstance(value, _LISTS):
            texts += _texts(value)
        elif (text := value_as_text(value)) is not None:
            texts.append(text)
    return texts


def _problems(value: Any, certain: frozenset[str]) -> Iterator[str]:
    """Yield the codes of all problems of a value.

    :param certain: numbers in scientific notation that show all their digits.
    """
    found = as_python(value)
    if isinstance(found, _LISTS | Mapping):
        for each in (*found, *found.values()) if isinstance(found, Mapping) else value:
            yield from _problems(each, certain)
    elif isinstance(found, float | Decimal) and isinf(found):
        yield str(NOT_A_NUMBER.code)
    elif isinstance(found, bytes | bytearray) and not is_utf8(found):
        yield str(NOT_TEXT.code)
    elif isinstance(found, float):
        if found.is_integer():
            yield _WHOLE
        if (abs(found) >= EXACT_FLOAT32 and is_narrow(value)) or _may_lack_digits(found, certain):
            yield str(ROUNDED_NUMBER.code)
        if abs(found) >= EXACT_FLOAT:
            yield _INEXACT
    elif isinstance(found, Decimal) and _may_lack_digits(found, certain):
        yield str(ROUNDED_NUMBER.code)


def _may_lack_digits(value: Any, certain: frozenset[str]) -> bool:
    literal = _scientific(value)
    return literal is not None and literal not in certain
