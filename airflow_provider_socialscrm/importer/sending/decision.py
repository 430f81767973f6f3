"""What to do after a failed call. Pure: failure, attempt, limits and a random number in, the next action out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from airflow_provider_socialscrm.api.codes import Blame, Recovery
from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.api.retry import MOST_RE_SIGNED, RetryLimits, is_news, wait_before_retry


class Action(Enum):
    """The next step for a chunk whose call failed; ``CallHandler`` takes it."""

    SEND_AGAIN = auto()  # after the delay
    RE_SIGN = auto()  # with the server's time, and send again at once
    HALVE_BYTES = auto()  # send the halves, and let no later call be larger
    PROBE_AGENTS = auto()  # send the rows of each agent apart; the verdict on one agent holds for all of its rows
    SPLIT_BY_EXTENSION = auto()  # send the rows without extension fields, and split the others
    HALVE_ROWS = auto()  # send the halves
    PROBE_ROW = auto()  # send one row apart, to distinguish a bad row from a systemic cause
    REJECT = auto()  # the chunk is one row
    REJECT_UNLESS_FIELDS = auto()  # the chunk is one row, at fault unless no row with the same fields is accepted
    REJECT_UNLESS_SYSTEMIC = auto()  # the chunk is one row, at fault unless all rows fail alike
    KEEP_UNKNOWN = auto()  # a repeat may do harm, so a person has to look
    STOP = auto()  # raise the failure, send nothing more


@dataclass(frozen=True, slots=True)
class Attempt:
    """The attempts made with a chunk so far.

    :param attempts: calls that carried it, the one that just failed included; 1 after the first.
    :param re_signed: how many of them were signed again because of 502.
    :param elapsed: seconds since the first of them was sent.
    :param rows: rows in the chunk.
    :param repeatable: whether sending it again does no harm.
    :param agent_from_row: whether the rows themselves named the agent who signed (body scheme).
    :param budget: retries that the run has left.
    :param signed_offset: by how many seconds the time in the signature was ahead of our clock; ``None`` once calls were
        accepted, so that the time is known to be right.
    """

    attempts: int
    re_signed: int
    elapsed: float
    rows: int
    repeatable: bool
    agent_from_row: bool = False
    budget: float = float("inf")
    signed_offset: float | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The next action.

    :param delay: seconds to wait before it.
    :param clock_offset: seconds the server's clock is ahead of ours, for a new signature.
    """

    action: Action
    delay: float = 0.0
    clock_offset: float | None = None


STOP: Final = Decision(Action.STOP)

_BY_ROWS: Final = {
    # recovery: what to do with several rows, and with one
    Recovery.HALVE_BYTES: (Action.HALVE_BYTES, Action.REJECT),
    Recovery.PROBE_AGENT: (Action.PROBE_AGENTS, Action.PROBE_AGENTS),
    Recovery.SPLIT_BY_EXTENSION: (Action.SPLIT_BY_EXTENSION, Action.REJECT_UNLESS_FIELDS),
    Recovery.ISOLATE: (Action.HALVE_ROWS, Action.REJECT),
    Recovery.ISOLATE_UNKNOWN: (Action.PROBE_ROW, Action.REJECT_UNLESS_SYSTEMIC),
    Recovery.STOP: (Action.STOP, Action.STOP),
    Recovery.POLL: (Action.STOP, Action.STOP),  # a chunk of rows cannot be polled for
}


def decide(failure: SocialSCRMError, attempt: Attempt, limits: RetryLimits, random: float) -> Decision:
    """Return what to do after a failed call.

    :param failure: what the client raised.
    :param attempt: what was tried with this chunk.
    :param limits: how long to retry.
    :param random: from 0 to 1, for the jitter.
    """
    if attempt.agent_from_row and failure.code is not None and failure.code.blame is Blame.SIGNER:
        return Decision(Action.PROBE_AGENTS)  # the signer is these rows' agent, not the connection's user
    match failure.recovery:
        case Recovery.RE_SIGN:
            if attempt.re_signed >= MOST_RE_SIGNED or not is_news(failure.clock_offset, attempt.signed_offset):
                return STOP
            return Decision(Action.RE_SIGN, clock_offset=failure.clock_offset)
        case Recovery.UNCERTAIN if not attempt.repeatable:
            return Decision(Action.KEEP_UNKNOWN)
        case Recovery.WAIT | Recovery.UNCERTAIN:
            delay = wait_before_retry(attempt.attempts, attempt.elapsed, limits, random, failure.retry_after)
            return STOP if delay is None or attempt.budget < 1 else Decision(Action.SEND_AGAIN, delay)
        case recovery:
            several, single = _BY_ROWS[recovery]
            return Decision(single if attempt.rows == 1 else several)
