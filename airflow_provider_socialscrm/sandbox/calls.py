"""Count and remember calls: the last ones, and how many came within one second (vendor API 5.1: 50 on each path).

Nothing secret is remembered: no token, no key, no customer.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque

import msgspec

from .codes import SUCCESS

RECENT_CALLS = 1000
"""Calls remembered one by one; our choice, enough to look back over a demonstration."""
PATHS_COUNTED = 100
"""Paths counted one by one; our choice, since anybody can ask for any path. Calls to further ones count together."""
OTHER_PATHS = "other paths"
WINDOW_SECONDS = 1.0
"""Length of the sliding window, seconds (vendor API 5.1)."""


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One call.

    :param at: arrival, seconds since the epoch by the server's clock
    :param path: the API path, or the unknown one that was asked for
    :param user: the agent login, or the logins in its rows, as the call gave them
    :param rows: rows it carried
    :param code: the business code of the response, None when it had none
    :param message: the text beside the code
    :param status: the HTTP status, None when the connection was reset
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
        self._recent: deque[CallRecord] = deque(maxlen=RECENT_CALLS)
        self._by_path: Counter[str] = Counter()
        self._by_code: Counter[str] = Counter()

    def add(self, record: CallRecord) -> None:
        """Remember one call, and forget the oldest one when there are too many."""
        with self._lock:
            self._recent.append(record)
            is_counted = record.path in self._by_path or len(self._by_path) < PATHS_COUNTED
            self._by_path[record.path if is_counted else OTHER_PATHS] += 1
            self._by_code["none" if record.code is None else str(record.code)] += 1

    def recent(self) -> list[CallRecord]:
        """Return the last calls, oldest first."""
        with self._lock:
            return list(self._recent)

    @property
    def has_success(self) -> bool:
        """Whether some call got code 200."""
        with self._lock:
            return self._by_code[str(SUCCESS)] > 0

    def totals(self) -> dict[str, dict[str, int]]:
        """Return how many calls there were, by path and by code ("none": the response had no code)."""
        with self._lock:
            return {"by_path": dict(self._by_path), "by_code": dict(self._by_code)}


class SlidingWindow:
    """Counts calls by path over the last second, and remembers the highest count.

    Times are passed in: seconds of a clock that never goes back.
    """

    def __init__(self) -> None:
        self.peaks: Counter[str] = Counter()
        self._arrived: defaultdict[str, deque[float]] = defaultdict(deque)
        self._admitted: defaultdict[str, deque[float]] = defaultdict(deque)

    def admit(self, path: str, now: float, limit: int) -> bool:
        """Count one call and return whether it is within the limit.

        A throttled call counts for the peak, but does not use up the limit of later ones.

        :param now: seconds
        :param limit: calls admitted within any one second
        """
        arrived, admitted = self._arrived[path], self._admitted[path]
        _forget_before(arrived, now)
        _forget_before(admitted, now)
        arrived.append(now)
        self.peaks[path] = max(self.peaks[path], len(arrived))
        if len(admitted) >= limit:
            return False
        admitted.append(now)
        return True


def _forget_before(times: deque[float], now: float) -> None:
    while times and times[0] <= now - WINDOW_SECONDS:
        times.popleft()
