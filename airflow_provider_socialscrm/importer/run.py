"""One import from end to end: source, fields, chunks, engine, report."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.pacing import Pace
from airflow_provider_socialscrm.api.settings import AuthScheme
from airflow_provider_socialscrm.api.shared_pacing import open_pace
from airflow_provider_socialscrm.importer.errors import InputError, StoppedError
from airflow_provider_socialscrm.importer.fields.reader import InputReader
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.paths import OpenablePath
from airflow_provider_socialscrm.importer.reasons import CUT_SHORT, NOTHING_SENT, Bucket
from airflow_provider_socialscrm.importer.results.checkpoint import Checkpoint, NoCheckpointStore, Progress
from airflow_provider_socialscrm.importer.results.dead_letter import forget_parts
from airflow_provider_socialscrm.importer.results.progress import ProgressCallback, Reading
from airflow_provider_socialscrm.importer.results.recorder import Recorder
from airflow_provider_socialscrm.importer.results.report import Report, observations
from airflow_provider_socialscrm.importer.results.threshold import check_refusals, written_to
from airflow_provider_socialscrm.importer.rows import PreparedBatch, Row
from airflow_provider_socialscrm.importer.sending.chunks import Chunk, Limits, chunk_rows
from airflow_provider_socialscrm.importer.sending.engine import Engine
from airflow_provider_socialscrm.importer.sending.outcome import CallHandler
from airflow_provider_socialscrm.importer.sending.queue import ChunkQueue
from airflow_provider_socialscrm.importer.sources.base import Source

log = logging.getLogger(__name__)


class Import:
    """One import: a table in, every row settled, over as many tries as it takes.

    :param source: the table.
    :param client: the tenant's API.
    :param options: how to go about it.
    :param rejects_path: the dead letter, which keeps the rows that do not go in; ``None`` keeps none.
    :param checkpoint: keeps what is settled for a later try; ``None`` keeps nothing.
    :param tell: is told every so often how far the run is.
    :raises InputError: when the columns cannot be what the rules say, or lack what each row needs.
    """

    def __init__(
        self,
        source: Source,
        client: Client,
        options: Options,
        rejects_path: OpenablePath | None = None,
        checkpoint: Checkpoint | None = None,
        *,
        tell: ProgressCallback | None = None,
    ) -> None:
        settings = client.settings
        agent_in_row = settings.auth_scheme is AuthScheme.HEADER
        self._reading = Reading(tell, options.clock.now) if tell else None
        self._source = self._reading.over(source) if self._reading else source
        self._input = InputReader(self._source, options, agent_in_row=agent_in_row, envelope=client.envelope_size)
        self._client = client
        self._options = options
        self._rejects_path = rejects_path
        self._limits = Limits(options.rows_per_call, options.bytes_per_call)
        plan = {
            "target": [settings.base_url, settings.tenant_id, settings.auth_scheme.value, settings.user_name],
            "columns": list(source.columns),
        }
        self._progress = Progress(checkpoint or NoCheckpointStore(), plan)
        self._recorder = Recorder(Report(), self._progress, self._elapsed)
        self._started = self._earlier = 0.0
        self._engine: Engine | None = None
        self._told_to_stop = False
        self._rows_read = 0
        self.before = self.report.manifest()
        """The counts as earlier tries left them."""

    @property
    def report(self) -> Report:
        """Where each row ended."""
        return self._recorder.report

    def stop(self) -> None:
        """Let the calls in flight finish and send nothing more. Safe to call from a signal handler."""
        self._told_to_stop = True
        if self._engine:
            self._engine.stop()

    def run(self) -> None:
        """Send every row that can be sent; :attr:`report` says where each one ended, also after an error.

        Safe to repeat: with a checkpoint only what is not settled is sent. Without one every row is sent again, which
        does no harm to those without side effects, as the import is an upsert (vendor API 3.5).

        :raises SocialSCRMError: what stopped the run.
        :raises InputError: when the table breaks off.
        :raises CheckpointError: when what is settled cannot be read; no call was made.
        :raises StoppedError: when the run was told to stop.
        :raises SystemicError: when calls are refused whatever rows they carry.
        :raises RejectedRowsError: when more rows were refused than ``max_rejected`` allows.
        :raises AccountingError: when a row is in no bucket, or in two.
        """
        with closing(self._input):
            self._input.read()
            self._take_up()
            self.before = self.report.manifest()
            if not self._progress.is_complete:
                self._run()
                self._recorder.complete()
                self._recorder.forget_parts()
            elif self._rejects_path is not None:
                forget_parts(self._rejects_path)
        check_refusals(self.report, self._options.max_rejected, self._rejects_path)

    def manifest(self) -> dict[str, Any]:
        """Return the import in numbers: what the task gives to XCom."""
        where = None if self._rejects_path is None else str(self._rejects_path)
        observed = observations(self._input.remarks, self._input.ambiguous_numbers, self._input.left_out)
        learned = {"rows_per_call": self._limits.rows, "bytes_per_call": self._limits.bytes, "rejects_path": where}
        return self.report.manifest() | observed | learned

    def _take_up(self) -> None:
        if not self._progress.load():
            return
        if self._progress.matches(self._rows_up_to(self._progress.end)):
            self._recorder.report = Report.resumed(self._progress.report)
            if self._progress.is_complete:
                log.info("An earlier try completed this import: there is nothing left to send")
                return
            log.info("Going on after %s rows that an earlier try settled", f"{self._progress.resumed_rows:,}")
        else:
            self._progress.start_over()
            log.warning("The rows changed since the last try: the import starts over.")

    def _run(self) -> None:
        self._earlier, self._started = self.report.seconds.total, self._options.clock.now()
        holds_back = self._options.rules.on_invalid == "fail" and self._input.has_invalid_rows()
        with self._recorder.keeping(self._rejects_path, self._source.columns):
            failure = self._hold_back() if holds_back else self._send_all()
        self.report.seconds.total = self._elapsed()
        self._input.log_remarks()
        if not isinstance(failure, StoppedError):  # a run told to stop does not read on to the end
            self.report.check(self._rows_read)
        if failure:
            raise failure

    def _elapsed(self) -> float:
        return self._earlier + self._options.clock.now() - self._started

    def _rows_up_to(self, end: int) -> Iterator[Row]:
        for prepared in self._input.prepared_batches():
            if prepared.rows and prepared.rows[0].order >= end:
                return
            yield from prepared.rows

    def _hold_back(self) -> Exception:
        for prepared in self._input.prepared_batches():
            self._rows_read += prepared.size
            self._recorder.record_unsent(prepared)
            self.report.settle(Bucket.NOT_SENT, [row.position for row in prepared.rows], NOTHING_SENT, for_good=False)
        return InputError(
            f"{self.report.summary()}; on_invalid is 'fail', so no call was made.{written_to(self._rejects_path)}"
        )

    def _send_all(self) -> Exception | None:
        if self._reading:
            watch = self._reading.before_sending(total=self._input.rows, before=self.report.rows)
            self._recorder.watch = watch.look
        with (
            open_pace(self._client.settings, self._options) as pace,
            self._saver(),
            ThreadPoolExecutor(self._options.concurrency, "socialscrm") as pool,
        ):
            self._engine = self._make_engine(pool, pace)
            if self._told_to_stop:
                self._engine.stop()
            return self._engine.run(self._chunks(self._input.prepared_batches()))

    @contextmanager
    def _saver(self) -> Iterator[None]:
        with ThreadPoolExecutor(1, "socialscrm-checkpoint") as self._recorder.saver:
            yield
            self._recorder.wait()
        self._recorder.saver = None

    def _make_engine(self, pool: Executor, pace: Pace) -> Engine:
        client, queue = self._client, ChunkQueue()
        handler = CallHandler(
            self._recorder,
            queue,
            self._options,
            limits=self._limits,
            pace=pace,
            clock=client.clock,
            envelope=client.envelope_size,
        )
        return Engine(
            lambda chunk: client.import_customers(chunk.bodies, agent=chunk.agent),
            self._recorder,
            handler,
            queue,
            pool,
            pace=pace,
            options=self._options,
        )

    def _chunks(self, batches: Iterator[PreparedBatch]) -> Iterator[Chunk]:
        resumed = self._progress.is_resumed  # now: rows that this run settles are not asked for again
        for prepared in batches:
            self._rows_read += prepared.size
            self._recorder.record_unsent(prepared)
            self._recorder.look()  # a try after another may read long before it has a call to make
            unsettled = list(self._unsettled(prepared.rows)) if resumed else prepared.rows
            yield from chunk_rows(unsettled, self._limits, self._client.envelope_size, resend=self._options.resend)

    def _unsettled(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            if self._progress.is_settled(row):
                continue
            if self._progress.is_in_doubt(row) and not self._options.resend:
                self._recorder.record(Bucket.UNKNOWN, [row], CUT_SHORT)
            else:
                yield row
