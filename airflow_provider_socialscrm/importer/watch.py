"""How far a run is, told every so often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from airflow_provider_socialscrm.importer.report import Report

INTERVAL: Final = 10.0
"""Seconds from one telling to the next: often enough for who watches, six lines a minute for who reads later."""

MINUTE: Final = 60.0
HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Standing:
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

    def __str__(self) -> str:
        left = "" if self.seconds_left is None else f", {span(self.seconds_left)} left"
        pace = f"{self.per_second:,.0f} a second{left}"
        return f"Rows: {self.rows:,} of {self.total:,}, {pace}, {self.refused:,} refused so far"


Tell = Callable[[Standing], None]


class Watch:
    """Looks at a report whenever it is shown, and tells how far it is when that is due.

    :param tell: takes what is told.
    :param now: seconds of a clock that never goes back.
    :param total: rows of the input.
    :param before: rows that earlier tries settled, for which this one takes no credit.
    """

    def __init__(self, tell: Tell, now: Callable[[], float], *, total: int, before: int) -> None:
        self._tell = tell
        self._now = now
        self._total = total
        self._before = before
        self._started = now()
        self._due = self._started + INTERVAL

    def look(self, report: Report) -> None:
        """Tell how far the run is, if that is due. Costs next to nothing when it is not."""
        now = self._now()
        if now < self._due:
            return
        self._due = now + INTERVAL
        per_second = (report.rows - self._before) / (now - self._started)
        self._tell(Standing(report.rows, self._total, per_second, report.refused))


def span(seconds: float) -> str:
    """Return a time as a person says it, in the unit that fits."""
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"
