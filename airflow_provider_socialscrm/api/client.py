"""One call to SocialsCRM: signed at the moment it is sent; returns data or raises an error. It never retries.

Retries are made above signing, because the CRM rejects an old token (code 502).
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
import urllib3

from airflow_provider_socialscrm.api.agents import user_query_call
from airflow_provider_socialscrm.api.answers import read_answer
from airflow_provider_socialscrm.api.codes import Family
from airflow_provider_socialscrm.api.customers import import_call
from airflow_provider_socialscrm.api.errors import (
    ServiceError,
    SettingError,
    SocialSCRMError,
    UncertainError,
)
from airflow_provider_socialscrm.api.settings import CONNECT_TIMEOUT, Settings
from airflow_provider_socialscrm.api.signing import Call

log = logging.getLogger(__name__)

_warned_hosts: set[str] = set()


class ServerClock:
    """Our clock, set to the server's time once a response shows that they differ.

    :param wall: our own time, seconds since the epoch.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self.wall = wall
        self.offset = 0.0
        """Seconds the server is ahead of us; negative where it is behind."""

    def now(self) -> float:
        """Return the server's time as far as we know it, seconds since the epoch."""
        return self.wall() + self.offset

    def set_offset(self, seconds: float) -> None:
        """Note how many seconds the server is ahead of us."""
        self.offset = seconds


class Client:
    """Calls one tenant's API. Threads may share it, since calls share no state.

    :param settings: tenant, key, scheme and time-outs.
    :param connections: connections to keep open, one for each concurrent caller.
    :param clock: gives the time to sign with.
    """

    def __init__(self, settings: Settings, *, connections: int = 1, clock: ServerClock | None = None) -> None:
        self.settings = settings
        self.clock = clock or ServerClock()
        self._session = _session(settings.base_url, connections)
        self._envelope_sizes: dict[str | None, int] = {}
        warn_if_in_clear(settings.base_url)

    def import_customers(self, rows: Sequence[bytes], *, agent: str | None = None) -> Any:
        """Send one import call and return the response's ``data``, whose content the vendor does not document.

        Rows without side effects may be sent again, since we assume that an import is an upsert (vendor API 3.5). A
        row with ``welcome`` may send the customer its message again.

        :param rows: one encoded JSON object for each customer.
        :param agent: body scheme: the agent's login, ``None`` for the connection's user.
        :raises SocialSCRMError: of the class that says what to do next.
        """
        call = import_call(self.settings, rows, agent=agent, now=self.clock.now())
        return self._send(call, Family.IMPORT, rows)

    def envelope_size(self, agent: str | None = None) -> int:
        """Return the bytes around the rows in a call's body, the same in every call of the agent."""
        if agent not in self._envelope_sizes:
            call = import_call(self.settings, (), agent=agent, now=self.clock.now())
            self._envelope_sizes[agent] = len(call.body)
        return self._envelope_sizes[agent]

    def query_user(self) -> Any:
        """Return the connection's user as the CRM knows it; changes nothing there (vendor API 1.4, header scheme).

        :raises SocialSCRMError: of the class that says what to do next.
        """
        return self._send(user_query_call(self.settings, now=self.clock.now()), Family.USER_QUERY)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _send(self, call: Call, family: Family, rows: Sequence[bytes] = ()) -> Any:
        try:
            response = self._session.request(
                call.method,
                self.settings.base_url + call.path,
                data=call.body,
                headers=call.headers,
                timeout=(CONNECT_TIMEOUT, self.settings.timeout),
                allow_redirects=False,  # a redirect would carry customers and a token to another address
            )
        except (requests.RequestException, ValueError) as failure:
            # "from None", since the library's text repeats the address and its objects hold the request's body.
            raise _transport_error(failure) from None
        return read_answer(
            response.status_code,
            response.headers,
            response.content,
            family=family,
            now=self.clock.wall(),
            sent_values=lambda: [self.settings.api_key, *_values(rows)],
        )


def warn_if_in_clear(base_url: str) -> None:
    """Warn once for each host to which customers' data would travel unencrypted."""
    address = urlsplit(base_url)
    if address.scheme == "http" and not _is_local(address.hostname or "") and base_url not in _warned_hosts:
        _warned_hosts.add(base_url)
        log.warning(
            "Customers' data and tokens travel unencrypted to %s: set Base URL to https:// if the server has it.",
            address.hostname,
        )


def _session(base_url: str, connections: int) -> requests.Session:
    session = requests.Session()
    # Find the proxy and the certificates that the environment names once. Requests would look for them in each call,
    # at a fifth of its CPU time, and for a password in ~/.netrc, which it would send along.
    found = session.merge_environment_settings(base_url, {}, None, None, None)
    session.proxies, session.verify, session.trust_env = found["proxies"], found["verify"], False
    adapter = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=connections, pool_block=True)
    for scheme in ("http://", "https://"):
        session.mount(scheme, adapter)
    return session


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _values(rows: Sequence[bytes]) -> Iterator[str]:
    for row in rows:
        yield from (str(value) for value in msgspec.json.decode(row).values())


def _transport_error(failure: Exception) -> SocialSCRMError:
    if isinstance(failure, requests.exceptions.SSLError):
        return _tls_error(str(failure))
    if isinstance(failure, ValueError) and not _is_about_the_response(failure):
        return SettingError(
            "No call can be made with these settings. Check Base URL, which looks like https://www.example.com, "
            "Tenant ID, and the worker's proxy settings."
        )
    if isinstance(failure, requests.ConnectTimeout) or _never_connected(failure):
        return ServiceError(
            "SocialsCRM cannot be reached, so nothing was sent. Check Base URL, and the worker's network and DNS."
        )
    if isinstance(failure, requests.ReadTimeout):
        return UncertainError(
            "No response came within the time-out: it is not known whether the call was processed. If this repeats, "
            "raise Timeout or lower rows_per_call."
        )
    return UncertainError(
        "The connection was lost during the call: whether it was taken is not known. If this repeats, check the "
        "worker's network and proxy."
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


def _never_connected(failure: Exception) -> bool:
    cause = failure.args[0] if failure.args else None
    reason = getattr(cause, "reason", cause)
    if isinstance(reason, urllib3.exceptions.ProxyError):
        reason = reason.original_error
        # A proxy that refuses the tunnel. A connection that is lost later is a subclass, and urllib3 blames the proxy.
        if type(reason) is OSError:
            return True
    return isinstance(reason, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)
