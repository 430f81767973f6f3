"""One HTTP exchange within a time and a size: a signed call is sent; its response is read, or an error raised."""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests.utils import select_proxy

from airflow_provider_socialscrm.api.bodies import (
    ACCEPTED_ENCODINGS,
    LARGEST_BODY,
    BodyEncodingError,
    BodyTooLargeError,
    read_body,
)
from airflow_provider_socialscrm.api.certificates import check_authorities
from airflow_provider_socialscrm.api.deadlines import DeadlineAdapter, Now, ending_at
from airflow_provider_socialscrm.api.errors import SettingError, SocialSCRMError, UncertainError
from airflow_provider_socialscrm.api.settings import CONNECT_TIMEOUT, Settings, Transport
from airflow_provider_socialscrm.api.signing import Call
from airflow_provider_socialscrm.api.unreachable import answered_in_tls, closed_at_once, never_connected, unreachable

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
        self._session = _session(settings.base_url, settings.transport, connections)
        self._has_responded = False

    def exchange(self, call: Call) -> Response:
        """Send a call and return its response.

        :raises SocialSCRMError: if there is none, or not a whole one, or one that is too large.
        """
        deadline = self._now() + self._timeout
        try:
            with ending_at(deadline, self._now), closing(self._begin(call)) as response:
                self._has_responded = True
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
        proxy = select_proxy(self._base_url, self._session.proxies)
        if isinstance(failure, requests.ConnectTimeout) or never_connected(failure):
            return unreachable(failure, self._base_url, proxy)
        is_plain = self._base_url.startswith("http:") and proxy is None
        if is_plain and answered_in_tls(failure):
            return SettingError(
                "The server speaks TLS at this address, so it read nothing of the call. Let Base URL begin with https://."
            )
        found = _transport_error(failure, is_late=is_late)
        if is_plain and not self._has_responded and closed_at_once(failure):
            found.args = (f"{found} If the server has https, let Base URL begin with https://.",)
        return found

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


def _session(base_url: str, transport: Transport, connections: int) -> requests.Session:
    session = _Session()
    # Find the proxy and the certificates that the environment names once. Requests would look for them in each call,
    # at a fifth of its CPU time, and for a password in ~/.netrc, which it would send along.
    found = session.merge_environment_settings(base_url, {**transport.proxies}, None, transport.verify, transport.cert)
    if transport.verify is True and isinstance(found["verify"], str) and base_url.startswith("https:"):
        _check_environment(found["verify"])
    if transport.verify is False:
        _silence_urllib3(base_url, found["proxies"].values())
    session.proxies, session.verify, session.cert = found["proxies"], found["verify"], found["cert"]
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


def _silence_urllib3(base_url: str, proxies: Iterable[str]) -> None:
    """Hide the warning that urllib3 gives in each call whose certificate is not checked; the hook warns once."""
    for address in (base_url, *proxies):
        host = re.escape(urlsplit(address).hostname or "")
        warnings.filterwarnings(
            "ignore",
            f"Unverified HTTPS request is being made to host '{host}'",
            urllib3.exceptions.InsecureRequestWarning,
        )


def _transport_error(failure: Exception, *, is_late: bool) -> SocialSCRMError:
    if isinstance(failure, requests.exceptions.SSLError):
        return _tls_error(str(failure))
    if type(failure) is OSError:  # of requests, before it connects
        return SettingError(
            "A certificate of the connection cannot be read on this worker, so nothing was sent. Check the paths of "
            "Verify and Cert."
        )
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


def _tls_error(reason: str) -> SocialSCRMError:
    if "CERTIFICATE_VERIFY_FAILED" in reason:
        return SettingError(
            "The server's certificate is not trusted, so nothing was sent. Check Base URL; behind a company proxy, "
            "give its certificate authority to the worker (REQUESTS_CA_BUNDLE)."
        )
    if "WRONG_VERSION_NUMBER" in reason:
        return SettingError(
            "The server does not speak TLS at this address, so nothing was sent. Check host and port of Base URL; "
            "write http:// only where the server has no https."
        )
    return UncertainError(
        "TLS with the server failed: it is not known whether the call was processed. Check Base URL, and any "
        "proxy between."
    )


def _is_about_the_response(failure: ValueError) -> bool:
    """Return whether a header of the response is malformed, and not an address or a header of ours."""
    return bool(failure.args) and isinstance(failure.args[0], urllib3.exceptions.InvalidHeader)
