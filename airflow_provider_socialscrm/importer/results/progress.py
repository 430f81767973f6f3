"""Progress of an import, reported every ten seconds: rows read, then rows sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from airflow_provider_socialscrm.importer.options import PROGRESS_INTERVAL
from airflow_provider_socialscrm.importer.reasons import Bucket
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.sources.base import Batch, Source
from airflow_provider_socialscrm.wording import counted

MINUTE: Final = 60.0
HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Wait:
    """How long no call has succeeded, while calls fail because the CRM or the network is unavailable.

    :param seconds: since the first of these failures.
    :param next_in: seconds until the next call; 0 if it need not wait.
    :param limit: seconds after which the run gives up and leaves the rest to a retry of the task.
    """

    seconds: float
    next_in: float
    limit: float

    @property
    def numbers(self) -> dict[str, int]:
        """The same for a program to read."""
        numbers = {"waiting": self.seconds, "next_call_in": self.next_in, "given_up_after": self.limit}
        return {name: round(seconds) for name, seconds in numbers.items()}

    def __str__(self) -> str:
        next_call = f" the next call in {span(self.next_in)};" if self.next_in else ""
        limit = f"{self.limit / MINUTE:.3g} min" if self.limit >= MINUTE else f"{self.limit:.3g} s"
        return f"waiting for SocialsCRM for {span(self.seconds)};{next_call} gives up after {limit}"


@dataclass(frozen=True, slots=True)
class SendProgress:
    """How many rows of the input are in a bucket.

    :param rows: rows in a bucket, those of earlier tries included.
    :param total: rows of the input.
    :param per_second: rows a second that this try put into a bucket.
    :param refused: rows that a person has to look at, so far.
    :param wait: what the run waits for instead of sending; ``None`` if calls succeed.
    """

    rows: int
    total: int
    per_second: float
    refused: int
    wait: Wait | None = None

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this pace; ``None`` if there is no pace."""
        return (self.total - self.rows) / self.per_second if self.per_second and not self.wait else None

    @property
    def numbers(self) -> dict[str, int]:
        """The same for a program to read; -1 seconds are left if there is no pace."""
        left = -1 if self.seconds_left is None else round(self.seconds_left)
        counts = {"rows": self.rows, "total": self.total, "refused": self.refused}
        waiting = self.wait.numbers if self.wait else {}
        return counts | {"rows_per_second": round(self.per_second), "seconds_left": left} | waiting

    def __str__(self) -> str:
        left = "" if self.seconds_left is None else f", {span(self.seconds_left)} left"
        pace = str(self.wait) if self.wait else f"{self.per_second:,.0f} a second{left}"
        return f"Rows: {self.rows:,} of {self.total:,}, {pace}, {self.refused:,} refused so far"


@dataclass(frozen=True, slots=True)
class ReadProgress:
    """How many rows of the input are read, before the first call.

    :param rows: rows read since the table was opened.
    :param files: files they are from.
    """

    rows: int
    files: int

    @property
    def numbers(self) -> dict[str, int]:
        """The same for a program to read."""
        return {"rows_read": self.rows}

    def __str__(self) -> str:
        files = f" of {self.files:,} files" if self.files > 1 else ""
        return f"Read {counted(self.rows, 'row')}{files} so far"


ProgressCallback = Callable[[SendProgress | ReadProgress], None]


class ProgressObserver:
    """Report the progress of reading a table, then that of sending its rows, at most once an interval.

    :param on_progress: takes each report.
    :param now: seconds of a clock that never goes back.
    :param interval: seconds from one report to the next, at least.
    """

    def __init__(
        self, on_progress: ProgressCallback, now: Callable[[], float], interval: float = PROGRESS_INTERVAL
    ) -> None:
        self._on_progress = on_progress
        self._now = now
        self._interval = interval
        self._due = now() + interval
        self._is_sending = False
        self._started = now()
        self._total = self._done_before = self._accepted_before = 0

    def observe(self, source: Source) -> Source:
        """Return the same table, whose progress is reported whenever it is read."""
        return replace(source, read=lambda batch_rows: self._observed(source.read(batch_rows)))

    def start_sending(self, *, total: int, done: int, accepted: int = 0) -> None:
        """Report the progress of sending from now on.

        :param total: rows of the input.
        :param done: rows that earlier tries sent, which do not count for this one's pace.
        :param accepted: those of them that were accepted.
        """
        self._is_sending = True
        self._total, self._done_before, self._started = total, done, self._now()
        self._accepted_before = accepted
        self._due = self._started + self._interval

    def maybe_report(self, report: Report, waiting: Callable[[float], Wait | None] = lambda _: None) -> None:
        """Report the progress of sending if it is time. Costs next to nothing if it is not.

        :param waiting: returns what the run waits for at a time of the clock; ``None`` while calls succeed.
        """
        if self._is_sending and self._is_due():
            now = self._now()
            progress = SendProgress(report.rows, self._total, self._pace(report, now), report.refused, waiting(now))
            self._on_progress(progress)

    def _pace(self, report: Report, now: float) -> float:
        """Return the rows a second; 0 until a call is accepted: rows that no call carries say nothing about calls."""
        has_accepted = report.rows_in(Bucket.ACCEPTED) > self._accepted_before
        seconds = now - self._started
        return (report.rows - self._done_before) / seconds if seconds and has_accepted else 0.0

    def _observed(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        rows, files = 0, set()
        for batch in batches:
            yield batch
            rows += batch.records.num_rows
            files.add(batch.file)
            if self._is_due():
                self._on_progress(ReadProgress(rows, len(files)))

    def _is_due(self) -> bool:
        now = self._now()
        if now < self._due:
            return False
        self._due = now + self._interval
        return True


def span(seconds: float) -> str:
    """Return a duration in the unit that fits, for a person to read."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"
