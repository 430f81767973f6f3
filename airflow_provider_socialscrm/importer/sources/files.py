"""Open one file or many, of any supported format, as one source of rows."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import IO, Any, Final

import pyarrow as pa

from airflow_provider_socialscrm.api.redaction import is_personal, redact
from airflow_provider_socialscrm.importer.errors import InputError, MissingFileError, NoFileError
from airflow_provider_socialscrm.importer.sources import csv_files, jsonl_files, parquet_files, text_lines
from airflow_provider_socialscrm.importer.sources.base import Batch, Source
from airflow_provider_socialscrm.importer.sources.compressed import DAMAGES, decompressed
from airflow_provider_socialscrm.importer.sources.dead_letters import is_dead_letter
from airflow_provider_socialscrm.importer.sources.endings import COMPRESSED
from airflow_provider_socialscrm.importer.sources.partitions import partitions_of, with_partitions
from airflow_provider_socialscrm.importer.sources.text_lines import DEFAULT_DELIMITER, EmptyFileError, TextForm
from airflow_provider_socialscrm.importer.sources.written_form import has_ascii, log_form, written_form
from airflow_provider_socialscrm.wording import counted

log = logging.getLogger(__name__)

MOST_NAMED: Final = 10
"""Files that a log line names."""

_WILD = re.compile(r"[*?\[]")  # any of these makes a path a pattern


@dataclass(frozen=True, slots=True)
class Format:
    """The reader of one file format. Its functions get the open file, its name for messages, and its encoding.

    :param columns: returns the columns' names.
    :param batches: yields the rows; it gets the columns, too, and the number of rows in a batch.
    :param ahead: bytes to prefetch from object storage.
    :param is_text: whether the format is lines of text, which may be compressed.
    :param delimiter: the default delimiter.
    """

    columns: Callable[[IO[bytes], str, TextForm], Sequence[str]]
    batches: Callable[[IO[bytes], str, TextForm, Sequence[str], int], Iterator[Batch]]
    ahead: int
    is_text: bool = True
    delimiter: str = DEFAULT_DELIMITER


_JSONL: Final = Format(jsonl_files.columns, jsonl_files.batches, text_lines.AHEAD_BYTES)
_TABS: Final = Format(csv_files.columns, csv_files.batches, text_lines.AHEAD_BYTES, delimiter="\t")
FORMATS: Final = {
    ".parquet": Format(parquet_files.columns, parquet_files.batches, parquet_files.AHEAD_BYTES, is_text=False),
    ".csv": Format(csv_files.columns, csv_files.batches, text_lines.AHEAD_BYTES),
    ".tsv": _TABS,
    ".tab": _TABS,
    ".jsonl": _JSONL,
    ".ndjson": _JSONL,
}
"""The formats, by the endings of file names."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file whose columns are known.

    :param path: the path.
    :param form: its encoding and delimiter, if it is text.
    :param own: the columns in the file.
    :param partitions: the columns that its folders name, with their values.
    """

    path: Any
    form: TextForm
    own: tuple[str, ...]
    partitions: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in the file and in its folders' names."""
        return (*self.own, *self.partitions)

    def batches(self, rows: int) -> Iterator[Batch]:
        """Yield the rows, in batches of a number of rows."""
        with open_checked(self.path) as file:
            for batch in _format(self.path).batches(file, str(self.path), self.form, self.own, rows):
                yield with_partitions(batch, self.partitions)


def files_source(data: Any, *, encoding: str = "utf-8", delimiter: str = ",") -> Source:
    """Return a source of the rows of a file, of all files that match a pattern, by name, or of a list of these.

    :param data: a path object, or a list of them, such as ``pathlib.Path`` or Airflow's ``ObjectStoragePath``. Each
        names a Parquet, CSV or JSONL file (text files may be compressed), or is a pattern with ``*``, ``?``, ``[...]``
        or ``**``, unless a file has that very name.
    :param encoding: of CSV and JSONL files, any that Python knows; a byte order mark is not part of the text.
    :param delimiter: the character between the values of a CSV file.
    :raises InputError: when there is no such file, one cannot be read, or column names repeat.
    """
    form = TextForm(encoding, delimiter)
    paths = _listed(data) if isinstance(data, list) else _paths(data)
    files = [_opened(data, form)] if paths[0] is data else _filled(paths, form)
    _warn_of_both(files)
    columns = tuple(dict.fromkeys(name for file in files for name in file.columns))
    return Source(columns, _describe(data, paths, len(columns)), lambda batch_rows: _read(files, batch_rows))


def checked_names(names: Iterable[Any], of: Any = None) -> tuple[str, ...]:
    """Return the names of columns as texts, each once.

    :param of: the file they are from, if any, for the message.
    :raises InputError: when a name repeats.
    """
    columns = tuple(str(name) for name in names)
    times = Counter(columns)
    twice = [place for place, name in enumerate(columns, 1) if times[name] > 1]
    if not twice:
        return columns
    where = "" if of is None else f" of {of}"
    if any(map(is_personal, columns)):  # without a header these are a customer's values
        raise InputError(
            f"The columns {', '.join(map(str, twice))}{where} have repeated names, and some names look like a "
            "customer's number or address: make sure that the first line names the columns."
        )
    named = ", ".join(sorted({columns[place - 1] or "''" for place in twice}))
    raise InputError(f"These columns{where} occur more than once: {named}. Rename or drop all but one.")


@contextmanager
def open_checked(path: Any) -> Iterator[IO[bytes]]:
    """Open a file, decompressed, as a context manager that reports errors by the file's name.

    :raises EmptyFileError: when the file is empty.
    :raises InputError: when the file cannot be read. A failure that may pass, such as the network's, is not converted,
        so that the task is retried.
    """
    kind = _format(path)
    with _as_input_error(path), path.open("rb", buffering=kind.ahead) as file:
        yield decompressed(file, path, is_text=kind.is_text)


@contextmanager
def _as_input_error(path: Any) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, UnicodeError, OSError, *DAMAGES) as failure:
        if isinstance(failure, OSError) and not _is_lasting(failure):
            raise
        reason = redact(str(failure)).rstrip(".")
        raise InputError(
            f"{path} cannot be read: {reason}. Check that it is complete, and that the worker may read it."
        ) from None


def _is_lasting(failure: OSError) -> bool:
    """Return whether a failure is the file's, and not that of a network that may recover."""
    # pyarrow raises an OSError without a number for a damaged file.
    if isinstance(failure, (IsADirectoryError, PermissionError, *DAMAGES)):
        return True
    return type(failure) is OSError and not failure.errno


def _listed(paths: Iterable[Any]) -> list[Any]:
    """Return the files that each of some paths names, in the given order."""
    found: list[Any] = []
    missing: list[NoFileError] = []
    for path in paths:
        try:
            found += _paths(path)
        except NoFileError as nothing:
            missing.append(nothing)
    if missing:
        # Among files that exist a missing one is not an empty input: their rows would go unnoticed.
        raise MissingFileError(str(missing[0])) if found else missing[0]
    return found


def _paths(data: Any) -> list[Any]:
    try:
        with _as_input_error(data):
            paths = _found(data)
    except ImportError as failure:  # the file system's, which is loaded at its first use
        raise InputError(
            f"{data} cannot be reached, because its file system is not installed: {redact(str(failure)).rstrip('.')}. "
            "Install it, or download the file in an upstream task and give the path of the copy."
        ) from None
    if not paths:
        raise NoFileError(
            f"{data} matches no file: check the pattern in data, and that the worker can reach its files."
        )
    return paths


def _found(data: Any) -> list[Any]:
    if data.is_dir():
        raise InputError(f"{data} is a folder: give a file in it, or a pattern such as {data / '*.csv'}.")
    if data.exists():
        return [data]
    if not _WILD.search(str(data)):
        raise NoFileError(f"{data} does not exist: check the path in data, and that the worker can reach it.")
    return [path for path in sorted(_matches(data), key=str) if not path.is_dir()]


def _matches(pattern: Any) -> list[Any]:
    """Return the files and folders that match a pattern."""
    folder, parts = pattern, list[str]()
    while folder.name and _WILD.search(str(folder)):
        parts.insert(0, folder.name)
        folder = folder.parent
    try:
        return list(folder.glob("/".join(parts)))
    except ValueError as failure:
        raise InputError(f"{pattern} is not a pattern: {redact(str(failure))}.") from None


def _format(path: Any) -> Format:
    suffix = path.suffix.lower()
    if suffix in COMPRESSED:
        suffix = PurePosixPath(PurePosixPath(path.name).stem).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(
            f"{path} is not a file that this import reads: give it a name that ends in {', '.join(FORMATS)}. A "
            f"compressed text file ends in {', '.join(COMPRESSED)} after that."
        )
    return FORMATS[suffix]


def _opened(path: Any, form: TextForm) -> TableFile:
    kind = _format(path)
    if form.delimiter == DEFAULT_DELIMITER:
        form = replace(form, delimiter=kind.delimiter)
    form, own = _form_and_columns(path, form, kind)
    found = {} if is_dead_letter(own) else partitions_of(path)
    return TableFile(path, form, own, {name: value for name, value in found.items() if name not in own})


def _form_and_columns(path: Any, given: TextForm, kind: Format) -> tuple[TextForm, tuple[str, ...]]:
    """Return the form of a file and its columns; a dead letter has a form of its own."""

    def columns(form: TextForm) -> tuple[str, ...]:
        with open_checked(path) as file:
            return checked_names(kind.columns(file, str(path), form), path)

    own, failure = tuple[str, ...](), None
    try:
        own = columns(given)
    except EmptyFileError:
        raise
    except InputError as error:  # such as a header with other delimiters
        failure = error
    if kind.is_text and (failure or is_dead_letter(own) or not has_ascii(given.encoding)):
        found = written_form(lambda: open_checked(path), str(path), given, kind.columns)
        if found and found != given:
            log_form(str(path), given, found)
            return found, columns(found)
    if failure:
        raise failure
    return given, own


def _filled(paths: Iterable[Any], form: TextForm) -> list[TableFile]:
    """Return the files that have columns."""
    # Parallel writers leave empty files where a part has no rows.
    files: list[TableFile] = []
    empty: list[str] = []
    for path in paths:
        try:
            files.append(_opened(path, form))
        except EmptyFileError:
            empty.append(str(path))
    if empty:
        more = [f"and {len(empty) - MOST_NAMED:,} more"] * (len(empty) > MOST_NAMED)
        log.warning("Empty files, which have no rows: %s", ", ".join(empty[:MOST_NAMED] + more))
    return files


def _warn_of_both(files: Iterable[TableFile]) -> None:
    others = (file for file in files if not is_dead_letter(file.own))
    both = {name: file.path for file in others for name in partitions_of(file.path) if name in file.own}
    for name, path in both.items():
        log.warning("%s has a column %s, and so does its path: the values in the file are used", path, name)


def _describe(data: Any, paths: Sequence[Any], width: int) -> str:
    columns = counted(width, "column")
    if paths[0] is data:
        return f"file {data} of {columns}"
    shape = f"{counted(len(paths), 'file')} of {columns}"
    return shape if isinstance(data, list) else f"{shape} matching {data}"


def _read(files: Iterable[TableFile], batch_rows: int) -> Iterator[Batch]:
    for file in files:
        yield from file.batches(batch_rows)
