"""The two token rules, and the calls that carry a token. Pure: the time is an argument.

A :class:`Call` holds the very strings that its token was made of. Each attempt needs a new call, because a token ages
(code 502).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import md5
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from airflow_provider_socialscrm.api.settings import Settings

CREATE_TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S"

_JSON_HEADERS: Final = {"Content-Type": "application/json"}

SIGNED_HEADERS: Final = frozenset(
    {"content-type", "content-length", "transfer-encoding", "host", "tenant_id", "timestamp", "token"}
)
"""Headers that each call sets itself, in lower case."""


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
    """Return the current token, lower-case hex: ``md5(tenant_id + timestamp + ApiKey)`` in UTF-8 (vendor API 2.2).

    :param tenant_id: the company's id, as sent.
    :param timestamp_ms: milliseconds since the epoch, as sent.
    :param api_key: the tenant's secret.
    """
    return _md5(f"{tenant_id}{timestamp_ms}{api_key}")


def body_call(settings: Settings, path: str, user_name: str, data: bytes, now: float) -> Call:
    """Return a call of the body scheme: a ``PUT`` whose body holds the signature beside the data.

    :param settings: tenant, key and time zone.
    :param path: of the endpoint.
    :param user_name: who signs.
    :param data: JSON.
    :param now: seconds since the epoch at the moment of sending.
    """
    return fields_call(settings, path, user_name, b'{"data":%b}' % data, now, method="PUT")


def fields_call(
    settings: Settings, path: str, user_name: str, fields: bytes, now: float, *, method: str = "POST"
) -> Call:
    """Return a call of the body scheme, whose body holds the signature beside the endpoint's own fields.

    :param settings: tenant, key and time zone.
    :param path: of the endpoint.
    :param user_name: who signs.
    :param fields: a JSON object.
    :param now: seconds since the epoch at the moment of sending.
    :param method: HTTP method.
    """
    create_time = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(settings.time_zone)).strftime(CREATE_TIME_FORMAT)
    signed = {
        "tenantId": settings.tenant_id,  # a string, as in the vendor's Go sample
        "userName": user_name,
        "token": body_token(settings.tenant_id, user_name, create_time, settings.api_key),
        "createTime": create_time,
    }
    beside = b"," if fields != b"{}" else b""
    body = b"%b%b%b" % (_encode(signed)[:-1], beside, fields[1:])
    return Call(method, path, dict(_JSON_HEADERS), body)


def header_call(settings: Settings, path: str, body: bytes, now: float, *, method: str = "POST") -> Call:
    """Return a call of the header scheme, whose headers hold the signature.

    :param settings: tenant and key.
    :param path: of the endpoint.
    :param body: JSON, or nothing.
    :param now: seconds since the epoch at the moment of sending.
    :param method: HTTP method.
    """
    timestamp_ms = int(now * 1000)
    signed = {
        "tenant_id": settings.tenant_id,
        "timestamp": str(timestamp_ms),
        "token": header_token(settings.tenant_id, timestamp_ms, settings.api_key),
    }
    return Call(method, path, _JSON_HEADERS | signed, body)


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


_encode = msgspec.json.encode
