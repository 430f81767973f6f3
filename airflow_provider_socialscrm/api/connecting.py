"""Connections that say, when they cannot be made, how far they came: until one stands, nothing of a call is sent."""

from __future__ import annotations

from enum import StrEnum
from http.client import HTTPException
from typing import Final

from urllib3.connection import HTTPConnection
from urllib3.exceptions import HTTPError, NewConnectionError, ProxyError
from urllib3.util.ssl_match_hostname import CertificateError

_FAILURES: Final = (OSError, HTTPException, HTTPError, CertificateError)
"""What the network and the other side can cause. A wrong address is a ``ValueError``, which stays as it is."""


class Step(StrEnum):
    """Where a connection ended."""

    PROXY = "proxy"
    TUNNEL = "tunnel"
    SERVER = "server"


class NotConnectedError(NewConnectionError):
    """No connection was made, so nothing of the request was sent.

    :param connection: that was to be made.
    :param step: on the way to the proxy, while the proxy connects to the server, or on the way to the server.
    """

    def __init__(self, connection: HTTPConnection, step: Step) -> None:
        super().__init__(connection, f"no connection ({step})")
        self.step = step

    @property
    def cause(self) -> BaseException | None:
        """The error of the system, Python or the proxy's library, without the errors that urllib3 puts around it."""
        cause = self.__cause__
        while isinstance(cause, HTTPError) and (inner := cause.__cause__ or cause.__context__):
            cause = inner
        return cause


class Connecting(HTTPConnection):
    """A connection that raises :class:`NotConnectedError` for each failure to connect, and only for those."""

    def connect(self) -> None:
        """Connect, through a proxy and with TLS where the address asks for them."""
        try:
            super().connect()
        except NotConnectedError:
            raise
        except _FAILURES as failure:
            raise NotConnectedError(self, self._step(failure)) from failure

    def _tunnel(self) -> None:
        try:
            super()._tunnel()
        except _FAILURES as failure:
            raise NotConnectedError(self, Step.TUNNEL) from failure

    def _step(self, failure: BaseException) -> Step:
        if hasattr(self, "_socks_options"):
            return self._socks_step(failure)
        return Step.PROXY if self.proxy and not self.has_connected_to_proxy else Step.SERVER

    def _socks_step(self, failure: BaseException) -> Step:
        if self.sock is not None:
            return Step.SERVER
        reason = failure.__cause__ or failure.__context__
        has_proxy = is_of_socks(reason) and type(reason).__name__ != "ProxyConnectionError"
        return Step.TUNNEL if has_proxy else Step.PROXY


def not_connected(failure: BaseException) -> NotConnectedError | None:
    """Return why there was no connection, so that nothing was sent; ``None`` if there was one.

    :param failure: of requests, which holds an error of urllib3, which may hold a reason.
    """
    found = failure.args[0] if failure.args else None
    found = getattr(found, "reason", found)
    if isinstance(found, ProxyError):
        found = found.original_error
    return found if isinstance(found, NotConnectedError) else None


def is_of_socks(failure: BaseException | None) -> bool:
    """Return whether PySocks raised an error, which is optional and hence not imported."""
    return type(failure).__module__ == "socks"
