"""An HTTP response as the envelope's data, or as an error that says what to do. Pure.

Success is HTTP 200 *and* ``code`` 200 (vendor API 1.3); the message beside it is never tested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

from airflow_provider_socialscrm.api import codes
from airflow_provider_socialscrm.api.envelopes import read_envelope
from airflow_provider_socialscrm.api.errors import (
    RequestError,
    ServiceError,
    SettingError,
    SocialSCRMError,
    TooLargeError,
    UncertainError,
    refusal,
)
from airflow_provider_socialscrm.api.redaction import HIDDEN, redact

SentValues = Callable[[], Iterable[str]]
"""Returns the values that a call carried; called only to remove them from a server's text."""

QUOTING: Final = frozenset({codes.Family.CHATS, codes.Family.SEND_STATUS})
"""Families whose own text for an unknown code is hidden: it may quote a message, which no call of ours carries."""

_BUSY: Final = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
"""Statuses that refuse a call for now, if they say when it may be sent again. Without that, a gateway may have sent
them after the CRM took the call: Envoy, for one, answers 503 when the CRM closes the connection."""

_ADVICE: Final[Mapping[int, str]] = {
    HTTPStatus.REQUEST_TIMEOUT: "Try again later.",
    HTTPStatus.SERVICE_UNAVAILABLE: "Try again later.",
    HTTPStatus.TOO_MANY_REQUESTS: (
        "If this repeats, lower Calls per second, or find out what else calls the API with this tenant."
    ),
}
"""What to do about a status that may pass."""

_MAY_PASS: Final = {HTTPStatus.REQUEST_TIMEOUT, *_BUSY}
_NOT_THE_API: Final = {
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED,
    HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
}
_DATE_RESOLUTION: Final = 1.0  # seconds; the Date header has no fractions


def read_answer(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    family: codes.Family,
    now: float,
    sent_values: SentValues = tuple,
) -> Any:
    """Return ``data`` of an envelope whose ``code`` is 200.

    :param status: HTTP status.
    :param headers: of the response, looked up without regard to case.
    :param body: the whole body.
    :param family: of the endpoint that was called; it decides what a code means.
    :param now: our own time at the response, seconds since the epoch, which the server's clock is compared with.
    :param sent_values: what the call carried, to remove it from the server's text.
    :raises SocialSCRMError: of the class that says what to do next.
    """
    offset = clock_offset(headers, now)
    if status != HTTPStatus.OK:
        wait = retry_after(headers, now)
        kind, message, advice = _meaning_of(status, wait)
        raise kind(message, advice=advice, http_status=status, retry_after=wait, clock_offset=offset)
    envelope = read_envelope(body, headers.get("Content-Type", ""))
    if envelope.code == codes.SUCCESS:
        return envelope.data
    clean = _hide if family in QUOTING else lambda raw: redact(raw, sent_values())
    code = codes.look_up(envelope.code, envelope.message, family=family, clean=clean)
    raise refusal(code, clock_offset=offset)


def _hide(text: str) -> str:
    return HIDDEN if text else ""


def clock_offset(headers: Mapping[str, str], now: float) -> float | None:
    """Return how many seconds the server's clock is ahead of ours; 0.0 below the ``Date`` header's resolution."""
    server_time = _http_date(headers.get("Date", ""))
    if server_time is None:
        return None
    offset = server_time + _DATE_RESOLUTION / 2 - now
    return offset if abs(offset) > _DATE_RESOLUTION else 0.0


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds a ``Retry-After`` header asks for, by a number or a date; ``None`` if it has neither."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    until = _http_date(value)
    return None if until is None else max(0.0, until - (now + (clock_offset(headers, now) or 0.0)))


def _http_date(value: str) -> float | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _meaning_of(status: int, wait: float | None) -> tuple[type[SocialSCRMError], str, str]:
    """Return the error for a status, what it means, and what to do."""
    if status in _BUSY and wait is not None:
        meaning = f"SocialsCRM answered HTTP {status} and did not process the call; it asks to wait {wait:,.0f} s."
        return ServiceError, meaning, _ADVICE[status]
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        meaning = "The server answered HTTP 413: the call is larger than it takes."
        return TooLargeError, meaning, "Lower rows_per_call or bytes_per_call."
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        meaning = f"The address answers with a redirect (HTTP {status}), which a signed call does not follow."
        return SettingError, meaning, "Set Base URL to the CRM's own address, with https."
    if status in _NOT_THE_API:
        meaning = f"The address answers HTTP {status}: this is not the SocialsCRM API, or a proxy is in front of it."
        return SettingError, meaning, "Check Base URL; it has no path."
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _MAY_PASS:
        meaning = f"The server answered HTTP {status}: it does not accept this request."
        return RequestError, meaning, "Check Base URL (https or http, host, port) and Auth scheme."
    meaning = (
        f"The CRM, or a gateway in front of it, answered HTTP {status}: it is not known whether the call was processed."
    )
    return UncertainError, meaning, _ADVICE.get(status, "If this repeats, check Base URL, then ask the vendor.")
