"""Verify who calls: one function for each auth scheme.

A part that is missing or cannot be read is found first; the setting ``check_order`` orders the checks after it.

The two token rules and the two time formats are written down here a second time, apart from the provider's client.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from .codes import ADMIN_CANNOT_IMPORT, OTHER, Rejected

if TYPE_CHECKING:
    from .settings import SandboxSettings

CREATE_TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
TIMESTAMP_MAX_DIGITS = 15
"""Digits; a time in milliseconds has 13 until the year 2286 (vendor API 2.2), a longer number is not a time."""


def check_body_signed(
    body: Mapping[str, Any],
    settings: SandboxSettings,
    now: float,
    check_role: Callable[[str, SandboxSettings], None] | None = None,
) -> str:
    """Verify a body-signed call (vendor API 2.3 and 2.5).

    :param body: the call's JSON object
    :param now: the server's clock, seconds since the epoch
    :param check_role: raises a :class:`Rejected` unless the user may make the call; default: as for an import
    :return: the user who signs; on an import, the agent who gets the call's customers
    :raises Rejected: with the code of the first check that fails, in the order of the setting ``check_order``
    """
    tenant_id = _required(body, "tenantId", 523)
    user_name = _required(body, "userName", 524)
    token = _required(body, "token", 525)
    create_time = _required(body, "createTime", 526)
    sent_at = _readable(create_time_seconds(create_time, settings.time_zone))
    checks = {
        "tenant": lambda: _check_tenant(tenant_id, settings),
        "token": lambda: _check_token(token, token_of(tenant_id, user_name, create_time, settings.api_key)),
        "time": lambda: _check_create_time(sent_at, settings, now),
        "plan": lambda: _check_plan(settings),
        "role": lambda: (check_role or _check_role)(user_name, settings),
    }
    for name in settings.check_order:
        checks[name]()
    return user_name


def check_header_signed(headers: Mapping[str, str], settings: SandboxSettings, now: float) -> None:
    """Verify a header-signed call (vendor API 2.2).

    :param headers: the call's HTTP headers, looked up by lower-case name
    :param now: the server's clock, seconds since the epoch
    :raises Rejected: with the code of the first check that fails, in the order of the setting ``check_order``
    """
    tenant_id = _required(headers, "tenant_id", 523)
    timestamp = _required(headers, "timestamp", 518)
    sent_at = _readable(timestamp_seconds(timestamp))
    token = _required(headers, "token", 525)
    checks = {
        "tenant": lambda: _check_tenant(tenant_id, settings),
        "token": lambda: _check_token(token, token_of(tenant_id, timestamp, settings.api_key)),
        "time": lambda: _check_window(sent_at, settings, now),
        "plan": lambda: _check_plan(settings),
    }
    for name in settings.check_order:
        if name in checks:  # no user signs, so there is no role to check
            checks[name]()


def check_administrator(user_name: str, settings: SandboxSettings) -> None:
    """Verify that a call is an administrator's, or an agent's where the setting ``signers`` lets agents sign.

    :raises Rejected: 516 when the company has no main account, 530 when the user is not one; both are our assumption
    """
    if not settings.admins:
        raise Rejected(516)
    if user_name in settings.admins or (settings.signers == "anybody" and user_name in settings.agents):
        return
    raise Rejected(530)


def check_body_tenant(body: Mapping[str, Any], settings: SandboxSettings) -> None:
    """Verify the ``tenantId`` that a header-signed import repeats in its body (vendor API 3.1).

    :raises Rejected: 523 when it is missing, 501 when it is another company's; both are our assumption
    """
    _check_tenant(_required(body, "tenantId", 523), settings)


def token_of(*parts: str) -> str:
    """Return the MD5 of some texts joined, as 32 lower-case hexadecimal digits (vendor API 2.2 and 2.3)."""
    return hashlib.md5("".join(parts).encode(), usedforsecurity=False).hexdigest()


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


def _required(source: Mapping[str, Any], name: str, code: int) -> str:
    value = source.get(name)
    if value is None or value == "":
        raise Rejected(code)
    return str(value)


def _readable(sent_at: float | None) -> float:
    if sent_at is None:
        raise Rejected(519)
    return sent_at


def _check_tenant(tenant_id: str, settings: SandboxSettings) -> None:
    if tenant_id != settings.tenant_id:
        raise Rejected(501)


def _check_token(given: str, expected: str) -> None:
    # Compared as they are: the vendor says lower-case digits.
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise Rejected(522)


def _check_window(sent_at: float, settings: SandboxSettings, now: float) -> None:
    if abs(now - sent_at) > settings.window_seconds:
        raise Rejected(502)


def _check_create_time(sent_at: float, settings: SandboxSettings, now: float) -> None:
    if settings.create_time_expires:
        _check_window(sent_at, settings, now)


def _check_plan(settings: SandboxSettings) -> None:
    if settings.plan != "professional":
        raise Rejected(529)


def _check_role(user_name: str, settings: SandboxSettings) -> None:
    if user_name in settings.admins:
        raise Rejected(OTHER, ADMIN_CANNOT_IMPORT)
    if user_name not in settings.agents:
        raise Rejected(530)
