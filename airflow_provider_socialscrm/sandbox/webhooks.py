"""Webhooks: signed, sent to an address, and repeated on the vendor's ladder until the receiver takes them.

``POST /_sandbox/webhooks`` sends one, with the request's JSON object as its body; ``GET`` lists the attempts.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.request import Request as HttpRequest
from urllib.request import urlopen

import msgspec

from .crm import AdminError
from .tables import Table

if TYPE_CHECKING:
    from starlette.requests import Request

    from .crm import Crm
    from .settings import SandboxSettings

LADDER = (10.0, 30.0, 180.0, 300.0, 1800.0, 7200.0)
"""Seconds before each further attempt (vendor API 9.2); the setting ``webhook_speed`` divides them."""
RECEIVER_SECONDS = 3.0
"""Seconds in which a receiver has to respond (vendor API 9.2)."""
TAKEN = (200, 0)
"""Codes with which a receiver takes a webhook (vendor API 9.2)."""
RECENT_ATTEMPTS = 100
"""Attempts that are remembered; our choice."""
SHOWN_LENGTH = 200
"""Characters of a response that are remembered; our choice."""
NO_ADDRESS = 'set webhook_url first: PATCH /_sandbox/settings with {"webhook_url": "http://127.0.0.1:8000/hook"}'


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt at a webhook.

    :param webhook: number of the webhook, from 1
    :param attempt: which attempt at it, from 1
    :param at: seconds since the epoch, by the sandbox's clock
    :param status: the receiver's HTTP status, None without a response
    :param answer: what the receiver responded, or why it did not
    :param taken: whether that ends the attempts
    :param next_in: seconds until the next attempt, None when there is none
    """

    webhook: int
    attempt: int
    at: float
    status: int | None
    answer: str
    taken: bool
    next_in: float | None


class Deliveries:
    """The webhooks of one sandbox since its last reset. Each has a thread of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._sent = 0
        self._attempts: deque[Attempt] = deque(maxlen=RECENT_ATTEMPTS)

    def send(self, crm: Crm, body: dict[str, Any]) -> int:
        """Send a webhook, and go on until it is taken; return its number."""
        with self._lock:
            self._sent += 1
            number = self._sent
        thread = threading.Thread(target=self._deliver, args=(crm, number, body), daemon=True, name="webhook")
        thread.start()
        return number

    def attempts(self) -> list[Attempt]:
        """Return the last attempts, oldest first."""
        with self._lock:
            return list(self._attempts)

    def close(self) -> None:
        """Make no further attempt."""
        self._stopped.set()

    def _deliver(self, crm: Crm, number: int, body: dict[str, Any]) -> None:
        for attempt, wait in enumerate((*LADDER, None), start=1):
            at, settings = crm.now(), crm.settings
            status, answer, taken = post(settings, body, at)
            pause = None if taken or wait is None else wait / settings.webhook_speed
            found = Attempt(
                webhook=number, attempt=attempt, at=at, status=status, answer=answer, taken=taken, next_in=pause
            )
            with self._lock:
                self._attempts.append(found)
            if pause is None or self._stopped.wait(pause):
                return


def post(settings: SandboxSettings, body: dict[str, Any], at: float) -> tuple[int | None, str, bool]:
    """Make one attempt, signed now, and return the receiver's status and response, and whether it took the webhook.

    A new signature for each attempt is our assumption, since the ladder is longer than a signature may be old.
    """
    tenant, timestamp = settings.tenant_id, str(int(at * 1000))
    signature = sign(settings.webhook_secret, tenant, timestamp)
    headers = {"Content-Type": "application/json"}
    if settings.webhook_signature == "headers":
        headers |= dict(zip(settings.webhook_names, (tenant, timestamp, signature), strict=True))
    else:
        body = {**body, "tenantId": tenant, "timestamp": int(timestamp), "accessToken": signature}
    request = HttpRequest(settings.webhook_url, msgspec.json.encode(body), headers, method="POST")  # noqa: S310 - checked
    try:
        with urlopen(request, timeout=RECEIVER_SECONDS) as response:  # noqa: S310 - checked
            status, content = response.status, response.read(SHOWN_LENGTH * 4)
    except HTTPError as failure:
        with failure:  # it holds the connection
            return failure.code, failure.reason, False
    except (URLError, OSError, ValueError) as failure:
        return None, str(getattr(failure, "reason", failure)), False
    return status, content.decode(errors="replace")[:SHOWN_LENGTH], status == 200 and _code(content) in TAKEN  # noqa: PLR2004


def sign(secret: str, tenant_id: str, timestamp: str) -> str:
    """Return the HMAC-SHA256 of tenant and time, as lower-case hexadecimal digits (vendor API 9.1)."""
    return hmac.new(secret.encode(), (tenant_id + timestamp).encode(), hashlib.sha256).hexdigest()


def _code(content: bytes) -> Any:
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, ValueError):
        return None
    return found.get("code") if isinstance(found, dict) else None


def _send(crm: Crm, _request: Request, body: Any) -> Any:
    if not crm.settings.webhook_url:
        raise AdminError(NO_ADDRESS)
    if not isinstance(body, dict):
        raise AdminError('give the webhook\'s body, such as {"eventType": "message", "id": 1}')
    return {"webhook": crm.memory(Deliveries).send(crm, body)}


ENDPOINTS = ()
"""The CRM calls; nobody calls it here."""

ADMIN_ACTIONS = {
    ("POST", "webhooks"): _send,
    ("GET", "webhooks"): lambda crm, _request, _body: crm.memory(Deliveries).attempts(),
}


def tables(crm: Crm) -> Iterable[Table]:
    """Return the attempts for the page, newest first."""
    rows = [
        (
            f"{datetime.fromtimestamp(each.at, UTC):%Y-%m-%d %H:%M:%S}",
            each.webhook,
            each.attempt,
            "no response" if each.status is None else each.status,
            each.answer,
            "taken" if each.taken else "given up" if each.next_in is None else f"again in {each.next_in:g} s",
        )
        for each in reversed(crm.memory(Deliveries).attempts())
    ]
    columns = ("Time (UTC)", "Webhook", "Attempt", "HTTP", "The receiver's response", "Outcome")
    return [Table("webhooks", "Webhooks", columns, rows, "None was sent.", "POST /_sandbox/webhooks sends one")]
