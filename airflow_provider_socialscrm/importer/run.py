"""One import from end to end: source, fields, chunks, engine, report."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext, suppress
from typing import Any, Final

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.customers import SIDE_EFFECT
from airflow_provider_socialscrm.api.pacing import Pace
from airflow_provider_socialscrm.api.settings import CONNECT_TIMEOUT, Settings
from airflow_provider_socialscrm.api.shared_pacing import open_pace
from airflow_provider_socialscrm.importer.changes.answers import Answers
from airflow_provider_socialscrm.importer.changes.ledger_import import LedgerImport
from airflow_provider_socialscrm.importer.changes.located import located
from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.chunks_to_send import ChunksToSend
from airflow_provider_socialscrm.importer.errors import AccountingError, InputError
from airflow_provider_socialscrm.importer.fields.reader import InputReader
from airflow_provider_socialscrm.importer.identity import OUTSIDE_AIRFLOW, ImportIdentity
from airflow_provider_socialscrm.importer.options import AUTO, Options, resolved_rows_per_call
from airflow_provider_socialscrm.importer.paths import OpenablePath
from airflow_provider_socialscrm.importer.reasons import STOPPED, Bucket
from airflow_provider_socialscrm.importer.results.broke_off import broke_off
from airflow_provider_socialscrm.importer.results.checkpoint import Checkpoint
from airflow_provider_socialscrm.importer.results.checkpoint_stores import CheckpointStore, NoCheckpointStore
from airflow_provider_socialscrm.importer.results.checkpoint_writer import CheckpointWriter
from airflow_provider_socialscrm.importer.results.dead_letter import DeadLetter, delete_parts
from airflow_provider_socialscrm.importer.results.missing_rows import EarlierTries
from airflow_provider_socialscrm.importer.results.progress import ProgressCallback, ProgressObserver
from airflow_provider_socialscrm.importer.results.recorder import Recorder
from airflow_provider_socialscrm.importer.results.report import Report, observations
from airflow_provider_socialscrm.importer.results.threshold import check_refusals, written_to
from airflow_provider_socialscrm.importer.rows_to_send import RowsToSend
from airflow_provider_socialscrm.importer.sending.call_size import limits_of
from airflow_provider_socialscrm.importer.sending.engine import Engine
from airflow_provider_socialscrm.importer.sending.outcome import CallHandler
from airflow_provider_socialscrm.importer.sending.queue import ChunkQueue
from airflow_provider_socialscrm.importer.sending.shield import run_shielded
from airflow_provider_socialscrm.importer.sources.base import Source
from airflow_provider_socialscrm.importer.sources.dead_letters import is_dead_letter

log = logging.getLogger(__name__)

LONGEST_END: Final = 30.0
"""Seconds beyond the time-outs of a call in which a run that is asked to stop records and saves."""


class Import:
    """Import one table, over as many tries as it takes, so that every row has an outcome.

    :param source: the table.
    :param client: the tenant's API.
    :param options: limits, rules and concurrency.
    :param rejects_path: the dead letter, for the rows that are not imported; ``None`` writes none.
    :param checkpoint_store: saves the checkpoint from which a later try resumes; ``None`` saves none.
    :param identity: which import this is. The dead letter of another one is not overwritten.
    :param ledger: what earlier imports had accepted, with a path to open; ``None`` sends every row.
    :param on_progress: takes the progress every ten seconds.
    :param start_rows: the rows that a call may carry, as an earlier run has found them; a ledger has its own.
    :raises InputError: if the columns do not fit the rules, or lack what each row needs.
    """

    def __init__(
        self,
        source: Source,
        client: Client,
        options: Options,
        rejects_path: OpenablePath | None = None,
        checkpoint_store: CheckpointStore | None = None,
        *,
        identity: ImportIdentity = OUTSIDE_AIRFLOW,
        ledger: Ledger | None = None,
        on_progress: ProgressCallback | None = None,
        start_rows: int | None = None,
    ) -> None:
        settings = client.settings
        self._observer = _observer(on_progress, options) if on_progress else None
        self._source = self._observer.observe(source) if self._observer else source
        self.ledger_path = ledger.path if ledger else None
        self._ledger = None if ledger is None else ledger_import(ledger, settings, options, identity, source)
        comparer = self._ledger.comparer if self._ledger else None
        read = self._ledger.reading(options) if self._ledger else options
        self._input = InputReader.for_client(self._source, client, read, comparer)
        self._client = client
        self._options = options
        self._rejects_path = rejects_path
        self._identity = identity
        self._limits = limits_of(options, settings, has_ledger=ledger is not None, start=start_rows)
        self._checkpoint = Checkpoint(checkpoint_store or NoCheckpointStore(), _plan_of(source, settings))
        self._rows = RowsToSend(self._input, self._checkpoint, self._ledger)
        self.report = Report()
        """Where each row ended."""
        self._earlier, self._started = 0.0, options.clock.now()
        self._engine: Engine | None = None
        self._is_stopped = False
        self._stage = "reading"
        self._broke_off: dict[str, str] | None = None
        self.wrote_rejects = False
        """Whether there is a file of rejected rows, perhaps an empty one."""
        self.before = self.report.manifest() | {"changes": None}
        """The counts of the earlier tries."""

    def stop(self) -> None:
        """Let the calls in flight finish and send nothing more. Safe to call from a signal handler."""
        self._is_stopped = True
        if self._engine:
            self._engine.stop()

    def run(self) -> None:
        """Send every row that can be sent; :attr:`report` has the outcome of each, also after an error.

        Safe to repeat: with a checkpoint only the rows that are not done are sent. Without one every row is sent again,
        which does no harm to those without side effects, as the import is an upsert (vendor API 3.5).

        :raises SocialSCRMError: the failure that stopped the run.
        :raises InputError: if the table breaks off.
        :raises LedgerError: if the ledger cannot be used, with its path.
        :raises CheckpointError: if the checkpoint cannot be read, and no call was made; or if it or the dead letter
            cannot be written: no further call started, and the responses of those in flight are in the report.
        :raises StoppedError: after :meth:`stop`.
        :raises SystemicError: if calls are refused whatever rows they carry.
        :raises RejectedRowsError: if more rows were refused than ``max_rejected`` allows.
        :raises AccountingError: if a row is in no bucket, or in two.
        """
        try:
            with located(self.ledger_path), closing(self._input), ExitStack() as at_the_end:
                at_the_end.callback(self._checkpoint.release)
                self._checkpoint.begin()
                if self._ledger:
                    self._ledger.open()
                    at_the_end.callback(self._ledger.close)
                self._input.read()
                self._resume()
                if not self._checkpoint.is_complete:
                    run_shielded(self._run, self.stop, self._longest_call + LONGEST_END)
                elif self._rejects_path is not None:
                    self.wrote_rejects = True  # by the try that completed it
                    delete_parts(self._rejects_path, self._identity)
        except BaseException as failure:
            self._note_break(failure)
            raise
        check_refusals(self.report, self._options.max_rejected, self._rejects_path)

    def manifest(self) -> dict[str, Any]:
        """Return the import in numbers: what the task gives to XCom."""
        where = None if self._rejects_path is None else str(self._rejects_path)
        read = self._input
        observed = observations(read.remarks, read.ambiguous_numbers, read.countries, read.left_out)
        learned = {"rows_per_call": self._limits.rows, "bytes_per_call": self._limits.bytes, "rejects_path": where}
        found = {"broke_off": self._broke_off, "changes": self._changes, "rejects_written": self.wrote_rejects}
        rows = {"has_welcome": self._input.plan.field(SIDE_EFFECT) is not None}
        return self.report.manifest() | found | observed | learned | rows

    @property
    def rows_per_call(self) -> int:
        """How many rows a call may carry, as far as the run has found it."""
        return self._limits.rows

    @property
    def _changes(self) -> dict[str, Any] | None:
        return self._ledger.changes() if self._ledger else None

    @property
    def _longest_call(self) -> float:
        return CONNECT_TIMEOUT + self._client.settings.timeout

    def _resume(self) -> None:
        if self._ledger:
            self._stage = "comparing"
            self._rows.compare()
            start, settings = self._ledger.rows_per_call, self._client.settings
            self._limits = limits_of(self._options, settings, has_ledger=True, start=start)
        self.report = self._rows.resumed_report() or self.report
        self._checkpoint.complete_calls(self.report)
        counted = self._changes if self._checkpoint.is_resumed else None
        self.before = self.report.manifest() | {"changes": counted}

    def _run(self) -> None:
        self._stage = "preparing"
        self._earlier, self._started = self.report.seconds.total, self._options.clock.now()
        sends_nothing = self._options.rules.on_invalid == "fail" and self._input.has_invalid_rows()
        with (
            self._answers(sends_nothing=sends_nothing) as answers,
            self._dead_letter() as dead_letter,
            self._writer(dead_letter, answers) as writer,
        ):
            recorder = Recorder(
                self.report, self._checkpoint, writer, dead_letter=dead_letter, observer=self._observer, ledger=answers
            )
            to_send = self._chunks_to_send()
            failure = (
                self._send_nothing(to_send, recorder)
                if sends_nothing
                else self._send_all(to_send, recorder, writer, answers)
            )
            self.report.record_total_seconds(self._elapsed())
            self._input.log_remarks()
            if to_send.is_read:
                self.report.check(to_send.rows_read)
            if failure:
                writer.save_now()
                raise failure
            self._stage = "finishing"
            self._finish(writer, dead_letter)
        if dead_letter:
            dead_letter.delete_parts()

    def _finish(self, writer: CheckpointWriter, dead_letter: DeadLetter | None) -> None:
        try:
            if dead_letter:
                dead_letter.close()
            writer.save_complete()
        except Exception:
            with suppress(Exception):  # a retry then sends nothing again; it must not hide what went wrong first
                writer.save_now()
            raise

    def _note_break(self, failure: BaseException) -> None:
        self._broke_off = broke_off(failure, self._stage)
        if self._stage != "reading" and not isinstance(failure, AccountingError):
            self.report.record_total_seconds(self._elapsed())
            self.report.count_rest(self._input.rows, STOPPED)

    def _answers(self, *, sends_nothing: bool) -> AbstractContextManager[Answers | None]:
        if self._ledger is None or sends_nothing:
            return nullcontext()
        self._ledger.write_gone()
        return self._ledger.recording(self._input.checked_batches, self._learned_rows)

    def _learned_rows(self) -> int | None:
        is_learned = resolved_rows_per_call(self._options.rows_per_call, has_ledger=True) == AUTO
        return self._limits.rows if is_learned else None

    def _dead_letter(self) -> AbstractContextManager[DeadLetter | None]:
        if self._rejects_path is None:
            return nullcontext()
        checkpoint, allow_missing = self._checkpoint, self._options.allow_missing_rejects
        made = DeadLetter(
            self._rejects_path,
            self._source.columns,
            checkpoint.is_done_at,
            identity=self._identity,
            earlier=EarlierTries(checkpoint.not_accepted, self._rows.done, allow_missing=allow_missing),
            check_claim=checkpoint.check_claim,
        )
        self.wrote_rejects = True
        return made

    def _writer(self, dead_letter: DeadLetter | None, answers: Answers | None) -> CheckpointWriter:
        options = self._options
        return CheckpointWriter(
            self._checkpoint,
            self.report,
            dead_letter,
            flush_ledger=answers.flush if answers else _nothing,
            elapsed=self._elapsed,
            now=options.clock.now,
            interval=options.save_interval,
        )

    def _elapsed(self) -> float:
        return self._earlier + self._options.clock.now() - self._started

    def _chunks_to_send(self) -> ChunksToSend:
        return ChunksToSend(
            self._rows,
            self._input,
            self._checkpoint,
            self._ledger,
            client=self._client,
            options=self._options,
            limits=self._limits,
        )

    def _send_nothing(self, to_send: ChunksToSend, recorder: Recorder) -> Exception:
        to_send.leave_all(recorder, self.report)
        where = written_to(self._rejects_path, self.report.refused)
        return InputError(f"{self.report.summary()}; on_invalid is 'fail', so no call was made.{where}")

    def _send_all(
        self, to_send: ChunksToSend, recorder: Recorder, writer: CheckpointWriter, answers: Answers | None
    ) -> Exception | None:
        if sentence := to_send.welcome_sentence():
            log.warning("%s", sentence)
        if self._observer:
            accepted = self.report.rows_in(Bucket.ACCEPTED)
            self._observer.start_sending(total=self._input.rows, done=self.report.rows, accepted=accepted)
        with (
            _pool(self._options.concurrency) as pool,
            open_pace(
                self._client.settings,
                self._client.rows_path,
                parallel_tasks=self._options.parallel_tasks,
                clock=self._options.clock,
            ) as pace,
        ):
            self._engine = self._make_engine(recorder, writer, pool, pace)
            if self._is_stopped:
                self._engine.stop()
            self._stage = "sending"
            return self._engine.run(to_send.chunks(recorder, answers))

    def _make_engine(self, recorder: Recorder, writer: CheckpointWriter, pool: Executor, pace: Pace) -> Engine:
        client, queue = self._client, ChunkQueue()
        handler = CallHandler(
            recorder,
            queue,
            self._options,
            limits=self._limits,
            pace=pace,
            clock=client.clock,
            envelope=client.envelope_size,
            has_succeeded=self.report.rows_in(Bucket.ACCEPTED) > 0,
        )
        return Engine(
            lambda chunk: client.import_customers(chunk.bodies, agent=chunk.agent),
            recorder,
            writer,
            handler,
            queue,
            pool=pool,
            pace=pace,
            options=self._options,
            longest_call=self._longest_call,
        )


def ledger_import(
    ledger: Ledger, settings: Settings, options: Options, identity: ImportIdentity, source: Source
) -> LedgerImport:
    """Return the ledger of an import."""
    by_agent, is_part = options.rules.duplicates == "send", is_dead_letter(source.columns)
    if is_part:
        log.info(
            "The input is a dead letter, a part of an earlier input: nobody counts as gone, gone_path is not written, "
            "and min_rows does not apply"
        )
    with located(ledger.path):
        return LedgerImport(ledger, settings, identity, by_agent=by_agent, is_part=is_part, now=options.clock.time)


def _plan_of(source: Source, settings: Settings) -> dict[str, Any]:
    """Return what a checkpoint must have been saved for, so that this import resumes from it."""
    target = [settings.base_url, settings.tenant_id, settings.auth_scheme.value, settings.user_name]
    return {"target": target, "columns": list(source.columns)}


def _observer(on_progress: ProgressCallback, options: Options) -> ProgressObserver:
    return ProgressObserver(on_progress, options.clock.now, options.progress_interval)


def _nothing() -> None:
    """Do nothing."""


@contextmanager
def _pool(threads: int) -> Iterator[Executor]:
    """Yield a pool for calls, and do not wait for those that the engine no longer waits for."""
    pool = ThreadPoolExecutor(threads, "socialscrm")
    try:
        yield pool
    finally:
        pool.shutdown(wait=False)
