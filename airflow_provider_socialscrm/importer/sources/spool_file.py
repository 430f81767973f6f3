"""An unnamed temporary file for rows that wait; in memory while they are few."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO, Any, Final

import pyarrow as pa

MEMORY_BYTES: Final = 16 * 1024 * 1024
"""Bytes held in memory before they are written to a file: some 100,000 rows of fifteen columns."""

COMPRESSION: Final = "lz4"

_WRITE: Final = pa.ipc.IpcWriteOptions(compression=COMPRESSION, use_threads=False)
_READ: Final = pa.ipc.IpcReadOptions(use_threads=False)
"""Without Arrow's threads, each of which keeps memory of its own: they doubled that of an import."""


@dataclass(frozen=True, slots=True)
class Part:
    """Where something is in the file."""

    start: int
    size: int


class SpoolFile:
    """Holds content in parts; each is written once and can be read as often as needed.

    The file has no name, so that nobody else can open it and it is gone with the process, however that ends.

    :param memory_bytes: bytes to hold in memory before they are written to the file.
    """

    def __init__(self, memory_bytes: int = MEMORY_BYTES) -> None:
        self._memory_bytes = memory_bytes
        self._file: IO[bytes] = BytesIO()
        self._end = 0

    def write(self, content: Any) -> Part:
        """Write content behind the rest, and return where it is.

        :raises OSError: when the disk is full.
        """
        part = Part(self._end, len(content))
        self._end += part.size
        with named_errors():
            if self._end > self._memory_bytes and isinstance(self._file, BytesIO):
                held, self._file = self._file, TemporaryFile()  # noqa: SIM115 - closed by close()
                self._file.write(held.getvalue())
            self._file.seek(part.start)
            self._file.write(content)
            self._file.flush()  # so that a full disk is found here
        return part

    def read(self, part: Part) -> bytes:
        """Return the content of a part."""
        with named_errors():
            self._file.seek(part.start)
            return self._file.read(part.size)

    def close(self) -> None:
        """Release the memory and the file."""
        self._file.close()


def records_to_bytes(records: pa.RecordBatch) -> pa.Buffer:
    """Return rows as bytes."""
    columns = [_with_own_categories(column) for column in records.columns]
    own = pa.RecordBatch.from_arrays(columns, names=records.schema.names)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, own.schema, options=_WRITE) as writer:
        writer.write_batch(own)
    return sink.getvalue()


def records_from_bytes(content: bytes) -> pa.RecordBatch:
    """Return rows that were bytes."""
    with pa.ipc.open_stream(content, options=_READ) as reader:
        return reader.read_next_batch()


@contextmanager
def named_errors() -> Iterator[None]:
    """Add to an error of the temporary file what to do about it."""
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
