"""A server that writes whatever bytes a test wants, and the exchanges of a transport with it."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress

import pytest

from airflow_provider_socialscrm.api.deadlines import Now
from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.api.settings import Settings, Transport
from airflow_provider_socialscrm.api.signing import Call
from airflow_provider_socialscrm.api.transport import HttpTransport

ENVELOPE = b'{"code":200,"message":"Success","data":""}'
CALL = Call("PUT", "/path", {"Content-Type": "application/json"}, b'{"data":[]}')

Speak = Callable[[socket.socket], None]


class RawServer:
    """A server that writes whatever bytes a test wants, at whatever pace."""

    def __init__(self, speak: Speak) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.connections: list[socket.socket] = []
        self._speak = speak
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections.append(connection)
                self._threads.append(threading.Thread(target=self._serve, args=(connection,)))
                self._threads[-1].start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            self._speak(connection)

    def close(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for connection in self.connections:
            connection.close()


def read_request(connection: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request or not request.endswith(CALL.body):
        received = connection.recv(65536)
        if not received:
            raise ConnectionError
        request += received
    return request


def head(length: int, *lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {length}", *lines, "", ""]).encode()


def answering(*bodies: bytes, lines: tuple[str, ...] = (), status: str = "200 OK") -> Speak:
    def speak(connection: socket.socket) -> None:
        for body in bodies:
            read_request(connection)
            connection.sendall(head(len(body), *lines, status=status) + body)
        connection.recv(1)

    return speak


def tls(
    start: Callable[[Speak], str],
    certificate: str,
    speak: Speak,
    asks_for: str | None = None,
    version: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED,
) -> str:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.maximum_version = version
    if asks_for:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(asks_for)

    def speak_inside(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as inside:
            try:
                inside.do_handshake()
            except ssl.SSLError:
                with socket.socket(fileno=inside.detach()) as plain:
                    while plain.recv(65536):  # so that our alert arrives before the end of the connection
                        pass
                return
            speak(inside)

    return start(speak_inside).replace("http://", "https://")


def reaching(url: str, timeout: float, *, now: Now = time.monotonic, **how: object) -> HttpTransport:
    return HttpTransport(Settings(url, "1", "key", timeout=timeout, transport=Transport(**how)), connections=1, now=now)


def failure_of(transport: HttpTransport, call: Call = CALL) -> tuple[SocialSCRMError, float]:
    started = time.monotonic()
    with closing(transport), pytest.raises(SocialSCRMError) as caught:
        transport.exchange(call)
    return caught.value, time.monotonic() - started
