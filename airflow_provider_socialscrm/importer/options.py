"""How an import goes about its work. Light: a DAG file that names these defaults loads nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from random import SystemRandom
from typing import Any, Final

from airflow_provider_socialscrm.importer.errors import InputError

DEFAULT_ROWS: Final = 100
"""Rows a call. The vendor states no limit for imports (contract 2.7); its neighbours take 50 to 20,000."""

DEFAULT_BYTES: Final = 1024 * 1024
"""Bytes a call, 1 MiB. The vendor states no limit; this is the common default of web servers before it."""

DEFAULT_CONCURRENCY: Final = 16
"""Calls in flight: at 45 calls a second this keeps the pace with answers that take up to 350 ms."""


ON_UNKNOWN: Final = ("hold", "resend")
"""What may become of a row with side effects whose outcome is unknown."""

EMPTY: Final = ("omit", "send")
"""What may become of a missing or blank value: left out of the row, or sent as an empty text."""

DUPLICATES: Final = ("last", "first", "send")
"""Which of the rows with one number goes: the last, the first, or all of them."""

ON_INVALID: Final = ("reject", "fail")
"""What rows that cannot be sent mean: they are kept back, or nothing is sent."""


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
class Rules:
    """How a table is read as customers.

    :param columns: the API's field for a column, by the column's name; ``None`` leaves the column out. Columns that are
        not named go to the field they are called like.
    :param defaults: values of fields for the rows that have none.
    :param extension_fields: the columns and fields beside the API's own that go along. ``None``: all columns do.
    :param default_region: the country of numbers without country code, as two letters; ``None`` knows none, and checks
        only that a number has 7 to 15 digits.
    :param dayfirst: whether 01/02/2020 is the first of February; ``None`` refuses what can be read both ways.
    :param empty: whether a missing or blank value is left out (``omit``) or sent as an empty text (``send``), for all
        fields or by field.
    :param duplicates: which row goes of those with one number: the ``last`` that can be sent, the ``first``, or all
        (``send``).
    :param on_invalid: whether rows that cannot be sent are kept back (``reject``), or nothing is sent (``fail``).
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    extension_fields: Sequence[str] | None = None
    default_region: str | None = None
    dayfirst: bool | None = None
    empty: str | Mapping[str, str] = EMPTY[0]
    duplicates: str = DUPLICATES[0]
    on_invalid: str = ON_INVALID[0]

    def __post_init__(self) -> None:
        """Refuse what makes no sense, all of it at once.

        :raises InputError: naming each argument.
        """
        wrong = [
            *_no_mapping(columns=self.columns, defaults=self.defaults),
            *_no_choice("duplicates", self.duplicates, DUPLICATES),
            *_no_choice("on_invalid", self.on_invalid, ON_INVALID),
            *(() if isinstance(self.empty, Mapping) else _no_choice("empty", self.empty, EMPTY)),
        ]
        if isinstance(self.extension_fields, str):
            wrong.append(f"extension_fields is {self.extension_fields!r}, not a list of names")
        if self.dayfirst not in (None, True, False):
            wrong.append(f"dayfirst is {self.dayfirst!r}, not True, False or None")
        if wrong:
            raise InputError("; ".join(wrong) + ".")


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
    :param rules: how the table is read as customers.
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
    rules: Rules = field(default_factory=Rules)
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
        wrong += _no_choice("on_unknown", self.on_unknown, ON_UNKNOWN)
        if wrong:
            raise InputError("; ".join(wrong) + ".")

    @property
    def resend(self) -> bool:
        """Whether every row may be sent twice."""
        return self.on_unknown == "resend"


def _no_choice(name: str, value: Any, choices: Sequence[str]) -> list[str]:
    return [] if value in choices else [f"{name} is {value!r}, not {' or '.join(choices)}"]


def _no_mapping(**arguments: Any) -> list[str]:
    given = ((name, value) for name, value in arguments.items() if not isinstance(value, Mapping))
    return [f"{name} is a {type(value).__name__}, not a dictionary" for name, value in given]
