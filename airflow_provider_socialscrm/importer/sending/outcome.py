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
from airflow_provider_socialscrm.importer.reasons import NAMED, NOT_IN_RESPONSE, STOPPED, Bucket, Reason
from airflow_provider_socialscrm.importer.results.recorder import Recorder
from airflow_provider_socialscrm.importer.rows import Row
from airflow_provider_socialscrm.importer.sending import split
from airflow_provider_socialscrm.importer.sending.chunks import Chunk, Limits
from airflow_provider_socialscrm.importer.sending.decision import (
    BlameAgent,
    BlameExtension,
    Hold,
    Probe,
    Reject,
    ReSign,
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
    agent_reason,
    fields_refused,
    held,
    isolation_exhausted,
    reason_of,
    systemic,
)
from airflow_provider_socialscrm.importer.sending.queue import ChunkQueue, PendingChunk
from airflow_provider_socialscrm.importer.sending.refused_fields import RefusedFieldsDetector
from airflow_provider_socialscrm.importer.sending.systemic_failures import SystemicFailureDetector

log = logging.getLogger(__name__)

TOO_MANY_REQUESTS: Final = 429


class CallHandler:
    """Decides on each finished call, and remembers what the run has learned about agents, size, clock and luck.

    :param recorder: where rows are settled.
    :param queue: where jobs go that have to be sent again, or apart.
    :param options: how hard to try.
    :param limits: how much a call may carry, lowered when the CRM takes less.
    :param pace: lowered when the CRM says that calls come too fast.
    :param clock: the signing clock, set when the CRM's time turns out to differ.
    :param envelope: bytes a call has around its rows, by the agent who signs.
    """

    def __init__(
        self,
        recorder: Recorder,
        queue: ChunkQueue,
        options: Options,
        *,
        limits: Limits,
        pace: Pace,
        clock: ServerClock,
        envelope: Callable[[str | None], int],
    ) -> None:
        self._recorder = recorder
        self._queue = queue
        self._options = options
        self._limits = limits
        self._pace = pace
        self._clock = clock
        self._envelope = envelope
        self._guard: SystemicFailureDetector[tuple[PendingChunk, Reason]] = SystemicFailureDetector()
        self._extension_guard: RefusedFieldsDetector[tuple[PendingChunk, Reason]] = RefusedFieldsDetector()
        self._condemned: dict[str, Reason] = {}
        self._budget = options.retry_limits.budget
        self._isolation_left = options.retry_limits.isolation
        self._isolation_spent = 0

    def admit(self, pending: PendingChunk) -> PendingChunk | None:
        """Return the job as it may be sent now: without rows of agents the CRM refused, and not too large.

        What is taken off it is settled, or waits in the queue; ``None`` where nothing is left.
        """
        kept, theirs = split.without_agents(pending.chunk, self._condemned) if self._condemned else (pending.chunk, {})
        for agent, rows in theirs.items():
            self._recorder.record(Bucket.REJECTED, rows, self._condemned[agent], pending.calls)
        if kept is None:
            return None
        if len(kept.rows) > 1 and self._envelope(kept.agent) + kept.body_size > self._limits.bytes:
            for half in kept.halves():
                self._queue.put(pending.part(half), due=0.0)
            return None
        pending.chunk = kept
        return pending

    def passed(self, pending: PendingChunk, data: Any) -> None:
        """Settle the rows of a call that was answered with 200."""
        self._settle_suspects(self._guard.passed())
        self._pace.speed_up()
        self._budget = min(self._options.retry_limits.budget, self._budget + 1)
        self._isolation_left += len(pending.chunk.rows) * self._options.retry_limits.isolation_share
        outcome = named_outcome(data, [str(row.number) for row in pending.chunk.rows] if isinstance(data, dict) else ())
        rows, odd = pending.chunk.rows, outcome.failed | outcome.unclear
        accepted = [row for place, row in enumerate(rows) if place not in odd] if odd else rows
        self._recorder.record(Bucket.ACCEPTED, accepted)
        fields = (row.extension_fields for row in accepted)
        self._settle_suspects(self._extension_guard.accepted(fields))
        self._recorder.record(Bucket.REJECTED, [rows[place] for place in sorted(outcome.failed)], NAMED, pending.calls)
        if outcome.unexpected_numbers:
            self._recorder.report.count_calls(unexpected_numbers=outcome.unexpected_numbers)
            log.warning(
                "An answer named %s numbers that were not sent; they are passed over", outcome.unexpected_numbers
            )
        if outcome.unclear:
            self._ask_again(pending, [rows[place] for place in sorted(outcome.unclear)])

    def failed(self, pending: PendingChunk, failure: SocialSCRMError, now: float, chance: float) -> Exception | None:
        """Do what a failed call asks for, and return what stops the run, if anything does.

        :param now: seconds of a clock that never goes back.
        :param chance: a random number from 0 to 1, for the jitter.
        """
        if failure.http_status == TOO_MANY_REQUESTS:
            self._pace.slow_down(now)
        if failure.recovery is not Recovery.UNCERTAIN:
            self._recorder.resolve(pending.chunk.rows)
        attempt = pending.attempt(now, repeatable=self._repeatable(pending.chunk), budget=self._budget)
        match next_step(failure, attempt, self._options.retry_limits, chance):
            case SendAgain(after):
                self._budget -= 1
                self._recorder.report.count_calls(retries=1)
                self._queue.put(pending, now + after)
            case ReSign(offset):
                self._clock.offset = self._recorder.report.clock_offset = offset
                self._recorder.report.count_calls(re_signed=1)
                pending.re_signed += 1
                self._queue.put(pending, now)
            case Hold():
                self._recorder.record(Bucket.UNKNOWN, pending.chunk.rows, held(failure), pending.calls)
            case Reject():
                self._recorder.record(Bucket.REJECTED, pending.chunk.rows, reason_of(failure), pending.calls)
            case Suspect():
                return self._suspect(pending, failure)
            case SuspectFields():
                return self._suspect_fields(pending, failure)
            case Stop():
                return self._stop(pending, failure)
            case step:
                return self._take_apart(pending, failure, step, now)
        return None

    def leave(self, pending_chunks: Sequence[PendingChunk]) -> None:
        """Settle, for this try, jobs that a stopped run does not send, and rows whose verdict was held back."""
        for pending, _ in (*self._guard.release(), *self._extension_guard.release()):
            self._recorder.record_for_this_try(Bucket.NOT_SENT, pending.chunk.rows, STOPPED, pending.calls)
        for pending in pending_chunks:
            self._recorder.record_for_this_try(Bucket.NOT_SENT, pending.chunk.rows, STOPPED, pending.calls)

    def finish(self) -> None:
        """Settle the rows whose verdict was held back: too few failed alike to call it systemic."""
        self._settle_suspects((*self._guard.release(), *self._extension_guard.release()))

    def _repeatable(self, chunk: Chunk) -> bool:
        return self._options.resend or chunk.repeatable

    def _settle_suspects(self, suspects: Sequence[tuple[PendingChunk, Reason]]) -> None:
        for pending, reason in suspects:
            self._recorder.record(Bucket.REJECTED, pending.chunk.rows, reason, pending.calls)

    def _suspect(self, pending: PendingChunk, failure: SocialSCRMError) -> Exception | None:
        number = failure.code.number if failure.code else 0
        if not self._guard.suspect(pending.root, number, (pending, reason_of(failure))):
            return None
        suspects = self._guard.release()
        for suspect, reason in suspects:
            self._recorder.record_for_this_try(Bucket.NOT_SENT, suspect.chunk.rows, reason, suspect.calls)
        return systemic(failure, [suspect.chunk.rows[0].position for suspect, _ in suspects])

    def _suspect_fields(self, pending: PendingChunk, failure: SocialSCRMError) -> Exception | None:
        fields = pending.chunk.rows[0].extension_fields
        culprits = self._extension_guard.refused(fields, (pending, reason_of(failure)))
        self._settle_suspects(self._extension_guard.at_fault())
        if culprits is None:
            return None
        for suspect, reason in self._extension_guard.release():
            self._recorder.record_for_this_try(Bucket.NOT_SENT, suspect.chunk.rows, reason, suspect.calls)
        return fields_refused(culprits)

    def _stop(self, pending: PendingChunk, failure: SocialSCRMError) -> Exception:
        last = final_failure(failure, pending.re_signed)
        bucket = Bucket.UNKNOWN if last.recovery is Recovery.UNCERTAIN else Bucket.NOT_SENT
        self._recorder.record_for_this_try(bucket, pending.chunk.rows, reason_of(last), pending.calls)
        return last

    def _take_apart(self, pending: PendingChunk, failure: SocialSCRMError, step: Step, now: float) -> Exception | None:
        parts = self._parts(pending, step)
        if len(parts) == 1:  # one agent only, and the CRM refuses it
            reason, agent = agent_reason(failure), split.agent_of(pending.chunk.rows[0])
            if agent is not None:
                self._condemned[agent] = reason
            self._recorder.record(Bucket.REJECTED, pending.chunk.rows, reason, pending.calls)
            return None
        if self._isolation_left < len(parts):
            self._recorder.record_for_this_try(Bucket.NOT_SENT, pending.chunk.rows, STOPPED, pending.calls)
            return isolation_exhausted(failure, self._isolation_spent)
        self._isolation_left -= len(parts)
        self._isolation_spent += len(parts)
        self._recorder.report.count_calls(splits=1)
        for part in parts:
            self._queue.put(pending.part(part), now)
        return None

    def _parts(self, pending: PendingChunk, step: Step) -> Sequence[Chunk]:
        chunk = pending.chunk
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
            case Probe() if (
                not pending.is_fragment or self._guard.holds
            ):  # one probe a chunk will do, while probes pass
                return split.around_the_middle(chunk)
            case _:
                return split.halves(chunk)

    def _ask_again(self, pending: PendingChunk, rows: list[Row]) -> None:
        self._recorder.report.count_calls(unanswered_rows=len(rows))
        if pending.asked_again or not self._repeatable(pending.chunk):
            self._recorder.record(Bucket.UNKNOWN, rows, NOT_IN_RESPONSE, pending.calls)
            return
        log.warning("An answer does not say what became of %s rows; they are asked about again", len(rows))
        for part in split.by_number(Chunk(tuple(rows), pending.chunk.agent)):
            self._queue.put(pending.part(part, asked_again=True), due=0.0)
