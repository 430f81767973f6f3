"""Proxies that speak by the rules, and the ways in which they fail, for :class:`tests.support.raw_server.RawServer`."""

from __future__ import annotations

import socket
import ssl
import struct
from contextlib import closing
from select import select

from tests.support.raw_server import Speak


def read_head(connection: socket.socket) -> bytes:
    """Read up to the blank line that ends a request without a body."""
    found = b""
    while not found.endswith(b"\r\n\r\n"):
        found += _exactly(connection, 1)
    return found


def hanging(connection: socket.socket) -> None:
    """Read all that comes, and answer nothing."""
    while connection.recv(65536):
        pass


def hanging_up(connection: socket.socket) -> None:
    """Read some of what comes, and close the connection."""
    connection.recv(65536)
    connection.shutdown(socket.SHUT_RDWR)


def resetting(connection: socket.socket) -> None:
    """Read some of what comes, and reset the connection."""
    connection.recv(65536)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def saying(answer: bytes) -> Speak:
    """Read some of what comes, whatever it is, and answer with the same bytes in any case; nothing follows."""

    def speak(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)
        connection.shutdown(socket.SHUT_WR)
        hanging(connection)

    return speak


def answering_connect(status: str, then: Speak = hanging, seen: list[bytes] | None = None) -> Speak:
    """Answer CONNECT with a status; with 200 what comes then is the server's."""

    def speak(connection: socket.socket) -> None:
        request = read_head(connection)
        assert request.startswith(b"CONNECT ")
        if seen is not None:
            seen.append(request)
        length = b"" if status.startswith("200") else b"Content-Length: 0\r\n"
        connection.sendall(b"HTTP/1.1 %b\r\n%b\r\n" % (status.encode(), length))
        then(connection)

    return speak


def socks(reply: int = 0, then: Speak = hanging, *, method: int = 0, verdict: int = 0) -> Speak:
    """Speak SOCKS 5 (RFC 1928).

    :param reply: to the request to connect; with 0 what comes then is the server's.
    :param method: of authentication: 0 for none, 2 for user and password (RFC 1929), 255 if none is acceptable.
    :param verdict: on user and password; only 0 lets them pass.
    """

    def speak(connection: socket.socket) -> None:
        _exactly(connection, _exactly(connection, 2)[1])
        connection.sendall(bytes([5, method]))
        if method == 2:
            for _ in range(2):
                length = _exactly(connection, 2 if _ == 0 else 1)[-1]
                _exactly(connection, length)
            connection.sendall(bytes([1, verdict]))
        kind = _exactly(connection, 4)[3]
        _exactly(connection, 2 + (_exactly(connection, 1)[0] if kind == 3 else 4))
        connection.sendall(bytes([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]))
        then(connection)

    return speak


def passing_on(url: str) -> Speak:
    """Connect to a server and pass on what both sides say, as a proxy does once the tunnel stands."""

    def speak(connection: socket.socket) -> None:
        host, _, port = url.rpartition("/")[2].rpartition(":")
        with closing(socket.create_connection((host, int(port)))) as server:
            while True:
                for each in select([connection, server], [], [], 10)[0]:
                    data = each.recv(65536)
                    if not data:
                        return
                    while isinstance(each, ssl.SSLSocket) and each.pending():  # select does not see it
                        data += each.recv(65536)
                    (server if each is connection else connection).sendall(data)

    return speak


def _exactly(connection: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length:
        received = connection.recv(length - len(found))
        if not received:
            raise ConnectionError
        found += received
    return found
