"""Read CSV files row by row: a damaged line costs only its own row."""

from __future__ import annotations

import csv
import logging
import re
from collections.abc import Iterator, Sequence
from itertools import chain, count
from typing import IO, Final

import pyarrow as pa

from airflow_provider_socialscrm.importer.columns.spreadsheet_cells import unescaped_text
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.sources.base import BATCH_ROWS, Batch
from airflow_provider_socialscrm.importer.sources.dead_letters import is_dead_letter
from airflow_provider_socialscrm.importer.sources.text_lines import EmptyFileError, Row, TextForm, batches_of, lines_of
from airflow_provider_socialscrm.wording import counted

log = logging.getLogger(__name__)

MOST_QUOTE_ERRORS: Final = 100
"""Rows of a file that may have wrong quotes. The lines after each are read again; a file with more rows is refused."""

DELIMITERS: Final = {";": "';'", "\t": "'\\t'", "|": "'|'", ",": "','"}
"""Common delimiters, and how Python writes them."""

FOLLOWS: Final = "text follows a closing quote"

_SEP_LINE = re.compile(r"""[ ]*"?sep=([^"\r\n\0])"?\1*[ ]*[\r\n]*""", re.IGNORECASE)
"""A line that sets the delimiter in spreadsheets. A spreadsheet that saves the file may fill it up with delimiters."""

_QUOTED = re.compile('"[^"]*"')

_TABS_NAMED = re.compile(r"\.(tsv|tab)(\.\w+)?$", re.IGNORECASE)

_NO_NAME = re.compile("[\\s\u200b\u2060\ufeff]*")
"""An invisible column name: blanks and zero-width characters."""


class RecordLines:
    """Iterates over the lines of a file, and can go back within the current record.

    :param lines: the lines.
    :param first: number of the first line.
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
        """Begin a record on the next line."""
        self.first += len(self._record)
        self._record.clear()

    def record(self) -> str:
        """Return the lines of the current record."""
        return "".join(self._record)

    def cut_record(self) -> None:
        """End the current record after its first line, and read its other lines again."""
        self._again.extend(reversed(self._record[1:]))
        del self._record[1:]


def columns(file: IO[bytes], name: str, form: TextForm) -> Sequence[str]:
    """Return the names in the header; a column without a name gets one as in pandas, such as ``Unnamed: 0``.

    :param file: open at its start.
    :param name: of the file, for messages.
    :raises EmptyFileError: when no line has a value.
    :raises InputError: when the header cannot be read, or shows another delimiter.
    """
    lines, delimiter, first = _opened(file, name, form)
    if first > 1:
        log.info("%s: its first line sets the delimiter to %r", name, delimiter)
    record_lines = RecordLines(lines, first)
    return _header(_records(record_lines, name, delimiter), record_lines, name, delimiter, by_first_line=first > 1)


def batches(
    file: IO[bytes], name: str, form: TextForm, _columns: Sequence[str], batch_rows: int = BATCH_ROWS
) -> Iterator[Batch]:
    """Yield the rows. All values are texts, because numbers would lose their leading zeros; empty ones are null.

    :param file: open at its start.
    :param name: of the file, for messages.
    :param batch_rows: rows in a batch.
    :raises InputError: when the text cannot be decoded, or too many rows have wrong quotes.
    """
    lines, delimiter, first = _opened(file, name, form)
    record_lines = RecordLines(lines, first)
    records = _records(record_lines, name, delimiter)
    names = _header(records, record_lines, name, delimiter, by_first_line=first > 1)
    yield from batches_of(_rows(records, len(names)), name, lambda values: _to_arrow(values, names), batch_rows)


def _opened(file: IO[bytes], name: str, form: TextForm) -> tuple[Iterator[str], str, int]:
    """Return the lines of the table, its delimiter, and the number of its first line."""
    lines = lines_of(file, name, form.encoding)
    head = next(lines, "")
    if found := _SEP_LINE.fullmatch(head):
        return lines, found[1], 2
    return chain([head], lines), form.delimiter, 1


def _records(record_lines: RecordLines, name: str, delimiter: str) -> Iterator[Row]:
    """Yield the records, the header included."""
    # Unless blanks are the delimiter, one between a delimiter and a quote does not belong to the value.
    reader = csv.reader(record_lines, delimiter=delimiter, strict=True, skipinitialspace=delimiter != " ")
    errors = 0
    while (row := _next_record(reader, record_lines, delimiter)) is not None:
        errors += bool(row.problem)
        if errors > MOST_QUOTE_ERRORS:
            raise InputError(
                f"{name}, line {row.line}: {row.problem}, like {MOST_QUOTE_ERRORS} lines before it. "
                "Write the file again, with each quote inside a quoted value doubled."
            )
        yield row


def _next_record(reader: Iterator[list[str]], lines: RecordLines, delimiter: str) -> Row | None:
    lines.begin_record()
    try:
        return Row(lines.first, next(reader))
    except StopIteration:
        return None
    except csv.Error as failure:
        problem = _problem(str(failure))
        if problem == FOLLOWS and (values := _with_blanks_after_quotes(lines.record(), delimiter)):
            return Row(lines.first, values)
        lines.cut_record()
        return Row(lines.first, [], problem)


def _with_blanks_after_quotes(record: str, delimiter: str) -> list[str] | None:
    """Return the values of a record in which blanks follow closing quotes, or ``None`` if it has other errors, too."""
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


def _problem(reason: str) -> str:
    """Return a problem that the standard library found, in words for users."""
    if "field limit" in reason:
        return f"a quote is not closed, or a value has more than {csv.field_size_limit():,} characters"
    return "a quote is not closed" if "end of data" in reason else FOLLOWS


def _header(records: Iterator[Row], lines: RecordLines, name: str, delimiter: str, *, by_first_line: bool) -> list[str]:
    row = next((row for row in records if row.problem or not _is_blank(row.content)), None)
    if row is None:
        raise EmptyFileError(f"{name} has only blank lines: its first line must name the columns.")
    names: list[str] = row.content
    if row.problem:
        if other := _delimiter_of_quoted(lines.record(), delimiter):
            seems = f"{name} seems to be separated by {DELIMITERS[other]}, not by {_shown(delimiter)}"
            raise _separated(seems, name, other, delimiter, by_first_line=by_first_line)
        raise InputError(f"{name}, line {row.line}: {row.problem}, so the columns have no names. Correct the header.")
    if len(names) == 1 and (other := _other_delimiter(names[0])):
        seems = f"{name} has one column, but its values seem to be separated by {DELIMITERS[other]}"
        raise _separated(seems, name, other, delimiter, by_first_line=by_first_line)
    return _all_named([unescaped_text(each) for each in names] if is_dead_letter(names) else names)


def _separated(seems: str, name: str, other: str, delimiter: str, *, by_first_line: bool) -> InputError:
    """Return the error about a file with another delimiter."""
    if by_first_line:
        return InputError(f"{seems}: correct or remove its first line, which sets the delimiter to {delimiter!r}.")
    if other == "," and delimiter == "\t" and _TABS_NAMED.search(name) is not None:
        return InputError(f"{seems}: give it a name that ends in .csv.")
    return InputError(f"{seems}: set delimiter={DELIMITERS[other]}.", fix={"delimiter": other})


def _shown(delimiter: str) -> str:
    return DELIMITERS.get(delimiter, repr(delimiter))


def _all_named(names: Sequence[str]) -> list[str]:
    """Return the names, with pandas' names for the columns that have none."""
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
    return likeliest if likeliest in header else None


def _delimiter_of_quoted(line: str, given: str) -> str | None:
    """Return what seems to separate quoted names better than the given delimiter; ``None`` if nothing does."""
    widths = {other: _width(line, other) for other in DELIMITERS}
    widest = max(widths, key=lambda other: widths[other])
    by_given = 1 + _QUOTED.sub("", line).count(given)
    return widest if widths[widest] > by_given else None


def _width(line: str, delimiter: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=delimiter, strict=True, skipinitialspace=True)))
    except csv.Error:
        return 0


def _rows(records: Iterator[Row], width: int) -> Iterator[Row]:
    for row in records:
        found = len(row.content)
        if row.problem or found == width:
            yield row
        elif _is_blank(row.content):
            if found > 1:  # a spreadsheet's row without values, which may have another width
                yield Row(row.line, [])
        else:
            values = counted(found, "value")
            yield Row(row.line, [], f"it has {values}, but the header names {width}")


def _to_arrow(rows: list[list[str]], names: list[str]) -> pa.RecordBatch:
    nothing = [""] * len(names)
    by_column = zip(*(values or nothing for values in rows), strict=True)
    arrays = [pa.array([value or None for value in values], pa.string()) for values in by_column]
    return pa.RecordBatch.from_arrays(arrays, names=names)
