"""Checked rows, in an unnamed temporary file until they are sent; in memory while they are few."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO, Any, Final

import pyarrow as pa

from airflow_provider_socialscrm.importer.fields.checked_batch import CheckedBatch
from airflow_provider_socialscrm.importer.reasons import Reason

MEMORY_BYTES: Final = 16 * 1024 * 1024
"""Bytes held in memory before they are written to a file: some 100,000 rows of fifteen columns."""

COMPRESSION: Final = "lz4"

_WRITE: Final = pa.ipc.IpcWriteOptions(compression=COMPRESSION, use_threads=False)
_READ: Final = pa.ipc.IpcReadOptions(use_threads=False)
"""Without Arrow's threads, each of which keeps memory of its own: they doubled that of an import."""

_IN_ARROW: Final = ("own", "bodies", "keys")
"""Fields of a checked batch that are stored as Arrow columns; the others are pickled."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Where something is in the file."""

    start: int
    size: int


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SpooledBatch:
    """The own columns of rows, read from the file each time they are asked for: few rows are rejected.

    :param start: position in the input of the first row.
    :param file: the file they are from, if any.
    :param unreadable: why, for each row that could not be read.
    """

    start: int
    file: str | None
    unreadable: Mapping[int, Reason]
    _spool: Spool
    _part: _Part

    @property
    def records(self) -> pa.RecordBatch:
        """The rows."""
        return self._spool.records_of(self._part)


class Spool:
    """Holds checked batches in order; each is written once and can be read as often as needed.

    The file has no name, so that nobody else can open it and it is gone with the process, however that ends.

    :param memory_bytes: bytes to hold in memory before they are written to the file.
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        self._memory_bytes = memory_bytes
        self._file: IO[bytes] = BytesIO()
        self._batches: list[tuple[_Part, _Part, _Part]] = []
        self._end = 0

    def add(self, checked: CheckedBatch) -> None:
        """Write a batch behind the others.

        :raises OSError: when the disk is full.
        """
        own = checked.own
        rows = pa.RecordBatch.from_arrays([checked.bodies, pa.array(checked.keys)], names=["bodies", "keys"])
        others = {each.name: getattr(checked, each.name) for each in fields(checked) if each.name not in _IN_ARROW}
        notes = pickle.dumps((own.start, own.file, own.unreadable, others), pickle.HIGHEST_PROTOCOL)
        columns = [_with_own_categories(column) for column in own.records.columns]
        records = pa.RecordBatch.from_arrays(columns, names=own.records.schema.names)
        self._batches.append((self._write(notes), self._write(_to_bytes(rows)), self._write(_to_bytes(records))))

    def __iter__(self) -> Iterator[CheckedBatch]:
        for notes, rows, own in self._batches:
            start, file, unreadable, others = pickle.loads(self._read(notes))  # noqa: S301 - nobody else can write it
            columns = _from_bytes(self._read(rows))
            yield CheckedBatch(
                own=SpooledBatch(start, file, unreadable, self, own),
                bodies=columns.column("bodies"),
                keys=columns.column("keys").to_numpy(),
                **others,
            )

    def records_of(self, part: _Part) -> pa.RecordBatch:
        """Return rows as they came."""
        return _from_bytes(self._read(part))

    def close(self) -> None:
        """Release the memory and the file."""
        self._file.close()

    def _write(self, content: Any) -> _Part:
        part = _Part(self._end, len(content))
        self._end += part.size
        with named_errors():
            if self._end > self._memory_bytes and isinstance(self._file, BytesIO):
                held, self._file = self._file, TemporaryFile()  # noqa: SIM115 - closed by close()
                self._file.write(held.getvalue())
            self._file.seek(part.start)
            self._file.write(content)
            self._file.flush()  # so that a full disk is found here
        return part

    def _read(self, part: _Part) -> bytes:
        with named_errors():
            self._file.seek(part.start)
            return self._file.read(part.size)


@contextmanager
def named_errors() -> Iterator[None]:
    """Add to an error of a temporary file what to do about it."""
    try:
        yield
    except OSError as failure:
        message = "the temporary file for the rows to send cannot be used; set TMPDIR to a folder with enough space"
        raise OSError(failure.errno, f"{failure.strerror}: {message}") from None


def _with_own_categories(column: pa.Array) -> pa.Array:
    """Return a column without categories that do not occur: a slice of a table has all those of the table."""
    if not pa.types.is_dictionary(column.type):
        return column
    kind = column.type.value_type
    if pa.types.is_dictionary(kind) or isinstance(kind, pa.BaseExtensionType):
        # Arrow writes a dictionary of these, and cannot read it back.
        return _with_own_categories(column.dictionary.take(column.indices))
    if len(column.dictionary) <= len(column):
        return column
    used = column.indices.dictionary_encode()
    return pa.DictionaryArray.from_arrays(used.indices, column.dictionary.take(used.dictionary))


def _to_bytes(records: pa.RecordBatch) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, records.schema, options=_WRITE) as writer:
        writer.write_batch(records)
    return sink.getvalue()


def _from_bytes(content: bytes) -> pa.RecordBatch:
    with pa.ipc.open_stream(content, options=_READ) as reader:
        return reader.read_next_batch()
