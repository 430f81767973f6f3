"""What an answer, or a failure, means for the rows of its call: settled, sent again, or taken apart."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from airflow_provider_socialscrm.api.client import ServerClock
from airflow_provider_socialscrm.api.codes import Recovery
from airflow_provider_socialscrm.api.customers import named_outcome
from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.api.pacing import Pace
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.reasons import LEFT_OUT, NAMED, STOPPED, Bucket, Cause
from airflow_provider_socialscrm.importer.results.recorder import Ledger
from airflow_provider_socialscrm.importer.rows import Row, bodies_of
from airflow_provider_socialscrm.importer.sending import split
from airflow_provider_socialscrm.importer.sending.chunks import Chunk, Limits
from airflow_provider_socialscrm.importer.sending.decision import (
    BlameAgent,
    BlameExtension,
    Hold,
    Probe,
    Reject,
    Resign,
    SendAgain,
    Shrink,
    Step,
    Stop,
    Suspect,
    SuspectFields,
    final_failure,
    next_step,
)
from airflow_provider_socialscrm.importer.sending.failure_reasons import (
    agents_cause,
    cause_of,
    fields_refused,
    held,
    isolation_exhausted,
    systemic,
)
from airflow_provider_socialscrm.importer.sending.queue import Job, JobQueue
from airflow_provider_socialscrm.importer.sending.refused_fields import ExtensionGuard
from airflow_provider_socialscrm.importer.sending.systemic_failures import Guard

log = logging.getLogger(__name__)

TOO_MANY_REQUESTS: Final = 429


class Triage:
    """Decides on each finished call, and remembers what the run has learned about agents, size, clock and luck.

    :param ledger: where rows are settled.
    :param queue: where jobs go that have to be sent again, or apart.
    :param options: how hard to try.
    :param limits: how much a call may carry, lowered when the CRM takes less.
    :param pace: lowered when the CRM says that calls come too fast.
    :param clock: the signing clock, set when the CRM's time turns out to differ.
    :param envelope: bytes a call has around its rows, by the agent who signs.
    """

    def __init__(
        self,
        ledger: Ledger,
        queue: JobQueue,
        options: Options,
        *,
        limits: Limits,
        pace: Pace,
        clock: ServerClock,
        envelope: Callable[[str | None], int],
    ) -> None:
        self._ledger = ledger
        self._queue = queue
        self._options = options
        self._limits = limits
        self._pace = pace
        self._clock = clock
        self._envelope = envelope
        self._guard: Guard[tuple[Job, Cause]] = Guard()
        self._extension_guard: ExtensionGuard[tuple[Job, Cause]] = ExtensionGuard()
        self._condemned: dict[str, Cause] = {}
        self._budget = options.effort.budget
        self._isolation_left = options.effort.isolation
        self._isolation_spent = 0

    def admit(self, job: Job) -> Job | None:
        """Return the job as it may be sent now: without rows of agents the CRM refused, and not too large.

        What is taken off it is settled, or waits in the queue; ``None`` where nothing is left.
        """
        kept, theirs = split.without_agents(job.chunk, self._condemned) if self._condemned else (job.chunk, {})
        for agent, rows in theirs.items():
            self._ledger.settle(Bucket.REJECTED, rows, self._condemned[agent], job.calls)
        if kept is None:
            return None
        if len(kept.rows) > 1 and self._envelope(kept.agent) + kept.body_size > self._limits.bytes:
            for half in kept.halves():
                self._queue.put(job.part(half), due=0.0)
            return None
        job.chunk = kept
        return job

    def passed(self, job: Job, data: Any) -> None:
        """Settle the rows of a call that was answered with 200."""
        self._settle_suspects(self._guard.passed())
        self._pace.speed_up()
        self._budget = min(self._options.effort.budget, self._budget + 1)
        self._isolation_left += len(job.chunk.rows) * self._options.effort.isolation_share
        outcome = named_outcome(data, split.numbers_of(job.chunk) if isinstance(data, dict) else ())
        rows, odd = job.chunk.rows, outcome.failed | outcome.unclear
        accepted = [row for place, row in enumerate(rows) if place not in odd] if odd else rows
        self._ledger.settle(Bucket.ACCEPTED, accepted)
        fields = map(split.extension_fields_of, bodies_of(accepted))
        self._settle_suspects(self._extension_guard.accepted(fields))
        self._ledger.settle(Bucket.REJECTED, [rows[place] for place in sorted(outcome.failed)], NAMED, job.calls)
        if outcome.strangers:
            self._ledger.report.calls.strangers += outcome.strangers
            log.warning("An answer named %s numbers that were not sent; they are passed over", outcome.strangers)
        if outcome.unclear:
            self._ask_again(job, [rows[place] for place in sorted(outcome.unclear)])

    def failed(self, job: Job, failure: SocialSCRMError, now: float, chance: float) -> Exception | None:
        """Do what a failed call asks for, and return what stops the run, if anything does.

        :param now: seconds of a clock that never goes back.
        :param chance: a random number from 0 to 1, for the jitter.
        """
        if failure.http_status == TOO_MANY_REQUESTS:
            self._pace.slow_down(now)
        if failure.recovery is not Recovery.UNCERTAIN:
            self._ledger.resolve(job.chunk.rows)
        tried = job.tried(now, repeatable=self._repeatable(job.chunk), budget=self._budget)
        match next_step(failure, tried, self._options.effort, chance):
            case SendAgain(after):
                self._budget -= 1
                self._ledger.report.calls.retries += 1
                self._queue.put(job, now + after)
            case Resign(offset):
                self._clock.offset = self._ledger.report.clock_offset = offset
                self._ledger.report.calls.resigns += 1
                job.resigns += 1
                self._queue.put(job, now)
            case Hold():
                self._ledger.settle(Bucket.UNKNOWN, job.chunk.rows, held(failure), job.calls)
            case Reject():
                self._ledger.settle(Bucket.REJECTED, job.chunk.rows, cause_of(failure), job.calls)
            case Suspect():
                return self._suspect(job, failure)
            case SuspectFields():
                return self._suspect_fields(job, failure)
            case Stop():
                return self._stop(job, failure)
            case step:
                return self._take_apart(job, failure, step, now)
        return None

    def leave(self, jobs: Sequence[Job]) -> None:
        """Settle, for this try, jobs that a stopped run does not send, and rows whose verdict was held back."""
        for job, _ in (*self._guard.release(), *self._extension_guard.release()):
            self._ledger.leave(Bucket.NOT_SENT, job.chunk.rows, STOPPED, job.calls)
        for job in jobs:
            self._ledger.leave(Bucket.NOT_SENT, job.chunk.rows, STOPPED, job.calls)

    def finish(self) -> None:
        """Settle the rows whose verdict was held back: too few failed alike to call it systemic."""
        self._settle_suspects((*self._guard.release(), *self._extension_guard.release()))

    def _repeatable(self, chunk: Chunk) -> bool:
        return self._options.resend or chunk.repeatable

    def _settle_suspects(self, suspects: Sequence[tuple[Job, Cause]]) -> None:
        for job, cause in suspects:
            self._ledger.settle(Bucket.REJECTED, job.chunk.rows, cause, job.calls)

    def _suspect(self, job: Job, failure: SocialSCRMError) -> Exception | None:
        number = failure.code.number if failure.code else 0
        if not self._guard.suspect(job.root, number, (job, cause_of(failure))):
            return None
        suspects = self._guard.release()
        for suspect, cause in suspects:
            self._ledger.leave(Bucket.NOT_SENT, suspect.chunk.rows, cause, suspect.calls)
        return systemic(failure, [suspect.chunk.rows[0].position for suspect, _ in suspects])

    def _suspect_fields(self, job: Job, failure: SocialSCRMError) -> Exception | None:
        fields = split.extension_fields_of(job.chunk.rows[0].body)
        culprits = self._extension_guard.refused(fields, (job, cause_of(failure)))
        self._settle_suspects(self._extension_guard.at_fault())
        if culprits is None:
            return None
        for suspect, cause in self._extension_guard.release():
            self._ledger.leave(Bucket.NOT_SENT, suspect.chunk.rows, cause, suspect.calls)
        return fields_refused(culprits)

    def _stop(self, job: Job, failure: SocialSCRMError) -> Exception:
        last = final_failure(failure, job.resigns)
        bucket = Bucket.UNKNOWN if last.recovery is Recovery.UNCERTAIN else Bucket.NOT_SENT
        self._ledger.leave(bucket, job.chunk.rows, cause_of(last), job.calls)
        return last

    def _take_apart(self, job: Job, failure: SocialSCRMError, step: Step, now: float) -> Exception | None:
        parts = self._parts(job, step)
        if len(parts) == 1:  # one agent only, and the CRM refuses it
            cause, agent = agents_cause(failure), split.agent_of(job.chunk.rows[0])
            if agent is not None:
                self._condemned[agent] = cause
            self._ledger.settle(Bucket.REJECTED, job.chunk.rows, cause, job.calls)
            return None
        if self._isolation_left < len(parts):
            self._ledger.leave(Bucket.NOT_SENT, job.chunk.rows, STOPPED, job.calls)
            return isolation_exhausted(failure, self._isolation_spent)
        self._isolation_left -= len(parts)
        self._isolation_spent += len(parts)
        self._ledger.report.calls.splits += 1
        for part in parts:
            self._queue.put(job.part(part), now)
        return None

    def _parts(self, job: Job, step: Step) -> Sequence[Chunk]:
        chunk = job.chunk
        match step:
            case Shrink():
                halves = chunk.halves()
                self._limits.bytes = min(
                    self._limits.bytes, self._envelope(chunk.agent) + max(half.body_size for half in halves)
                )
                log.info("The CRM finds a call too large: from now on at most %s bytes", f"{self._limits.bytes:,}")
                return halves
            case BlameAgent():
                return split.by_agent(chunk)
            case BlameExtension():
                return split.by_extension(chunk, self._extension_guard.has_new)
            case Probe() if not job.is_part or self._guard.holds:  # one probe a chunk will do, while probes pass
                return split.around_the_middle(chunk)
            case _:
                return split.halves(chunk)

    def _ask_again(self, job: Job, rows: list[Row]) -> None:
        self._ledger.report.calls.left_out += len(rows)
        if job.asked_again or not self._repeatable(job.chunk):
            self._ledger.settle(Bucket.UNKNOWN, rows, LEFT_OUT, job.calls)
            return
        log.warning("An answer does not say what became of %s rows; they are asked about again", len(rows))
        for part in split.by_number(Chunk(tuple(rows), job.chunk.agent)):
            self._queue.put(job.part(part, asked_again=True), due=0.0)
