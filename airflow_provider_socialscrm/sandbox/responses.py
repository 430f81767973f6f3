"""How a reply travels to the client: whole, broken off, in pieces, or compressed behind many blanks."""

from __future__ import annotations

import asyncio
import socket
import struct
import zlib
from collections.abc import Awaitable, Callable, Iterator
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING

from starlette.responses import Response, StreamingResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from .codes import Compressed, Dripping

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from .codes import Reply

Sleep = Callable[[float], Awaitable[None]]

TRANSPORT = "transport"
"""Key in an ASGI scope's ``state`` under which a response finds its connection."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""Value of SO_LINGER with which closing a socket resets the connection: linger on, for 0 seconds."""

WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
"""Statuses whose responses have no body; with one, the server breaks the connection instead."""

WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
"""What zlib calls the two encodings; HTTP's deflate has a zlib header (RFC 9110, 8.4.1.2)."""
BLANKS_AT_ONCE = 2**20
"""Bytes that are compressed at once; our choice, a thousandth of it is sent."""


def response_of(reply: Reply, now: float, sleep: Sleep) -> Response:
    """Return the HTTP response that carries a reply.

    :param now: the server's clock, seconds since the epoch
    :param sleep: waits for some seconds, between the pieces of a response
    """
    headers = {"Date": formatdate(now, usegmt=True), **reply.headers}
    if not reply.is_complete:
        return BrokenResponse(reply, {**headers, "Content-Length": str(reply.promised or 0)})
    if isinstance(reply.delivery, Dripping):
        return DrippingResponse(reply, headers, reply.delivery, sleep)
    if isinstance(reply.delivery, Compressed):
        headers = {**headers, "Content-Encoding": reply.delivery.encoding}
        return StreamingResponse(
            compressed(reply.content, reply.delivery), reply.status or 0, headers, reply.content_type
        )
    content = b"" if reply.status in WITHOUT_BODY else reply.content
    return Response(content, reply.status or 0, headers, reply.content_type)


def compressed(content: bytes, delivery: Compressed) -> Iterator[bytes]:
    """Yield blanks and a content, compressed together, without ever holding more than a few of the blanks."""
    compressor = zlib.compressobj(wbits=WINDOW_BITS[delivery.encoding])
    blanks = b" " * BLANKS_AT_ONCE
    for rest in range(delivery.blanks, 0, -BLANKS_AT_ONCE):
        if piece := compressor.compress(blanks[:rest]):
            yield piece
    yield compressor.compress(content) + compressor.flush()


class ConnectionProtocol(H11Protocol):
    """uvicorn's HTTP protocol, which also gives each request its connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Add the connection to the state that uvicorn copies into every request's scope."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT: transport}


class BrokenResponse(Response):
    """A response whose connection ends too early: reset before the first byte, or closed halfway."""

    def __init__(self, reply: Reply, headers: dict[str, str]) -> None:
        super().__init__(reply.content, reply.status or 0, headers, reply.content_type)
        self._is_reset = reply.status is None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the part that arrives, then end the connection."""
        transport: asyncio.Transport = scope["state"][TRANSPORT]
        if self._is_reset:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            transport.abort()
        else:
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": self.body, "more_body": True})
            transport.close()
        # Returning before uvicorn has noticed would make it answer 500, or log an error.
        while (await receive())["type"] != "http.disconnect":
            pass


class DrippingResponse(Response):
    """A response that arrives in pieces, and whose connection ends with it."""

    def __init__(self, reply: Reply, headers: dict[str, str], delivery: Dripping, sleep: Sleep) -> None:
        content = reply.content.rjust(delivery.pieces)  # a JSON document may begin with blanks
        super().__init__(content, reply.status or 0, {**headers, "Connection": "close"}, reply.content_type)
        self._delivery = delivery
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Write to the connection itself, since uvicorn sends the headers in one piece."""
        transport: asyncio.Transport = scope["state"][TRANSPORT]
        lines = [b"HTTP/1.1 %d" % self.status_code, *(b"%b: %b" % header for header in self.raw_headers)]
        first, dripping = b"\r\n".join([*lines, b"\r\n"]), bytes(self.body)
        if self._delivery.with_headers:
            first, dripping = b"", first + dripping
        transport.write(first)
        pieces = self._delivery.pieces
        for n in range(pieces):
            await self._sleep(self._delivery.pause)
            if transport.is_closing():
                break
            transport.write(dripping[n * len(dripping) // pieces : (n + 1) * len(dripping) // pieces])
        transport.close()
        await _until_closed(receive)


async def _until_closed(receive: Receive) -> None:
    # Returning before uvicorn has noticed would make it answer 500, or log an error.
    while (await receive())["type"] != "http.disconnect":
        pass
