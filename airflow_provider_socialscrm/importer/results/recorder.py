"""Records what became of each row: in the dead letter, the report and the checkpoint, in this order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol

from airflow_provider_socialscrm.importer.errors import CheckpointError
from airflow_provider_socialscrm.importer.reasons import (
    DUPLICATE,
    EARLIER_TRY,
    Bucket,
    Reason,
    counted_as,
    known_bad,
    superseded_by,
    together,
)
from airflow_provider_socialscrm.importer.results.checkpoint import Checkpoint
from airflow_provider_socialscrm.importer.results.checkpoint_writer import CheckpointWriter
from airflow_provider_socialscrm.importer.results.dead_letter import DeadLetter
from airflow_provider_socialscrm.importer.results.progress import ProgressObserver, Wait
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.rows import PreparedBatch, Row


class AnswerLog(Protocol):
    """Saves the CRM's answers row by row for later imports: a ledger."""

    def start(self, rows: Sequence[Row]) -> None:
        """Note rows whose call is about to start."""

    def has_claimed(self, rows: Sequence[Row]) -> bool:
        """Return whether it is saved that these rows are about to be sent, so that no later call repeats the harm."""

    def resolve(self, rows: Sequence[Row]) -> None:
        """Note rows that the CRM definitely did not take."""

    def record(self, bucket: Bucket, rows: Sequence[Row], reason: Reason | None) -> None:
        """Take the outcome of rows.

        :raises LedgerError: when many rows wait and cannot be written.
        """

    def flush(self) -> None:
        """Write what waits, and return when it is written.

        :raises LedgerError: when it cannot be written.
        """


class Recorder:
    """Record rows and calls, each once.

    If the dead letter cannot be written, the report still counts all rows, and :attr:`failure` says why the run has to
    stop. The rows that it lacks are not done: a later try decides on them again.

    :param report: counts them.
    :param checkpoint: has the rows that a later try need not send.
    :param writer: saves the checkpoint.
    :param dead_letter: takes the rows that are not imported; ``None`` if there is no file for them.
    :param observer: reports the progress; ``None`` if nobody watches.
    :param ledger: takes the outcomes; ``None`` if there is none.
    """

    def __init__(
        self,
        report: Report,
        checkpoint: Checkpoint,
        writer: CheckpointWriter,
        *,
        dead_letter: DeadLetter | None = None,
        observer: ProgressObserver | None = None,
        ledger: AnswerLog | None = None,
    ) -> None:
        self._ledger = ledger
        self._report = report
        self._checkpoint = checkpoint
        self._writer = writer
        self._dead_letter = dead_letter
        self._observer = observer
        self._open: dict[int, tuple[Row, int]] = {}
        self._counting: tuple[Sequence[Row], int] = ((), 0)
        self.failure: CheckpointError | None = None
        """Why the dead letter could not be written."""

    def expect(self, rows: Sequence[Row]) -> None:
        """Note rows that are about to be sent, each of which has to be recorded."""
        self._open.update((row.order, (row, 0)) for row in rows)

    def note_calls(self, rows: Sequence[Row], calls: int) -> None:
        """Note how many calls have carried expected rows, the one that is about to start included."""
        self._open.update((row.order, (row, calls)) for row in rows)
        if self._ledger:
            self._ledger.start(rows)

    def unrecorded(self) -> list[tuple[Row, int]]:
        """Return the expected rows that are in no bucket, each with its calls, also after an error in one of these."""
        self._settle()
        return list(self._open.values())

    def record(self, bucket: Bucket, rows: Sequence[Row], reason: Reason | None = None, attempts: int = 0) -> None:
        """Put rows into their bucket for good: no later try sends them.

        :param reason: why, for all that were not accepted.
        :param attempts: calls that carried the rows.
        """
        if not rows:
            return
        written = self._write(bucket, rows, reason, attempts, for_good=True)
        done, left = rows[:written], rows[written:]
        if done:
            self._count(bucket, done, reason, for_good=True)
            # After a kill the outcome of rows in doubt would be unknown, so theirs is saved without waiting.
            self._writer.mark_changed(at_once=self._checkpoint.any_in_doubt(done))
            self._checkpoint.mark_done(done, accepted=bucket is Bucket.ACCEPTED)
            if self._ledger:
                self._ledger.record(bucket, done, reason)
        if left:
            self._count(bucket, left, reason, for_good=False)
            if bucket is not Bucket.UNKNOWN:
                self.mark_resolved(left)

    def record_for_this_try(self, bucket: Bucket, rows: Sequence[Row], reason: Reason, attempts: int = 0) -> None:
        """Put rows into their bucket for this try; a later one sends them.

        Rows that are not sent, but that an earlier try may have sent, are unknown.
        """
        if not rows:
            return
        if bucket is Bucket.UNKNOWN:
            self._checkpoint.mark_uncertain(rows)
            self._writer.mark_changed()
        elif uncertain := [row for row in rows if self._checkpoint.is_uncertain(row)]:
            self.record_for_this_try(Bucket.UNKNOWN, uncertain, EARLIER_TRY, max(1, attempts))  # the earlier try's
            sure = [row for row in rows if not self._checkpoint.is_uncertain(row)]
            self.record_for_this_try(bucket, sure, reason, attempts)
            return
        self._write(bucket, rows, reason, attempts, for_good=False)
        self._count(bucket, rows, reason, for_good=False)
        if self._ledger:
            self._ledger.record(bucket, rows, reason)

    def count(self, bucket: Bucket, rows: Sequence[Row], reason: Reason) -> None:
        """Put rows into their bucket for this try, in the report only: for a run that an error of ours broke off."""
        self._count(bucket, rows, reason, for_good=False)

    def record_unsent(self, prepared: PreparedBatch) -> None:
        """Put the rows of a batch that are not sent into their buckets, with all their reasons."""
        self._settle()
        try:
            record_unsent(prepared, self._report, None if self.failure else self._dead_letter)
        except CheckpointError as failure:
            self.failure = failure

    def mark_intended(self, rows: Sequence[Row]) -> None:
        """Save, before they are sent, that rows which must not be sent twice are about to be sent."""
        if self._ledger and self._ledger.has_claimed(rows):
            return
        self._checkpoint.mark_intended(rows)
        self._writer.mark_changed()
        self._writer.save_now()

    def mark_resolved(self, rows: Sequence[Row]) -> None:
        """Note that the CRM definitely did not take these rows, where any are in doubt."""
        if self._ledger:
            self._ledger.resolve(rows)
        if self._checkpoint.any_in_doubt(rows):
            self._checkpoint.mark_resolved(rows)
            self._writer.mark_changed(at_once=True)

    def count_start(self) -> None:
        """Count a call right before it starts, so that it is known if the worker is killed during the call.

        :raises CheckpointError: if it cannot be written down: then the call must not start.
        """
        self._report.count_calls(sent=1)
        self._checkpoint.count_calls(self._report.calls.sent)

    def take_back_start(self) -> None:
        """Take back the count of a call that does not start."""
        self._report.count_calls(sent=-1)
        with suppress(Exception):  # the run ends for the same reason
            self._checkpoint.count_calls(self._report.calls.sent)

    def count_calls(self, **more: int) -> None:
        """Add to the report's counts of calls, by their names."""
        self._report.count_calls(**more)

    def add_seconds(self, **more: float) -> None:
        """Add to the report's times, by their names."""
        self._report.add_seconds(**more)

    def record_clock_offset(self, seconds: float) -> None:
        """Record by how much the CRM's clock is ahead of ours."""
        self._report.record_clock_offset(seconds)

    def maybe_report_progress(self, waiting: Callable[[float], Wait | None] = lambda _: None) -> None:
        """Report the progress if it is time and somebody watches.

        :param waiting: returns what the run waits for at a time of the clock; ``None`` while calls succeed.
        """
        if self._observer:
            self._observer.maybe_report(self._report, waiting)

    def _write(
        self, bucket: Bucket, rows: Sequence[Row], reason: Reason | None, attempts: int, *, for_good: bool
    ) -> int:
        """Add rows to the dead letter, and return how many of them need nothing more there."""
        if reason is None or self._dead_letter is None:
            return len(rows)
        if self.failure:
            return 0
        for place, row in enumerate(rows):
            order = row.order if for_good else None
            try:
                self._dead_letter.add(row.batch, row.position, bucket, reason, attempts=attempts, order=order)
            except CheckpointError as failure:
                self.failure = failure
                return place + 1  # the row is added, and no checkpoint is saved before it is written
        return len(rows)

    def _count(self, bucket: Bucket, rows: Sequence[Row], reason: Reason | None, *, for_good: bool) -> None:
        self._settle()
        self._counting = (rows, self._report.rows + len(rows))
        self._report.count(bucket, [row.position for row in rows], reason, for_good=for_good)
        self._settle()

    def _settle(self) -> None:
        """Take the rows that were counted last from those that are expected, unless an error came before the count."""
        (rows, total), self._counting = self._counting, ((), 0)
        if self._report.rows >= total:
            for row in rows:
                self._open.pop(row.order, None)


def record_unsent(prepared: PreparedBatch, report: Report, dead_letter: DeadLetter | None) -> None:
    """Put the rows of a batch that are not sent into their buckets, and into the dead letter with all their reasons."""
    left_out = [(Bucket.INVALID, row) for row in prepared.invalid] + [(Bucket.UNKNOWN, row) for row in prepared.held]
    for bucket, found in left_out:
        counted = together([counted_as(reason) for reason in found.reasons])
        report.count(bucket, [found.position], counted, for_good=False)
    for row in prepared.superseded:
        report.count(Bucket.DUPLICATE, [row.position], DUPLICATE, for_good=False)
    if prepared.blank:
        report.count(Bucket.BLANK, prepared.blank, for_good=False)
    if prepared.unchanged:
        report.count(Bucket.UNCHANGED, prepared.unchanged, for_good=False)
    for refused in prepared.known_bad:
        report.count(Bucket.KNOWN_BAD, [refused.position], known_bad(refused.code), for_good=False)
    if dead_letter:  # when all are counted, since it may fail
        for bucket, found in left_out:
            dead_letter.add(prepared.batch, found.position, bucket, together(found.reasons))
        for row in prepared.superseded:
            dead_letter.add(prepared.batch, row.position, Bucket.DUPLICATE, superseded_by(row.winner))
        for refused in prepared.known_bad:
            dead_letter.add(prepared.batch, refused.position, Bucket.KNOWN_BAD, known_bad(refused.code))
