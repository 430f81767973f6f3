"""The two token rules, and the calls that bear them. Pure: the time is handed in.

What is signed is what is sent: a :class:`Call` holds the very strings its token was made of. A call is made anew for
each attempt, because a token ages (code 502).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import md5
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from airflow_provider_socialscrm.api.settings import AuthScheme, Settings

IMPORT_PATH: Final = "/wscrm-bus-api/customer/api/import"
"""Body scheme: ``PUT``, one agent a call (contract 2.1, I2)."""

BATCH_IMPORT_PATH: Final = "/wscrm-bus-api/customer/api/batchImport"
"""Header scheme: ``POST``, an agent in each row (contract 2.1, I1)."""

USER_QUERY_PATH: Final = "/se-api/user/query"
"""Header scheme: one agent by login; reads only (contract 5.4)."""

CREATE_TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S"

LONG_DIGITS: Final = 18
"""Digits every number of which is a ``Long``, the documented type of ``tenantId``; a longer id goes as a text."""

_JSON_HEADERS: Final = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Call:
    """A signed request, ready to send once."""

    method: str
    path: str
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def body_token(tenant_id: str, user_name: str, create_time: str, api_key: str) -> str:
    """Return the legacy token, lower-case hex: ``md5(tenantId + userName + createTime + ApiKey)`` in UTF-8.

    :param tenant_id: the company's id, as sent.
    :param user_name: the agent's login, as sent.
    :param create_time: ``yyyy-MM-dd HH:mm:ss``, as sent.
    :param api_key: the tenant's secret.
    """
    return _md5(f"{tenant_id}{user_name}{create_time}{api_key}")


def header_token(tenant_id: str, timestamp_ms: int, api_key: str) -> str:
    """Return the current token, lower-case hex: ``md5(tenant_id + timestamp + ApiKey)`` in UTF-8 (contract 1.1).

    :param tenant_id: the company's id, as sent.
    :param timestamp_ms: milliseconds since the epoch, as sent.
    :param api_key: the tenant's secret.
    """
    return _md5(f"{tenant_id}{timestamp_ms}{api_key}")


def import_call(settings: Settings, rows: Sequence[bytes], *, agent: str | None, now: float) -> Call:
    """Return the signed call that imports rows, by the scheme of the settings.

    :param settings: tenant, key and scheme.
    :param rows: one encoded JSON object a customer.
    :param agent: body scheme: the ``userName`` that signs; ``None`` takes the connection's. Not used otherwise.
    :param now: seconds since the epoch at the moment of sending.
    """
    data = b"[" + b",".join(rows) + b"]"
    if settings.auth_scheme is AuthScheme.HEADER:
        fields = b'{"tenantId":%b,"data":%b}' % (_encode(_as_long(settings.tenant_id)), data)
        return _header_call(settings, BATCH_IMPORT_PATH, fields, now)
    return _body_call(settings, agent or settings.user_name, data, now)


def user_query_call(settings: Settings, *, now: float) -> Call:
    """Return the signed call that looks up the connection's user; it changes nothing on the server."""
    return _header_call(settings, USER_QUERY_PATH, _encode({"username": settings.user_name}), now)


def _body_call(settings: Settings, user_name: str, data: bytes, now: float) -> Call:
    create_time = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(settings.time_zone)).strftime(CREATE_TIME_FORMAT)
    signed = {
        "tenantId": settings.tenant_id,  # a string, as in the source document's example
        "userName": user_name,
        "token": body_token(settings.tenant_id, user_name, create_time, settings.api_key),
        "createTime": create_time,
    }
    body = b'%b,"data":%b}' % (_encode(signed)[:-1], data)
    return Call("PUT", IMPORT_PATH, dict(_JSON_HEADERS), body)


def _header_call(settings: Settings, path: str, body: bytes, now: float) -> Call:
    timestamp_ms = int(now * 1000)
    signed = {
        "tenant_id": settings.tenant_id,
        "timestamp": str(timestamp_ms),
        "token": header_token(settings.tenant_id, timestamp_ms, settings.api_key),
    }
    return Call("POST", path, _JSON_HEADERS | signed, body)


def _as_long(tenant_id: str) -> int | str:
    is_long = tenant_id.isascii() and tenant_id.isdigit() and len(tenant_id) <= LONG_DIGITS
    return int(tenant_id) if is_long else tenant_id


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


_encode = msgspec.json.encode
