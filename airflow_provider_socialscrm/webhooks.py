"""Verify and read the webhooks that SocialsCRM sends. For the program that receives them; it needs no Airflow.

The signature covers the tenant and the time, and **not the body** (vendor API 9.1): whoever sees one request can send
another body with its signature until it is too old. So receive on https only, at a path that nobody can guess, and read
what matters again from the CRM before you act on it. ``docs/howto/webhooks.md`` has a receiver and a DAG.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

MAX_AGE: Final = 60.0
"""Seconds that a signature may be off: the vendor's page speaks of a minute (vendor API 9.1)."""

MOST_DIGITS: Final = 15
"""Digits of a time in milliseconds at most; it has 13 until the year 2286."""

ACKNOWLEDGEMENT: Final = b'{"code":200,"message":"Success"}'
"""Body of the response, with HTTP 200 and within 3 seconds, that ends the vendor's retries (vendor API 9.2)."""

CONFIRMATION_CODES: Final[Mapping[int, str]] = {
    502: "The confirmation names no tenantId.",
    503: "The confirmation has no timestamp.",
    504: "The confirmation has no accessToken.",
    505: "The confirmation has neither success nor fail data.",
    506: "The webhook is disabled, or was deleted.",
    507: "The signature of the confirmation is wrong.",
    508: "The timestamp of the confirmation is too old.",
    509: "The CRM's database failed.",
    511: "The tenant has no ApiKey.",
}
"""Codes of the vendor's responses to a receiver that confirms a webhook by a call of its own, as old integrations do.
The same numbers mean something else in responses of the API (vendor API 4.7)."""

_TYPES: Final = ("eventType", "event", "type")
_CREDENTIALS: Final = ("accessToken", "access_token", "token")
_OF_ONE_ATTEMPT: Final = ("timestamp",)


class WebhookError(Exception):
    """A request is not a webhook of this tenant, or cannot be read; the message has nothing of its content."""


@dataclass(frozen=True, slots=True)
class Names:
    """Names of the three values of a signature; those of the headers are our guess (vendor API 9.1).

    :param tenant_id: the company's id.
    :param timestamp: milliseconds since the epoch.
    :param signature: the signature.
    """

    tenant_id: str = "tenant_id"
    timestamp: str = "timestamp"
    signature: str = "access_token"


HEADER_NAMES: Final = Names()
"""Names in the headers, of integrations since June 2024."""

BODY_NAMES: Final = Names("tenantId", "timestamp", "accessToken")
"""Names in the body, of older integrations."""


@dataclass(frozen=True, slots=True)
class Event:
    """A webhook's content.

    :param kind: what happened, in the vendor's words; empty where no field that we know says so.
    :param data: all fields, by the vendor's names, without the signature.
    :param key: the same for each attempt of the vendor's at one event, to leave repeats out.
    """

    kind: str
    data: Mapping[str, Any] = field(repr=False, hash=False)
    key: str


def signature_of(secret: str, tenant_id: str, timestamp: str) -> str:
    """Return the signature, lower-case hex: HMAC-SHA256 of tenant and timestamp, keyed with the secret."""
    return hmac.new(secret.encode(), f"{tenant_id}{timestamp}".encode(), hashlib.sha256).hexdigest()


def verify(
    values: Mapping[str, Any],
    *,
    secret: str,
    tenant_id: str,
    names: Names = HEADER_NAMES,
    now: float | None = None,
    max_age: float = MAX_AGE,
) -> None:
    """Check that a request is signed with the tenant's secret and is not old; it takes the same time for any signature.

    :param values: the request's headers, in any case; or its body, decoded, with :data:`BODY_NAMES`.
    :param secret: the webhook's secret, from the vendor.
    :param tenant_id: the company whose webhooks are received.
    :param names: what the values are called. Default :data:`HEADER_NAMES`.
    :param now: seconds since the epoch. Default ``None``: now.
    :param max_age: seconds that the timestamp may be off, to either side. Default :data:`MAX_AGE`.
    :raises WebhookError: if it is not.
    :raises ValueError: if there is no secret or no tenant to check with.
    """
    if not secret or not tenant_id:
        raise ValueError("verify needs the webhook's secret and the tenant's id: without them anybody could sign.")
    found = {str(name).lower(): str(value) for name, value in values.items()}
    tenant, timestamp, signature = (
        found.get(name.lower(), "") for name in (names.tenant_id, names.timestamp, names.signature)
    )
    # Always calculated and compared, so that the time says nothing about which part is wrong.
    is_signed = hmac.compare_digest(signature_of(secret, tenant, timestamp).encode(), signature.encode())
    is_ours = hmac.compare_digest(tenant.encode(), tenant_id.encode())
    if not is_signed or not is_ours:
        raise WebhookError("The request is not signed with the secret of this tenant's webhook.")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= MOST_DIGITS):
        raise WebhookError("The request's timestamp is not a time in milliseconds.")
    age = (time.time() if now is None else now) - int(timestamp) / 1000
    if abs(age) > max_age:
        raise WebhookError(f"The request was signed {age:,.0f} s ago, and may be {max_age:g} s off.")


def parse(body: bytes | str | Mapping[str, Any]) -> Event:
    """Return a webhook's content with all of its fields, also those that nobody here knows.

    :param body: the request's, as it came or decoded.
    :raises WebhookError: if it is not a JSON object.
    """
    try:
        found = msgspec.json.decode(body) if isinstance(body, bytes | str) else dict(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise WebhookError("The request's body is not a JSON object.")
    data = {name: value for name, value in found.items() if name not in _CREDENTIALS}
    kind = next((value for name in _TYPES if isinstance(value := data.get(name), str) and value), "")
    stable = {name: value for name, value in data.items() if name not in _OF_ONE_ATTEMPT}
    return Event(kind, data, hashlib.sha256(msgspec.json.encode(stable, order="sorted")).hexdigest())
