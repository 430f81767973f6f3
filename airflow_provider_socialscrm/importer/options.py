"""How an import goes about its work. Light: a DAG file that names these defaults loads nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from random import SystemRandom
from typing import Final

from airflow_provider_socialscrm.importer.errors import InputError

DEFAULT_ROWS: Final = 100
"""Rows a call. The vendor states no limit for imports (contract 2.7); its neighbours take 50 to 20,000."""

DEFAULT_BYTES: Final = 1024 * 1024
"""Bytes a call, 1 MiB. The vendor states no limit; this is the common default of web servers before it."""

DEFAULT_CONCURRENCY: Final = 12
"""Calls in flight: at 45 calls a second this keeps the pace with answers that take up to 260 ms."""


ON_UNKNOWN: Final = ("hold", "resend")
"""What may become of a row with side effects whose outcome is unknown."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard a chunk is tried before the rest is left to Airflow's retry of the task.

    :param attempts: calls that carry the same chunk, the first one included.
    :param seconds: from the chunk's first call to the last moment a wait may end.
    :param first_wait: upper bound in seconds of the first wait; it doubles with each failure.
    :param longest_wait: upper bound in seconds of any wait, a ``Retry-After`` included.
    :param budget: retries the run may have ahead of the calls that passed: each retry takes one, each passed call gives
        one back. A service that refuses most calls is left alone soon; one that refuses a few is worked with for hours.
    :param isolation: calls the run may spend on finding bad rows ahead of what :attr:`isolation_share` gives.
    :param isolation_share: calls that each accepted row adds to them. With the default a run goes on with one bad row
        in a hundred, and stops where every row is bad.
    """

    attempts: int = 6
    seconds: float = 300.0
    first_wait: float = 1.0
    longest_wait: float = 60.0
    budget: float = 100.0
    isolation: float = 5_000.0
    isolation_share: float = 0.2


@dataclass(frozen=True, slots=True)
class Timing:
    """Time and chance, handed in so that a test can own them.

    :param now: seconds of a clock that never goes back.
    :param sleep: waits so many seconds.
    :param chance: a random number from 0 to 1.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = field(default_factory=lambda: SystemRandom().random)


@dataclass(frozen=True, slots=True)
class Options:
    """One import's settings.

    :param rows_per_call: rows a call carries at most.
    :param bytes_per_call: bytes a call's body has at most.
    :param concurrency: calls in flight.
    :param max_rejected: rows that may be refused before the run counts as failed: a number, or a fraction of the input
        as a float below 1. Rejected, invalid and unknown rows count.
    :param on_unknown: what becomes of a row with side effects when its call was sent and the answer lost: ``hold`` it
        as unknown, or ``resend`` it.
    :param parallel_tasks: tasks of the tenant that run at once, this one included: they divide the pace where they do
        not share it through Redis.
    :param effort: how hard a chunk is tried.
    :param timing: time and chance.
    """

    rows_per_call: int = DEFAULT_ROWS
    bytes_per_call: int = DEFAULT_BYTES
    concurrency: int = DEFAULT_CONCURRENCY
    max_rejected: float = 0
    on_unknown: str = "hold"
    parallel_tasks: int = 1
    effort: Effort = field(default_factory=Effort)
    timing: Timing = field(default_factory=Timing)

    def __post_init__(self) -> None:
        """Refuse what makes no sense, all of it at once.

        :raises InputError: naming each argument.
        """
        wrong = [
            f"{name} is {value!r}, not a whole number above 0"
            for name in ("rows_per_call", "bytes_per_call", "concurrency", "parallel_tasks")
            if type(value := getattr(self, name)) is not int or value < 1  # True is an int, but no number of rows
        ]
        if type(self.max_rejected) not in {int, float} or not 0 <= self.max_rejected < inf:
            wrong.append(f"max_rejected is {self.max_rejected!r}, not a number from 0")
        if self.on_unknown not in ON_UNKNOWN:
            wrong.append(f"on_unknown is {self.on_unknown!r}, not {' or '.join(ON_UNKNOWN)}")
        if wrong:
            raise InputError("; ".join(wrong) + ".")

    @property
    def resend(self) -> bool:
        """Whether every row may be sent twice."""
        return self.on_unknown == "resend"
