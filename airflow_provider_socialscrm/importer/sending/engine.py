"""The loop: chunks go out at the allowed pace, each finished call is judged, every row is settled.

One thread decides; the pool's threads only send. So nothing here needs a lock, and what happens is a sequence.
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
from airflow_provider_socialscrm.importer.results.recorder import Recorder
from airflow_provider_socialscrm.importer.sending.chunks import Chunk
from airflow_provider_socialscrm.importer.sending.outcome import CallHandler
from airflow_provider_socialscrm.importer.sending.queue import ChunkQueue, PendingChunk

OPEN_CHUNKS_PER_CONNECTION: Final = 2
"""Chunks held in memory for each connection: one on its way, one that waits to be sent again."""

LONGEST_NAP: Final = 0.5
"""Seconds after which a waiting run looks whether it was told to stop; Airflow kills a task that does not end soon."""

BROKEN_OFF: Final = (InputError, OSError)
"""What the input raises when it breaks off: damaged, or out of reach."""

Send = Callable[[Chunk], Any]


@dataclass(frozen=True, slots=True)
class _Answer:
    seconds: float
    data: Any = None
    failure: SocialSCRMError | None = None


class Engine:
    """Sends chunks until each row is settled, or the run has to stop.

    :param send: carries one chunk to the CRM; called in the pool's threads.
    :param recorder: where rows are settled.
    :param handler: judges finished calls.
    :param queue: jobs to be sent again, or apart.
    :param pool: runs ``send``.
    :param pace: when the next call may start, retries and probes included.
    :param options: concurrency, clock, sleep and chance.
    """

    def __init__(
        self,
        send: Send,
        recorder: Recorder,
        handler: CallHandler,
        queue: ChunkQueue,
        pool: Executor,
        *,
        pace: Pace,
        options: Options,
    ) -> None:
        self._send = send
        self._recorder = recorder
        self._handler = handler
        self._queue = queue
        self._pool = pool
        self._pace = pace
        self._options = options
        self._timing = options.clock
        self._in_flight: dict[Future[_Answer], PendingChunk] = {}
        self._roots = 0
        self._answered = False
        self._failure: Exception | None = None
        self._told_to_stop = False

    def stop(self) -> None:
        """Send nothing more; what is in flight is still settled. Safe to call from a signal handler."""
        self._told_to_stop = True

    def run(self, chunks: Iterator[Chunk]) -> Exception | None:
        """Send all chunks and return what stopped the run, if anything did.

        After a failure that stops it the calls in flight finish, and the rest is left as not sent. A run that was told
        to stop does not read the rest of its input any more.
        """
        while self._advance(chunks):
            pass
        if self._told_to_stop and self._failure is None:
            self._failure = StoppedError("The task was told to stop. What was in flight is settled; a retry goes on.")
        if self._failure is None:
            self._handler.finish()
        else:
            self._handler.record_for_this_try(self._queue.drain())
            self._leave_unread(chunks)
        return self._failure

    @property
    def _stopping(self) -> bool:
        return self._told_to_stop or self._failure is not None

    def _advance(self, chunks: Iterator[Chunk]) -> bool:
        self._recorder.save()
        if not self._stopping and self._busy < self._connections and self._start_next(chunks):
            return True
        if self._in_flight:
            self._collect()
            return True
        if self._recorder.unkept_calls:
            self._recorder.wait()
            return True
        if len(self._queue) and not self._stopping:
            self._nap()
            return True
        return False

    @property
    def _busy(self) -> int:
        # A call counts until its outcome is kept: then a kill repeats no more calls than may be in flight.
        return len(self._in_flight) + self._recorder.unkept_calls

    @property
    def _connections(self) -> int:
        # One call first: a wrong key or plan is then refused once, and not by every connection.
        return self._options.concurrency if self._answered else 1

    def _start_next(self, chunks: Iterator[Chunk]) -> bool:
        pending = self._queue.take(self._timing.now()) or self._fresh(chunks)
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
        except BROKEN_OFF as failure:  # what is in flight is still settled
            self._failure = failure
            return None
        self._roots += 1
        return PendingChunk(chunk, self._roots) if chunk else None

    def _start(self, pending: PendingChunk) -> None:
        while (wait_for := self._pace.try_start(self._timing.now())) > 0:
            self._recorder.report.add_seconds(pacing=wait_for)
            self._timing.sleep(wait_for)
        if not self._options.resend and not pending.chunk.repeatable:
            self._recorder.intend(pending.chunk.rows)
        pending.start(self._timing.now())
        self._recorder.report.count_calls(sent=1)
        self._in_flight[self._pool.submit(self._call, pending.chunk)] = pending

    def _call(self, chunk: Chunk) -> _Answer:
        started = self._timing.now()
        try:
            data, failure = self._send(chunk), None
        except SocialSCRMError as error:
            data, failure = None, error
        return _Answer(self._timing.now() - started, data, failure)

    def _collect(self) -> None:
        awaited: list[Future[Any]] = [*self._in_flight, *self._recorder.saving]
        done, _ = wait(awaited, self._until_due(), FIRST_COMPLETED)
        finished = [future for future in self._in_flight if future in done]
        for future in finished:
            pending, answer = self._in_flight.pop(future), future.result()
            self._answered = True
            self._recorder.report.add_seconds(sending=answer.seconds)
            self._judge(pending, answer)
        self._recorder.save(len(finished))

    def _judge(self, pending: PendingChunk, answer: _Answer) -> None:
        if answer.failure is None:
            self._handler.on_success(pending, answer.data)
            return
        stopped_by = self._handler.on_failure(pending, answer.failure, self._timing.now(), self._timing.chance())
        self._failure = self._failure or stopped_by

    def _until_due(self) -> float | None:
        if self._stopping or self._busy >= self._connections:
            return None
        return self._queue.due_in(self._timing.now())

    def _nap(self) -> None:
        nap = min(self._queue.due_in(self._timing.now()) or 0.0, LONGEST_NAP)
        self._recorder.report.add_seconds(waiting=nap)
        self._timing.sleep(nap)

    def _leave_unread(self, chunks: Iterator[Chunk]) -> None:
        if isinstance(self._failure, (StoppedError, *BROKEN_OFF)):
            return
        with suppress(*BROKEN_OFF):  # a table that breaks off here must not hide what stopped the run
            for chunk in chunks:
                self._recorder.record_for_this_try(Bucket.NOT_SENT, chunk.rows, STOPPED)
