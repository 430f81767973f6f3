"""Python's values as an Arrow column, as pandas' object columns, records and JSON lines have them; what no text is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from math import isinf
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.causes import NOT_A_NUMBER, NOT_TEXT
from airflow_provider_socialscrm.importer.checked import Finding
from airflow_provider_socialscrm.importer.text import MIXED, is_list, plain, value_as_text

_INFERRED: Final = frozenset({str, int, float, bool, bytes, date, datetime, Decimal, type(None)})
"""Types that may be left to pyarrow; of others it makes what they are not, or ends the process (NumPy's moments)."""

_NOT_TOGETHER: Final = ({date, datetime}, {Decimal, int}, {Decimal, float}, {str, bytes})
"""Types that pyarrow brings to one of them, by which a value would be written as another type's are."""

_LISTS: Final = list | tuple | set | frozenset


def values_to_arrow(values: Sequence[Any]) -> pa.Array:
    """Return values of any types as a column: of their type where they share one, else of :data:`MIXED`.

    :param values: scalars, lists and dictionaries; ``None``, NaN, NA and NaT are missing.
    """
    kinds = set(map(type, values))
    if kinds <= _INFERRED and not any(kinds >= pair for pair in _NOT_TOGETHER):
        try:
            column = pa.array(values, from_pandas=True)
        except (ValueError, TypeError, OverflowError):  # mixed types; Arrow's own errors are these
            return _mixed(values)
        # Single moments may each have a zone: Arrow brings them all to the first one's, which can be another day. And
        # behind a number that is no gap a boolean becomes one.
        if not pa.types.is_timestamp(column.type) and (bool not in kinds or pa.types.is_boolean(column.type)):
            return column
    return _mixed(values)


def readable(column: pa.Array) -> pa.Array:
    """Return a column whose texts are valid UTF-8; those that are not are gone, and :func:`unsendable` finds them.

    :param column: of any type; what files hold is checked nowhere else.
    """
    values = _values(column)
    if not any(test(values.type) for test in _TEXTS):
        return column
    if pa.types.is_string(values.type) and content_of(values).isascii():
        return column
    try:
        text = pc.cast(pc.cast(values, pa.large_binary()), pa.large_string())
    except pa.ArrowInvalid:
        return _mixed(_undecoded(column))
    return column if is_list(column.type) else pc.cast(text, pa.string())


def content_of(text: pa.StringArray) -> bytes:
    """Return the bytes of all texts of a column, one after the other: a copy, which is cheap to search."""
    _, offsets, values = text.buffers()
    if values is None or len(text) == 0:
        return b""
    ends = memoryview(offsets).cast("i")
    return bytes(values[ends[text.offset] : ends[text.offset + len(text)]])


def unsendable(column: pa.Array) -> tuple[Finding, ...]:
    """Return the rows of a readable column whose value no text stands for: infinite numbers, bytes that are no text."""
    if column.type.equals(MIXED):
        found = column.flatten()[MIXED.get_field_index("socialscrm_problem")]
        return tuple((cause, pc.equal(found, str(cause.code))) for cause in (NOT_A_NUMBER, NOT_TEXT))
    values = _values(column)
    if not pa.types.is_floating(values.type):
        return ()
    infinite = pc.is_inf(pc.cast(values, pa.float64()))
    return ((NOT_A_NUMBER, rows_with(column, infinite) if is_list(column.type) else infinite),)


def rows_with(lists: pa.Array, guilty: pa.Array) -> pa.Array:
    """Return which lists hold a value that is marked.

    :param lists: a column of lists.
    :param guilty: of their values, one after the other, whether they are.
    """
    parents = pc.list_parent_indices(lists)
    return pc.is_in(pa.array(range(len(lists)), parents.type), parents.filter(pc.fill_null(guilty, False)))


def _values(column: pa.Array) -> pa.Array:
    return pc.list_flatten(column) if is_list(column.type) else column


def _undecoded(column: pa.Array) -> list[Any]:
    if not is_list(column.type):
        return list(pc.cast(column, pa.large_binary()).to_pylist())
    values, parents = pc.cast(_values(column), pa.large_binary()), pc.list_parent_indices(column)
    lists: list[list[Any]] = [[] for _ in range(len(column))]
    for parent, value in zip(parents.to_pylist(), values.to_pylist(), strict=True):
        lists[parent].append(value)
    return lists


_TEXTS: Final = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_string_view,
    pa.types.is_binary_view,
)


def _mixed(values: Sequence[Any]) -> pa.Array:
    python = [plain(value) for value in values]
    lists = [_texts(value) if isinstance(value, _LISTS) else None for value in python]
    texts = [None if isinstance(value, _LISTS) else value_as_text(value) for value in python]
    problems = [_problem(value) for value in python]
    kinds = [MIXED.field(index).type for index in range(MIXED.num_fields)]
    arrays = [pa.array(part, kind) for part, kind in zip((texts, lists, problems), kinds, strict=True)]
    return pa.StructArray.from_arrays(arrays, fields=list(MIXED))


def _texts(values: Any) -> list[str]:
    texts: list[str] = []
    for value in map(plain, values):
        if isinstance(value, _LISTS):
            texts += _texts(value)
        elif (text := value_as_text(value)) is not None:
            texts.append(text)
    return texts


def _problem(value: Any) -> str | None:
    if isinstance(value, _LISTS):
        return next(filter(None, map(_problem, map(plain, value))), None)
    if isinstance(value, float | Decimal) and isinf(value):
        return str(NOT_A_NUMBER.code)
    if isinstance(value, bytes | bytearray) and not _is_text(value):
        return str(NOT_TEXT.code)
    return None


def _is_text(value: bytes | bytearray) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
