"""One HTTP exchange within a time and a size: a signed call is sent; its response is read, or an error raised."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3

from airflow_provider_socialscrm.api.bodies import (
    ACCEPTED_ENCODINGS,
    LARGEST_BODY,
    BodyEncodingError,
    BodyTooLargeError,
    read_body,
)
from airflow_provider_socialscrm.api.certificates import check_authorities
from airflow_provider_socialscrm.api.connecting import not_connected
from airflow_provider_socialscrm.api.deadlines import DeadlineAdapter, Now, ending_at
from airflow_provider_socialscrm.api.errors import SettingError, SocialSCRMError, UncertainError
from airflow_provider_socialscrm.api.proxies import Proxy, find_proxy
from airflow_provider_socialscrm.api.settings import CONNECT_TIMEOUT, Settings, Transport
from airflow_provider_socialscrm.api.signing import Call
from airflow_provider_socialscrm.api.unreachable import (
    REJECTED_CERTIFICATE,
    UNREADABLE_CERTIFICATE,
    answered_in_tls,
    asks_for_a_password,
    behind,
    closed_at_once,
    proxy_speaks_tls,
    rejects_our_certificate,
    unreachable,
)

_UNREAD_BODY: Final = 64 * 2**10
"""Bytes of a body nobody needs that are read to keep its connection: more than an error page has."""

_UNREAD_SECONDS: Final = 1.0
"""Seconds for the same. A new connection takes less."""


@dataclass(frozen=True, slots=True)
class Response:
    """A response; its body is empty unless the status is 200, since no other status has a body to read."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpTransport:
    """Sends calls to one address. Threads may share it, since exchanges share no state.

    :param settings: the address, the seconds of a whole exchange, and proxies, certificates and headers.
    :param connections: connections to keep open, one for each concurrent caller.
    :param now: seconds of a clock that never goes back.
    """

    def __init__(self, settings: Settings, *, connections: int, now: Now = time.monotonic) -> None:
        self._base_url = settings.base_url
        self._timeout = settings.timeout
        self._now = now
        self._is_plain = settings.base_url.startswith("http:")
        self._proxy = find_proxy(settings.base_url, settings.transport.proxies)
        self._session = _session(settings.base_url, settings.transport, self._proxy, connections)
        self._has_responded = False

    def exchange(self, call: Call) -> Response:
        """Send a call and return its response.

        :raises SocialSCRMError: if there is none, or not a whole one, or one that is too large.
        """
        deadline = self._now() + self._timeout
        try:
            with ending_at(deadline, self._now), closing(self._begin(call)) as response:
                self._has_responded = True
                if response.status_code == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and self.forwarder:
                    raise asks_for_a_password(self.forwarder)
                return Response(response.status_code, response.headers, self._body(response, deadline))
        except BodyTooLargeError:
            raise _unreadable(f"The response is larger than {LARGEST_BODY >> 20} MiB") from None
        except BodyEncodingError:
            raise _unreadable("The response cannot be decompressed") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError, OSError) as failure:
            # "from None", since the library's text repeats the address and its objects hold the request's body.
            raise self._error(failure, is_late=self._now() >= deadline) from None

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _error(self, failure: Exception, *, is_late: bool) -> SocialSCRMError:
        if refused := not_connected(failure):
            return unreachable(refused, self._base_url, self._proxy)
        if self._is_plain and answered_in_tls(failure):
            if self.forwarder:
                return proxy_speaks_tls(self.forwarder)
            return SettingError(
                "The server speaks TLS at this address, so it read nothing of the call. Let Base URL begin with https://."
            )
        found = _transport_error(failure, is_late=is_late)
        if self._proxy:
            return behind(self._proxy, found)
        if self._is_plain and not self._has_responded and closed_at_once(failure):
            found.args = (f"{found} If the server has https, let Base URL begin with https://.",)
        return found

    @property
    def forwarder(self) -> Proxy | None:
        """The proxy that reads each call and may answer it itself; with https it passes on what it cannot read."""
        return self._proxy if self._is_plain and self._proxy and self._proxy.speaks_http else None

    def _begin(self, call: Call) -> requests.Response:
        return self._session.request(
            call.method,
            self._base_url + call.path,
            data=call.body,
            headers=call.headers,
            timeout=(CONNECT_TIMEOUT, self._timeout),
            allow_redirects=False,
            stream=True,
        )

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        read = partial(response.raw.read, decode_content=False)
        if response.status_code == HTTPStatus.OK:
            encoding = response.headers.get("Content-Encoding", "")
            return read_body(read, encoding, check=partial(self._check, deadline), limit=LARGEST_BODY)
        if response.status_code >= HTTPStatus.OK:  # after 1xx a second response may follow, so that connection ends
            soon = min(deadline, self._now() + _UNREAD_SECONDS)
            with suppress(urllib3.exceptions.HTTPError, BodyTooLargeError), ending_at(soon, self._now):
                read_body(read, "", check=lambda: None, limit=_UNREAD_BODY)
        return b""

    def _check(self, deadline: float) -> None:
        if self._now() >= deadline:
            raise TimeoutError


class _Session(requests.Session):
    def get_redirect_target(self, resp: Any) -> None:
        """Return that there is none: following one would carry customers and a token to another address.

        Requests looks for one, and reads the whole body then, even where it is asked to follow none.
        """


def _session(base_url: str, transport: Transport, proxy: Proxy | None, connections: int) -> requests.Session:
    session = _Session()
    # Find the certificates that the environment names once, like the proxy. Requests would look for both in each call,
    # at a fifth of its CPU time, and for a password in ~/.netrc, which it would send along.
    found = session.merge_environment_settings(base_url, {}, None, transport.verify, transport.cert)
    if transport.verify is True and isinstance(found["verify"], str) and base_url.startswith("https:"):
        _check_environment(found["verify"])
    if transport.verify is False:
        _silence_urllib3(base_url, *([proxy.address] if proxy else []))
    session.proxies = {"all": proxy.address} if proxy else {}
    session.verify, session.cert = found["verify"], found["cert"]
    session.trust_env = False
    session.headers.update(transport.headers)
    adapter = DeadlineAdapter(pool_connections=1, pool_maxsize=connections, pool_block=True)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    session.headers["Accept-Encoding"] = ACCEPTED_ENCODINGS
    return session


def _check_environment(authorities: str) -> None:
    """Check the certificate authorities that the environment of the worker names.

    :raises SettingError: if they cannot be used.
    """
    try:
        check_authorities(authorities)
    except ValueError as problem:
        raise SettingError(f"REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE of the worker {problem}. Nothing was sent.") from None


def _silence_urllib3(*addresses: str) -> None:
    """Hide the warning that urllib3 gives in each call whose certificate is not checked; the hook warns once."""
    for address in addresses:
        host = re.escape(urlsplit(address).hostname or "")
        warnings.filterwarnings(
            "ignore",
            f"Unverified HTTPS request is being made to host '{host}'",
            urllib3.exceptions.InsecureRequestWarning,
        )


def _transport_error(failure: Exception, *, is_late: bool) -> SocialSCRMError:
    if isinstance(failure, requests.exceptions.SSLError):  # after the connection, since that has errors of its own
        if rejects_our_certificate(failure):
            return SettingError(REJECTED_CERTIFICATE)
        return UncertainError(
            "TLS with the server failed: it is not known whether the call was processed. Check Base URL and Cert, and "
            "any proxy between."
        )
    if type(failure) is OSError:  # of requests, before it connects
        return SettingError(UNREADABLE_CERTIFICATE)
    if isinstance(failure, ValueError) and not _is_about_the_response(failure):
        return SettingError(
            "No call can be made with these settings. Check Base URL, which looks like https://www.example.com, "
            "Tenant ID, and the worker's proxy settings."
        )
    if is_late or isinstance(failure, requests.ReadTimeout | urllib3.exceptions.ReadTimeoutError):
        return UncertainError(
            "No complete response came within the time-out: it is not known whether the call was processed. If this "
            "repeats, raise Timeout or lower rows_per_call."
        )
    return UncertainError(
        "The connection was lost during the call: whether it was taken is not known. If this repeats, check the "
        "worker's network and proxy."
    )


def _unreadable(what: str) -> UncertainError:
    return UncertainError(
        f"{what}: it is not known whether the call was processed. If this repeats, check Base URL, and any proxy "
        "between.",
        http_status=HTTPStatus.OK,
    )


def _is_about_the_response(failure: ValueError) -> bool:
    """Return whether a header of the response is malformed, and not an address or a header of ours."""
    return bool(failure.args) and isinstance(failure.args[0], urllib3.exceptions.InvalidHeader)
