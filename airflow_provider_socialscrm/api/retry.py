"""How long and how often a call is retried: limits, backoff, and the clock behind them. For every endpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from random import SystemRandom
from typing import Final

MOST_RE_SIGNED: Final = 2
"""Times a call is signed again with the server's time. After that, 502 means a wrong setting."""

SAME_TIME: Final = 2.0
"""Seconds within which two measurements of the server's clock are the same: its ``Date`` has whole seconds, and the
response takes a while."""


def _latest_today() -> date:
    """Return the day where it is latest, so that no zone's today counts as the future."""
    return datetime.now(timezone(timedelta(hours=14))).date()


@dataclass(frozen=True, slots=True)
class RetryLimits:
    """How long a call is retried before the rest is left to Airflow's retry of the task.

    :param attempts: times the same call is sent, the first one included.
    :param seconds: from the first attempt to the last moment at which a wait may end.
    :param first_wait: upper bound in seconds of the first wait; it doubles with each failure.
    :param longest_wait: upper bound in seconds of any wait, a ``Retry-After`` included.
    :param budget: retries that a run may have more than calls that succeeded: each retry takes one, and so does each
        call whose rows are held as unknown; each success gives one back. So a run stops soon when most calls fail, and
        continues for hours when a few do.
    :param outage: seconds without any success after which a run gives up. What fails during an outage counts for none
        of the other limits. A restart takes about a minute; what lasts longer is better left to Airflow's retry, which
        occupies no worker. With 0.0 the other limits hold always.
    """

    attempts: int = 6
    seconds: float = 300.0
    first_wait: float = 1.0
    longest_wait: float = 60.0
    budget: float = 100.0
    outage: float = 150.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, passed in so that a test can control them.

    :param now: seconds of a clock that never goes back.
    :param sleep: waits for so many seconds.
    :param chance: a random number from 0 to 1.
    :param time: seconds since the epoch.
    :param today: the last day on which somebody may be born.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = field(default_factory=lambda: SystemRandom().random)
    time: Callable[[], float] = time.time
    today: Callable[[], date] = _latest_today


def backoff(attempts: int, limits: RetryLimits, random: float, retry_after: float | None = None) -> float:
    """Return the seconds to wait after so many failed attempts: exponential, with full jitter.

    ``random * min(longest_wait, first_wait * 2 ** (attempts - 1))``. A server's ``Retry-After`` is obeyed up to
    ``longest_wait``, with jitter added so that waiting calls do not return all at once.

    :param attempts: at least 1.
    :param random: from 0 to 1.
    :param retry_after: seconds the server asks to wait.
    """
    if retry_after is not None:
        return min(limits.longest_wait, retry_after) + random * limits.first_wait
    return random * min(limits.longest_wait, limits.first_wait * 2.0 ** (attempts - 1))


def wait_before_retry(
    attempts: int, elapsed: float, limits: RetryLimits, random: float, retry_after: float | None = None
) -> float | None:
    """Return the seconds to wait before the next attempt, or ``None`` if the limits allow no further one.

    :param attempts: so far, at least 1.
    :param elapsed: seconds since the first of them was sent.
    :param random: from 0 to 1.
    :param retry_after: seconds the server asks to wait.
    """
    wait = backoff(attempts, limits, random, retry_after)
    return None if attempts >= limits.attempts or elapsed + wait > limits.seconds else wait


def is_news(offset: float | None, signed_offset: float | None) -> bool:
    """Return whether a response shows another time than the one that the call was signed with.

    :param offset: seconds the server's clock is ahead of ours, if the response says so.
    :param signed_offset: by how many seconds the time in the signature was ahead of our clock; ``None`` if that time is
        known to be right.
    """
    return offset is not None and (signed_offset is None or abs(offset - signed_offset) > SAME_TIME)
