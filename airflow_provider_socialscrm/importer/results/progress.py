"""How far a run is, told every so often."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.sources.base import Batch, Source

INTERVAL: Final = 10.0
"""Seconds from one telling to the next: often enough for who watches, six lines a minute for who reads later."""

MINUTE: Final = 60.0
HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class SendProgress:
    """How far a run is.

    :param rows: rows in a bucket already, those of earlier tries included.
    :param total: rows of the input.
    :param per_second: rows that this try brought into a bucket, a second.
    :param refused: rows that a person has to look at, so far.
    """

    rows: int
    total: int
    per_second: float
    refused: int

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes at this pace; ``None`` where there is no pace yet."""
        return (self.total - self.rows) / self.per_second if self.per_second else None

    @property
    def numbers(self) -> dict[str, int]:
        """The same for a program to read; -1 seconds are left where there is no pace yet."""
        left = -1 if self.seconds_left is None else round(self.seconds_left)
        counts = {"rows": self.rows, "total": self.total, "refused": self.refused}
        return counts | {"rows_per_second": round(self.per_second), "seconds_left": left}

    def __str__(self) -> str:
        left = "" if self.seconds_left is None else f", {span(self.seconds_left)} left"
        pace = f"{self.per_second:,.0f} a second{left}"
        return f"Rows: {self.rows:,} of {self.total:,}, {pace}, {self.refused:,} refused so far"


@dataclass(frozen=True, slots=True)
class ReadProgress:
    """How far the table is read, before the first call.

    :param rows: rows that were read, since the table was opened.
    :param files: files they are from.
    :param total: rows of the input; ``None`` until it was read to its end, after which its rows are checked.
    """

    rows: int
    files: int
    total: int | None = None

    @property
    def numbers(self) -> dict[str, int]:
        """The same for a program to read."""
        return {"rows_read": self.rows} if self.total is None else {"rows_checked": self.rows, "total": self.total}

    def __str__(self) -> str:
        if self.total is not None:
            return f"Checked {self.rows:,} of {self.total:,} rows so far"
        files = f" of {self.files:,} files" if self.files > 1 else ""
        return f"Read {self.rows:,} rows{files} so far"


ProgressCallback = Callable[[SendProgress | ReadProgress], None]


class Timer:
    """Says when it is time to tell something again.

    :param now: seconds of a clock that never goes back.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._due = now() + INTERVAL

    def is_due(self) -> bool:
        """Say whether it is time, which it then is not for an interval. Costs next to nothing."""
        now = self._now()
        if now < self._due:
            return False
        self._due = now + INTERVAL
        return True


class Reading:
    """Looks at the rows of a table that pass by, and tells how many they are when that is due.

    :param tell: takes what is told.
    :param now: seconds of a clock that never goes back.
    """

    def __init__(self, tell: ProgressCallback, now: Callable[[], float]) -> None:
        self._tell = tell
        self._now = now
        self._timer = Timer(now)
        self._total: int | None = None
        self._ended = False

    def over(self, source: Source) -> Source:
        """Return the same table, looked at whenever it is read."""
        return replace(source, read=lambda: self._seen(source.read()))

    def before_sending(self, *, total: int, before: int) -> ProgressObserver:
        """Tell nothing more, as another thread reads from now on, and return what tells how far the sending is.

        :param total: rows of the input.
        :param before: rows that earlier tries settled.
        """
        self._ended = True
        return ProgressObserver(self._tell, self._now, total=total, before=before)

    def _seen(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        rows, files = 0, set()
        for batch in batches:
            yield batch
            rows += batch.records.num_rows
            files.add(batch.file)
            if not self._ended and self._timer.is_due():
                self._tell(ReadProgress(rows, len(files), self._total))
        self._total = rows


class ProgressObserver:
    """Looks at a report whenever it is shown, and tells how far it is when that is due.

    :param tell: takes what is told.
    :param now: seconds of a clock that never goes back.
    :param total: rows of the input.
    :param before: rows that earlier tries settled, for which this one takes no credit.
    """

    def __init__(self, tell: ProgressCallback, now: Callable[[], float], *, total: int, before: int) -> None:
        self._tell = tell
        self._now = now
        self._total = total
        self._before = before
        self._started = now()
        self._timer = Timer(now)

    def look(self, report: Report) -> None:
        """Tell how far the run is, if that is due. Costs next to nothing when it is not."""
        if self._timer.is_due():
            per_second = (report.rows - self._before) / (self._now() - self._started)
            self._tell(SendProgress(report.rows, self._total, per_second, report.refused))


def span(seconds: float) -> str:
    """Return a time as a person says it, in the unit that fits."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"
