"""How long and how often a call is tried again: limits, backoff, the clock and chance behind them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from random import SystemRandom


def _latest_today() -> date:
    """Return the day where it is latest, so that no zone's today counts as the future."""
    return datetime.now(timezone(timedelta(hours=14))).date()


@dataclass(frozen=True, slots=True)
class RetryLimits:
    """How hard a chunk is tried before the rest is left to Airflow's retry of the task.

    :param attempts: calls that carry the same chunk, the first one included.
    :param seconds: from the chunk's first call to the last moment a wait may end.
    :param first_wait: upper bound in seconds of the first wait; it doubles with each failure.
    :param longest_wait: upper bound in seconds of any wait, a ``Retry-After`` included.
    :param budget: retries the run may have ahead of the calls that passed: each retry takes one, each passed call gives
        one back. A service that refuses most calls is left alone soon; one that refuses a few is worked with for hours.
    :param isolation: calls the run may spend on finding bad rows ahead of what :attr:`isolation_share` gives.
    :param isolation_share: calls that each accepted row adds to them. With the default a run goes on where a third of
        the rows are bad, which takes about two calls for each accepted row, and stops where nearly all of them are.
    """

    attempts: int = 6
    seconds: float = 300.0
    first_wait: float = 1.0
    longest_wait: float = 60.0
    budget: float = 100.0
    isolation: float = 5_000.0
    isolation_share: float = 0.2


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and chance, handed in so that a test can own them.

    :param now: seconds of a clock that never goes back.
    :param sleep: waits so many seconds.
    :param chance: a random number from 0 to 1.
    :param today: the last day on which somebody may be born.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = field(default_factory=lambda: SystemRandom().random)
    today: Callable[[], date] = _latest_today


def backoff(attempts: int, retry_limits: RetryLimits, chance: float, retry_after: float | None = None) -> float:
    """Return the seconds to wait after so many failed attempts: exponential, with full jitter.

    ``chance * min(longest_wait, first_wait * 2 ** (attempts - 1))``; what the server asks for is obeyed up to
    ``longest_wait``, with the jitter on top so that waiting chunks do not come back all at once.
    """
    jittered = chance * min(retry_limits.longest_wait, retry_limits.first_wait * 2 ** (attempts - 1))
    return (
        jittered
        if retry_after is None
        else min(retry_limits.longest_wait, retry_after) + chance * retry_limits.first_wait
    )
