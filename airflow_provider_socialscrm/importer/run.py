"""One import from end to end: source, fields, chunks, engine, report."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.settings import AuthScheme
from airflow_provider_socialscrm.importer.causes import CUT_SHORT, TOO_LARGE
from airflow_provider_socialscrm.importer.chunks import Chunk, Limits, arrange, chunk_rows
from airflow_provider_socialscrm.importer.dead_letter import DeadLetter, forget_parts
from airflow_provider_socialscrm.importer.engine import Engine
from airflow_provider_socialscrm.importer.errors import RejectedRowsError, StoppedError
from airflow_provider_socialscrm.importer.fields import InvalidRow, Row, check_columns, encode
from airflow_provider_socialscrm.importer.jobs import JobQueue
from airflow_provider_socialscrm.importer.ledger import Ledger
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.pacing import Pace
from airflow_provider_socialscrm.importer.progress import Checkpoint, NoCheckpoint, Progress
from airflow_provider_socialscrm.importer.report import Bucket, Report
from airflow_provider_socialscrm.importer.shared_pace import open_pace
from airflow_provider_socialscrm.importer.source import Batch, OpenablePath, Source
from airflow_provider_socialscrm.importer.triage import Triage

log = logging.getLogger(__name__)


class Import:
    """One import: a table in, every row settled, over as many tries as it takes.

    :param source: the table.
    :param client: the tenant's API.
    :param options: how to go about it.
    :param rejects_path: the dead letter, which keeps the rows that do not go in; ``None`` keeps none.
    :param checkpoint: keeps what is settled for a later try; ``None`` keeps nothing.
    :raises InputError: when no row of the table could be sent for want of a column.
    """

    def __init__(
        self,
        source: Source,
        client: Client,
        options: Options,
        rejects_path: OpenablePath | None = None,
        checkpoint: Checkpoint | None = None,
    ) -> None:
        settings = client.settings
        self._agent_in_row = settings.auth_scheme is AuthScheme.HEADER
        check_columns(source.columns, agent_in_row=self._agent_in_row)
        self._source = source
        self._client = client
        self._options = options
        self._rejects_path = rejects_path
        self._limits = Limits(options.rows_per_call, options.bytes_per_call)
        plan = {
            "target": [settings.base_url, settings.tenant_id, settings.auth_scheme.value, settings.user_name],
            "columns": list(source.columns),
        }
        self._progress = Progress(checkpoint or NoCheckpoint(), plan)
        self._ledger = Ledger(Report(), self._progress, self._elapsed)
        self._started = self._earlier = 0.0
        self._engine: Engine | None = None
        self._told_to_stop = False
        self._rows_read = 0

    @property
    def report(self) -> Report:
        """Where each row ended."""
        return self._ledger.report

    def stop(self) -> None:
        """Let the calls in flight finish and send nothing more. Safe to call from a signal handler."""
        self._told_to_stop = True
        if self._engine:
            self._engine.stop()

    def run(self) -> None:
        """Send every row that can be sent; :attr:`report` says where each one ended, also after an error.

        Safe to repeat: with a checkpoint only what is not settled is sent. Without one every row is sent again, which
        does no harm to those without side effects, as the import is an upsert (contract 2.9).

        :raises SocialSCRMError: what stopped the run.
        :raises InputError: when the table breaks off.
        :raises CheckpointError: when what is settled cannot be read; no call was made.
        :raises StoppedError: when the run was told to stop.
        :raises SystemicError: when calls are refused whatever rows they carry.
        :raises RejectedRowsError: when more rows were refused than ``max_rejected`` allows.
        :raises AccountingError: when a row is in no bucket, or in two.
        """
        self._take_up()
        if not self._progress.is_complete:
            self._run()
            self._ledger.complete()
        if self._rejects_path is not None:
            forget_parts(self._rejects_path)
        if self.report.refused > allowed_refusals(self._options.max_rejected, self.report.rows):
            raise RejectedRowsError(self._too_many_refused())

    def manifest(self) -> dict[str, Any]:
        """Return the import in numbers: what the task gives to XCom."""
        where = None if self._rejects_path is None else str(self._rejects_path)
        learned = {"rows_per_call": self._limits.rows, "bytes_per_call": self._limits.bytes, "rejects_path": where}
        return self.report.manifest() | learned

    def _take_up(self) -> None:
        if not self._progress.load():
            return
        if self._progress.matches(self._rows_up_to(self._progress.end)):
            self._ledger.report = Report.resumed(self._progress.report)
            if self._progress.is_complete:
                log.info("An earlier try completed this import: there is nothing left to send")
                return
            log.info("Going on after %s rows that an earlier try settled", f"{self._progress.resumed_rows:,}")
        else:
            self._progress.start_over()
            log.warning("The rows changed since the last try: the import starts over.")

    def _run(self) -> None:
        self._earlier, self._started = self.report.seconds.total, self._options.timing.now()
        failure = self._send_all()
        self.report.seconds.total = self._elapsed()
        if not isinstance(failure, StoppedError):  # a run told to stop does not read on to the end
            self.report.check(self._rows_read)
        if failure:
            raise failure

    def _elapsed(self) -> float:
        return self._earlier + self._options.timing.now() - self._started

    def _rows_up_to(self, end: int) -> Iterator[Row]:
        for _, rows, _ in self._judged():
            if rows and rows[0].order >= end:
                return
            yield from rows

    def _send_all(self) -> Exception | None:
        if self._rejects_path is not None:
            settled = self._progress.is_settled_place
            self._ledger.dead_letter = DeadLetter(self._rejects_path, self._source.columns, settled)
        try:
            with (
                open_pace(self._client.settings, self._options) as pace,
                self._saver(),
                ThreadPoolExecutor(self._options.concurrency, "socialscrm") as pool,
            ):
                self._engine = self._make_engine(pool, pace)
                if self._told_to_stop:
                    self._engine.stop()
                return self._engine.run(self._chunks())
        finally:
            if self._ledger.dead_letter:
                self._ledger.dead_letter.close()

    @contextmanager
    def _saver(self) -> Iterator[None]:
        with ThreadPoolExecutor(1, "socialscrm-checkpoint") as self._ledger.saver:
            yield
            self._ledger.wait()
        self._ledger.saver = None

    def _make_engine(self, pool: Executor, pace: Pace) -> Engine:
        client, queue = self._client, JobQueue()
        triage = Triage(
            self._ledger,
            queue,
            self._options,
            limits=self._limits,
            pace=pace,
            clock=client.clock,
            envelope=client.envelope_size,
        )
        return Engine(
            lambda chunk: client.import_customers(chunk.bodies, agent=chunk.agent),
            self._ledger,
            triage,
            queue,
            pool,
            pace=pace,
            options=self._options,
        )

    def _chunks(self) -> Iterator[Chunk]:
        for batch, rows, invalid in self._judged():
            self._rows_read += batch.records.num_rows
            for row in invalid:
                self._ledger.settle_invalid(row)
            unsettled = self._unsettled(rows)
            yield from chunk_rows(unsettled, self._limits, self._client.envelope_size, resend=self._options.resend)

    def _judged(self) -> Iterator[tuple[Batch, list[Row], list[InvalidRow]]]:
        # Places are counted over the rows that can be sent: what is settled is few intervals, however many rows cannot.
        places = count()
        for batch in self._source.batches():
            rows, invalid = self._sendable(batch)
            yield batch, [row._replace(order=next(places)) for row in arrange(rows)], invalid

    def _sendable(self, batch: Batch) -> tuple[list[Row], list[InvalidRow]]:
        rows, invalid = encode(batch, agent_in_row=self._agent_in_row)
        fitting = [row for row in rows if self._fits(row)]
        if len(fitting) < len(rows):
            invalid += [InvalidRow(row.position, (TOO_LARGE,), batch) for row in rows if not self._fits(row)]
        return fitting, invalid

    def _fits(self, row: Row) -> bool:
        return self._client.envelope_size(row.agent) + len(row.body) <= self._options.bytes_per_call

    def _unsettled(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            if self._progress.is_settled(row):
                continue
            if self._progress.is_in_doubt(row) and not self._options.resend:
                self._ledger.settle(Bucket.UNKNOWN, [row], CUT_SHORT)
            else:
                yield row

    def _too_many_refused(self) -> str:
        where = f" They are in {self._rejects_path}." if self._rejects_path else ""
        return f"{self.report.summary()}; max_rejected allows {self._options.max_rejected:g}.{where}"


def allowed_refusals(max_rejected: float, rows: int) -> int:
    """Return how many rows may be refused.

    :param max_rejected: a number of rows, or a fraction of the input as a float below 1.
    :param rows: rows of the input.
    """
    return int(max_rejected * rows) if isinstance(max_rejected, float) and max_rejected < 1 else int(max_rejected)
