"""HTTP whose every wait for the network ends at one moment, however slowly the other side sends or reads.

The time-outs of ``requests`` bound each pause between two bytes, so that a server that sends a byte now and then holds
a call for ever. Here each operation on a socket waits at most until the deadline of the call that its thread makes.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

import requests
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPSConnection
from urllib3.util.connection import allowed_gai_family, create_connection
from urllib3.util.ssl_ import create_urllib3_context, resolve_cert_reqs

from airflow_provider_socialscrm.api.connecting import Connecting
from airflow_provider_socialscrm.api.settings import CONNECT_TIMEOUT

Now = Callable[[], float]
"""Seconds of a clock that never goes back."""

_LATE: Final = "the deadline has passed"
_deadline: ContextVar[tuple[float, Now] | None] = ContextVar("deadline", default=None)


@contextmanager
def ending_at(moment: float, now: Now = time.monotonic) -> Iterator[None]:
    """Let every wait of this thread on a connection of :class:`DeadlineAdapter` end at a moment.

    :param moment: when a wait raises :class:`TimeoutError`, in seconds of the clock.
    :param now: the clock.
    """
    token = _deadline.set((moment, now))
    try:
        yield
    finally:
        _deadline.reset(token)


def _seconds_left() -> float | None:
    current = _deadline.get()
    if current is None:
        return None
    moment, now = current
    left = moment - now()
    if left <= 0:
        raise TimeoutError(_LATE)
    return left


def _seconds_to_connect() -> float:
    left = _seconds_left()
    return CONNECT_TIMEOUT if left is None else min(left, CONNECT_TIMEOUT)


class _Socket(socket.socket):
    def recv_into(self, *args: Any, **options: Any) -> int:
        _bound(self)
        return super().recv_into(*args, **options)

    def recv(self, *args: Any) -> bytes:
        _bound(self)
        return super().recv(*args)

    def send(self, *args: Any) -> int:
        _bound(self)
        return super().send(*args)

    def sendall(self, *args: Any) -> None:
        _bound(self)  # the system's time-out is for all of the data here, not for each part of it
        super().sendall(*args)


class _TLSSocket(ssl.SSLSocket):
    def read(self, *args: Any) -> Any:
        _bound(self)
        return super().read(*args)

    def send(self, *args: Any) -> int:
        _bound(self)  # ``sendall`` calls it for each part
        return super().send(*args)

    def do_handshake(self, block: bool = False) -> None:
        _bound(self, longest=CONNECT_TIMEOUT)
        super().do_handshake(block)


def _bound(sock: socket.socket, longest: float | None = None) -> None:
    left = _seconds_left()
    if left is not None:
        sock.settimeout(left if longest is None else min(left, longest))


class _Connection(Connecting):
    def _new_conn(self) -> socket.socket:
        """Return a connected socket; all addresses of the host together get no longer than the call has."""
        return self._bounded(self._connected())

    def _bounded(self, plain: socket.socket) -> socket.socket:
        bounded = _Socket(plain.family, plain.type, plain.proto, plain.detach())
        bounded.settimeout(_seconds_to_connect())
        return bounded

    def _connected(self) -> socket.socket:
        failure: OSError = OSError("the host has no address")
        # Finding the addresses has the system's own time-outs, and nothing has been sent by then.
        for *_, address in socket.getaddrinfo(self._dns_host, self.port, allowed_gai_family(), socket.SOCK_STREAM):
            timeout = _seconds_to_connect()
            try:
                return create_connection(
                    (str(address[0]), int(address[1])), timeout, self.source_address, self.socket_options
                )
            except OSError as each:
                failure = each
        raise failure


class _TLSConnection(_Connection, HTTPSConnection):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # As urllib3 would itself; it loads the certificates that requests names.
        self.ssl_context = create_urllib3_context(cert_reqs=resolve_cert_reqs(self.cert_reqs))
        self.ssl_context.sslsocket_class = _TLSSocket


class _SOCKSConnection(_Connection):
    def _new_conn(self) -> socket.socket:
        """Return a socket that a proxy connected; in each pause of the proxy it gets no longer than the call has."""
        self.timeout = _seconds_to_connect()
        return self._bounded(super()._new_conn())  # the class of urllib3, see below


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


_POOLS: Final[dict[str, Any]] = {"http": _Pool, "https": _TLSPool}


def _through_socks(scheme: str, connection: type[Any]) -> type[Any]:
    """Return a pool of our connections that a SOCKS proxy makes.

    :param connection: the class that urllib3 has for them; it needs a package that not everybody has.
    """
    pool = _POOLS[scheme]
    bases = (_SOCKSConnection, connection, pool.ConnectionCls)
    return type(pool.__name__, (pool,), {"ConnectionCls": type("SOCKSConnection", bases, {})})


class DeadlineAdapter(requests.adapters.HTTPAdapter):
    """Connections whose waits end at the moment that :func:`ending_at` sets.

    Inside of TLS to a proxy, and until a SOCKS proxy has connected, only each pause is bounded: other libraries make
    those sockets.
    """

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools of direct connections."""
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Return the pools of connections through a proxy."""
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = _POOLS
        if proxy.lower().startswith("socks"):
            from urllib3.contrib.socks import SOCKSConnection  # noqa: PLC0415 - needs PySocks

            manager.pool_classes_by_scheme = {scheme: _through_socks(scheme, SOCKSConnection) for scheme in _POOLS}
        return manager

    def close(self) -> None:
        """Close the connections that nobody uses, at once.

        urllib3 closes a pool's when the pool is collected, for which an exception that names it may wait for long.
        """
        for manager in (self.poolmanager, *self.proxy_manager.values()):
            for key in manager.pools.keys():  # noqa: SIM118 - urllib3's container cannot be iterated
                manager.pools[key].close()
        super().close()
