"""The loop that sends chunks at the allowed pace, hands over each finished call, and has the checkpoint saved.

One thread decides; the pool's threads only send. So nothing here needs a lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.api.pacing import Pace
from airflow_provider_socialscrm.importer.errors import InputError, StoppedError
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.reasons import STOPPED, Bucket
from airflow_provider_socialscrm.importer.results.checkpoint_writer import CheckpointWriter
from airflow_provider_socialscrm.importer.results.recorder import Recorder
from airflow_provider_socialscrm.importer.sending.chunks import Chunk
from airflow_provider_socialscrm.importer.sending.outcome import CallHandler
from airflow_provider_socialscrm.importer.sending.queue import ChunkQueue, PendingChunk

OPEN_CHUNKS_PER_CONNECTION: Final = 2
"""Chunks in memory for each connection: one in flight, one that waits to be sent again."""

LONGEST_NAP: Final = 0.5
"""Seconds after which a waiting run checks whether it has to stop; Airflow kills a task that does not end soon."""

BROKEN_OFF: Final = (InputError, OSError)
"""Errors of the next chunk: the temporary file cannot be read, or a row's own columns cannot be written as text."""

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
    ) -> None:
        self._send = send
        self._recorder = recorder
        self._writer = writer
        self._handler = handler
        self._queue = queue
        self._pool = pool
        self._pace = pace
        self._options = options
        self._clock = options.clock
        self._in_flight: dict[Future[_Answer], PendingChunk] = {}
        self._roots = 0
        self._has_response = False
        self._failure: Exception | None = None
        self._is_stopped = False

    def stop(self) -> None:
        """Send nothing more; the calls in flight are still recorded. Safe to call from a signal handler."""
        self._is_stopped = True

    def run(self, chunks: Iterator[Chunk]) -> Exception | None:
        """Send all chunks, and return the failure that stopped the run, if there was one.

        After such a failure the calls in flight finish, and the other rows are recorded as not sent. After
        :meth:`stop` the rest of the input is not read.
        """
        while self._advance(chunks):
            pass
        if self._is_stopped and self._failure is None:
            self._failure = StoppedError("The task was stopped. The calls in flight are recorded; a retry resumes.")
        if self._failure is None:
            self._handler.finish()
        else:
            self._handler.record_for_this_try(self._queue.drain())
            self._leave_unread(chunks)
        return self._failure

    @property
    def _stopping(self) -> bool:
        return self._is_stopped or self._failure is not None

    def _advance(self, chunks: Iterator[Chunk]) -> bool:
        self._recorder.maybe_report_progress()
        self._writer.save_if_due()
        if not self._stopping and len(self._in_flight) < self._connections and self._start_next(chunks):
            return True
        if self._in_flight:
            self._collect()
            return True
        if len(self._queue) and not self._stopping:
            self._nap()
            return True
        return False

    @property
    def _connections(self) -> int:
        # One call first, so that a wrong key or plan is refused once, and not on every connection.
        return self._options.concurrency if self._has_response else 1

    def _start_next(self, chunks: Iterator[Chunk]) -> bool:
        pending = self._queue.take(self._clock.now()) or self._fresh(chunks)
        if pending is None:
            return False
        if (admitted := self._handler.check_before_send(pending)) is not None:
            self._start(admitted)
        return True

    def _fresh(self, chunks: Iterator[Chunk]) -> PendingChunk | None:
        if len(self._in_flight) + len(self._queue) >= self._options.concurrency * OPEN_CHUNKS_PER_CONNECTION:
            return None
        try:
            chunk = next(chunks, None)
        except BROKEN_OFF as failure:  # the calls in flight are still recorded
            self._failure = failure
            return None
        self._roots += 1
        return PendingChunk(chunk, self._roots) if chunk else None

    def _start(self, pending: PendingChunk) -> None:
        while (wait_for := self._pace.try_start(self._clock.now())) > 0:
            self._recorder.add_seconds(pacing=wait_for)
            self._clock.sleep(wait_for)
        if not self._options.resend and not pending.chunk.repeatable:
            self._recorder.mark_intended([row for row in pending.chunk.rows if row.has_side_effects])
        pending.start(self._clock.now())
        self._recorder.count_calls(sent=1)
        self._in_flight[self._pool.submit(self._call, pending.chunk)] = pending

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
        finished = [future for future in self._in_flight if future in done]
        for future in finished:
            pending, answer = self._in_flight.pop(future), future.result()
            self._has_response = True
            self._recorder.add_seconds(sending=answer.seconds)
            self._hand_over(pending, answer)
        if finished:
            self._writer.mark_changed()  # the counts of calls, also if no row has an outcome

    def _hand_over(self, pending: PendingChunk, answer: _Answer) -> None:
        if answer.failure is None:
            self._handler.on_success(pending, answer.data)
            return
        stopped_by = self._handler.on_failure(pending, answer.failure, self._clock.now(), self._clock.chance())
        self._failure = self._failure or stopped_by

    def _until_due(self) -> float | None:
        can_send = not self._stopping and len(self._in_flight) < self._connections
        due = [self._writer.due_in(), self._queue.due_in(self._clock.now()) if can_send else None]
        return min((seconds for seconds in due if seconds is not None), default=None)

    def _nap(self) -> None:
        nap = min(self._queue.due_in(self._clock.now()) or 0.0, LONGEST_NAP)
        self._recorder.add_seconds(waiting=nap)
        self._clock.sleep(nap)

    def _leave_unread(self, chunks: Iterator[Chunk]) -> None:
        if isinstance(self._failure, (StoppedError, *BROKEN_OFF)):
            return
        with suppress(*BROKEN_OFF):  # must not hide the failure that stopped the run
            for chunk in chunks:
                self._recorder.record_for_this_try(Bucket.NOT_SENT, chunk.rows, STOPPED)
