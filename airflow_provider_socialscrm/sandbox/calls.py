"""What was called lately, without anything secret: no token, no key, no customer."""

from __future__ import annotations

import threading
from collections import Counter, deque

import msgspec

KEPT_CALLS = 1000
"""Calls kept in memory; our choice, enough to look back over a demonstration."""


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One call.

    :param at: when it came, seconds since the epoch by the server's clock
    :param path: the API path
    :param user: the agent login, or the logins in its rows, as the call gave them
    :param rows: rows it carried
    :param code: the business code it was answered, None when the answer had none
    :param message: the text beside the code
    :param status: the HTTP status, None when the connection was dropped
    :param fault: the fault that struck it, if any
    :param seconds: how long it took
    """

    at: float
    path: str
    user: str
    rows: int
    code: int | None
    message: str
    status: int | None
    fault: str | None
    seconds: float


class CallLog:
    """The last calls, oldest first, and totals over all calls. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._recent: deque[CallRecord] = deque(maxlen=KEPT_CALLS)
        self._by_path: Counter[str] = Counter()
        self._by_code: Counter[str] = Counter()

    def add(self, record: CallRecord) -> None:
        """Remember one call; the oldest one kept is forgotten when there are too many."""
        with self._lock:
            self._recent.append(record)
            self._by_path[record.path] += 1
            self._by_code["none" if record.code is None else str(record.code)] += 1

    def recent(self) -> list[CallRecord]:
        """Return the calls kept, oldest first."""
        with self._lock:
            return list(self._recent)

    def totals(self) -> dict[str, dict[str, int]]:
        """Return how many calls there were, by path and by answered code ("none": the answer had no code)."""
        with self._lock:
            return {"by_path": dict(self._by_path), "by_code": dict(self._by_code)}
