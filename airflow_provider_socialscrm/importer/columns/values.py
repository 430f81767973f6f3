"""Python's values as an Arrow column, as pandas' object columns, records and JSON lines have them; what no text is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from math import isinf
from typing import Any, Final, Self

import pyarrow as pa
import pyarrow.compute as pc

from airflow_provider_socialscrm.importer.columns.findings import Finding
from airflow_provider_socialscrm.importer.columns.precision import Precision
from airflow_provider_socialscrm.importer.columns.text import (
    EXACT_FLOAT,
    MIXED,
    is_list,
    is_narrow,
    plain,
    value_as_text,
)
from airflow_provider_socialscrm.importer.reasons import NOT_A_NUMBER, NOT_TEXT, ROUNDED_NUMBER

_INFERRED: Final = frozenset({str, int, float, bool, bytes, date, datetime, Decimal, type(None)})
"""Types that may be left to pyarrow; of others it makes what they are not, or ends the process (NumPy's moments)."""

_NOT_TOGETHER: Final = ({date, datetime}, {Decimal, int}, {Decimal, float}, {str, bytes})
"""Types that pyarrow brings to one of them, by which a value would be written as another type's are."""

EXACT_FLOAT32: Final = 2.0**24
"""From here on a 32-bit float no longer holds every integer, so a phone number in one has lost digits."""

_WHOLE: Final = "whole-float"
"""In :data:`MIXED`, the code of a float without a fraction, and ..."""

_INEXACT: Final = "inexact"
"""... of one from :data:`EXACT_FLOAT` on."""

_TEXT_AND_NUMBERS: Final = frozenset({str, int, float, type(None)})
"""Types of JSON columns of decimals, which need no :data:`MIXED`: each value may be a text at once."""

_LISTS: Final = list | tuple | set | frozenset


class Scientific(float):
    """A float that was written as 8.61527E+12, where the digits that are not shown may be lost.

    :param literal: as it was written; its value is at least 1, and finite.
    """

    __slots__ = ("literal",)
    literal: str

    def __new__(cls, literal: str) -> Self:
        """Return it with its value."""
        new = super().__new__(cls, literal)
        new.literal = literal
        return new


def values_to_arrow(values: Sequence[Any]) -> pa.Array:
    """Return values of any types as a column: of their type where they share one, else of :data:`MIXED`.

    :param values: scalars, lists and dictionaries; ``None``, NaN, NA and NaT are missing.
    """
    kinds = set(map(type, values))
    if Decimal in kinds and any(map(_scientific, values)):
        return _mixed(values)
    if str in kinds and len(kinds) > 1 and kinds <= _TEXT_AND_NUMBERS and (column := _texts_and_numbers(values)):
        return column
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
    column = _stored(column)
    if pa.types.is_decimal(column.type) and column.type.scale < 0:  # its last digits are not there
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
    """Return the bytes of all texts of a column, one after the other: a copy, which is cheap to search."""
    _, offsets, values = text.buffers()
    if values is None or len(text) == 0:
        return b""
    ends = memoryview(offsets).cast("i")
    return bytes(values[ends[text.offset] : ends[text.offset + len(text)]])


def unsendable(column: pa.Array) -> tuple[Finding, ...]:
    """Return the rows of a readable column whose value no text stands for: infinite numbers, bytes that are no text."""
    if column.type.equals(MIXED):
        return tuple((reason, _has_code(column, str(reason.code))) for reason in (NOT_A_NUMBER, NOT_TEXT))
    values = _values(column)
    if not pa.types.is_floating(values.type):
        return ()
    return ((NOT_A_NUMBER, _by_row(column, pc.is_inf(pc.cast(values, pa.float64())))),)


def rounded(column: pa.Array) -> pa.Array:
    """Return which rows hold a number that may have lost digits.

    That is a float of fewer than 64 bits that is too large to have them all, and what was written as 8.61527E+12,
    unless the other numbers of the column say that it shows all its digits.

    :param column: readable, of any type.
    """
    return _large(column, str(ROUNDED_NUMBER.code), EXACT_FLOAT32, (pa.types.is_float32, pa.types.is_float16))


def inexact(column: pa.Array) -> pa.Array:
    """Return which rows hold a float that is too large to be one certain integer, so that other digits are sent.

    :param column: readable, of any type.
    """
    return _large(column, _INEXACT, EXACT_FLOAT, (pa.types.is_floating,))


def whole_floats(column: pa.Array) -> pa.Array:
    """Return which rows hold a whole number that is a float of 64 bits.

    :param column: readable, of any type.
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


def _by_row(column: pa.Array, guilty: pa.Array) -> pa.Array:
    return rows_with(column, guilty) if is_list(column.type) else guilty


def rows_with(lists: pa.Array, guilty: pa.Array) -> pa.Array:
    """Return which lists hold a value that is marked.

    :param lists: a column of lists.
    :param guilty: of their values, one after the other, whether they are.
    """
    parents = pc.list_parent_indices(lists)
    return pc.is_in(pa.array(range(len(lists)), parents.type), parents.filter(pc.fill_null(guilty, False)))


def _stored(column: pa.Array) -> pa.Array:
    """Return a column of an extension type as what it is stored as, unless its values have a form of their own."""
    if is_list(column.type) and isinstance(column.type.value_type, pa.BaseExtensionType):
        return _mixed(column.to_pylist())
    if not isinstance(column.type, pa.BaseExtensionType) or column.type.extension_name in _OWN_FORMS:
        return column
    if column.type.extension_name.startswith("pandas."):  # periods and intervals, stored as numbers
        return values_to_arrow(column.to_pandas().tolist())
    return _stored(column.storage)


def _values(column: pa.Array) -> pa.Array:
    return pc.list_flatten(column) if is_list(column.type) else column


def _has_only_text(column: pa.Array) -> bool:
    """Say whether all within structs, maps, dictionaries and nested lists is text."""
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
    """Return a value as Python has it, a text that is not valid as its bytes."""
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
"""Extension types whose values Arrow turns into Python's: what they are stored as says something else."""

_BYTES: Final = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_binary_view,
)
_TEXTS: Final = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view, *_BYTES)


def _texts_and_numbers(values: Sequence[Any]) -> pa.Array | None:
    """Return texts and numbers as texts, ``None`` where a number has a problem or a text is broken."""
    if any(isinstance(value, float) and abs(value) >= EXACT_FLOAT for value in values):
        return None
    try:
        return pa.array([value if type(value) is str else _number_text(value) for value in values], pa.string())
    except UnicodeError:
        return None


def _number_text(value: Any) -> str | None:
    return str(value) if type(value) is int else value_as_text(value)


def _scientific(value: Any) -> str | None:
    """Return how a number was written, if zeros at its end are not shown: 8.61527E+12."""
    if isinstance(value, Scientific):
        return value.literal
    return str(value) if isinstance(value, Decimal) and value.is_finite() and _exponent(value) > 0 else None


def _exponent(value: Decimal) -> int:
    return int(value.as_tuple().exponent)


def _certain_among(values: Sequence[Any]) -> frozenset[str]:
    """Return the scientific notations in a column that show all digits, as the others of it say."""
    if not {Scientific, Decimal} & set(map(type, values)):
        return frozenset()
    literals = {value.literal for value in values if isinstance(value, Scientific)}
    literals |= {str(value) for value in values if isinstance(value, Decimal) and value.is_finite()}
    precision = Precision()
    precision.observe_scientific(literals)
    return frozenset(filter(precision.digits_of, literals))


def _mixed(values: Sequence[Any]) -> pa.Array:
    python = [plain(value) for value in values]
    lists = [_texts(value) if isinstance(value, _LISTS) else None for value in python]
    texts = [None if isinstance(value, _LISTS) else value_as_text(value) for value in python]
    certain = _certain_among(values)
    problems = [" ".join(dict.fromkeys(_problems(value, certain))) or None for value in values]
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


def _problems(value: Any, certain: frozenset[str]) -> Iterator[str]:
    """Yield the codes of all that is wrong with a value as it came.

    :param certain: scientific notations that show all digits.
    """
    found = plain(value)
    if isinstance(found, _LISTS | Mapping):
        for each in (*found, *found.values()) if isinstance(found, Mapping) else value:
            yield from _problems(each, certain)
    elif isinstance(found, float | Decimal) and isinf(found):
        yield str(NOT_A_NUMBER.code)
    elif isinstance(found, bytes | bytearray) and not _is_text(found):
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


def _is_text(value: bytes | bytearray) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True
