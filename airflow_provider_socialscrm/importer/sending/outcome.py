"""Acts on each finished call: records its rows, sends them again, or splits the chunk."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from math import inf
from typing import Any, Final

from airflow_provider_socialscrm.api.client import ServerClock
from airflow_provider_socialscrm.api.codes import Blame, Recovery
from airflow_provider_socialscrm.api.customers import named_outcome
from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.api.pacing import Pace
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.reasons import NAMED, NOT_IN_RESPONSE, STOPPED, Bucket, Reason
from airflow_provider_socialscrm.importer.results.recorder import Recorder
from airflow_provider_socialscrm.importer.rows import Row
from airflow_provider_socialscrm.importer.sending import split
from airflow_provider_socialscrm.importer.sending.call_size import learn_from_failure
from airflow_provider_socialscrm.importer.sending.chunks import Chunk, Limits
from airflow_provider_socialscrm.importer.sending.decision import Action, decide
from airflow_provider_socialscrm.importer.sending.failure_reasons import (
    agent_reason,
    final_failure,
    isolation_exhausted,
    reason_if_unknown,
    reason_of,
    systemic,
    unavailable,
    unknown_fields,
)
from airflow_provider_socialscrm.importer.sending.outage import Outage, is_unavailability
from airflow_provider_socialscrm.importer.sending.queue import ChunkQueue, PendingChunk
from airflow_provider_socialscrm.importer.sending.refused_fields import RefusedFieldsDetector
from airflow_provider_socialscrm.importer.sending.rejected_agents import RejectedAgents
from airflow_provider_socialscrm.importer.sending.stray_responses import after_success
from airflow_provider_socialscrm.importer.sending.systemic_failures import SystemicFailureDetector
from airflow_provider_socialscrm.wording import counted

log = logging.getLogger(__name__)

TOO_MANY_REQUESTS: Final = 429


class CallHandler:
    """Acts on finished calls, and remembers what the run has learned about agents, sizes, fields and the clock.

    :param recorder: records what became of rows.
    :param queue: takes chunks that are sent again, and parts of chunks.
    :param options: limits on retries and isolation.
    :param limits: how much a call may carry; hears of each call.
    :param pace: slowed down when the CRM says that calls come too fast.
    :param clock: the signing clock, set when the CRM's time differs.
    :param envelope: returns the bytes that a call has around its rows, by the agent who signs.
    :param has_succeeded: whether an earlier try had rows accepted with the same settings.
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
        has_succeeded: bool = False,
    ) -> None:
        self._recorder = recorder
        self._queue = queue
        self._options = options
        self._limits = limits
        self._pace = pace
        self._clock = clock
        self._envelope = envelope
        self._has_succeeded = has_succeeded
        self._systemic: SystemicFailureDetector[tuple[PendingChunk, Reason]] = SystemicFailureDetector()
        self._fields: RefusedFieldsDetector[tuple[PendingChunk, Reason]] = RefusedFieldsDetector()
        self._rejected_agents = RejectedAgents()
        self._budget = options.retry_limits.budget
        self._isolation_left = options.isolation_limits.calls
        self._isolation_spent = 0
        self.has_accepted = False
        """Whether a call of this try was accepted."""
        self.has_proven_settings = False
        """Whether the CRM has accepted or rejected rows of this try, so that the connection's settings work."""
        self.outage = Outage(options.retry_limits)
        """What to do while no call succeeds."""

    def check_before_send(self, pending: PendingChunk) -> PendingChunk | None:
        """Return the chunk without rows of rejected agents, or ``None`` if nothing is left or it is too large by now.

        Rows of rejected agents are recorded; the halves of a chunk that is too large go to the queue.
        """
        chunk: Chunk | None = pending.chunk
        if reasons := self._rejected_agents.reasons:
            chunk, theirs = split.without_agents(pending.chunk, reasons)
            for agent, rows in theirs.items():
                self._rejected_agents.count(agent, len(rows))
                self._recorder.record(Bucket.REJECTED, rows, reasons[agent], pending.calls)
        if chunk is None:
            return None
        if len(chunk.rows) > 1 and self._size_of(chunk) > self._limits.bytes:
            for half in chunk.halved_by_bytes():
                self._queue.put(pending.part(half), due=0.0)
            return None
        if len(chunk.rows) > self._limits.most_rows:
            for part in split.into_parts(chunk, self._limits.rows):
                self._queue.put(pending.part(part, asked_again=pending.asked_again), due=0.0)
            return None
        return pending.narrowed_to(chunk)

    @property
    def is_in_doubt(self) -> bool:
        """Whether to send one call at a time, until the CRM accepts the settings and the size of calls."""
        return self._limits.is_in_doubt or not self.has_proven_settings

    def on_success(self, pending: PendingChunk, data: Any) -> None:
        """Record the rows of a call whose response has code 200."""
        self.has_accepted = self.has_proven_settings = True
        self._note_response(self._options.clock.now())
        self._limits.on_accepted(len(pending.chunk.rows), self._size_of(pending.chunk), pending.seconds)
        self._has_succeeded = True
        self._reject(self._systemic.on_success())
        self._pace.speed_up()
        self._budget = min(self._options.retry_limits.budget, self._budget + 1)
        self._isolation_left += len(pending.chunk.rows) * self._options.isolation_limits.calls_per_accepted_row
        outcome = named_outcome(data, [str(row.number) for row in pending.chunk.rows] if isinstance(data, dict) else ())
        rows, others = pending.chunk.rows, outcome.failed | outcome.unclear
        accepted = [row for place, row in enumerate(rows) if place not in others] if others else rows
        self._recorder.record(Bucket.ACCEPTED, accepted)
        self._reject(self._fields.on_accepted(row.extension_fields for row in accepted))
        self._recorder.record(Bucket.REJECTED, [rows[place] for place in sorted(outcome.failed)], NAMED, pending.calls)
        if outcome.unexpected_numbers:
            self._recorder.count_calls(unexpected_numbers=outcome.unexpected_numbers)
            strangers = counted(
                outcome.unexpected_numbers,
                "number that was not sent; it is ignored",
                "numbers that were not sent; they are ignored",
            )
            log.warning("A response names %s", strangers)
        if outcome.unclear:
            self._ask_again(pending, [rows[place] for place in sorted(outcome.unclear)])

    def on_failure(
        self, pending: PendingChunk, failure: SocialSCRMError, now: float, random: float
    ) -> Exception | None:
        """Do what is decided on a failed call, and return the error that stops the run, if any.

        :param now: seconds of a clock that never goes back.
        :param random: from 0 to 1, for the jitter.
        """
        if self._has_succeeded:
            failure = after_success(failure)
        self._learn(pending, failure, now)
        self._note_outage(pending, failure, now, random)
        stopped_by = self._act(pending, failure, now, random)
        return unavailable(failure, self.outage.seconds(now)) if self.outage.is_too_long() else stopped_by

    def _act(self, pending: PendingChunk, failure: SocialSCRMError, now: float, random: float) -> Exception | None:
        attempt = pending.attempt(
            now,
            repeatable=self._repeatable(pending.chunk),
            budget=inf if self.outage.is_on else self._budget,
            signed_offset=None if self.has_accepted else self._clock.offset,
        )
        decision = decide(failure, attempt, self._options.retry_limits, random)
        stopped_by: Exception | None = None
        match decision.action:
            case Action.SEND_AGAIN:
                self._send_again(pending, now, decision.delay)
            case Action.RE_SIGN:
                self._re_sign(pending, decision.clock_offset or 0.0, now)
            case Action.KEEP_UNKNOWN:
                stopped_by = self._hold(pending, failure, now, random)
            case Action.REJECT:
                self._record(Bucket.REJECTED, pending, reason_of(failure))
            case Action.REJECT_UNLESS_FIELDS:
                stopped_by = self._reject_unless_fields(pending, failure)
            case Action.REJECT_UNLESS_SYSTEMIC:
                stopped_by = self._reject_unless_systemic(pending, failure)
            case Action.PROBE_AGENTS:
                stopped_by = self._probe_agents(pending, failure, now)
            case Action.HALVE_BYTES | Action.SPLIT_BY_EXTENSION | Action.HALVE_ROWS | Action.PROBE_ROW:
                stopped_by = self._split(pending, failure, self._parts(pending, decision.action), now)
            case Action.STOP:
                stopped_by = self._stop(pending, failure)
        return stopped_by

    def record_for_this_try(self, pending_chunks: Sequence[PendingChunk]) -> None:
        """Record, for this try only, the chunks that a stopped run leaves and the undecided rows."""
        self._rejected_agents.report()
        undecided = (pending for pending, _ in (*self._systemic.release(), *self._fields.release()))
        for pending in (*undecided, *pending_chunks):
            self._leave(pending, STOPPED)

    def finish(self) -> None:
        """Record the undecided rows as rejected: too few of them failed alike to call it systemic."""
        self._rejected_agents.report()
        self._reject((*self._systemic.release(), *self._fields.release()))

    def _size_of(self, chunk: Chunk) -> int:
        return self._envelope(chunk.agent) + chunk.body_size

    def _repeatable(self, chunk: Chunk) -> bool:
        return self._options.resend or chunk.repeatable

    def _learn(self, pending: PendingChunk, failure: SocialSCRMError, now: float) -> None:
        if failure.http_status == TOO_MANY_REQUESTS:
            self._pace.slow_down(now)
        if failure.code is not None and failure.code.blame is Blame.ROW:
            self.has_proven_settings = True
        learn_from_failure(self._limits, failure, len(pending.chunk.rows))
        if failure.recovery is Recovery.UNCERTAIN:
            pending.doubt = reason_of(failure)
        else:
            self._recorder.mark_resolved(pending.chunk.rows)

    def _note_outage(self, pending: PendingChunk, failure: SocialSCRMError, now: float, random: float) -> None:
        if not is_unavailability(failure):
            self._note_response(now)
            return
        if self.outage.on_failure(now, random, failure.retry_after):
            log.warning("No call succeeds, so one at a time is sent until one does, with growing pauses. %s", failure)
        if self.outage.is_on:
            pending.excuse()

    def _note_response(self, now: float) -> None:
        if (seconds := self.outage.on_response(now)) is not None:
            log.info("SocialsCRM responds again, after %.0f s without a success", seconds)

    def _hold(self, pending: PendingChunk, failure: SocialSCRMError, now: float, random: float) -> Exception | None:
        """Record rows with side effects as unknown for good, and decide on the other rows of their call."""
        harmful, others = split.by_side_effects(pending.chunk)
        self._recorder.record(Bucket.UNKNOWN, harmful, reason_if_unknown(failure), pending.calls)
        if others:
            return self._act(pending.narrowed_to(others), failure, now, random)
        if self.outage.is_on:  # which bounds the calls
            return None
        self._budget -= 1  # or a run without repeatable rows would hold all of them while the CRM is unavailable
        return failure if self._budget < 1 else None

    def _leave(self, pending: PendingChunk, reason: Reason) -> None:
        """Leave rows to a later try; in this one they are unknown if a call with them may have been taken."""
        bucket = Bucket.UNKNOWN if pending.doubt else Bucket.NOT_SENT
        self._recorder.record_for_this_try(bucket, pending.chunk.rows, pending.doubt or reason, pending.calls)

    def _record(self, bucket: Bucket, pending: PendingChunk, reason: Reason) -> None:
        self._recorder.record(bucket, pending.chunk.rows, reason, pending.calls)

    def _reject(self, rows: Sequence[tuple[PendingChunk, Reason]]) -> None:
        for pending, reason in rows:
            self._record(Bucket.REJECTED, pending, reason)

    def _send_again(self, pending: PendingChunk, now: float, delay: float) -> None:
        self._recorder.count_calls(retries=1)
        if self.outage.is_on:  # which says when
            self._queue.put(pending, now)
        else:
            self._budget -= 1
            self._queue.put(pending, now + delay)

    def _re_sign(self, pending: PendingChunk, clock_offset: float, now: float) -> None:
        self._clock.set_offset(clock_offset)
        self._recorder.record_clock_offset(clock_offset)
        self._recorder.count_calls(re_signed=1)
        pending.count_re_signed()
        self._queue.put(pending, now)

    def _reject_unless_systemic(self, pending: PendingChunk, failure: SocialSCRMError) -> Exception | None:
        number = failure.code.number if failure.code else 0
        if not self._systemic.on_rejected(pending.origin, number, (pending, reason_of(failure))):
            return None
        undecided = self._systemic.release()
        for alike, reason in undecided:
            self._leave(alike, reason)
        return systemic(failure, [alike.chunk.rows[0].position for alike, _ in undecided])

    def _reject_unless_fields(self, pending: PendingChunk, failure: SocialSCRMError) -> Exception | None:
        fields = pending.chunk.rows[0].extension_fields
        culprits = self._fields.on_rejected(fields, (pending, reason_of(failure)))
        self._reject(self._fields.at_fault())
        if culprits is None:
            return None
        for undecided, reason in self._fields.release():
            self._leave(undecided, reason)
        return unknown_fields(culprits)

    def _probe_agents(self, pending: PendingChunk, failure: SocialSCRMError, now: float) -> Exception | None:
        parts = split.by_agent(pending.chunk)
        if len(parts) > 1:
            return self._split(pending, failure, parts, now)
        reason, agent = agent_reason(failure), split.agent_of(pending.chunk.rows[0])
        if agent is not None:
            self._rejected_agents.add(agent, reason)
            self._rejected_agents.count(agent, len(pending.chunk.rows))
        self._record(Bucket.REJECTED, pending, reason)
        return None

    def _parts(self, pending: PendingChunk, action: Action) -> Sequence[Chunk]:
        chunk = pending.chunk
        match action:
            case Action.HALVE_BYTES:
                halves = chunk.halved_by_bytes()
                largest = max(map(self._size_of, halves))
                most = self._limits.on_too_large(len(chunk.rows), self._size_of(chunk), largest)
                log.info("The CRM rejects a call as too large: from now on at most %s", most)
                return halves
            case Action.SPLIT_BY_EXTENSION:
                return split.by_extension(chunk, self._fields.has_new)
            case Action.PROBE_ROW if not pending.is_fragment or self._systemic.has_undecided:
                return split.around_the_middle(chunk)  # while probes are accepted, one for each chunk is enough
            case _:
                return split.halved_by_rows(chunk)

    def _split(
        self, pending: PendingChunk, failure: SocialSCRMError, parts: Sequence[Chunk], now: float
    ) -> Exception | None:
        if self._isolation_left < len(parts):
            self._leave(pending, STOPPED)
            return isolation_exhausted(failure, self._isolation_spent)
        self._isolation_left -= len(parts)
        self._isolation_spent += len(parts)
        self._recorder.count_calls(splits=1)
        for part in parts:
            self._queue.put(pending.part(part), now)
        return None

    def _stop(self, pending: PendingChunk, failure: SocialSCRMError) -> Exception:
        last = final_failure(failure, pending.re_signed)
        self._leave(pending, reason_of(last))
        return last

    def _ask_again(self, pending: PendingChunk, rows: list[Row]) -> None:
        self._recorder.count_calls(unanswered_rows=len(rows))
        unnamed = Chunk(tuple(rows), pending.chunk.agent)
        held, others = ([], unnamed) if self._options.resend else split.by_side_effects(unnamed)
        if pending.asked_again:
            held, others = rows, None
        self._recorder.record(Bucket.UNKNOWN, held, NOT_IN_RESPONSE, pending.calls)
        if others is None:
            return
        again = counted(len(others.rows), "row; it is sent once more", "rows; they are sent once more")
        log.warning("A response does not say what became of %s", again)
        pending.doubt = NOT_IN_RESPONSE
        for part in split.by_number(others):
            self._queue.put(pending.part(part, asked_again=True), due=0.0)
