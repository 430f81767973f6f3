"""The loop: chunks go out at the allowed pace, each failure gets what it asks for, every row is settled.

One thread decides; the pool's threads only send. So nothing here needs a lock, and what happens is a sequence.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from airflow_provider_socialscrm.api.clock import ServerClock
from airflow_provider_socialscrm.api.codes import Recovery
from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.importer.chunks import Chunk
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.importer.ledger import Ledger
from airflow_provider_socialscrm.importer.options import Effort, Timing
from airflow_provider_socialscrm.importer.pacing import Pace
from airflow_provider_socialscrm.importer.recovery import (
    Hold,
    Reject,
    Resign,
    SendAgain,
    Split,
    Stop,
    Tried,
    blames_signer,
    final_failure,
    next_step,
)
from airflow_provider_socialscrm.importer.report import Bucket, Cause

OPEN_JOBS_PER_CONNECTION: Final = 2
"""Chunks held in memory for each connection: one on its way, one that waits to be sent again."""

Send = Callable[[Chunk], Any]


@dataclass(slots=True)
class Job:
    """A chunk and what was tried with it."""

    chunk: Chunk
    attempts: int = 0
    resigns: int = 0
    first_sent: float | None = None

    def tried(self, now: float) -> Tried:
        """Return the facts a recovery is decided on."""
        elapsed = 0.0 if self.first_sent is None else now - self.first_sent
        chunk = self.chunk
        return Tried(
            self.attempts,
            self.resigns,
            elapsed,
            len(chunk.rows),
            chunk.repeatable,
            agent_from_row=chunk.agent is not None,
        )


class Engine:
    """Sends chunks until each row is settled or the run has to stop.

    :param send: carries one chunk to the CRM; called in the pool's threads.
    :param ledger: where rows are settled.
    :param pool: runs ``send``.
    :param concurrency: calls in flight.
    :param pace: when the next call may start, retries included.
    :param clock: the signing clock, set when the server's time turns out to differ.
    :param effort: how hard a chunk is tried.
    :param timing: time and chance.
    """

    def __init__(
        self,
        send: Send,
        ledger: Ledger,
        pool: Executor,
        *,
        concurrency: int,
        pace: Pace,
        clock: ServerClock,
        effort: Effort,
        timing: Timing,
    ) -> None:
        self._send = send
        self._ledger = ledger
        self._pool = pool
        self._concurrency = concurrency
        self._pace = pace
        self._clock = clock
        self._effort = effort
        self._timing = timing
        self._in_flight: dict[Future[Any], Job] = {}
        self._waiting: list[tuple[float, int, Job]] = []  # a heap: when due, tie-breaker, job
        self._tie_breaker = count()
        self._failure: Exception | None = None

    def run(self, chunks: Iterator[Chunk]) -> Exception | None:
        """Send all chunks and return what stopped the run, if anything did.

        After such a failure the calls in flight finish, and the rest is settled as not sent.
        """
        while self._advance(chunks):
            pass
        if self._failure:
            self._leave_the_rest(chunks)
        return self._failure

    def _advance(self, chunks: Iterator[Chunk]) -> bool:
        if job := self._next_job(chunks):
            self._start(job)
        elif self._in_flight:
            self._collect()
        elif self._waiting and not self._failure:
            self._pause()
        else:
            return False
        return True

    def _next_job(self, chunks: Iterator[Chunk]) -> Job | None:
        if self._failure or len(self._in_flight) >= self._concurrency:
            return None
        if self._waiting and self._waiting[0][0] <= self._timing.now():
            return heapq.heappop(self._waiting)[2]
        if len(self._in_flight) + len(self._waiting) >= self._concurrency * OPEN_JOBS_PER_CONNECTION:
            return None
        try:
            chunk = next(chunks, None)
        except InputError as failure:  # a file that breaks off: what is in flight is still settled
            self._failure = failure
            return None
        return Job(chunk) if chunk else None

    def _start(self, job: Job) -> None:
        while (wait_for := self._pace.turn(self._timing.now())) > 0:
            self._ledger.report.seconds.pacing += wait_for
            self._timing.sleep(wait_for)
        if job.first_sent is None:
            job.first_sent = self._timing.now()
        job.attempts += 1
        self._ledger.report.calls.sent += 1
        self._in_flight[self._pool.submit(self._timed_send, job.chunk)] = job

    def _timed_send(self, chunk: Chunk) -> tuple[float, SocialSCRMError | None]:
        started = self._timing.now()
        try:
            self._send(chunk)
        except SocialSCRMError as failure:
            return self._timing.now() - started, failure
        return self._timing.now() - started, None

    def _collect(self) -> None:
        done, _ = wait(self._in_flight, self._until_due(), FIRST_COMPLETED)
        for future in done:
            job = self._in_flight.pop(future)
            seconds, failure = future.result()
            self._ledger.report.seconds.sending += seconds
            if failure:
                self._recover(job, failure)
            else:
                self._ledger.settle(Bucket.ACCEPTED, job.chunk.rows)

    def _until_due(self) -> float | None:
        if not self._waiting or self._failure or len(self._in_flight) >= self._concurrency:
            return None
        return max(0.0, self._waiting[0][0] - self._timing.now())

    def _pause(self) -> None:
        wait_for = max(0.0, self._waiting[0][0] - self._timing.now())
        self._ledger.report.seconds.waiting += wait_for
        self._timing.sleep(wait_for)

    def _recover(self, job: Job, failure: SocialSCRMError) -> None:
        calls = self._ledger.report.calls
        match next_step(failure, job.tried(self._timing.now()), self._effort, self._timing.chance()):
            case SendAgain(after):
                calls.retries += 1
                self._queue(job, after)
            case Resign(offset):
                calls.resigns += 1
                self._clock.offset = self._ledger.report.clock_offset = offset
                job.resigns += 1
                self._queue(job)
            case Split():
                calls.splits += 1
                for half in job.chunk.halves():
                    self._queue(Job(half))
            case Reject():
                self._ledger.settle(Bucket.REJECTED, job.chunk.rows, cause_of(failure), job.attempts)
            case Hold():
                self._ledger.settle(Bucket.UNKNOWN, job.chunk.rows, cause_of(failure), job.attempts)
            case Stop():
                self._stop(job, failure)

    def _queue(self, job: Job, after: float = 0.0) -> None:
        heapq.heappush(self._waiting, (self._timing.now() + after, next(self._tie_breaker), job))

    def _stop(self, job: Job, failure: SocialSCRMError) -> None:
        failure = final_failure(failure, job.resigns)
        self._failure = self._failure or failure
        bucket = Bucket.UNKNOWN if failure.recovery is Recovery.UNCERTAIN else Bucket.NOT_SENT
        self._ledger.settle(bucket, job.chunk.rows, cause_of(failure), job.attempts)

    def _leave_the_rest(self, chunks: Iterator[Chunk]) -> None:
        for _, _, job in sorted(self._waiting):
            self._ledger.settle(Bucket.NOT_SENT, job.chunk.rows, STOPPED, job.attempts)
        self._waiting.clear()
        for chunk in chunks:
            self._ledger.settle(Bucket.NOT_SENT, chunk.rows, STOPPED)


STOPPED: Final = Cause(
    "stopped", "The run stopped before this row was sent.", "Mend what stopped the run, and run it again."
)


AGENT_HINT: Final = "Correct agentAccount in these rows, or create the agent in the CRM."


def cause_of(failure: SocialSCRMError) -> Cause:
    """Return why the rows of a failed call are where they are."""
    if blames_signer(failure) and failure.code:
        return Cause(
            failure.code.number, "The row's agent cannot import customers: " + failure.code.meaning, AGENT_HINT
        )
    if failure.code:
        text = f" ({failure.code.text})" if failure.code.text else ""
        return Cause(failure.code.number, f"{failure.code.meaning}{text}", failure.code.hint)
    name = f"HTTP {failure.http_status}" if failure.http_status not in (None, 200) else "no-answer"
    return Cause(name, str(failure), "Run the import again; if it stays so, ask the vendor.")
