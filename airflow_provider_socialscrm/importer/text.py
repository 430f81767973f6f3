"""A column of any type as text, the one type the API knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from decimal import Decimal
from math import isnan
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

EXACT_FLOAT: Final = 2.0**53
"""Above this a 64-bit float no longer holds every integer, so it is not written as one."""

DATE_FORMAT: Final = "%Y/%m/%d"
"""The one date format the vendor documents (contract 2.3, birthday)."""


def as_text(column: pa.Array) -> pa.Array:
    """Return a column as strings; a missing or blank value becomes null, texts are trimmed.

    Whole floats are written as integers, since pandas makes floats of integers with gaps; dates as ``yyyy/MM/dd``, the
    time of day and the zone left out; booleans as ``true`` and ``false``; decimals with the digits they have; lists as
    their values joined by commas; bytes as the UTF-8 they hold.

    :param column: an array of any type.
    """
    text = pc.utf8_trim_whitespace(_text(column))
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def value_as_text(value: Any) -> str | None:
    """Return one value as text, by the rules that whole columns follow: for columns of mixed types.

    :param value: what a pandas column may hold, numpy's scalars and arrays included.
    """
    if hasattr(value, "tolist"):  # numpy's own; its nanoseconds would come out as a number
        value = (value.astype("datetime64[us]") if value.dtype.kind == "M" else value).tolist()
    if value is None or type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if isinstance(value, float | Decimal) and isnan(value):
        return None
    write = next((write for kind, write in _VALUE_TEXTS if isinstance(value, kind)), str)
    return write(value).encode("utf-8", "replace").decode()


def is_list(kind: pa.DataType) -> bool:
    """Say whether a column of this type holds lists."""
    return any(test(kind) for test in _LIST_TYPES)


def _text(column: pa.Array) -> pa.Array:
    write = next((write for test, write in _COLUMN_TEXTS if test(column.type)), None)
    return write(column) if write else pc.cast(column, pa.string())


def _dictionary_text(column: pa.Array) -> pa.Array:
    # Its values first: Arrow cannot look up every type by index, but it can look up strings.
    return pa.DictionaryArray.from_arrays(column.indices, as_text(column.dictionary)).dictionary_decode()


def _float_text(column: pa.Array) -> pa.Array:
    if pa.types.is_float16(column.type):  # Arrow cannot calculate with these
        column = pc.cast(column, pa.float32())
    present = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    exact = pc.and_(pc.equal(pc.trunc(present), present), pc.less(pc.abs(present), EXACT_FLOAT))
    integers = pc.cast(pc.if_else(exact, present, pa.scalar(None, column.type)), pa.int64())
    return pc.coalesce(pc.cast(integers, pa.string()), pc.cast(present, pa.string()))


def _date_text(column: pa.Array) -> pa.Array:
    return pc.strftime(column, format=DATE_FORMAT)


def _list_text(column: pa.Array) -> pa.Array:
    values = as_text(pc.list_flatten(column))
    kept = pc.is_valid(values)
    parents = pc.list_parent_indices(column).filter(kept).to_pylist()
    joined: list[list[str]] = [[] for _ in range(len(column))]
    for parent, value in zip(parents, values.filter(kept).to_pylist(), strict=True):
        joined[parent].append(value)
    return pa.array([",".join(values) for values in joined], pa.string())


def _each_as_text(column: pa.Array) -> pa.Array:
    return pa.array([value_as_text(value) for value in column.to_pylist()], pa.string())


def _is_date(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_date, pa.types.is_timestamp))


def _without_cast(kind: pa.DataType) -> bool:
    """Say whether Arrow writes this type not at all, or not as a person would: 0E-9, days as microseconds."""
    return isinstance(kind, pa.BaseExtensionType) or any(test(kind) for test in _UNCAST_TYPES)


def _joined(values: Iterable[Any]) -> str:
    return ",".join(text.strip() for value in values if (text := value_as_text(value)) and text.strip())


def _whole(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < EXACT_FLOAT else str(value)


def _day(value: date) -> str:
    return f"{value.year:04}/{value.month:02}/{value.day:02}"


_LIST_TYPES: Final = (
    pa.types.is_list,
    pa.types.is_large_list,
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)
_UNCAST_TYPES: Final = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_binary_view,
    pa.types.is_decimal,
    pa.types.is_duration,
    pa.types.is_interval,
    pa.types.is_nested,
)
_COLUMN_TEXTS: Final[tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]], ...]] = (
    (pa.types.is_dictionary, _dictionary_text),
    (pa.types.is_floating, _float_text),
    (_is_date, _date_text),
    (is_list, _list_text),
    (_without_cast, _each_as_text),
)
_VALUE_TEXTS: Final[tuple[tuple[Any, Callable[[Any], str]], ...]] = (
    (bool, lambda value: str(value).lower()),
    (float, _whole),
    (Decimal, "{:f}".format),
    (date, _day),
    (bytes | bytearray, lambda value: value.decode("utf-8", "replace")),
    (list | tuple | set | frozenset, _joined),
)
