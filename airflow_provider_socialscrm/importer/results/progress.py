"""Progress of an import, reported every ten seconds: rows read, then rows sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from airflow_provider_socialscrm.importer.options import PROGRESS_INTERVAL
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.sources.base import Batch, Source
from airflow_provider_socialscrm.wording import counted

MINUTE: Final = 60.0
HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class SendProgress:
    """How many rows of the input are in a bucket.

    :param rows: rows in a bucket, those of earlier tries included.
    :param total: rows of the input.
    :param per_second: rows a second that this try put into a bucket.
    :param refused: rows that a person has to look at, so far.
    """

    rows: int
    total: int
    per_second: float
    refused: int

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this pace; ``None`` if there is no pace yet."""
        return (self.total - self.rows) / self.per_second if self.per_second else None

    @property
    def numbers(self) -> dict[str, int]:
        """The same for a program to read; -1 seconds are left if there is no pace yet."""
        left = -1 if self.seconds_left is None else round(self.seconds_left)
        counts = {"rows": self.rows, "total": self.total, "refused": self.refused}
        return counts | {"rows_per_second": round(self.per_second), "seconds_left": left}

    def __str__(self) -> str:
        left = "" if self.seconds_left is None else f", {span(self.seconds_left)} left"
        pace = f"{self.per_second:,.0f} a second{left}"
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
        self._total = self._done_before = 0

    def observe(self, source: Source) -> Source:
        """Return the same table, whose progress is reported whenever it is read."""
        return replace(source, read=lambda batch_rows: self._observed(source.read(batch_rows)))

    def start_sending(self, *, total: int, done: int) -> None:
        """Report the progress of sending from now on.

        :param total: rows of the input.
        :param done: rows that earlier tries sent, which do not count for this one's pace.
        """
        self._is_sending = True
        self._total, self._done_before, self._started = total, done, self._now()
        self._due = self._started + self._interval

    def maybe_report(self, report: Report) -> None:
        """Report the progress of sending if it is time. Costs next to nothing if it is not."""
        if self._is_sending and self._is_due():
            seconds = self._now() - self._started
            per_second = (report.rows - self._done_before) / seconds if seconds else 0.0
            self._on_progress(SendProgress(report.rows, self._total, per_second, report.refused))

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
