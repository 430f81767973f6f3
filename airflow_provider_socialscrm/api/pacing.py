"""Calls per second on one path: evenly spaced, throttled after HTTP 429."""

from __future__ import annotations

from collections import deque
from math import ceil, floor
from typing import Final

from airflow_provider_socialscrm.api.settings import DEFAULT_CALLS_PER_SECOND, VENDOR_CALLS_PER_SECOND

NEVER: Final = float("-inf")
"""A time before every other."""

SECOND: Final = 1.0
"""The window in which the vendor counts calls (vendor API 5.1)."""

SLOWEST: Final = 1.0
"""Calls per second below which throttling never drops the rate, so that the import goes on."""

RECOVERY_STEP: Final = 0.02
"""Share of the full rate that each successful call restores: about fifty calls restore all of it."""

ONE_DROP_SECONDS: Final = 1.0
"""429 responses within this time belong to one burst and halve the rate once: the vendor counts by second."""


class Pace:
    """Spaces the calls on one path evenly and keeps every second within the rate.

    A call that starts late, because a sleep ends late, does not delay later calls by the same time.

    :param calls_per_second: the rate; no second sees more calls than this, rounded up.
    :param start: when the first call may start.
    """

    def __init__(self, calls_per_second: float, start: float = NEVER) -> None:
        self._full = self.rate = calls_per_second
        self._next = start
        self._starts: deque[float] = deque(maxlen=ceil(calls_per_second))
        self._dropped = NEVER

    @property
    def interval(self) -> float:
        """Seconds from one call to the next."""
        return 1 / self.rate

    def try_start(self, now: float) -> float:
        """Start a call and return 0.0, or return the seconds to wait before the next attempt.

        :param now: seconds of a clock that never goes back.
        """
        second_is_full = len(self._starts) == self._starts.maxlen
        wait = max(self._next, self._starts[0] + SECOND if second_is_full else NEVER) - now
        if wait > 0:
            return wait
        self.take(now)
        return 0.0

    def take(self, now: float) -> None:
        """Count a call that starts now, whether or not one is due."""
        on_time = 0 <= now - self._next < self.interval
        self._next = (self._next if on_time else now) + self.interval
        self._starts.append(now)

    def slow_down(self, now: float) -> None:
        """Halve the rate, once per burst of HTTP 429.

        :param now: seconds of the clock of :meth:`try_start`.
        """
        if now - self._dropped >= ONE_DROP_SECONDS:
            self._dropped, before = now, self.interval
            self.rate = max(min(SLOWEST, self._full), self.rate / 2)
            self._next += self.interval - before  # the next call already waits longer

    def speed_up(self) -> None:
        """Restore a step of the full rate after a successful call."""
        self.rate = min(self._full, self.rate + self._full * RECOVERY_STEP)


HEADROOM: Final = DEFAULT_CALLS_PER_SECOND / VENDOR_CALLS_PER_SECOND
"""Our rate as a share of the vendor's limit; the rest absorbs the parts of several tasks that are rounded up."""


def part_of(calls_per_second: float, parallel_tasks: int) -> float:
    """Return the calls per second of one of several tasks that do not know of each other.

    Each task can make its part, rounded up, within the same second. Where the sum would exceed the limit, the part is
    rounded down instead. Parts below one call per second are not rounded: only chance keeps such tasks apart.

    :param calls_per_second: of all tasks together.
    :param parallel_tasks: how many run at once, at most.
    """
    part = calls_per_second / parallel_tasks
    within_limit = parallel_tasks * ceil(part) * HEADROOM <= calls_per_second
    return part if within_limit or part < 1 else float(floor(part))
