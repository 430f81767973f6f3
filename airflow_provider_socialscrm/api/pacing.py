"""Calls a second: evenly spaced, slower while the CRM says there are too many."""

from __future__ import annotations

from collections import deque
from math import ceil, floor
from typing import Final

from airflow_provider_socialscrm.api.settings import DEFAULT_CALLS_PER_SECOND, VENDOR_CALLS_PER_SECOND

NEVER: Final = float("-inf")

SECOND: Final = 1.0
"""The window in which the vendor counts calls (vendor API 5.1)."""

SLOWEST: Final = 1.0
"""Calls a second below which the pace never drops, so that the run goes on."""

RECOVERY_STEP: Final = 0.02
"""Part of the full pace that comes back with each call that passes: all of it after some fifty calls."""

ONE_DROP_SECONDS: Final = 1.0
"""Refusals within this time are of one burst, and drop the pace once: the vendor counts by second (vendor API 5.1)."""


class Pace:
    """Spaces calls evenly, and lets no second see more of them than allowed.

    A call that starts late, because a sleep ends late, does not delay those after it by as much.

    :param calls_per_second: the pace; no second sees more calls than this, rounded up.
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

    def turn(self, now: float) -> float:
        """Return the seconds until the next call may start; 0.0 takes the turn.

        :param now: seconds of a clock that never goes back.
        """
        if (wait := self.due_in(now)) > 0:
            return wait
        self.take(now)
        return 0.0

    def due_in(self, now: float) -> float:
        """Return the seconds until the next call may start, not above 0 where it may; takes no turn."""
        second_is_full = len(self._starts) == self._starts.maxlen
        return max(self._next, self._starts[0] + SECOND if second_is_full else NEVER) - now

    def take(self, now: float) -> None:
        """Count a call that starts now, whether it may or not."""
        on_time = 0 <= now - self._next < self.interval
        self._next = (self._next if on_time else now) + self.interval
        self._starts.append(now)

    def slow_down(self, now: float) -> None:
        """Halve the pace, once a burst: the CRM says that calls come too fast (HTTP 429)."""
        if now - self._dropped >= ONE_DROP_SECONDS:
            self._dropped, before = now, self.interval
            self.rate = max(min(SLOWEST, self._full), self.rate / 2)
            self._next += self.interval - before  # the next call already waits longer

    def speed_up(self) -> None:
        """Come a step nearer to the full pace: a call passed."""
        self.rate = min(self._full, self.rate + self._full * RECOVERY_STEP)


HEADROOM: Final = DEFAULT_CALLS_PER_SECOND / VENDOR_CALLS_PER_SECOND
"""What a pace is of the limit behind it: the rest is for what several paces round up."""


def part_of(calls_per_second: float, parallel_tasks: int) -> float:
    """Return the pace of one of several tasks that know nothing of each other.

    Each of them can have its pace, rounded up, in one and the same second. Where that is more than the limit allows,
    the pace is rounded down instead. Tasks with less than a call a second each can only be held apart by chance.

    :param calls_per_second: of all tasks together.
    :param parallel_tasks: how many run at once, at most.
    """
    part = calls_per_second / parallel_tasks
    within_limit = parallel_tasks * ceil(part) * HEADROOM <= calls_per_second
    return part if within_limit or part < 1 else float(floor(part))
