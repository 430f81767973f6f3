"""Why no connection was made, in words: the host, its port and the system's reason, and nothing else of an address."""

from __future__ import annotations

import http.client
import re
import socket
from typing import Final
from urllib.parse import urlsplit

import requests
import urllib3

from airflow_provider_socialscrm.api.errors import ServiceError

PORTS: Final = {"http": 80, "https": 443}
"""Port of an address that names none."""

_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3})")
"""How Python's HTTP client says that a proxy refuses to connect to the server."""

_TLS_RECORDS: Final = ("\x15\x03", "\x16\x03")
"""First bytes of an alert and of a handshake (RFC 8446, 5.1), as Python's HTTP client shows a status line."""

_UNKNOWN_NAME: Final = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
"""What the system's resolver answers for a name that nobody has; other answers may pass."""


def never_connected(failure: Exception) -> bool:
    """Return whether a call failed before a connection was there, so that nothing was sent."""
    reason = _reason(failure)
    # A proxy that refuses the tunnel. A connection that is lost later is a subclass, and urllib3 blames the proxy.
    if isinstance(reason, urllib3.exceptions.ProxyError) and type(reason.original_error) is OSError:
        return True
    return isinstance(
        _behind_proxy(reason), urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError
    )


def unreachable(failure: Exception, base_url: str, proxy: str | None) -> ServiceError:
    """Return the error for a connection that could not be made.

    :param failure: of the HTTP client.
    :param base_url: the address that was called.
    :param proxy: the address of the proxy on the way, if there is one; it may hold a password.
    """
    if not isinstance(failure, requests.exceptions.ProxyError):
        reason, check = _cause(failure, base_url)
        return ServiceError(f"SocialsCRM cannot be reached ({reason}), so nothing was sent. Check {check}.")
    check = "Check Proxies in the connection, or HTTPS_PROXY and HTTP_PROXY of the worker where it is empty."
    if refused := _TUNNEL.search(str(failure)):
        return ServiceError(
            f"The proxy refuses to connect to SocialsCRM (HTTP {refused[1]}), so nothing was sent. {check}"
        )
    reason = f" The reason: {_cause(failure, proxy)[0]}." if proxy else ""
    return ServiceError(f"The proxy cannot be reached, so nothing was sent. {check}{reason}")


def answered_in_tls(failure: Exception) -> bool:
    """Return whether a server answered a plain request with TLS, so that it read nothing of the request."""
    found = _status_failure(failure)
    return isinstance(found, http.client.BadStatusLine) and str(found).startswith(_TLS_RECORDS)


def closed_at_once(failure: Exception) -> bool:
    """Return whether a server closed the connection without any byte of a response."""
    return isinstance(_status_failure(failure), ConnectionError)


def _cause(failure: Exception, address: str) -> tuple[str, str]:
    """Return where and why no connection was made, and what to check."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    place = f"{f'[{host}]' if ':' in host else host}:{parts.port or PORTS.get(parts.scheme, '')}"
    cause: BaseException | None = _behind_proxy(_reason(failure))
    # urllib3 takes every failure to connect for a kind of time-out.
    if not isinstance(cause, urllib3.exceptions.NewConnectionError) and never_connected(failure):
        return f"{place}: no connection within the time-out", "Base URL, and the worker's network and firewall"
    while cause and not (isinstance(cause, OSError) and cause.strerror):
        cause = cause.__cause__ or cause.__context__
    if isinstance(cause, socket.gaierror):
        said = "name not known" if cause.errno in _UNKNOWN_NAME else str(cause.strerror)
        return f"{host}: {said}", "the host of Base URL, and the worker's DNS"
    if isinstance(cause, ConnectionRefusedError):
        return f"{place}: {cause.strerror}", "host and port of Base URL, and whether the server runs"
    said = str(cause.strerror) if isinstance(cause, OSError) else "no connection"
    return f"{place}: {said}", "Base URL, and the worker's network and DNS"


def _reason(failure: BaseException) -> BaseException | None:
    """Return what the HTTP client wraps: the error of requests holds one of urllib3, which may hold a reason."""
    cause = failure.args[0] if failure.args else None
    reason = getattr(cause, "reason", cause)
    return reason if isinstance(reason, BaseException) else None


def _behind_proxy(reason: BaseException | None) -> BaseException | None:
    return reason.original_error if isinstance(reason, urllib3.exceptions.ProxyError) else reason


def _status_failure(failure: BaseException) -> BaseException | None:
    """Return what Python's HTTP client raised instead of a status, if anything."""
    reason = _reason(failure)
    last = reason.args[-1] if isinstance(reason, urllib3.exceptions.ProtocolError) else None
    return last if isinstance(last, BaseException) else None
