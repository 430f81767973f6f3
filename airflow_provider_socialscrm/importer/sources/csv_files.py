"""CSV files row by row: a line that is damaged costs its own row and no other."""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Iterator, Sequence
from itertools import chain, count
from typing import IO, Final

import pyarrow as pa

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.sources.base import Batch
from airflow_provider_socialscrm.importer.sources.text_lines import EmptyFileError, Row, TextForm, batches_of, lines_of

log = logging.getLogger(__name__)

MOST_QUOTE_ERRORS: Final = 100
"""Rows of a file that may have wrong quotes. Each has what follows it read again; beyond this, the file is to blame."""

DELIMITERS: Final = {";": "';'", "\t": "'\\t'", "|": "'|'", ",": "','"}
"""What else may stand between values, as Python writes it."""

FOLLOWS: Final = "text follows a closing quote"

_SEP_LINE = re.compile(r"""[ ]*"?sep=([^"\r\n\0])"?\1*[ ]*[\r\n]*""", re.IGNORECASE)
"""A line from which spreadsheets take the delimiter; one that saves it again may fill it up to the table's width."""

_TABS_NAMED = re.compile(r"\.(tsv|tab)(\.\w+)?$", re.IGNORECASE)

_NO_NAME = re.compile("[\\s\u200b\u2060\ufeff]*")
"""A column's name that nobody sees: blanks, and marks without a width."""


class RecordLines:
    """Lines of a file, of which those of the current record can be read again.

    :param lines: the lines.
    :param first: number of the first of them.
    """

    def __init__(self, lines: Iterator[str], first: int = 1) -> None:
        self.first = first
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

    def record(self) -> str:
        """Return the lines of the current record."""
        return "".join(self._record)

    def cut_record(self) -> None:
        """Let the current record end with its first line; those behind it are read again."""
        self._again.extend(reversed(self._record[1:]))
        del self._record[1:]


def columns(file: IO[bytes], name: str, form: TextForm) -> Sequence[str]:
    """Return the names in the header; a column without one is called as pandas calls it, such as ``Unnamed: 0``.

    :param file: open at its start.
    :param name: of the file, for messages.
    :raises EmptyFileError: when there is not one line with a value.
    :raises InputError: when there is no header, or it shows that the values are separated by something else.
    """
    lines, delimiter, first = _opened(file, name, form)
    if first > 1:
        log.info("%s: its first line sets the delimiter to %r", name, delimiter)
    return _header(_records(lines, name, delimiter, first), name, delimiter, by_first_line=first > 1)


def batches(file: IO[bytes], name: str, form: TextForm, _columns: Sequence[str]) -> Iterator[Batch]:
    """Yield the rows; all values are texts, since a number would lose its leading zeros, and blank ones are null.

    :param file: open at its start.
    :param name: of the file, for messages.
    :raises InputError: when the file's text, or too much of its quoting, cannot be understood.
    """
    lines, delimiter, first = _opened(file, name, form)
    records = _records(lines, name, delimiter, first)
    names = _header(records, name, delimiter, by_first_line=first > 1)
    yield from batches_of(_rows(records, len(names)), name, lambda values: _to_arrow(values, names))


def _opened(file: IO[bytes], name: str, form: TextForm) -> tuple[Iterator[str], str, int]:
    """Return the lines of the table, what separates their values, and the number of the first."""
    lines = lines_of(file, name, form.encoding)
    head = next(lines, "")
    if found := _SEP_LINE.fullmatch(head):
        return lines, found[1], 2
    return chain([head], lines), form.delimiter, 1


def _records(lines: Iterator[str], name: str, delimiter: str, first: int) -> Iterator[Row]:
    """Yield what the lines hold, the header included."""
    record_lines = RecordLines(lines, first)
    # Where blanks do not separate values, one between a delimiter and a quote is not part of the value.
    reader = csv.reader(record_lines, delimiter=delimiter, strict=True, skipinitialspace=delimiter != " ")
    errors = 0
    while (row := _next_record(reader, record_lines, delimiter)) is not None:
        errors += bool(row.trouble)
        if errors > MOST_QUOTE_ERRORS:
            raise InputError(
                f"{name}, line {row.line}: {row.trouble}, and so it is with {MOST_QUOTE_ERRORS} lines before it. "
                "Write the file anew, each quote inside a quoted value doubled."
            )
        yield row


def _next_record(reader: Iterator[list[str]], lines: RecordLines, delimiter: str) -> Row | None:
    lines.begin_record()
    try:
        return Row(lines.first, next(reader))
    except StopIteration:
        return None
    except csv.Error as failure:
        trouble = _trouble(str(failure))
        if trouble == FOLLOWS and (values := _with_blanks_after_quotes(lines.record(), delimiter)):
            return Row(lines.first, values)
        lines.cut_record()
        return Row(lines.first, [], trouble)


def _with_blanks_after_quotes(record: str, delimiter: str) -> list[str] | None:
    """Return the values of a record in which blanks follow closing quotes, or ``None`` if that is not all there is."""
    if delimiter == " ":
        return None
    end = re.escape(delimiter)
    pattern = re.compile(rf""" *(?:"((?:[^"]|"")*)" *|([^"{end}\r\n]*))(?:{end}|[\r\n]*\Z)""")
    values: list[str] = []
    place = 0
    while place < len(record) and (found := pattern.match(record, place)):
        quoted, plain = found.groups()
        values.append(quoted.replace('""', '"') if quoted is not None else plain)
        place = found.end()
        if place == len(record):
            return [*values, ""] if record.endswith(delimiter) else values
    return None


def _trouble(reason: str) -> str:
    """Say in words that fit a row what the standard library found."""
    if "field limit" in reason:
        return f"a quote is not closed, or a value has more than {csv.field_size_limit():,} characters"
    return "a quote is not closed" if "end of data" in reason else FOLLOWS


def _header(records: Iterator[Row], name: str, delimiter: str, *, by_first_line: bool) -> list[str]:
    row = next((row for row in records if row.trouble or not _is_blank(row.content)), None)
    if row is None:
        raise EmptyFileError(f"{name} has no line but blank ones: its first has to name the columns.")
    if row.trouble:
        raise InputError(f"{name}, line {row.line}: {row.trouble}, so the columns have no names. Correct the header.")
    names: list[str] = row.content
    if len(names) == 1 and (other := _other_delimiter(names[0])):
        named_tabs = other == DELIMITERS[","] and delimiter == "\t" and _TABS_NAMED.search(name) is not None
        advice = "give it a name that ends in .csv" if named_tabs else f"set delimiter={other}"
        if by_first_line:
            advice = f"correct or remove its first line, which sets the delimiter to {delimiter!r}"
        raise InputError(f"{name} has one column, and seems to be separated by {other}: {advice}.")
    return _all_named(names)


def _all_named(names: Sequence[str]) -> list[str]:
    """Return the names, those that are missing as pandas makes them."""
    taken = set(names)
    named: list[str] = []
    for place, name in enumerate(names):
        if _NO_NAME.fullmatch(name):
            base = f"Unnamed: {place}"
            name = next(new for new in chain([base], (f"{base}.{n}" for n in count(1))) if new not in taken)  # noqa: PLW2901
            taken.add(name)
        named.append(name)
    return named


def _is_blank(values: list[str]) -> bool:
    return not "".join(values).strip()


def _other_delimiter(header: str) -> str | None:
    likeliest = max(DELIMITERS, key=header.count)
    return DELIMITERS[likeliest] if likeliest in header else None


def _rows(records: Iterator[Row], width: int) -> Iterator[Row]:
    for row in records:
        found = len(row.content)
        if row.trouble or found == width:
            yield row
        elif _is_blank(row.content):
            if found > 1:  # as spreadsheets write a row without values, at times of another width
                yield Row(row.line, [])
        else:
            values = "1 value" if found == 1 else f"{found} values"
            yield Row(row.line, [], f"it has {values}, and the header names {width}")


def _to_arrow(rows: list[list[str]], names: list[str]) -> pa.RecordBatch:
    nothing = [""] * len(names)
    by_column = zip(*(values or nothing for values in rows), strict=True)
    arrays = [pa.array([value or None for value in values], pa.string()) for values in by_column]
    return pa.RecordBatch.from_arrays(arrays, names=names)
