"""JSONL files row by row: one JSON object a line, of whatever keys."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import IO, Any, Final

import msgspec
import pyarrow as pa

from airflow_provider_socialscrm.importer.batches import Piece
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.lines import EmptyFileError, Row, TextForm, lines_of, pieces_of
from airflow_provider_socialscrm.importer.text import value_as_text
from airflow_provider_socialscrm.importer.values import values_to_arrow


def columns(file: IO[bytes], name: str, form: TextForm) -> Sequence[str]:
    """Return every key of the file in the order in which they appear.

    That takes reading all of it once more, at half the cost of its rows: a key may first stand in the last line, and
    without it, a customer's value would be lost and nobody told.

    :param file: open at its start.
    :param name: of the file, for messages.
    :raises EmptyFileError: when there is no line but blank ones.
    :raises InputError: when there is not one key.
    """
    keys: dict[str, None] = {}
    row = None
    for row in _rows(file, name, form):
        keys.update(dict.fromkeys(row.content))
    if not keys:
        error = InputError if row else EmptyFileError
        raise error(f'{name} has no line that can be used: each has to be an object such as {{"whatsApp": "86"}}.')
    return tuple(keys)


def pieces(file: IO[bytes], name: str, form: TextForm, columns: Sequence[str]) -> Iterator[Piece]:
    """Yield the rows; texts stay the text they are, even those that look like numbers or dates.

    :param file: open at its start.
    :param name: of the file, for messages.
    :param columns: its keys.
    :raises InputError: when the file's text cannot be understood.
    """
    yield from pieces_of(_rows(file, name, form), name, lambda rows: _to_arrow(rows, columns))


def _rows(file: IO[bytes], name: str, form: TextForm) -> Iterator[Row]:
    for number, line in enumerate(lines_of(file, name, form.encoding), 1):
        if line.strip():
            yield _row(number, line)


def _row(number: int, line: str) -> Row:
    try:
        content = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError):  # their messages may quote values
        try:
            content = _LENIENT.decode(line.strip())
        except (ValueError, RecursionError):
            return Row(number, {}, "it is not JSON")
        if isinstance(content, dict):  # half characters in values go as everywhere; no column can be called by one
            content = {value_as_text(name) or "": value for name, value in content.items()}
    return Row(number, content) if isinstance(content, dict) else Row(number, {}, "it is JSON, but no object")


_LENIENT: Final = json.JSONDecoder()
"""Takes NaN, infinite numbers and half characters, which pandas, Spark and Python write and JSON does not have."""


def _to_arrow(rows: list[dict[str, Any]], names: Sequence[str]) -> pa.RecordBatch:
    arrays = [values_to_arrow([row.get(name) for row in rows]) for name in names]
    return pa.RecordBatch.from_arrays(arrays, names=list(names))
