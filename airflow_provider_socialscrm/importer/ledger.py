"""Where rows are settled: counted, kept in the dead letter unless accepted, and checkpointed. In this order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from airflow_provider_socialscrm.importer.causes import together
from airflow_provider_socialscrm.importer.dead_letter import DeadLetter
from airflow_provider_socialscrm.importer.fields import InvalidRow, Row
from airflow_provider_socialscrm.importer.progress import Progress
from airflow_provider_socialscrm.importer.report import Bucket, Cause, Report


class Ledger:
    """Settles rows, each once.

    :param report: counts them.
    :param progress: keeps what a later try need not do again.
    :param elapsed: seconds that the import has taken, over all tries; kept with the rest.
    """

    def __init__(self, report: Report, progress: Progress, elapsed: Callable[[], float] = float) -> None:
        self.report = report
        self.dead_letter: DeadLetter | None = None
        """Keeps the rows that do not go in, while it is open."""
        self._progress = progress
        self._elapsed = elapsed

    def settle(self, bucket: Bucket, rows: Sequence[Row], cause: Cause | None = None, attempts: int = 0) -> None:
        """Put rows into their bucket for good: no later try sends them.

        :param cause: why, for all that were not accepted.
        :param attempts: calls that carried the rows.
        """
        if not rows:
            return
        self._put(bucket, rows, cause, attempts, for_good=True)
        self._progress.settle(rows)

    def leave(self, bucket: Bucket, rows: Sequence[Row], cause: Cause, attempts: int = 0) -> None:
        """Put rows into their bucket for this try; a later one sends them."""
        self._put(bucket, rows, cause, attempts, for_good=False)

    def settle_invalid(self, row: InvalidRow) -> None:
        """Put a row that cannot be sent into its bucket, with all that is wrong with it."""
        cause = together(row.reasons)
        self.report.settle(Bucket.INVALID, [row.position], cause, for_good=False)
        if self.dead_letter:
            self.dead_letter.add(row.batch, row.position, Bucket.INVALID, cause)

    def intend(self, rows: Sequence[Row]) -> None:
        """Note, and keep at once, that rows which must not be sent twice are about to be sent."""
        self._progress.intend(rows)
        self.save()

    def resolve(self, rows: Iterable[Row]) -> None:
        """Note that such rows were surely not taken."""
        self._progress.resolve(rows)

    def save(self) -> None:
        """Keep what was settled since the last time: first the dead letter's rows, then that they are settled."""
        if self.dead_letter:
            self.dead_letter.flush()
        self.report.seconds.total = self._elapsed()
        self._progress.save(self.report.state())

    def _put(self, bucket: Bucket, rows: Sequence[Row], cause: Cause | None, attempts: int, *, for_good: bool) -> None:
        self.report.settle(bucket, [row.position for row in rows], cause, for_good=for_good)
        if cause and self.dead_letter:
            for row in rows:
                order = row.order if for_good else None
                self.dead_letter.add(row.batch, row.position, bucket, cause, attempts=attempts, order=order)
