"""Convert columns of any type to text, the only type of the API.

The rules, by type:

- whole floats: as integers, because pandas turns integers with gaps into floats;
- dates and timestamps: ``yyyy/MM/dd``, without the time of day and the zone;
- booleans: ``true`` and ``false``;
- decimals: all their digits. 8.61527E+12 gets its zeros, which do harm only in a phone number, and
  :func:`.values.rounded` finds those;
- lists: their values with commas between;
- structs and maps: JSON, whose values follow these rules;
- bytes: the UTF-8 text in them;
- categories: their value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from math import inf, isnan
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.unwritable import is_too_long

EXACT_FLOAT: Final = 2.0**53
"""From here on a 64-bit float cannot hold every integer, so it is not written as one."""

WIDE_FLOAT_BYTES: Final = 8
"""Bytes of Python's float; numpy also has narrower ones."""

MIXED: Final = pa.struct(
    [("socialscrm_text", pa.string()), ("socialscrm_list", pa.list_(pa.string())), ("socialscrm_problem", pa.string())]
)
"""A column with values of several types: each is a text or a list of texts, with its problems' codes between blanks."""

DATE_FORMAT: Final = "%Y/%m/%d"
"""The only date format that the vendor documents (vendor API 3.2, birthday)."""


Edges = np.ndarray[tuple[int], np.dtype[np.bool_]]

_SURELY_ENDS: Final = np.isin(np.arange(256), range(0x21, 0x7F))
"""The bytes of ASCII's visible characters, which are the last byte of no other character."""

_SURELY_BEGINS: Final = _SURELY_ENDS | np.isin(np.arange(256), [*range(0xD0, 0xD3), *range(0xE4, 0xEA)])
"""The same and the first bytes of Cyrillic letters and of most Chinese characters, none of which is invisible."""

_OFFSET: Final = re.compile(r"(?:Z|(?:UTC|GMT)?(?:([+-])([0-9]{1,2})(?::?([0-9]{2}))?)?)", re.IGNORECASE)
"""A time zone written as an offset from UTC; the zones of the IANA database are names."""


def as_text(column: pa.Array) -> pa.Array:
    """Return a column as trimmed strings, by the rules of its type, with null for a missing or blank value.

    :param column: an array of any type.
    """
    return trimmed(as_raw_text(column))


def trimmed(text: pa.Array) -> pa.Array:
    """Return strings without blanks around them, with null for a blank one."""
    if _is_trimmed(text):
        return text
    text = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.not_equal(text, ""), text, pa.scalar(None, pa.string()))


def visible_edges(text: pa.Array) -> tuple[Edges, Edges] | None:
    """Return whether each text surely begins, and surely ends, with a visible character; ``None`` if some are missing.

    The bytes there show it in 6 ns a text, a third of the time that Arrow takes to trim.

    :param text: strings.
    """
    if not len(text) or text.null_count:
        return None
    _, offsets, content = text.buffers()
    ends = np.frombuffer(offsets, np.int32, len(text) + 1, text.offset * np.dtype(np.int32).itemsize).astype(np.intp)
    if content is None or (ends[1:] == ends[:-1]).any():
        return None
    values = np.frombuffer(content, np.uint8)
    # Not by brackets, which take twice as long as take.
    return _SURELY_BEGINS.take(values.take(ends[:-1])), _SURELY_ENDS.take(values.take(ends[1:] - 1))


def _is_trimmed(text: pa.Array) -> bool:
    # Not for a part of a longer column: before Arrow 24 if_else with a null corrupts one, so what comes next needs a
    # copy.
    edges = None if text.offset else visible_edges(text)
    return edges is not None and bool(edges[0].all() and edges[1].all())


def value_as_text(value: Any) -> str | None:
    """Return one value of a column of mixed types as text, by the rules for whole columns.

    :param value: anything that a pandas column may hold, numpy's scalars and arrays included.
    """
    value = as_python(value)
    if value is None:
        return None
    write = next((write for kind, write in _VALUE_TEXTS if isinstance(value, kind)), str)
    return _without_lone_surrogates(write(value))


def as_python(value: Any) -> Any:
    """Return a value of numpy's or pandas' types as one of Python's, and ``None`` for a missing one.

    A number that is too long to write is infinite.
    """
    if is_too_long(value):
        return inf
    if isinstance(value, memoryview):  # as of a database's driver
        return bytes(value)
    if is_narrow(value):
        return _shortest(value)
    if hasattr(value, "tolist"):  # numpy's; it would turn nanoseconds into a number
        is_time = hasattr(value, "dtype") and value.dtype.kind == "M"
        value = (value.astype("datetime64[us]") if is_time else value).tolist()
        if is_too_long(value):
            return inf
    if hasattr(value, "to_pytimedelta"):
        value = value.to_pytimedelta()
    if type(value).__name__ in {"NAType", "NaTType"} or (isinstance(value, float) and isnan(value)):
        return None
    return None if isinstance(value, Decimal) and value.is_nan() else value


def is_narrow(value: Any) -> bool:
    """Return whether a value is a numpy float, or an array of floats, of fewer than 64 bits."""
    return (
        hasattr(value, "tolist")
        and hasattr(value, "dtype")
        and value.dtype.kind == "f"
        and value.dtype.itemsize < WIDE_FLOAT_BYTES
    )


def _shortest(value: Any) -> Any:
    """Return a narrow float as the 64-bit float with the same digits: 0.1, not 0.10000000149011612."""
    if value.ndim:
        return [_shortest(each) for each in value]
    exact = float(value)
    if isnan(exact):
        return None
    return exact if exact.is_integer() and abs(exact) < EXACT_FLOAT else float(str(value))


def is_list(kind: pa.DataType) -> bool:
    """Return whether a column of this type holds lists."""
    return kind.id in _LIST_TYPES


def as_raw_text(column: pa.Array) -> pa.Array:
    """Return a column as strings, by the rules of its type, not trimmed."""
    if pa.types.is_string(column.type):
        return column
    write = next((write for test, write in _COLUMN_TEXTS if test(column.type)), None)
    return write(column) if write else pc.cast(column, pa.string())


def decoded_runs(column: pa.Array) -> pa.Array:
    """Return a run-end-encoded column, with values of any type, as a plain column."""
    # Arrow cannot repeat the values of a dictionary, so repeat their places.
    places = pa.array(range(len(column.values)), pa.int64())
    kind = pa.run_end_encoded(column.run_ends.type, pa.int64())
    parts = [column.run_ends, places]
    runs = pa.RunEndEncodedArray.from_buffers(kind, len(column), [None], 0, column.offset, parts)
    return column.values.take(pc.run_end_decode(runs))


def _dictionary_text(column: pa.Array) -> pa.Array:
    # Convert the values first: Arrow can look up strings by index, but not every type.
    return pa.DictionaryArray.from_arrays(column.indices, as_text(column.dictionary)).dictionary_decode()


def _float_text(column: pa.Array) -> pa.Array:
    if pa.types.is_float16(column.type):  # Arrow has no arithmetic for these
        column = pc.cast(column, pa.float32())
    present = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    exact = pc.and_(pc.equal(pc.trunc(present), present), pc.less(pc.abs(present), EXACT_FLOAT))
    integers = pc.cast(pc.if_else(exact, present, pa.scalar(None, column.type)), pa.int64())
    return pc.coalesce(pc.cast(integers, pa.string()), pc.cast(present, pa.string()))


def _date_text(column: pa.Array) -> pa.Array:
    try:
        return pc.strftime(_at_offset(column), format=DATE_FORMAT)
    except pa.ArrowInvalid:
        if getattr(column.type, "tz", None) is None:
            raise
        raise _unknown_zone(column.type) from None


def _at_offset(column: pa.Array) -> pa.Array:
    """Return timestamps whose zone is an offset as local time; other columns as they are."""
    # Up to version 21 Arrow knows zones by name only.
    zone = getattr(column.type, "tz", None)
    offset = _OFFSET.fullmatch(zone) if zone else None
    if offset is None:
        return column
    sign, hours, minutes = offset[1] or "+", offset[2] or "0", offset[3] or "0"
    ahead = timedelta(hours=int(sign + hours), minutes=int(sign + minutes))
    return pc.add(pc.cast(column, pa.timestamp(column.type.unit)), pa.scalar(ahead, pa.duration(column.type.unit)))


def _unknown_zone(kind: pa.DataType) -> InputError:
    return InputError(
        f"A column is of the type {kind}, and its time zone is not known on this worker: convert the column to UTC, "
        "to a zone of the IANA database such as 'Asia/Shanghai', or to dates."
    )


def _list_text(column: pa.Array) -> pa.Array:
    values = as_text(pc.list_flatten(column))
    present = pc.is_valid(values)
    parents = pc.list_parent_indices(column).filter(present).to_pylist()
    joined: list[list[str]] = [[] for _ in range(len(column))]
    for parent, value in zip(parents, values.filter(present).to_pylist(), strict=True):
        joined[parent].append(value)
    return pa.array([",".join(values) for values in joined], pa.string())


def _mixed_text(column: pa.Array) -> pa.Array:
    text, lists, _ = column.flatten()
    return pc.coalesce(text, _list_text(lists))


def _map_text(column: pa.Array) -> pa.Array:
    return pa.array([None if pairs is None else value_as_text(dict(pairs)) for pairs in _listed(column)], pa.string())


def _each_as_text(column: pa.Array) -> pa.Array:
    return pa.array([value_as_text(value) for value in _listed(column)], pa.string())


def _listed(column: pa.Array) -> list[Any]:
    try:
        values: list[Any] = column.to_pylist()
    except (ValueError, LookupError):  # of Arrow or of pytz; in a struct, Arrow up to 23 says that names are repeated
        if "tz=" not in str(column.type):
            raise
        raise _unknown_zone(column.type) from None
    return values


def _is_date(kind: pa.DataType) -> bool:
    return any(test(kind) for test in (pa.types.is_date, pa.types.is_timestamp))


def _without_cast(kind: pa.DataType) -> bool:
    """Return whether Arrow cannot write this type as text, or not as a person would: 0E-9, days as microseconds."""
    return isinstance(kind, pa.BaseExtensionType) or any(test(kind) for test in _UNCAST_TYPES)


def _joined(values: Iterable[Any]) -> str:
    return ",".join(text.strip() for value in values if (text := value_as_text(value)) and text.strip())


def _json(value: Mapping[Any, Any]) -> str:
    return msgspec.json.encode(_nested(value)).decode()


def _nested(value: Any) -> Any:
    value = as_python(value)
    if isinstance(value, Mapping):
        inner = {str(value_as_text(key)): _nested(item) for key, item in value.items()}
        return {key: item for key, item in inner.items() if item is not None}
    if isinstance(value, list | tuple | set | frozenset):
        return [item for item in map(_nested, value) if item is not None]
    return value_as_text(value)


def _without_lone_surrogates(text: str) -> str:
    if text.isascii():
        return text
    # A pair of surrogates becomes its character; a lone one, half of a cut emoji, is dropped.
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")


def _whole(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < EXACT_FLOAT else str(value).removesuffix(".0")


def _day(value: date) -> str:
    return f"{value.year:04}/{value.month:02}/{value.day:02}"


_LIST_TYPES: Final = frozenset(
    {
        pa.lib.Type_LIST,
        pa.lib.Type_LARGE_LIST,
        pa.lib.Type_FIXED_SIZE_LIST,
        pa.lib.Type_LIST_VIEW,
        pa.lib.Type_LARGE_LIST_VIEW,
    }
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
    (MIXED.equals, _mixed_text),
    (pa.types.is_dictionary, _dictionary_text),
    (pa.types.is_run_end_encoded, lambda column: as_raw_text(decoded_runs(column))),
    (pa.types.is_floating, _float_text),
    (_is_date, _date_text),
    (is_list, _list_text),
    (pa.types.is_map, _map_text),
    (_without_cast, _each_as_text),
)
_VALUE_TEXTS: Final[tuple[tuple[Any, Callable[[Any], str]], ...]] = (
    (bool, lambda value: str(value).lower()),
    (float, _whole),
    (Decimal, "{:f}".format),
    (date, _day),
    (bytes | bytearray, lambda value: value.decode("utf-8", "replace")),
    (list | tuple | set | frozenset, _joined),
    (Mapping, _json),
)
