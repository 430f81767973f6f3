"""One call to SocialsCRM: signed at the moment it is sent; returns data or raises an error. It never retries.

Retries are made above signing, because the CRM rejects an old token (code 502).
"""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from airflow_provider_socialscrm.api.agents import agent_query
from airflow_provider_socialscrm.api.answers import read_answer
from airflow_provider_socialscrm.api.codes import Family
from airflow_provider_socialscrm.api.customers import import_call, import_path
from airflow_provider_socialscrm.api.errors import RequestError, SettingError, SocialSCRMError
from airflow_provider_socialscrm.api.request import Request, signed
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.api.signing import Call
from airflow_provider_socialscrm.api.transport import HttpTransport
from airflow_provider_socialscrm.api.unreachable import behind

log = logging.getLogger(__name__)

_SHOWN = {"Content-Type", "tenantId", "tenant_id", "timestamp", "createTime"}
"""Names in a call whose values are neither a customer's nor secret."""

_NO_SUCH_CALL: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED)
_NOT_THERE: Final = (
    "The server does not know {} {} (HTTP {}). Check the path, its method and Base URL; the tenant's installation may "
    "not have this endpoint."
)

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
        self._transport = HttpTransport(settings, connections=connections)
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
        return self._send(call, Family.IMPORT)

    @property
    def rows_path(self) -> str:
        """The path that calls with rows count for."""
        return import_path(self.settings.auth_scheme)

    @property
    def rows_name_agents(self) -> bool:
        """Whether each row names its agent, as on the header scheme."""
        return self.settings.auth_scheme is AuthScheme.HEADER

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
        request = agent_query(self.settings.user_name)
        return self._send(signed(request, self.settings, self.clock.now()), request.family)

    def call(self, request: Request) -> Any:
        """Make one call to any endpoint, without a repeat, and return the response's ``data``.

        :raises SocialSCRMError: of the class that says what to do next.
        :raises ValueError: in one sentence, if no call can be made of the request.
        """
        try:
            return self._send(signed(request, self.settings, self.clock.now()), request.family)
        except SettingError as failure:
            if failure.http_status not in _NO_SUCH_CALL:
                raise
            raise RequestError(_NOT_THERE.format(request.method, request.paced_as, failure.http_status)) from None

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _send(self, call: Call, family: Family) -> Any:
        response = self._transport.exchange(call)
        try:
            return read_answer(
                response.status,
                response.headers,
                response.body,
                family=family,
                now=self.clock.wall(),
                sent_values=lambda: _sent(call, self.settings),
            )
        except SocialSCRMError as failure:
            if response.status != HTTPStatus.OK and (proxy := self._transport.forwarder):
                raise behind(proxy, failure) from None
            raise


def warn_if_in_clear(base_url: str) -> None:
    """Warn once for each host to which customers' data would travel unencrypted."""
    address = urlsplit(base_url)
    if address.scheme == "http" and not _is_local(address.hostname or "") and base_url not in _warned_hosts:
        _warned_hosts.add(base_url)
        log.warning(
            "Customers' data and tokens travel unencrypted to %s: set Base URL to https:// if the server has it.",
            address.hostname,
        )


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _sent(call: Call, settings: Settings) -> Iterator[str]:
    """Yield the key, the token, the user's own headers, and every value of the call's rows and its signer."""
    yield settings.api_key
    yield from _texts(call.headers)
    yield from settings.transport.headers.values()
    yield from _texts(msgspec.json.decode(call.body)) if call.body else ()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            if name not in _SHOWN:
                yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    else:
        yield str(value)
