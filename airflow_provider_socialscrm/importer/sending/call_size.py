"""How many rows a call may carry, found while calls are made. Pure: what became of calls in, the next size out.

The vendor limits calls, not rows, and states no limit of rows. So the size doubles while calls succeed and it pays. One
call at a time tries a larger size, and the others follow when it is accepted. Between the largest size that is accepted
and the smallest that is refused the search goes on by halves; what was refused is not tried again in the same run.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import ceil, inf
from statistics import median
from typing import Final

from airflow_provider_socialscrm.api.codes import Blame, Recovery
from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.api.pacing import part_of
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.importer.options import AUTO, DEFAULT_ROWS, Options, resolved_rows_per_call
from airflow_provider_socialscrm.importer.rows import Row
from airflow_provider_socialscrm.importer.sending.chunks import Limits
from airflow_provider_socialscrm.wording import counted

GROWTH: Final = 2
"""How many times larger the next size is while none was refused."""

SMALLEST_STEP: Final = 1.05
"""How many times larger a size has to be to be worth a call that may be refused."""

SAMPLES: Final = 4
"""Calls of a size whose time is known before a larger one is tried."""

MOST_SAMPLES: Final = 16
"""Calls whose time is remembered: one for each connection, by default."""

SETTLED_SAMPLES: Final = 8
"""Calls of a new size after which its time is compared with that of the size before."""

RISE: Final = 1.1
"""Time per row of a larger size, as a share of the present size's, that is still no rise: times of calls vary."""

GAIN: Final = 0.95
"""The same where more rows a call do not pay by themselves, because connections limit the rows a second."""

CLEAR_RISE: Final = 1.25
"""The same for calls of a new size that was accepted, when all connections use it."""

MOST_TRIES: Final = 3
"""Calls that try a larger size before it counts as slow: the fastest counts, as a call may be slow by chance."""

PATIENCE: Final = 64
"""Calls after which a size that was slow or lost a response is tried again; they double each time."""

MOST_LOST: Final = 2
"""Lost responses in a row after which a size that was accepted before is halved: one may be chance."""

MOST_REJECTED: Final = 4
"""Calls in a row rejected because of a row after which the size is halved: then finding bad rows takes most calls."""

LEAST_AFTER_LOSS: Final = 25
"""Rows below which only refusals lower the size: a service that is down, or a part of a call, says nothing of it."""

SHARE_OF_TIMEOUT: Final = 0.5
"""Share of the time-out that a call may take, so that a slower one still gets its response."""

LAST_CALL_SECONDS: Final = 0.5
"""Seconds below which a call at the end of the input is not made smaller: dividing it would save less than that."""


@dataclass(slots=True)
class CallSize(Limits):
    """Finds how many rows a call may carry; ``rows`` is the size found so far.

    :param timeout: seconds that a call may take until it fails.
    :param connections: calls in flight, at most.
    :param calls_per_second: the pace.
    """

    timeout: float = inf
    connections: int = 1
    calls_per_second: float = 1.0
    _probe: int | None = None
    _accepted_rows: int = 0
    _accepted_bytes: int = 0
    _refused: float = inf
    _lost: float = inf
    _slow: float = inf
    _times: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_SAMPLES))
    _tries: list[float] = field(default_factory=list)
    _before: tuple[int, float] | None = None
    _patience: int = PATIENCE
    _calls_to_wait: int = 0
    _losses: int = 0
    _rejections: int = 0
    _is_in_doubt: bool = False

    @property
    def most_rows(self) -> float:
        """Rows above which a chunk that exists already is split before it is sent."""
        return self.rows if self._probe is None else max(self.rows, self._probe)

    @property
    def is_in_doubt(self) -> bool:
        """Whether to send one call at a time, because the size failed and no smaller one is accepted yet."""
        return self._is_in_doubt

    def rows_for(self, first: Row) -> int:
        """Return how many rows the next chunk may have.

        :param first: the row that it begins with. If it has a side effect, the chunk is not larger than without the
            search: its rows may all end as unknown.
        """
        if first.has_side_effects:
            return min(self.rows, DEFAULT_ROWS)
        larger = self._larger() if self._probe is None and len(self._times) >= SAMPLES else None
        if larger is not None and larger * self.connections <= self.rows_left:  # else it is not known in time
            return larger
        share = self._share_of_the_rest()
        return self.rows if self.rows <= share else int(share)

    def on_taken(self, rows: int) -> None:
        """Note that a new chunk was taken from the input; one that is larger than the size tries a larger one."""
        self.rows_left -= rows
        if rows > self.rows:
            self._probe = rows

    def on_accepted(self, rows: int, size: int, seconds: float) -> None:
        """Note that a call succeeded.

        :param rows: that it carried.
        :param size: bytes of its body.
        :param seconds: that it took.
        """
        if self._is_in_doubt:  # the connections then use what was accepted, and one call at a time tries more
            self._is_in_doubt = False
            self._shrink(max(rows, LEAST_AFTER_LOSS))
        self._accepted_rows, self._accepted_bytes = max(self._accepted_rows, rows), max(self._accepted_bytes, size)
        if rows >= self._lost:
            self._lost = inf
        if self._was_probe(rows):
            self._judge(rows, seconds / rows)
        elif self._is_full(rows):
            self._losses = self._rejections = 0
            self._times.append(seconds / rows)
            self._wait_less()
            self._check_time()

    def on_too_large(self, rows: int, size: int, half: int) -> str:
        """Note that a call was refused as too large, and return what later ones may carry, in words.

        Whether it had too many rows or too many bytes is not known. Bytes are at fault only if as many rows were
        accepted before. If as many rows and as many bytes were, the CRM takes less than it did.

        :param half: bytes of the larger of the two calls that it is halved into.
        """
        self._was_probe(rows)
        if rows <= self._accepted_rows and size > self._accepted_bytes:
            self.lower_bytes(max(half, self._accepted_bytes))
            return counted(self.bytes, "byte")
        if rows <= self._accepted_rows:
            self._accepted_rows = self._accepted_bytes = 0
        self._refused = min(self._refused, rows)
        if self._refused <= self.rows:
            self._shrink(max(1, rows // 2))
            self._is_in_doubt = True
        return counted(self.rows, "row")

    def on_lost(self, rows: int) -> None:
        """Note that no response says what became of a call: the time-out passed, or the connection was lost."""
        is_new = rows > self._accepted_rows
        if self._was_probe(rows):
            self._lost = min(self._lost, rows)
            self._be_patient()
        elif self._is_full(rows) or (is_new and rows > LEAST_AFTER_LOSS):  # a small input fills no call
            self._losses += 1
            if is_new or self._losses >= MOST_LOST:
                self._is_in_doubt = is_new
                self._lost = rows
                self._be_patient()
                self._shrink(max(min(self.rows, LEAST_AFTER_LOSS), rows // 2))

    def on_rejected(self, rows: int) -> None:
        """Note that a call was rejected because of a row."""
        if not self._was_probe(rows) and self._is_full(rows):
            self._rejections += 1
            if self._rejections >= MOST_REJECTED and self.rows > DEFAULT_ROWS:
                self._shrink(max(DEFAULT_ROWS, rows // 2))

    def on_other_failure(self, rows: int) -> None:
        """Note that a call failed, which says nothing about its size: a later one tries it."""
        self._was_probe(rows)

    def _was_probe(self, rows: int) -> bool:
        if rows != self._probe:
            return False
        self._probe = None
        return True

    def _is_full(self, rows: int) -> bool:
        """Return whether a call was of the present size: not of a larger one before it, nor a part."""
        return self.rows / 2 < rows <= self.rows

    def _share_of_the_rest(self) -> float:
        """Return the rows of a call at which the connections end together, as far as that saves time."""
        quick = LAST_CALL_SECONDS / median(self._times) if self._times and any(self._times) else 0
        each = self.rows_left / self.connections
        return each if each == inf else max(DEFAULT_ROWS, int(quick), ceil(each))

    def _larger(self) -> int | None:
        """Return the next larger size to try, or ``None`` if there is none."""
        refused = min(self._refused, self._lost)
        larger = self.rows * GROWTH if refused > self.rows * GROWTH else (self.rows + int(refused)) // 2
        larger = int(min(larger, self._within_timeout()))
        return larger if self.rows * SMALLEST_STEP <= larger < self._slow and larger > self.rows else None

    def _within_timeout(self) -> float:
        per_row = median(self._times)
        return self.timeout * SHARE_OF_TIMEOUT / per_row if per_row > 0 else inf

    def _judge(self, rows: int, per_row: float) -> None:
        """Use a larger size that was accepted if it is not slower, and more rows a second follow from it."""
        present = median(self._times) if self._times else inf
        self._tries.append(per_row)
        is_paced = present * self.rows < self.connections / self.calls_per_second
        if min(self._tries) <= present * (RISE if is_paced else GAIN):
            before = self.rows
            self._use(rows)
            self._before = (before, present)
        elif len(self._tries) >= MOST_TRIES:
            self._tries.clear()
            self._slow = rows
            self._be_patient()

    def _check_time(self) -> None:
        """Go back to a smaller size if calls take more than half of the time-out, or longer per row than before."""
        if self._before and len(self._times) >= SETTLED_SAMPLES:
            rows, per_row = self._before
            self._before = None
            if median(self._times) > per_row * CLEAR_RISE:
                self._slow = self.rows
                self._be_patient()
                self._shrink(rows)
        if len(self._times) >= SAMPLES and self._within_timeout() < self.rows and self.rows > DEFAULT_ROWS:
            self._shrink(max(DEFAULT_ROWS, int(self._within_timeout())))

    def _use(self, rows: int) -> None:
        self.rows = rows
        self._times.clear()
        self._tries.clear()
        self._before = None
        self._losses = self._rejections = 0

    def _shrink(self, rows: int) -> None:
        self._use(min(self.rows, rows))

    def _be_patient(self) -> None:
        self._calls_to_wait = self._patience
        self._patience *= 2

    def _wait_less(self) -> None:
        self._calls_to_wait -= 1
        if self._calls_to_wait == 0:
            self._lost = self._slow = inf


def limits_of(options: Options, settings: Settings, *, has_ledger: bool = False, start: int | None = None) -> Limits:
    """Return how much a call of an import may carry.

    :param options: rows, bytes and connections.
    :param settings: pace and time-out.
    :param has_ledger: whether the import has a ledger, with which the default is to find the rows.
    :param start: the rows that an earlier run found; ``None`` starts at the default.
    """
    rows = resolved_rows_per_call(options.rows_per_call, has_ledger=has_ledger)
    if rows != AUTO:
        return Limits(rows, options.bytes_per_call)
    return CallSize(
        start or DEFAULT_ROWS,
        options.bytes_per_call,
        timeout=settings.timeout,
        connections=options.concurrency,
        calls_per_second=part_of(settings.calls_per_second, 1 if settings.pace_url else options.parallel_tasks),
    )


def learn_from_failure(limits: Limits, failure: SocialSCRMError, rows: int) -> None:
    """Note what a failed call says about the size of calls, unless it was too large.

    :param rows: that it carried.
    """
    if failure.recovery is Recovery.UNCERTAIN:
        limits.on_lost(rows)
    elif failure.code is not None and failure.code.blame in (Blame.ROW, Blame.UNKNOWN):
        limits.on_rejected(rows)
    elif failure.recovery is not Recovery.HALVE_BYTES:
        limits.on_other_failure(rows)
