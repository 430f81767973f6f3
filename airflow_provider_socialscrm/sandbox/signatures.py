"""The two token rules and the two ways to write a time, as this CRM verifies them (contract 1.1 and 1.2)."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from zoneinfo import ZoneInfo

CREATE_TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
TIMESTAMP_MAX_DIGITS = 15
"""Digits; a time in milliseconds has 13 until the year 2286 (contract 1.1), a longer number is no time."""


def body_token(tenant_id: str, user_name: str, create_time: str, api_key: str) -> str:
    """Return the token that a body-signed call must carry, 32 lower-case hexadecimal digits (contract 1.2)."""
    return _md5(tenant_id, user_name, create_time, api_key)


def header_token(tenant_id: str, timestamp: str, api_key: str) -> str:
    """Return the token that a header-signed call must carry, 32 lower-case hexadecimal digits (contract 1.1)."""
    return _md5(tenant_id, timestamp, api_key)


def is_same(given: str, expected: str) -> bool:
    """Compare two tokens in constant time; upper-case digits differ, since the contract says lower-case."""
    return hmac.compare_digest(given.encode(), expected.encode())


def create_time_seconds(text: str, time_zone: str) -> float | None:
    """Return seconds since the epoch of a ``createTime`` in a zone, or None when it is not ``yyyy-MM-dd HH:mm:ss``."""
    try:
        moment = datetime.strptime(text, CREATE_TIME_FORMAT).replace(tzinfo=ZoneInfo(time_zone))
    except ValueError:
        return None
    return moment.timestamp() if f"{moment:{CREATE_TIME_FORMAT}}" == text else None


def timestamp_seconds(text: str) -> float | None:
    """Return seconds since the epoch of a ``timestamp`` in milliseconds, or None when it is not a whole number."""
    if text.isascii() and text.isdigit() and len(text) <= TIMESTAMP_MAX_DIGITS:
        return int(text) / 1000
    return None


def _md5(*parts: str) -> str:
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()
