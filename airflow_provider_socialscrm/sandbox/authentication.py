"""Who calls, and may they? One function for each auth scheme; the order of its lines is the order of the checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .codes import ADMIN_CANNOT_IMPORT, OTHER, Refused
from .signatures import body_token, create_time_seconds, header_token, is_same, timestamp_seconds

if TYPE_CHECKING:
    from .settings import SandboxSettings


def check_body_signed(body: Mapping[str, Any], settings: SandboxSettings, now: float) -> str:
    """Verify a body-signed call (contract 1.2, 2.6).

    :param body: the call's JSON object
    :param now: the server's clock, seconds since the epoch
    :return: the agent that the call's customers go to
    :raises Refused: with the code of the first check that fails; the vendor's order is unknown, this one is ours
    """
    tenant_id = _required(body, "tenantId", 523)
    user_name = _required(body, "userName", 524)
    token = _required(body, "token", 525)
    create_time = _required(body, "createTime", 526)
    sent_at = _readable(create_time_seconds(create_time, settings.time_zone))
    _check_tenant(tenant_id, settings)
    _check_token(token, body_token(tenant_id, user_name, create_time, settings.api_key))
    _check_window(sent_at, settings, now)
    _check_plan(settings)
    if user_name in settings.admins:
        raise Refused(OTHER, ADMIN_CANNOT_IMPORT)
    if user_name not in settings.agents:
        raise Refused(530)
    return user_name


def check_header_signed(headers: Mapping[str, str], settings: SandboxSettings, now: float) -> None:
    """Verify a header-signed call (contract 1.1).

    :param headers: the call's HTTP headers, looked up by lower-case name
    :param now: the server's clock, seconds since the epoch
    :raises Refused: with the code of the first check that fails; the vendor's order is unknown, this one is ours
    """
    tenant_id = _required(headers, "tenant_id", 523)
    timestamp = _required(headers, "timestamp", 518)
    sent_at = _readable(timestamp_seconds(timestamp))
    token = _required(headers, "token", 525)
    _check_tenant(tenant_id, settings)
    _check_token(token, header_token(tenant_id, timestamp, settings.api_key))
    _check_window(sent_at, settings, now)
    _check_plan(settings)


def check_body_tenant(body: Mapping[str, Any], settings: SandboxSettings) -> None:
    """Verify the ``tenantId`` that a header-signed import repeats in its body (contract 2.2).

    :raises Refused: 523 when it is missing, 501 when it is another company's; both are our assumption
    """
    _check_tenant(_required(body, "tenantId", 523), settings)


def _required(source: Mapping[str, Any], name: str, code: int) -> str:
    value = source.get(name)
    if value is None or value == "":
        raise Refused(code)
    return str(value)


def _readable(sent_at: float | None) -> float:
    if sent_at is None:
        raise Refused(519)
    return sent_at


def _check_tenant(tenant_id: str, settings: SandboxSettings) -> None:
    if tenant_id != settings.tenant_id:
        raise Refused(501)


def _check_token(given: str, expected: str) -> None:
    if not is_same(given, expected):
        raise Refused(522)


def _check_window(sent_at: float, settings: SandboxSettings, now: float) -> None:
    if abs(now - sent_at) > settings.window_seconds:
        raise Refused(502)


def _check_plan(settings: SandboxSettings) -> None:
    if settings.plan != "professional":
        raise Refused(529)
