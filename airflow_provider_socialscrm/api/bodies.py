"""Reads the body of a response in small pieces, and never holds more of it than a limit, packed or unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

LARGEST_BODY: Final = 16 * 2**20
"""Bytes of a body that are read and, after decompression, kept. A response that names each of 10,000 rows, more than a
call carries, has less than one MiB; 16 MiB leave room and can be held for each connection of a run."""

ACCEPTED_ENCODINGS: Final = "gzip, deflate"
"""Encodings that a request asks for: those that can be unpacked in pieces of a known size by Python itself."""

_PIECE: Final = 64 * 2**10
"""Bytes that are read or unpacked at once."""

_MOST_LAYERS: Final = 3
"""Encodings around one another that are unpacked: the server's, a proxy's, and one to spare."""

_GZIP_MAGIC: Final = 0x1F
_GZIP_OR_ZLIB: Final = zlib.MAX_WBITS | 32
_RAW_DEFLATE: Final = -zlib.MAX_WBITS
_UNPACKED: Final = {"gzip", "x-gzip", "deflate"}
_PLAIN: Final = {"", "identity"}


class BodyTooLargeError(Exception):
    """A body is larger than :data:`LARGEST_BODY`, as it is sent or after decompression."""


class BodyEncodingError(Exception):
    """A body cannot be decompressed: its encoding is not one we ask for, or its content is not in it."""


def read_body(read: Callable[[int], bytes], encoding: str, *, check: Callable[[], Any], limit: int) -> bytes:
    """Return a whole body, decompressed.

    :param read: returns at most so many bytes of the body as it is sent; empty at its end.
    :param encoding: the ``Content-Encoding``, which may name several.
    :param check: called for each piece; raises an error when it is time to stop.
    :param limit: bytes that no layer of the body may exceed.
    :raises BodyTooLargeError: when the body is larger, at the first byte above the limit.
    :raises BodyEncodingError: when it cannot be decompressed.
    """
    layers = [layer for name in encoding.split(",") if (layer := name.strip().lower()) not in _PLAIN]
    if len(layers) > _MOST_LAYERS or not _UNPACKED.issuperset(layers):
        raise BodyEncodingError
    pieces = _within(iter(lambda: read(_PIECE), b""), check, limit)
    for _ in layers:
        pieces = _within(_unpacked(pieces), check, limit)
    return b"".join(pieces)


def _within(pieces: Iterator[bytes], check: Callable[[], Any], limit: int) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        check()
        size += len(piece)
        if size > limit:
            raise BodyTooLargeError
        yield piece


def _unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = None
    for piece in pieces:
        packed = piece
        while packed:
            if unpacker is None or unpacker.eof:  # gzip may consist of several parts
                if unpacker is not None and packed[0] != _GZIP_MAGIC:
                    return  # padding after the end
                unpacker = zlib.decompressobj(_window(packed))
            yield from _inflated(unpacker, packed)
            packed = unpacker.unused_data
    if unpacker is not None and not unpacker.eof:
        raise BodyEncodingError


def _inflated(unpacker: Any, packed: bytes) -> Iterator[bytes]:
    piece = b"."
    while packed or len(piece) == _PIECE:
        try:
            piece = unpacker.decompress(packed, _PIECE)
        except zlib.error:
            raise BodyEncodingError from None
        packed = unpacker.unconsumed_tail
        yield piece


def _window(packed: bytes) -> int:
    """Return the kind of stream by its first byte: some servers send deflate without the header of zlib."""
    is_gzip, is_zlib = packed[0] == _GZIP_MAGIC, packed[0] & 0x0F == zlib.DEFLATED
    return _GZIP_OR_ZLIB if is_gzip or is_zlib else _RAW_DEFLATE
