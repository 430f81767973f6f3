"""The loop that sends chunks at the allowed pace, hands over each finished call, and has the checkpoint saved.

One thread decides; the pool's threads only send. So nothing here needs a lock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.api.pacing import Pace
from airflow_provider_socialscrm.importer.errors import InputError, LedgerError, StoppedError
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.reasons import BROKE_OFF, STOPPED, Bucket, Reason
from airflow_provider_socialscrm.importer.results.checkpoint_writer import CheckpointWriter
from airflow_provider_socialscrm.importer.results.recorder import Recorder
from airflow_provider_socialscrm.importer.sending.chunks import Chunk
from airflow_provider_socialscrm.importer.sending.outcome import CallHandler
from airflow_provider_socialscrm.importer.sending.queue import ChunkQueue, PendingChunk

OPEN_CHUNKS_PER_CONNECTION: Final = 2
"""Chunks in memory for each connection: one in flight, one that waits to be sent again."""

LONGEST_NAP: Final = 0.5
"""Seconds after which a waiting run checks whether it has to stop; Airflow kills a task that does not end soon."""

BROKEN_OFF: Final = (InputError, LedgerError, OSError)
"""Errors of the next chunk: the temporary file cannot be read, a row's own columns cannot be written as text, or the
ledger cannot be written."""

LONGEST_CALL: Final = 90.0
"""Seconds that a run which breaks off waits for its calls in flight, unless its client has other time-outs."""

Send = Callable[[Chunk], Any]


@dataclass(frozen=True, slots=True)
class _Answer:
    seconds: float
    data: Any = None
    failure: SocialSCRMError | None = None


class Engine:
    """Send chunks until each row has an outcome, or the run has to stop.

    :param send: sends one chunk to the CRM; called in the pool's threads.
    :param recorder: records rows and counts calls.
    :param writer: saves the checkpoint when it is due.
    :param handler: decides on finished calls.
    :param queue: chunks to be sent again, or split.
    :param pool: runs ``send``.
    :param pace: when the next call may start, retries and probes included.
    :param options: concurrency, clock, sleep and chance.
    :param longest_call: seconds to wait for the calls in flight after an error of ours.
    """

    def __init__(
        self,
        send: Send,
        recorder: Recorder,
        writer: CheckpointWriter,
        handler: CallHandler,
        queue: ChunkQueue,
        *,
        pool: Executor,
        pace: Pace,
        options: Options,
        longest_call: float = LONGEST_CALL,
    ) -> None:
        self._send = send
        self._recorder = recorder
        self._writer = writer
        self._handler = handler
        self._outage = handler.outage
        self._queue = queue
        self._pool = pool
        self._pace = pace
        self._options = options
        self._longest_call = longest_call
        self._clock = options.clock
        self._in_flight: dict[Future[_Answer], PendingChunk] = {}
        self._in_hand: PendingChunk | None = None
        self._roots = 0
        self._failure: Exception | None = None
        self._is_stopped = False
        self._store_failure: Exception | None = None

    def stop(self) -> None:
        """Send nothing more; the calls in flight are still recorded. Safe to call from a signal handler."""
        self._is_stopped = True

    def run(self, chunks: Iterator[Chunk]) -> Exception | None:
        """Send all chunks, and return the failure that stopped the run, if there was one.

        After such a failure the calls in flight finish, and the other rows are recorded as not sent. After
        :meth:`stop` the rest of the input is not read. An error of ours is raised when the calls in flight are recorded
        and each row that the run took from the input is in a bucket.
        """
        try:
            while self._advance(chunks):
                pass
            self._end(chunks)
        except BaseException as failure:
            self._break_off()
            if isinstance(failure, Exception):
                with suppress(Exception):  # must not hide the first one
                    self._leave_unread(chunks)
            raise
        return self._stop_reason

    def _end(self, chunks: Iterator[Chunk]) -> None:
        if self._is_stopped and not self._stop_reason:
            self._failure = StoppedError("The task was stopped. The calls in flight are recorded; a retry resumes.")
        if self._stop_reason is None:
            self._handler.finish()
        else:
            self._handler.record_for_this_try(self._queue.drain())
            self._leave_unread(chunks)

    @property
    def _stop_reason(self) -> Exception | None:
        return self._store_failure or self._recorder.failure or self._failure

    @property
    def _stopping(self) -> bool:
        return self._is_stopped or self._stop_reason is not None

    def _advance(self, chunks: Iterator[Chunk]) -> bool:
        self._recorder.maybe_report_progress(self._outage.wait)
        self._save_if_due()
        if self._may_start and self._start_next(chunks):
            return True
        if self._in_flight:
            self._collect()
            return True
        if self._stopping or not (len(self._queue) or self._read_ahead(chunks)):
            return False
        self._nap()
        return True

    def _save_if_due(self) -> None:
        if self._store_failure is None:
            try:
                self._writer.save_if_due()
            except Exception as failure:  # noqa: BLE001 - whatever the store raises; it is raised when all is recorded
                self._store_failure = failure

    @property
    def _may_start(self) -> bool:
        has_room = not self._stopping and len(self._in_flight) < self._connections
        return has_room and self._outage.due_in(self._clock.now()) == 0

    @property
    def _connections(self) -> int:
        # One call at a time until the settings work, so that a wrong key or clock is not refused on every connection.
        return 1 if self._handler.is_in_doubt else self._outage.connections(self._options.concurrency)

    def _start_next(self, chunks: Iterator[Chunk]) -> bool:
        self._in_hand = pending = self._next(chunks)
        if pending is None:
            return False
        if self._stopping:  # since the dead letter cannot be written, or the input broke off
            self._queue.put(pending, self._clock.now())
        elif (admitted := self._handler.check_before_send(pending)) is not None:
            self._start(admitted)
        self._in_hand = None
        return True

    def _next(self, chunks: Iterator[Chunk]) -> PendingChunk | None:
        if not self._outage.is_on:
            return self._queue.take(self._clock.now()) or self._fresh(chunks)
        while (harmless := self._queue.take_any(lambda pending: self._is_repeatable(pending.chunk))) is None:
            if not self._read_ahead(chunks):
                return self._queue.take_any(lambda _: True)
        return harmless

    def _read_ahead(self, chunks: Iterator[Chunk]) -> bool:
        if (pending := self._fresh(chunks)) is not None:
            self._queue.put(pending, self._clock.now())
        return pending is not None

    def _fresh(self, chunks: Iterator[Chunk]) -> PendingChunk | None:
        if len(self._in_flight) + len(self._queue) >= self._options.concurrency * OPEN_CHUNKS_PER_CONNECTION:
            return None
        try:
            chunk = next(chunks, None)
        except BROKEN_OFF as failure:  # the calls in flight are still recorded
            self._failure = failure
            return None
        if chunk is None:
            return None
        self._recorder.expect(chunk.rows)
        self._roots += 1
        return PendingChunk(chunk, self._roots)

    def _is_repeatable(self, chunk: Chunk) -> bool:
        return self._options.resend or chunk.repeatable

    def _start(self, pending: PendingChunk) -> None:
        if not self._wait_for_slot():
            self._queue.put(pending, self._clock.now())
            return
        now = self._clock.now()
        if not self._save_start(pending):
            return
        self._outage.on_start()
        self._recorder.note_calls(pending.chunk.rows, pending.calls + 1)
        self._in_flight[self._pool.submit(self._call, pending.chunk)] = pending
        pending.start(now)

    def _wait_for_slot(self) -> bool:
        """Wait until the pace lets a call start, and return whether it still may: the task may be stopped meanwhile."""
        while not self._is_stopped and (seconds := self._pace.try_start(self._clock.now())) > 0:
            nap = min(seconds, LONGEST_NAP)
            self._recorder.add_seconds(pacing=nap)
            self._clock.sleep(nap)
        return not self._is_stopped

    def _save_start(self, pending: PendingChunk) -> bool:
        """Let a later try know of the call, should the worker be killed; return whether it may start."""
        is_repeatable = self._is_repeatable(pending.chunk)
        harmful = [] if is_repeatable else [row for row in pending.chunk.rows if row.has_side_effects]
        try:
            self._recorder.count_start()
            if not is_repeatable:
                self._recorder.mark_intended(harmful)
        except Exception as failure:  # noqa: BLE001 - as above; the call must not start
            self._store_failure = failure
            self._recorder.take_back_start()
            self._recorder.mark_resolved(harmful)
            self._queue.put(pending, self._clock.now())
            return False
        return True

    def _call(self, chunk: Chunk) -> _Answer:
        started = self._clock.now()
        try:
            data, failure = self._send(chunk), None
        except SocialSCRMError as error:
            data, failure = None, error
        return _Answer(self._clock.now() - started, data, failure)

    def _collect(self) -> None:
        awaited: list[Future[Any]] = [*self._in_flight, *self._writer.running]
        done, _ = wait(awaited, self._until_due(), FIRST_COMPLETED)
        self._hand_over_all(done)

    def _hand_over_all(self, done: Collection[Future[Any]]) -> None:
        finished = [future for future in self._in_flight if future in done]
        for future in finished:
            self._in_hand = pending = self._in_flight.pop(future)
            answer = future.result()
            self._recorder.add_seconds(sending=answer.seconds)
            self._hand_over(pending, answer)
            self._in_hand = None
        if finished:
            self._writer.mark_changed()  # the counts of calls, also if no row has an outcome

    def _hand_over(self, pending: PendingChunk, answer: _Answer) -> None:
        pending.seconds = answer.seconds
        if answer.failure is None:
            self._handler.on_success(pending, answer.data)
            return
        stopped_by = self._handler.on_failure(pending, answer.failure, self._clock.now(), self._clock.chance())
        self._failure = self._failure or stopped_by

    def _until_due(self) -> float | None:
        can_send = not self._stopping and len(self._in_flight) < self._connections
        save_due = None if self._store_failure else self._writer.due_in()
        due = [save_due, self._queue.due_in(self._clock.now()) if can_send else None]
        return min((seconds for seconds in due if seconds is not None), default=None)

    def _nap(self) -> None:
        now = self._clock.now()
        due = self._outage.due_in(now) if self._outage.is_on else self._queue.due_in(now)
        nap = min(due or 0.0, LONGEST_NAP)
        self._recorder.add_seconds(waiting=nap)
        self._clock.sleep(nap)

    def _leave_unread(self, chunks: Iterator[Chunk]) -> None:
        if isinstance(self._stop_reason, (StoppedError, *BROKEN_OFF)) or self._recorder.failure:
            return
        with suppress(*BROKEN_OFF):  # must not hide the failure that stopped the run
            for chunk in chunks:
                self._recorder.record_for_this_try(Bucket.NOT_SENT, chunk.rows, STOPPED)

    def _break_off(self) -> None:
        """Record what is known after an error of ours: the responses of the calls in flight, then all other rows."""
        self._is_stopped = True
        done, _ = wait(self._in_flight, self._longest_call)
        while any(future in done for future in self._in_flight):
            with suppress(Exception):  # the rows of that response are unrecorded
                self._hand_over_all(done)
        with suppress(Exception):
            self._handler.record_for_this_try(self._queue.drain())
        for row, calls in self._recorder.unrecorded():
            with suppress(Exception):
                bucket, reason = _left_by_a_break(calls)
                self._recorder.record_for_this_try(bucket, [row], reason, calls)
        for row, calls in self._recorder.unrecorded():  # the error was in recording
            bucket, reason = _left_by_a_break(calls)
            self._recorder.count(bucket, [row], reason)


def _left_by_a_break(calls: int) -> tuple[Bucket, Reason]:
    return (Bucket.UNKNOWN, BROKE_OFF) if calls else (Bucket.NOT_SENT, STOPPED)
