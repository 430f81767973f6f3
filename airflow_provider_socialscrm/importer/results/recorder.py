"""Records what became of each row: in the report, the dead letter and the checkpoint, in this order."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_socialscrm.importer.reasons import DUPLICATE, Bucket, Reason, counted_as, superseded_by, together
from airflow_provider_socialscrm.importer.results.checkpoint import Checkpoint
from airflow_provider_socialscrm.importer.results.checkpoint_writer import CheckpointWriter
from airflow_provider_socialscrm.importer.results.dead_letter import DeadLetter
from airflow_provider_socialscrm.importer.results.progress import ProgressObserver
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.rows import PreparedBatch, Row


class Recorder:
    """Record rows and calls, each once.

    :param report: counts them.
    :param checkpoint: has the rows that a later try need not send.
    :param writer: saves the checkpoint.
    :param dead_letter: takes the rows that are not imported; ``None`` if there is no file for them.
    :param observer: reports the progress; ``None`` if nobody watches.
    """

    def __init__(
        self,
        report: Report,
        checkpoint: Checkpoint,
        writer: CheckpointWriter,
        *,
        dead_letter: DeadLetter | None = None,
        observer: ProgressObserver | None = None,
    ) -> None:
        self._report = report
        self._checkpoint = checkpoint
        self._writer = writer
        self._dead_letter = dead_letter
        self._observer = observer

    def record(self, bucket: Bucket, rows: Sequence[Row], reason: Reason | None = None, attempts: int = 0) -> None:
        """Put rows into their bucket for good: no later try sends them.

        :param reason: why, for all that were not accepted.
        :param attempts: calls that carried the rows.
        """
        if not rows:
            return
        self._put(bucket, rows, reason, attempts, for_good=True)
        # After a kill the outcome of rows in doubt would be unknown, so theirs is saved without waiting.
        self._writer.mark_changed(at_once=self._checkpoint.any_in_doubt(rows))
        self._checkpoint.mark_done(rows, accepted=bucket is Bucket.ACCEPTED)

    def record_for_this_try(self, bucket: Bucket, rows: Sequence[Row], reason: Reason, attempts: int = 0) -> None:
        """Put rows into their bucket for this try; a later one sends them."""
        self._put(bucket, rows, reason, attempts, for_good=False)

    def record_unsent(self, prepared: PreparedBatch) -> None:
        """Put the rows of a batch that are not sent into their buckets, with all their reasons."""
        record_unsent(prepared, self._report, self._dead_letter)

    def mark_intended(self, rows: Sequence[Row]) -> None:
        """Save, before they are sent, that rows which must not be sent twice are about to be sent."""
        self._checkpoint.mark_intended(rows)
        self._writer.mark_changed()
        self._writer.save_now()

    def mark_resolved(self, rows: Sequence[Row]) -> None:
        """Note that the CRM definitely did not take these rows, where any are in doubt."""
        if self._checkpoint.any_in_doubt(rows):
            self._checkpoint.mark_resolved(rows)
            self._writer.mark_changed(at_once=True)

    def count_calls(self, **more: int) -> None:
        """Add to the report's counts of calls, by their names."""
        self._report.count_calls(**more)

    def add_seconds(self, **more: float) -> None:
        """Add to the report's times, by their names."""
        self._report.add_seconds(**more)

    def record_clock_offset(self, seconds: float) -> None:
        """Record by how much the CRM's clock is ahead of ours."""
        self._report.record_clock_offset(seconds)

    def maybe_report_progress(self) -> None:
        """Report the progress if it is time and somebody watches."""
        if self._observer:
            self._observer.maybe_report(self._report)

    def _put(
        self, bucket: Bucket, rows: Sequence[Row], reason: Reason | None, attempts: int, *, for_good: bool
    ) -> None:
        self._report.count(bucket, [row.position for row in rows], reason, for_good=for_good)
        if reason and self._dead_letter:
            for row in rows:
                order = row.order if for_good else None
                self._dead_letter.add(row.batch, row.position, bucket, reason, attempts=attempts, order=order)


def record_unsent(prepared: PreparedBatch, report: Report, dead_letter: DeadLetter | None) -> None:
    """Put the rows of a batch that are not sent into their buckets, and into the dead letter with all their reasons."""
    for invalid in prepared.invalid:
        counted = together([counted_as(reason) for reason in invalid.reasons])
        report.count(Bucket.INVALID, [invalid.position], counted, for_good=False)
        if dead_letter:
            dead_letter.add(prepared.batch, invalid.position, Bucket.INVALID, together(invalid.reasons))
    for row in prepared.superseded:
        report.count(Bucket.DUPLICATE, [row.position], DUPLICATE, for_good=False)
        if dead_letter:
            dead_letter.add(prepared.batch, row.position, Bucket.DUPLICATE, superseded_by(row.winner))
    if prepared.blank:
        report.count(Bucket.BLANK, prepared.blank, for_good=False)
