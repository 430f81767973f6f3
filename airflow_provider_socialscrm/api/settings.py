"""The settings of calls to one tenant of SocialsCRM, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import Any, Final

DEFAULT_BASE_URL: Final = "https://www.socialscrm.com"
"""The host of the vendor's Go sample (vendor API 1.1). Other regions and private installations have their own."""

DEFAULT_TIME_ZONE: Final = "Asia/Shanghai"
"""Zone of ``createTime``. The vendor does not say; it is a Chinese company, so UTC+8 is assumed (vendor API 2.3)."""

VENDOR_CALLS_PER_SECOND: Final = 50
"""Calls a second that the vendor allows on one path (vendor API 5.1)."""

DEFAULT_CALLS_PER_SECOND: Final = 0.9 * VENDOR_CALLS_PER_SECOND
"""Our own pace: a tenth below the vendor's limit, because both clocks count their seconds from different starts."""

LONG_DIGITS: Final = 18
"""Digits that always fit a ``Long``, the documented type of ``tenantId``; a longer id is sent as text."""

CONNECT_TIMEOUT: Final = 10.0
"""Seconds to wait for a connection to one address, as the vendor-linked client does (vendor API 5.3)."""

DEFAULT_TIMEOUT: Final = 60.0
"""Seconds of a whole call. Public clients use 10 to 30; a call given up too early has an unknown outcome."""


class AuthScheme(StrEnum):
    """How calls are signed: the two generations of the API (vendor API 2.1)."""

    BODY = "body"
    HEADER = "header"


@dataclass(frozen=True, slots=True)
class Transport:
    """How calls travel to the server, with the names of Airflow's HTTP connections.

    :param proxies: addresses of proxies by scheme, as ``requests`` takes them; they may hold passwords. Default: those
        of the environment (``HTTPS_PROXY``).
    :param verify: whether the server's certificate is checked, or the path of the authorities to check it by.
    :param cert: the client's certificate with its key, or the paths of both.
    :param headers: sent with each call besides our own; they may hold secrets.
    """

    proxies: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)
    verify: bool | str = True
    cert: str | tuple[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """A tenant of SocialsCRM and how to call it.

    :param base_url: scheme and host, without a path and without a slash at the end.
    :param tenant_id: the company's id (``tenantId``).
    :param api_key: the secret that signs; it is never sent and never shown.
    :param user_name: ``userName``: the agent who signs on the body scheme; not used by the header scheme.
    :param auth_scheme: which generation of the API to speak. Default ``body``, the vendor's older one.
    :param time_zone: IANA name of the zone of ``createTime`` (body scheme). Default: see :data:`DEFAULT_TIME_ZONE`.
    :param calls_per_second: pace over all calls of the tenant, at most the vendor's 50 a path. Default 45, see
        :data:`DEFAULT_CALLS_PER_SECOND`.
    :param timeout: seconds of a whole call, until the last byte of the response. Default 60, see
        :data:`DEFAULT_TIMEOUT`.
    :param pace_url: the Redis through which all tasks of the tenant share the pace; may hold a password. Empty: they
        divide it.
    :param transport: proxies, certificates and headers.
    :param refusals_are_atomic: whether the tenant's CRM takes none of the rows of a call that it refuses, so that rows
        with side effects may share calls. Default ``False``: the vendor does not say (vendor API 6.1).
    :param ledger_secret: the key for hashing the numbers in ledgers. Empty: ledgers hold the numbers themselves.
    """

    base_url: str
    tenant_id: str
    api_key: str = field(repr=False)
    user_name: str = ""
    auth_scheme: AuthScheme = AuthScheme.BODY
    time_zone: str = DEFAULT_TIME_ZONE
    calls_per_second: float = DEFAULT_CALLS_PER_SECOND
    timeout: float = DEFAULT_TIMEOUT
    pace_url: str = field(default="", repr=False)
    transport: Transport = Transport()
    refusals_are_atomic: bool = False
    ledger_secret: str = field(default="", repr=False)


def tenant_as_long(tenant_id: str) -> int | str:
    """Return the tenant's id as a body of the header scheme has it: a number where it fits a ``Long``."""
    is_long = tenant_id.isascii() and tenant_id.isdigit() and len(tenant_id) <= LONG_DIGITS
    return int(tenant_id) if is_long else tenant_id


def positive_number(value: Any) -> float:
    """Return a setting as a number above 0.

    :raises ValueError: when it is not one, with a message that follows the setting's name.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < inf:
        raise ValueError(f"is {value!r} (must be a number above 0)")
    return number
