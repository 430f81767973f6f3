"""One file or many, of any kind this import reads, as one source of rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Final

import pyarrow as pa

from airflow_provider_socialscrm.api.privacy import redact
from airflow_provider_socialscrm.importer import csv_files, jsonl_files, lines, parquet_files
from airflow_provider_socialscrm.importer.batches import Piece, Source
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.lines import TextForm

_WILD = re.compile(r"[*?\[]")  # what makes a pattern of a path


@dataclass(frozen=True, slots=True)
class Format:
    """How files of one kind are read, given the open file, its name for messages and how text is written.

    :param columns: returns the columns' names.
    :param pieces: yields the rows; it is told the columns, too.
    :param ahead: bytes to fetch from object storage beyond those that are asked for.
    """

    columns: Callable[[IO[bytes], str, TextForm], Sequence[str]]
    pieces: Callable[[IO[bytes], str, TextForm, Sequence[str]], Iterator[Piece]]
    ahead: int


_JSONL: Final = Format(jsonl_files.columns, jsonl_files.pieces, lines.AHEAD_BYTES)
FORMATS: Final = {
    ".parquet": Format(parquet_files.columns, parquet_files.pieces, parquet_files.AHEAD_BYTES),
    ".csv": Format(csv_files.columns, csv_files.pieces, lines.AHEAD_BYTES),
    ".jsonl": _JSONL,
    ".ndjson": _JSONL,
}
"""The kinds of files by how their names end."""


@dataclass(frozen=True, slots=True)
class TableFile:
    """A file whose columns are known.

    :param path: where it is.
    :param form: how it is written, if it is text.
    :param columns: its columns.
    """

    path: Any
    form: TextForm
    columns: tuple[str, ...]

    def pieces(self) -> Iterator[Piece]:
        """Yield its rows."""
        with readable(self.path) as file:
            yield from _format(self.path).pieces(file, str(self.path), self.form, self.columns)


def files_source(data: Any, *, encoding: str = "utf-8", delimiter: str = ",") -> Source:
    """Return the rows of a file, or of all files that a pattern matches, one after the other in the order of names.

    :param data: a path object such as ``pathlib.Path`` or Airflow's ``ObjectStoragePath``, to a Parquet, CSV or JSONL
        file; or one with ``*``, ``?``, ``[...]`` or ``**`` in it, unless a file has that very name.
    :param encoding: of CSV and JSONL files, any that Python knows; a byte order mark is no text.
    :param delimiter: what stands between the values of a CSV file.
    :raises InputError: when there is no such file, one cannot be read, or its columns cannot be told apart.
    """
    form = TextForm(encoding, delimiter)
    paths = _paths(data)
    files = [_opened(path, form) for path in paths]
    columns = tuple(dict.fromkeys(name for file in files for name in file.columns))
    return Source(columns, _describe(data, paths, len(columns)), lambda _: _read(files))


def checked_names(names: Iterable[Any], of: Any = None) -> tuple[str, ...]:
    """Return the names of columns as texts.

    :param of: the file they are from, if any, for the message.
    :raises InputError: when some are the same.
    """
    columns = tuple(str(name) for name in names)
    twice = sorted({name or "''" for name in columns if columns.count(name) > 1})
    if twice:
        where = "" if of is None else f" of {of}"
        raise InputError(
            f"These columns{where} are there more than once: {', '.join(twice)}. Rename or drop all but one."
        )
    return columns


@contextmanager
def readable(path: Any) -> Iterator[IO[bytes]]:
    """Open a file for what happens inside.

    :raises InputError: when the file cannot be read. A failure that may pass, such as the network's, stays what it is,
        so that a retry makes sense.
    """
    with _trouble_named(path), path.open("rb", buffering=_format(path).ahead) as file:
        if not file.read(1):
            raise InputError(f"{path} is empty: look at what wrote it, or remove it.")
        file.seek(0)
        yield file


@contextmanager
def _trouble_named(path: Any) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, UnicodeError, OSError) as failure:
        if isinstance(failure, OSError) and not _is_lasting(failure):
            raise
        reason = redact(str(failure)).rstrip(".")
        raise InputError(
            f"{path} cannot be read: {reason}. Check that it is whole, and that the worker may read it."
        ) from None


def _is_lasting(failure: OSError) -> bool:
    """Tell what is wrong with the file, which pyarrow raises without a number, from a network that may recover."""
    return isinstance(failure, IsADirectoryError | PermissionError) or (type(failure) is OSError and not failure.errno)


def _paths(data: Any) -> list[Any]:
    with _trouble_named(data):
        if data.is_dir():
            raise InputError(f"{data} is a folder: give a file in it, or a pattern such as {data / '*.csv'}.")
        if data.exists():
            return [data]
        if not _WILD.search(str(data)):
            raise InputError(f"{data} is not there: check the path in data, and that the worker can reach it.")
        paths = [path for path in sorted(_matches(data), key=str) if not path.is_dir()]
    if not paths:
        raise InputError(f"{data} matches no file: check the pattern in data, and that the worker can reach its files.")
    return paths


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
    if path.suffix.lower() not in FORMATS:
        raise InputError(f"{path} is not a file this import reads: its name has to end in {', '.join(FORMATS)}.")
    return FORMATS[path.suffix.lower()]


def _opened(path: Any, form: TextForm) -> TableFile:
    with readable(path) as file:
        return TableFile(path, form, checked_names(_format(path).columns(file, str(path), form), path))


def _describe(data: Any, paths: Sequence[Any], width: int) -> str:
    if paths[0] is data:
        return f"file {data} of {width} columns"
    count = "1 file" if len(paths) == 1 else f"{len(paths):,} files"
    return f"{count} of {width} columns matching {data}"


def _read(files: Iterable[TableFile]) -> Iterator[Piece]:
    for file in files:
        yield from file.pieces()
