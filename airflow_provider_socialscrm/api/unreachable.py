"""Why no connection was made, in words: the host, its port and the system's reason, and nothing else of an address."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

import urllib3
from urllib3.util.ssl_match_hostname import CertificateError

from airflow_provider_socialscrm.api.connecting import NotConnectedError, Step, is_of_socks
from airflow_provider_socialscrm.api.errors import ServiceError, SettingError, SocialSCRMError
from airflow_provider_socialscrm.api.proxies import Proxy, place_of

UNREADABLE_CERTIFICATE: Final = (
    "A certificate of the connection cannot be read on this worker, so nothing was sent. Check the paths of Verify and "
    "Cert."
)

REJECTED_CERTIFICATE: Final = (
    "The server does not accept the client certificate of this worker, or wants one, so it read nothing of the call. "
    "Check Cert."
)

_TUNNEL: Final = re.compile(r"Tunnel connection failed: (\d{3})")
"""How Python's HTTP client says that a proxy refuses to connect to the server."""

_TLS_RECORDS: Final = ("\x15\x03", "\x16\x03")
"""First bytes of an alert and of a handshake (RFC 8446, 5.1), as Python's HTTP client shows a status line."""

_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "record layer failure")
"""What OpenSSL says about a response that is not TLS; since 3.4 without a name."""

_OUR_CERTIFICATE: Final = re.compile(r"_ALERT_(\w*CERTIFICATE|UNKNOWN_CA)")
"""How OpenSSL names what the other side objects to in the certificate of ours, or that it got none (RFC 8446, 6.2)."""

_UNKNOWN_NAME: Final = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}
"""What the system's resolver answers for a name that nobody has; other answers may pass."""


_SOCKS_REFUSALS: Final = {"SOCKS4Error", "SOCKS5Error", "SOCKS5AuthError"}
"""Errors of PySocks for what a proxy said, not for how it ended."""

_CLOSED: Final = "it closed the connection"
_NOT_HTTP: Final = "its response is not HTTP"


def unreachable(failure: NotConnectedError, base_url: str, proxy: Proxy | None) -> SocialSCRMError:
    """Return the error for a connection that could not be made.

    :param base_url: the address that was called.
    :param proxy: the proxy on the way, if there is one.
    """
    if proxy is None:
        return _no_server(failure.cause, base_url)
    if failure.step is Step.PROXY:
        return _no_proxy(failure.cause, proxy)
    if failure.step is Step.TUNNEL:
        return _no_tunnel(failure.cause, base_url, proxy)
    return behind(proxy, _no_server(failure.cause, base_url))


def behind(proxy: Proxy, failure: SocialSCRMError) -> SocialSCRMError:
    """Return a failure whose sentences name the proxy on the way, which may be why."""
    failure.args = (f"{failure} The proxy on the way is {proxy.place} ({proxy.source}).",)
    return failure


def asks_for_a_password(proxy: Proxy) -> SettingError:
    """Return the error for a proxy that answers HTTP 407 to a call, which it did not pass on."""
    return SettingError(
        f"The proxy {proxy.place} refuses the call (HTTP 407), so SocialsCRM did not get it. Check user and password "
        f"in {proxy.source}.",
        http_status=http.HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    )


def proxy_speaks_tls(proxy: Proxy) -> SettingError:
    """Return the error for a proxy that answers in TLS, so that it read nothing of the call."""
    return SettingError(
        f"The proxy {proxy.place} speaks TLS, so it read nothing of the call. Let its address begin with https:// "
        f"({proxy.source})."
    )


def answered_in_tls(failure: Exception) -> bool:
    """Return whether a server answered a plain request with TLS, so that it read nothing of the request."""
    return _is_tls(_status_failure(failure))


def rejects_our_certificate(failure: Exception) -> bool:
    """Return whether the other side ended TLS because of our certificate; with TLS 1.3 that comes with the response."""
    return _OUR_CERTIFICATE.search(str(failure)) is not None


def closed_at_once(failure: Exception) -> bool:
    """Return whether a server closed the connection without any byte of a response."""
    return isinstance(_status_failure(failure), ConnectionError)


def _no_server(cause: BaseException | None, base_url: str) -> SocialSCRMError:
    host, place = urlsplit(base_url).hostname, place_of(base_url)
    if isinstance(cause, ssl.SSLError | CertificateError):
        return _no_tls(cause, place)
    reason, check = f"{place}: {_why(cause)}", "Base URL, and the worker's network and DNS"
    match cause:
        case socket.gaierror():
            reason, check = f"{host}: {_why(cause)}", "the host of Base URL, and the worker's DNS"
        case ConnectionRefusedError():
            check = "host and port of Base URL, and whether the server runs"
        case TimeoutError():
            check = "Base URL, and the worker's network and firewall"
    return ServiceError(f"SocialsCRM cannot be reached ({reason}), so nothing was sent. Check {check}.")


def _no_tls(cause: ssl.SSLError | CertificateError, place: str) -> SocialSCRMError:
    if _is_untrusted(cause):
        return SettingError(
            "The server's certificate is not trusted, so nothing was sent. Check Base URL; behind a company proxy, "
            "give its certificate authority to the worker (Verify, or REQUESTS_CA_BUNDLE)."
        )
    if _is_plain(cause):
        return SettingError(
            "The server does not speak TLS at this address, so nothing was sent. Check host and port of Base URL; "
            "write http:// only where the server has no https."
        )
    if _is_about_files(cause):
        return SettingError(UNREADABLE_CERTIFICATE)
    if rejects_our_certificate(cause):
        return SettingError(REJECTED_CERTIFICATE)
    return ServiceError(
        f"TLS with the server failed ({place}: {_why(cause)}), so nothing was sent. Check Base URL and Cert, and any "
        "proxy between."
    )


def _no_proxy(cause: BaseException | None, proxy: Proxy) -> SocialSCRMError:
    if isinstance(cause, ssl.SSLError | CertificateError):
        if _is_plain(cause):
            return SettingError(
                f"The proxy {proxy.place} does not speak TLS, so nothing was sent. Let its address begin with http:// "
                f"({proxy.source})."
            )
        if _is_untrusted(cause):
            return SettingError(
                f"The certificate of the proxy {proxy.place} is not trusted, so nothing was sent. Check "
                f"{proxy.source}; give the proxy's certificate authority to the worker (Verify, or REQUESTS_CA_BUNDLE)."
            )
        if _is_about_files(cause):
            return SettingError(UNREADABLE_CERTIFICATE)
    check = "the worker's network"
    match _within(cause):
        case socket.gaierror():
            check = "the worker's DNS"
        case ConnectionRefusedError():
            check = "whether the proxy runs"
    return ServiceError(
        f"The proxy {proxy.place} cannot be reached ({_why(cause)}), so nothing was sent. Check {proxy.source}, and "
        f"{check}." + (" Most proxies have an address that begins with http://." if proxy.scheme == "https" else "")
    )


def _no_tunnel(cause: BaseException | None, base_url: str, proxy: Proxy) -> SocialSCRMError:
    if _is_tls(cause):
        return proxy_speaks_tls(proxy)
    check = f"{proxy.source}, and whether the proxy may connect to {place_of(base_url)}"
    status = _TUNNEL.search(str(cause))
    why = f"HTTP {status[1]}" if status else _why(cause)
    if why == "HTTP 407" or type(_within(cause)).__name__ == "SOCKS5AuthError":
        check = f"user and password in {proxy.source}"
    elif isinstance(_within(cause), socket.gaierror):
        check = f"the host of Base URL, and the worker's DNS; with socks5h:// in {proxy.source} the proxy looks it up"
    elif why == _NOT_HTTP:
        check = f"scheme, host and port in {proxy.source}"
    refuses = status or type(_within(cause)).__name__ in _SOCKS_REFUSALS
    does = "refuses to connect to SocialsCRM" if refuses else "does not connect to SocialsCRM"
    return ServiceError(f"The proxy {proxy.place} {does} ({why}), so nothing was sent. Check {check}.")


def _why(cause: BaseException | None) -> str:
    """Return a reason in the words of the system, Python or the proxy's library, which hold no address."""
    inner = _within(cause)
    said = "no connection"
    if isinstance(inner, socket.gaierror) and inner.errno in _UNKNOWN_NAME:
        said = "name not known"
    elif isinstance(inner, TimeoutError):
        said = "no connection within the time-out"
    elif isinstance(inner, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        said = _CLOSED
    elif isinstance(inner, ssl.SSLError):
        said = (inner.reason or "no TLS").replace("_", " ").lower()
    elif isinstance(inner, OSError) and inner.strerror:
        said = inner.strerror
    elif is_of_socks(inner):
        said = str(inner)
    elif isinstance(inner, ConnectionError):
        said = _CLOSED
    elif isinstance(inner, http.client.HTTPException):
        said = _NOT_HTTP
    return said


def _within(cause: BaseException | None) -> BaseException | None:
    """Return what PySocks wraps in an error of its own: one of the system, or of what the proxy said."""
    return getattr(cause, "socket_err", None) or cause


def _is_plain(cause: Exception) -> bool:
    return any(words in str(cause) for words in _NO_TLS)


def _is_untrusted(cause: Exception) -> bool:
    return isinstance(cause, ssl.SSLCertVerificationError | CertificateError)


def _is_about_files(cause: Exception) -> bool:
    """Return whether OpenSSL objects to a file of ours, not to what the other side says."""
    return "PEM lib" in str(cause) or getattr(cause, "library", None) in {"X509", "PEM"}


def _is_tls(failure: BaseException | None) -> bool:
    return isinstance(failure, http.client.BadStatusLine) and str(failure).startswith(_TLS_RECORDS)


def _status_failure(failure: BaseException) -> BaseException | None:
    """Return what Python's HTTP client raised instead of a status, if anything."""
    cause = failure.args[0] if failure.args else None
    reason = getattr(cause, "reason", cause)
    last = reason.args[-1] if isinstance(reason, urllib3.exceptions.ProtocolError) else None
    return last if isinstance(last, BaseException) else None
