"""The rows of an import that are left to send, after what earlier tries have done and what the ledger has."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from airflow_provider_socialscrm.wording import counted

if TYPE_CHECKING:
    from airflow_provider_socialscrm.importer.changes.ledger_import import LedgerImport
    from airflow_provider_socialscrm.importer.fields.reader import InputReader
    from airflow_provider_socialscrm.importer.results.checkpoint import Checkpoint
    from airflow_provider_socialscrm.importer.results.report import Report
    from airflow_provider_socialscrm.importer.rows import PreparedBatch, Row

log = logging.getLogger(__name__)

LEDGER: Final = "ledger"
"""Key in the checkpoint's plan for the ledger as the input was compared with it."""

REOPENED: Final = "The input has changed since an earlier try completed this import: %s."
"""Warning of a retry that finds rows appended, or other rows that cannot be sent."""


ACCEPTED_ROW: Final = "row was accepted and is not sent again, all others are decided on again"
ACCEPTED_ROWS: Final = "rows were accepted and are not sent again, all others are decided on again"

DONE_ROW: Final = "row is done since an earlier try"
DONE_ROWS: Final = "rows are done since an earlier try"


class RowsToSend:
    """Compares the input with the ledger and with the checkpoint, and yields its rows with what became of them.

    :param reader: has read the input.
    :param checkpoint: has the rows that are done.
    :param ledger: what earlier imports had accepted; ``None`` if there is no ledger.
    """

    def __init__(self, reader: InputReader, checkpoint: Checkpoint, ledger: LedgerImport | None) -> None:
        self._reader = reader
        self._checkpoint = checkpoint
        self._ledger = ledger

    def compare(self) -> None:
        """Compare the input with the ledger, if there is one, as an earlier try of this import did.

        :raises InputError: if a guard stops the import.
        :raises LedgerError: when the ledger is damaged, or cannot be written.
        """
        if self._ledger:
            since = self._checkpoint.saved(LEDGER)
            self._ledger.look(self._reader.checked_batches, tuple(since) if since else None)
            self._note_comparison(self._ledger)

    def resumed_report(self) -> Report | None:
        """Return the report of the earlier tries that this one resumes, or ``None`` if it begins again.

        :raises CheckpointError: if the checkpoint cannot be read.
        """
        checkpoint = self._checkpoint
        if not checkpoint.load():
            self._compare_again()
            return None
        report = checkpoint.resumed_report()
        is_same = checkpoint.matches(self._up_to(checkpoint.end))
        if is_same and not checkpoint.is_complete:
            repeated = repeats(checkpoint.unsaved_calls(report))
            log.info("Resuming: %s%s", counted(checkpoint.done_rows, DONE_ROW, DONE_ROWS), repeated)
            return report
        if is_same and checkpoint.is_whole(self.batches()):
            log.info("An earlier try completed this import: no row is left to send")
            return report
        if not self._ledger and checkpoint.is_complete and checkpoint.reopen(self.batches):
            report = report.with_accepted_only()
            log.warning(REOPENED, counted(report.rows, ACCEPTED_ROW, ACCEPTED_ROWS))
            checkpoint.save(checkpoint.state(report.state()))  # before the dead letter is emptied
            return report
        log.warning("The rows have changed since the last try, so the task starts over.")
        checkpoint.start_over()
        self._compare_again()
        return None

    def batches(self) -> Iterator[PreparedBatch]:
        """Yield the rows, each once, with what the ledger says of them; repeated calls yield the same."""
        return self._reader.prepared_batches(self._ledger.verdicts() if self._ledger else None)

    def done(self) -> Iterator[Row]:
        """Yield the rows that are done."""
        return filter(self._checkpoint.is_done, self._up_to(self._checkpoint.end))

    def _up_to(self, end: int) -> Iterator[Row]:
        for prepared in self.batches():
            if prepared.rows and prepared.rows[0].order >= end:
                return
            yield from prepared.rows

    def _compare_again(self) -> None:
        """Compare with the ledger as it is now, which has what earlier tries had accepted, if this try starts over."""
        if self._ledger and self._ledger.is_resumed:
            self._ledger.look(self._reader.checked_batches)
            self._note_comparison(self._ledger)

    def _note_comparison(self, ledger: LedgerImport) -> None:
        ledger.check(self._reader.rows)
        self._checkpoint.add_to_plan(**{LEDGER: list(ledger.point)})


def repeats(calls: int | None) -> str:
    """Return what may be sent twice, to end a sentence.

    :param calls: that an earlier try started and did not save; ``None`` if nobody knows how many.
    """
    if calls == 0:
        return ""
    some = "calls" if calls is None else counted(calls, "call")
    return (
        f". The rows of {some} that it did not save may be sent a second time, which does no harm: those with a "
        "welcome are held instead, unless on_unknown is 'resend'"
    )
