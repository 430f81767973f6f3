"""CSV files row by row: a line that is damaged costs its own row and no other."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import IO, Final

import pyarrow as pa

from airflow_provider_socialscrm.importer.batches import Piece
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.lines import Row, TextForm, lines_of, pieces_of

MOST_QUOTE_ERRORS: Final = 100
"""Rows of a file that may have wrong quotes. Each has what follows it read again; beyond this, the file is to blame."""

DELIMITERS: Final = {";": "';'", "\t": "'\\t'", "|": "'|'", ",": "','"}
"""What else may stand between values, as Python writes it."""


class RecordLines:
    """Lines of a file, of which those of the current record can be read again.

    :param lines: the lines.
    """

    def __init__(self, lines: Iterator[str]) -> None:
        self.first = 1
        """Number of the line on which the current record begins."""
        self._lines = lines
        self._record: list[str] = []
        self._again: list[str] = []  # the next one last

    def __iter__(self) -> RecordLines:
        return self

    def __next__(self) -> str:
        line = self._again.pop() if self._again else next(self._lines)
        self._record.append(line)
        return line

    def begin_record(self) -> None:
        """Let the next record begin on the next line."""
        self.first += len(self._record)
        self._record.clear()

    def cut_record(self) -> None:
        """Let the current record end with its first line; those behind it are read again."""
        self._again.extend(reversed(self._record[1:]))
        del self._record[1:]


def columns(file: IO[bytes], name: str, form: TextForm) -> Sequence[str]:
    """Return the names in the header.

    :param file: open at its start.
    :param name: of the file, for messages.
    :raises InputError: when there is no header, or it shows that the values are separated by something else.
    """
    return _header(_records(file, name, form), name)


def pieces(file: IO[bytes], name: str, form: TextForm, _columns: Sequence[str]) -> Iterator[Piece]:
    """Yield the rows; all values are texts, since a number would lose its leading zeros, and blank ones are null.

    :param file: open at its start.
    :param name: of the file, for messages.
    :raises InputError: when the file's text, or too much of its quoting, cannot be understood.
    """
    records = _records(file, name, form)
    names = list(_header(records, name))
    yield from pieces_of(_rows(records, len(names)), name, lambda values: _to_arrow(values, names))


def _records(file: IO[bytes], name: str, form: TextForm) -> Iterator[Row]:
    """Yield what the file holds, its header included."""
    lines = RecordLines(lines_of(file, name, form.encoding))
    reader = csv.reader(lines, delimiter=form.delimiter, strict=True)
    errors = 0
    while (row := _next_record(reader, lines)) is not None:
        errors += bool(row.trouble)
        if errors > MOST_QUOTE_ERRORS:
            raise InputError(
                f"{name}, line {row.line}: {row.trouble}, and so it is with {MOST_QUOTE_ERRORS} lines before it. "
                "Write the file anew, each quote inside a quoted value doubled."
            )
        yield row


def _next_record(reader: Iterator[list[str]], lines: RecordLines) -> Row | None:
    lines.begin_record()
    try:
        return Row(lines.first, next(reader))
    except StopIteration:
        return None
    except csv.Error as failure:
        lines.cut_record()
        return Row(lines.first, [], _trouble(str(failure)))


def _trouble(reason: str) -> str:
    """Say in words that fit a row what the standard library found."""
    if "field limit" in reason:
        return f"a quote is not closed, or a value has more than {csv.field_size_limit():,} characters"
    return "a quote is not closed" if "end of data" in reason else "text follows a closing quote"


def _header(records: Iterator[Row], name: str) -> Sequence[str]:
    row = next((row for row in records if row.trouble or not _is_blank(row.content)), None)
    if row is None:
        raise InputError(f"{name} has no line but blank ones: its first has to name the columns.")
    if row.trouble:
        raise InputError(f"{name}, line {row.line}: {row.trouble}, so the columns have no names. Mend the header.")
    names: list[str] = row.content
    if len(names) == 1 and (other := _other_delimiter(names[0])):
        raise InputError(f"{name} has one column, and seems to be separated by {other}: set delimiter={other}.")
    return names


def _is_blank(values: list[str]) -> bool:
    return len(values) <= 1 and not "".join(values).strip()


def _other_delimiter(header: str) -> str | None:
    likeliest = max(DELIMITERS, key=header.count)
    return DELIMITERS[likeliest] if likeliest in header else None


def _rows(records: Iterator[Row], width: int) -> Iterator[Row]:
    for row in records:
        found = len(row.content)
        if row.trouble or found == width:
            yield row
        elif not _is_blank(row.content):
            values = "1 value" if found == 1 else f"{found} values"
            yield Row(row.line, [], f"it has {values}, and the header names {width}")


def _to_arrow(rows: list[list[str]], names: list[str]) -> pa.RecordBatch:
    nothing = [""] * len(names)
    by_column = zip(*(values or nothing for values in rows), strict=True)
    arrays = [pa.array([value or None for value in values], pa.string()) for values in by_column]
    return pa.RecordBatch.from_arrays(arrays, names=names)
