"""One file or many, of any kind this import reads, as one source of rows."""

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
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.sources import csv_files, jsonl_files, parquet_files, text_lines
from airflow_provider_socialscrm.importer.sources.base import Batch, Source
from airflow_provider_socialscrm.importer.sources.compressed import DAMAGES, SUFFIXES, decompressed
from airflow_provider_socialscrm.importer.sources.partitions import partitions_of, with_partitions
from airflow_provider_socialscrm.importer.sources.text_lines import DEFAULT_DELIMITER, EmptyFileError, TextForm

log = logging.getLogger(__name__)

MOST_NAMED: Final = 10
"""Files that a line of the log names."""

_WILD = re.compile(r"[*?\[]")  # what makes a pattern of a path


@dataclass(frozen=True, slots=True)
class Format:
    """How files of one kind are read, given the open file, its name for messages and how text is written.

    :param columns: returns the columns' names.
    :param batches: yields the rows, given the columns, too.
    :param ahead: bytes to fetch from object storage beyond those that are asked for.
    :param is_text: whether it is lines of text, which may be compressed.
    :param delimiter: what separates values where nothing else is set.
    """

    columns: Callable[[IO[bytes], str, TextForm], Sequence[str]]
    batches: Callable[[IO[bytes], str, TextForm, Sequence[str]], Iterator[Batch]]
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
"""The kinds of files by how their names end."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file whose columns are known.

    :param path: where it is.
    :param form: how it is written, if it is text.
    :param own: the columns that stand in it.
    :param partitions: columns that its folders name, with their values.
    """

    path: Any
    form: TextForm
    own: tuple[str, ...]
    partitions: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """All its columns."""
        return (*self.own, *self.partitions)

    def batches(self) -> Iterator[Batch]:
        """Yield its rows."""
        with readable(self.path) as file:
            for batch in _format(self.path).batches(file, str(self.path), self.form, self.own):
                yield with_partitions(batch, self.partitions)


def files_source(data: Any, *, encoding: str = "utf-8", delimiter: str = ",") -> Source:
    """Return the rows of a file, or of all files that a pattern matches, one after the other in the order of names.

    :param data: a path object such as ``pathlib.Path`` or Airflow's ``ObjectStoragePath``, to a Parquet, CSV or JSONL
        file, text also compressed; or one with ``*``, ``?``, ``[...]`` or ``**`` in it, unless a file has that very
        name.
    :param encoding: of CSV and JSONL files, any that Python knows; a byte order mark is no text.
    :param delimiter: what stands between the values of a CSV file.
    :raises InputError: when there is no such file, one cannot be read, or its columns cannot be told apart.
    """
    form = TextForm(encoding, delimiter)
    paths = _paths(data)
    files = [_opened(data, form)] if paths[0] is data else _filled(paths, form)
    _warn_of_both(files)
    columns = tuple(dict.fromkeys(name for file in files for name in file.columns))
    return Source(columns, _describe(data, paths, len(columns)), lambda: _read(files))


def checked_names(names: Iterable[Any], of: Any = None) -> tuple[str, ...]:
    """Return the names of columns as texts.

    :param of: the file they are from, if any, for the message.
    :raises InputError: when some are the same.
    """
    columns = tuple(str(name) for name in names)
    times = Counter(columns)
    twice = [place for place, name in enumerate(columns, 1) if times[name] > 1]
    if not twice:
        return columns
    where = "" if of is None else f" of {of}"
    if any(map(is_personal, columns)):  # without a header these are a customer's values
        raise InputError(
            f"The columns {', '.join(map(str, twice))}{where} have names that are there more than once, and some names "
            "look like a customer's number or address: does the first line name the columns?"
        )
    named = ", ".join(sorted({columns[place - 1] or "''" for place in twice}))
    raise InputError(f"These columns{where} are there more than once: {named}. Rename or drop all but one.")


@contextmanager
def readable(path: Any) -> Iterator[IO[bytes]]:
    """Open a file for what happens inside.

    :raises EmptyFileError: when there is nothing in the file.
    :raises InputError: when the file cannot be read. A failure that may pass, such as the network's, stays what it is,
        so that a retry makes sense.
    """
    kind = _format(path)
    with _trouble_named(path), path.open("rb", buffering=kind.ahead) as file:
        yield decompressed(file, path, is_text=kind.is_text)


@contextmanager
def _trouble_named(path: Any) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, UnicodeError, OSError, *DAMAGES) as failure:
        if isinstance(failure, OSError) and not _is_lasting(failure):
            raise
        reason = redact(str(failure)).rstrip(".")
        raise InputError(
            f"{path} cannot be read: {reason}. Check that it is whole, and that the worker may read it."
        ) from None


def _is_lasting(failure: OSError) -> bool:
    """Tell what is wrong with the file, which pyarrow raises without a number, from a network that may recover."""
    if isinstance(failure, (IsADirectoryError, PermissionError, *DAMAGES)):
        return True
    return type(failure) is OSError and not failure.errno


def _paths(data: Any) -> list[Any]:
    try:
        with _trouble_named(data):
            paths = _found(data)
    except ImportError as failure:  # of its file system, which is loaded when it is first asked
        raise InputError(
            f"{data} cannot be reached, for its file system is not installed: {redact(str(failure)).rstrip('.')}. "
            "Install what it needs, or download the file in a task before this one and give the path of the copy."
        ) from None
    if not paths:
        raise InputError(f"{data} matches no file: check the pattern in data, and that the worker can reach its files.")
    return paths


def _found(data: Any) -> list[Any]:
    if data.is_dir():
        raise InputError(f"{data} is a folder: give a file in it, or a pattern such as {data / '*.csv'}.")
    if data.exists():
        return [data]
    if not _WILD.search(str(data)):
        raise InputError(f"{data} is not there: check the path in data, and that the worker can reach it.")
    return [path for path in sorted(_matches(data), key=str) if not path.is_dir()]


def _matches(pattern: Any) -> list[Any]:
    """Return what a pattern matches, folders included."""
    folder, parts = pattern, list[str]()
    while folder.name and _WILD.search(str(folder)):
        parts.insert(0, folder.name)
        folder = folder.parent
    try:
        return list(folder.glob("/".join(parts)))
    except ValueError as failure:
        raise InputError(f"{pattern} is no pattern: {redact(str(failure))}.") from None


def _format(path: Any) -> Format:
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        suffix = PurePosixPath(PurePosixPath(path.name).stem).suffix.lower()
    if suffix not in FORMATS:
        raise InputError(
            f"{path} is not a file this import reads: its name has to end in {', '.join(FORMATS)}; text may be "
            f"compressed, and end in {', '.join(SUFFIXES)} behind that."
        )
    return FORMATS[suffix]


def _opened(path: Any, form: TextForm) -> TableFile:
    kind = _format(path)
    if form.delimiter == DEFAULT_DELIMITER:
        form = replace(form, delimiter=kind.delimiter)
    with readable(path) as file:
        own = checked_names(kind.columns(file, str(path), form), path)
    found = partitions_of(path)
    return TableFile(path, form, own, {name: value for name, value in found.items() if name not in own})


def _filled(paths: Iterable[Any], form: TextForm) -> list[TableFile]:
    """Return the files that have columns; writers in parallel leave empty ones where a part has no rows."""
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
    both = {name: file.path for file in files for name in partitions_of(file.path) if name in file.own}
    for name, path in both.items():
        log.warning("%s has a column %s, and so has its path: the values are those in the file", path, name)


def _describe(data: Any, paths: Sequence[Any], width: int) -> str:
    if paths[0] is data:
        return f"file {data} of {width} columns"
    count = "1 file" if len(paths) == 1 else f"{len(paths):,} files"
    return f"{count} of {width} columns matching {data}"


def _read(files: Iterable[TableFile]) -> Iterator[Batch]:
    for file in files:
        yield from file.batches()
