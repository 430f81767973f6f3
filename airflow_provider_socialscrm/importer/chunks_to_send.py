"""The chunks of one try: the rows that are left, without those that are done, in doubt or claimed elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_socialscrm.api.customers import SIDE_EFFECT
from airflow_provider_socialscrm.api.pacing import part_of
from airflow_provider_socialscrm.importer.reasons import CLAIMED_ELSEWHERE, CUT_SHORT, NOTHING_SENT, Bucket, Reason
from airflow_provider_socialscrm.importer.sending.chunks import Chunk, Limits, chunk_rows
from airflow_provider_socialscrm.importer.sending.claimed import claimed
from airflow_provider_socialscrm.importer.sending.welcome import WelcomeCount

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_provider_socialscrm.api.client import Client
    from airflow_provider_socialscrm.importer.changes.answers import Answers
    from airflow_provider_socialscrm.importer.changes.ledger_import import LedgerImport
    from airflow_provider_socialscrm.importer.fields.reader import InputReader
    from airflow_provider_socialscrm.importer.options import Options
    from airflow_provider_socialscrm.importer.results.checkpoint import Checkpoint
    from airflow_provider_socialscrm.importer.results.recorder import Recorder
    from airflow_provider_socialscrm.importer.results.report import Report
    from airflow_provider_socialscrm.importer.rows import Row
    from airflow_provider_socialscrm.importer.rows_to_send import RowsToSend


class ChunksToSend:
    """Puts the rows of an import into chunks, once for each try, and records those that it does not send.

    :param rows: the rows of the import.
    :param reader: has read the input.
    :param checkpoint: has the rows that are done.
    :param ledger: what earlier imports had accepted; ``None`` if there is no ledger.
    :param client: makes the calls.
    :param options: what to do with rows in doubt, and how many calls are in flight.
    :param limits: how much a call may carry.
    """

    def __init__(
        self,
        rows: RowsToSend,
        reader: InputReader,
        checkpoint: Checkpoint,
        ledger: LedgerImport | None,
        *,
        client: Client,
        options: Options,
        limits: Limits,
    ) -> None:
        self._rows = rows
        self._reader = reader
        self._checkpoint = checkpoint
        self._ledger = ledger
        self._client = client
        self._options = options
        self._limits = limits
        self.rows_read = 0
        """Rows of the input that are in chunks, or recorded."""
        self.is_read = False
        """Whether these are all rows of the input."""

    def welcome_sentence(self) -> str:
        """Return what to know of the rows that make the CRM send a message; an empty text if there are none."""
        if self._reader.plan.field(SIDE_EFFECT) is None:
            return ""
        found, settings = WelcomeCount(), self._client.settings
        for prepared in self._rows.batches():
            rows = [row for row in prepared.rows if not self._checkpoint.is_done(row) and not self._reason_to_hold(row)]
            for chunk in self._chunks_of(rows, Limits(self._limits.rows, self._limits.bytes)):
                found.add(chunk)
        if not found.customers:
            return ""
        tasks = 1 if settings.pace_url else self._options.parallel_tasks
        pace = part_of(settings.calls_per_second, tasks)
        return found.sentence(pace, together=self._together, once=self._ledger is not None)

    def leave_all(self, recorder: Recorder, report: Report) -> None:
        """Record every row: those that cannot be sent, and the others as not sent because of these."""
        for prepared in self._rows.batches():
            self.rows_read += prepared.size
            recorder.record_unsent(prepared)
            report.count(Bucket.NOT_SENT, [row.position for row in prepared.rows], NOTHING_SENT, for_good=False)
        self.is_read = True

    def chunks(self, recorder: Recorder, answers: Answers | None) -> Iterator[Chunk]:
        """Yield the chunks, those of rows that are sent once when the rows are claimed.

        :param recorder: takes the rows that are not sent.
        :param answers: takes the rows that are sent, for the ledger; ``None`` if there is no ledger.
        """
        chunks = self._unclaimed(recorder, answers)
        if answers is None:
            return chunks

        def leave(rows: Sequence[Row]) -> None:
            recorder.record_for_this_try(Bucket.NOT_SENT, rows, CLAIMED_ELSEWHERE)

        return claimed(chunks, answers.claim, leave, self._options.concurrency)

    def _unclaimed(self, recorder: Recorder, answers: Answers | None) -> Iterator[Chunk]:
        is_resumed = self._is_resumed  # before this run marks rows as done, which need no check
        waiting: Sequence[Row] = ()
        for prepared in self._rows.batches():
            self.rows_read += prepared.size
            self._checkpoint.look_at(prepared)
            recorder.record_unsent(prepared)
            recorder.maybe_report_progress()  # a retry may read for long before it has a call to make
            rows = list(self._left(prepared.rows, recorder)) if is_resumed else prepared.rows
            waiting = [*waiting, *rows] if waiting else rows
            if len(waiting) >= self._options.rows_at_once:
                yield from self._taken(waiting, answers)
                waiting = ()
        yield from self._taken(waiting, answers)
        self.is_read = True

    def _taken(self, rows: Sequence[Row], answers: Answers | None) -> Iterator[Chunk]:
        if answers:
            answers.announce(rows)
        self._limits.rows_left = self._reader.rows - self.rows_read + len(rows)
        for chunk in self._chunks_of(rows, self._limits):
            self._limits.on_taken(len(chunk.rows))
            yield chunk

    def _chunks_of(self, rows: Sequence[Row], limits: Limits) -> Iterator[Chunk]:
        return chunk_rows(rows, limits, self._client.envelope_size, together=self._together)

    @property
    def _is_resumed(self) -> bool:
        return self._checkpoint.is_resumed or (self._ledger is not None and self._ledger.is_resumed)

    @property
    def _together(self) -> bool:
        return self._options.resend or self._client.settings.refusals_are_atomic

    def _reason_to_hold(self, row: Row) -> Reason | None:
        if self._options.resend:
            return None
        if row.ledger is not None and row.ledger.once:  # its claim says whether it may be sent
            return CUT_SHORT if row.ledger.is_claimed else None
        return self._checkpoint.reason_to_hold(row)

    def _left(self, rows: Iterable[Row], recorder: Recorder) -> Iterator[Row]:
        for row in rows:
            if self._checkpoint.is_done(row):
                continue
            if row.ledger is not None and row.ledger.is_accepted:  # and a kill came before the checkpoint
                recorder.record(Bucket.ACCEPTED, [row])
            elif reason := self._reason_to_hold(row):
                recorder.record(Bucket.UNKNOWN, [row], reason)
            else:
                yield row
