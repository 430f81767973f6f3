"""Read JSONL files row by row: one JSON object per line, with any keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import IO, Any, Final

import msgspec
import pyarrow as pa

from airflow_provider_socialscrm.importer.columns.text import value_as_text
from airflow_provider_socialscrm.importer.columns.values import Scientific, values_to_arrow
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.sources.base import BATCH_ROWS, Batch
from airflow_provider_socialscrm.importer.sources.text_lines import EmptyFileError, Row, TextForm, batches_of, lines_of


def columns(file: IO[bytes], name: str, form: TextForm) -> Sequence[str]:
    """Return every key of the file, in the order of their first appearance.

    :param file: open at its start.
    :param name: of the file, for messages.
    :raises EmptyFileError: when all lines are blank.
    :raises InputError: when no line has a key.
    """
    # This reads the whole file once more, at half the cost of its rows. A key may first appear on the last line, and
    # skipping it would silently lose a customer's value.
    keys: dict[str, None] = {}
    row = None
    for row in _rows(file, name, form, _row):
        keys.update(dict.fromkeys(row.content))
    if not keys:
        error = InputError if row else EmptyFileError
        raise error(f'{name} has no line that can be used: write each as an object such as {{"whatsApp": "86"}}.')
    return tuple(keys)


def batches(
    file: IO[bytes], name: str, form: TextForm, columns: Sequence[str], batch_rows: int = BATCH_ROWS
) -> Iterator[Batch]:
    """Yield the rows. Texts stay as they are, even if they look like numbers or dates.

    :param file: open at its start.
    :param name: of the file, for messages.
    :param columns: its keys.
    :param batch_rows: rows in a batch.
    :raises InputError: when the text cannot be decoded.
    """
    rows = _rows(file, name, form, _once_each)
    yield from batches_of(rows, name, lambda contents: _to_arrow(contents, columns), batch_rows)


def _rows(file: IO[bytes], name: str, form: TextForm, read: Callable[[int, str], Row]) -> Iterator[Row]:
    for number, line in enumerate(lines_of(file, name, form.encoding), 1):
        if line.strip():
            yield read(number, line)


def _row(number: int, line: str, decode: Callable[[str], Any] = msgspec.json.decode) -> Row:
    try:
        content = decode(line)
    except (msgspec.DecodeError, RecursionError):  # their messages may quote values
        try:
            content = _LENIENT.decode(line.strip())
        except _RepeatedKeyError:
            return Row(number, {}, _REPEATED)
        except (ValueError, RecursionError):
            return Row(number, {}, "it is not JSON")
        if isinstance(content, dict):  # half characters in values are removed later; keys must be clean now
            names = [value_as_text(name) or "" for name in content]
            if len(set(names)) < len(names):
                return Row(number, {}, _REPEATED)
            content = dict(zip(names, content.values(), strict=True))
    if not isinstance(content, dict):
        return Row(number, {}, "it is JSON but not an object")
    return Row(number, content)


def _once_each(number: int, line: str) -> Row:
    """Return a line's object, with numbers as they are written, unless a key repeats."""
    row = _row(number, line, _EXACT.decode)
    return Row(number, {}, _REPEATED) if not row.problem and _repeats_a_key(line, row.content) else row


def _repeats_a_key(line: str, content: dict[str, Any]) -> bool:
    """Return whether a line repeats a key; its content then has only the last value."""
    signs = line.count('":') + line.count('" :')
    try:
        if signs != len(content) and signs != _count_keys(content):  # rare, so the slow decoder may check
            _LENIENT.decode(line.strip())
    except _RepeatedKeyError:
        return True
    except RecursionError:
        return False
    return False


def _count_keys(content: dict[str, Any]) -> int:
    keys = len(content)
    for value in content.values():
        if type(value) is dict:
            keys += _count_keys(value)
        elif type(value) is list:
            keys += sum(_count_keys({"": each}) - 1 for each in value if type(each) in _NESTED)
    return keys


_NESTED: Final = (dict, list)


def _number(literal: str) -> float | str:
    """Return a number with a point or an exponent, with all digits as they are written."""
    if "e" in literal or "E" in literal:
        value = float(literal)
        return Scientific(literal) if 1 <= abs(value) < inf else value
    return float(literal) if literal.rstrip("0").endswith(".") else literal


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise _RepeatedKeyError
    return content


class _RepeatedKeyError(Exception):
    """An object repeats a key."""


_REPEATED: Final = "a key occurs more than once"

_EXACT: Final = msgspec.json.Decoder(float_hook=_number)

_LENIENT: Final = json.JSONDecoder(parse_float=_number, object_pairs_hook=_object)
"""Accepts NaN, infinite numbers and half characters, which are not JSON but are written by pandas, Spark and Python."""


def _to_arrow(rows: list[dict[str, Any]], names: Sequence[str]) -> pa.RecordBatch:
    arrays = [values_to_arrow([row.get(name) for row in rows]) for name in names]
    return pa.RecordBatch.from_arrays(arrays, names=list(names))
