"""Puts replies on the wire, broken ones included."""

from __future__ import annotations

import asyncio
import socket
import struct
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from .replies import Reply

TRANSPORT = "transport"
"""Key in an ASGI scope's ``state`` under which a response finds its connection."""

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""Value of SO_LINGER with which closing a socket resets the connection: linger on, for 0 seconds."""


class ConnectionProtocol(H11Protocol):
    """uvicorn's HTTP protocol, which hands each request the connection it came on."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Add the connection to the state that uvicorn copies into every request's scope."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, TRANSPORT: transport}


class BrokenResponse(Response):
    """A response whose connection ends before it does: reset before the first byte, or closed halfway."""

    def __init__(self, reply: Reply, headers: dict[str, str]) -> None:
        super().__init__(reply.content, reply.status or 0, headers, reply.content_type)
        self._is_reset = reply.status is None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what is to arrive, then end the connection."""
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


def response_of(reply: Reply, now: float) -> Response:
    """Return the ASGI response for a reply.

    :param now: the server's clock, seconds since the epoch, for the ``Date`` header
    """
    headers = {**date_header(now), **reply.headers}
    if reply.is_complete:
        return Response(reply.content, reply.status or 0, headers, reply.content_type)
    return BrokenResponse(reply, {**headers, "Content-Length": str(reply.promised or 0)})


def date_header(now: float) -> dict[str, Any]:
    """Return the ``Date`` header, which tells clients the server's clock."""
    return {"Date": formatdate(now, usegmt=True)}
