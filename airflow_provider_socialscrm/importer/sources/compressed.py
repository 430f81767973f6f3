"""Decompress files. Their first bytes decide on the format, whatever their names say."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable
from typing import IO, Any, Final

import pyarrow as pa

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.sources.text_lines import EmptyFileError

STREAM_BYTES: Final = 64 * 1024
"""Bytes of a compressed file to read at a time."""

XZ_PADDING_BYTES: Final = 4
"""Zero bytes may follow a stream of an .xz file, in multiples of this."""

DAMAGES: Final = (EOFError, gzip.BadGzipFile, zlib.error, lzma.LZMAError)
"""Errors of compressed files that are cut or damaged, in addition to an :class:`OSError` without a number."""

HEAD_BYTES: Final = 16
"""First bytes of a file to look at: the longest magic number has ten."""

MOST_LAYERS: Final = 2
"""How often a file may be compressed: a download may have compressed it once more."""

_PARQUET = b"PAR1"


class Streams(io.RawIOBase):
    """Reads a file of one or several compressed streams to its last byte.

    Python's own readers end silently where something else follows a stream, which loses all rows after it.

    :param file: open at the start of a stream.
    :param start: returns a decompressor for one stream.
    :param padding: zero bytes may follow a stream in multiples of this; 0 allows none.
    """

    def __init__(self, file: Any, start: Callable[[], Any], padding: int = 0) -> None:
        self._file = file
        self._start = start
        self._padding = padding
        self._stream = start()
        self._ahead = b""

    def readable(self) -> bool:
        """Return True: it can be read."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer and return the number of bytes, which is 0 only at the end.

        :raises EOFError: when the last stream is cut.
        :raises OSError: when a stream is damaged, or something else follows it.
        """
        content = b""
        while not content and (not self._stream.eof or self._begins_another()):
            compressed = self._next() if self._stream.needs_input else b""
            if self._stream.needs_input and not compressed:
                raise EOFError("the compressed data is cut")
            content = self._stream.decompress(compressed, len(buffer))
        buffer[: len(content)] = content
        return len(content)

    def _next(self) -> bytes:
        ahead, self._ahead = self._ahead, b""
        return ahead or bytes(self._file.read(STREAM_BYTES))

    def _begins_another(self) -> bool:
        """Start the next stream, and return whether there is one."""
        self._ahead, zeros = self._stream.unused_data, 0
        while found := self._next():
            self._ahead = found.lstrip(b"\0") if self._padding else found
            zeros += len(found) - len(self._ahead)
            if self._ahead:
                break
        if zeros and zeros % self._padding:
            raise OSError("what follows a part of the compressed data is damaged")
        if self._ahead:
            self._stream = self._start()
        return bool(self._ahead)


_OPENERS: Final[tuple[tuple[bytes, Callable[[Any], Any]], ...]] = (
    (b"\x1f\x8b\x08", lambda file: gzip.GzipFile(fileobj=file, mode="rb")),  # its default is the file's mode, a number
    *((b"BZh%d1AY&SY" % size, lambda file: Streams(file, bz2.BZ2Decompressor)) for size in range(1, 10)),
    (b"\xfd7zXZ\0", lambda file: Streams(file, lzma.LZMADecompressor, XZ_PADDING_BYTES)),
    (b"\x28\xb5\x2f\xfd", lambda file: pa.CompressedInputStream(file, "zstd")),
)
"""Magic numbers of the formats, and their readers. That of bzip2 is long: a text may begin with its first letters."""

_ARCHIVE = "a ZIP archive, as workbooks (.xlsx) are: save the sheet as CSV, or unpack the archive"
_REFUSED: Final = (
    (b"PK\x03\x04", _ARCHIVE),
    (b"PK\x05\x06", _ARCHIVE),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a workbook (.xls): save the sheet as CSV"),
    (_PARQUET + b"\x15", "a Parquet file: give it a name that ends in .parquet"),
)
"""Magic numbers of formats that are not read, and what to do about such files."""


def decompressed(file: IO[bytes], name: Any, *, is_text: bool) -> IO[bytes]:
    """Return a file whose content is decompressed as it is read.

    :param file: open at its start.
    :param name: of the file, for messages.
    :param is_text: whether it should be text; Parquet has a compression of its own.
    :raises EmptyFileError: when the file is empty.
    :raises InputError: when the import does not read the file's format.
    """
    head = file.read(HEAD_BYTES)
    file.seek(0)
    for _ in range(MOST_LAYERS):
        opener = next((opener for mark, opener in _OPENERS if head.startswith(mark)), None)
        if opener is None:
            break
        if not is_text:
            raise InputError(f"{name} is a Parquet file that was compressed as a whole: decompress it.")
        buffered = io.BufferedReader(opener(file))
        file, head = buffered, buffered.peek(HEAD_BYTES)
    if not head:
        raise EmptyFileError(f"{name} is empty: check the task that wrote it.")
    what = next((what for mark, what in _REFUSED if head.startswith(mark)), None)
    if what and (is_text or not head.startswith(_PARQUET)):
        raise InputError(f"{name} is {what}.")
    return file
