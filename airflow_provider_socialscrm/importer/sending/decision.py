"""What to do after a failed call. Pure: failure, what was tried, and a random number in; the next step out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from airflow_provider_socialscrm.api.codes import REFUSED, Recovery
from airflow_provider_socialscrm.api.errors import SettingError, SocialSCRMError
from airflow_provider_socialscrm.api.retry import RetryLimits, backoff

SIGNER_CODES: Final = frozenset({530, REFUSED})
"""Codes that speak of the signing user; -1 does so with the text about administrators only."""

MOST_RE_SIGNED: Final = 2
"""Times a call is signed again with the server's time before 502 is taken for a wrong setting."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was tried with a chunk so far.

    :param attempts: calls that carried it, the one that just failed included; 1 after the first.
    :param re_signed: how many of them were signed again because of 502.
    :param elapsed: seconds since the first of them was sent.
    :param rows: rows in the chunk.
    :param repeatable: whether sending it again does no harm.
    :param agent_from_row: whether the rows themselves named the agent who signed (body scheme).
    :param budget: retries the run has left.
    """

    attempts: int
    re_signed: int
    elapsed: float
    rows: int
    repeatable: bool
    agent_from_row: bool = False
    budget: float = float("inf")


@dataclass(frozen=True, slots=True)
class SendAgain:
    """Send the chunk again.

    :param after: seconds to wait first.
    """

    after: float


@dataclass(frozen=True, slots=True)
class ReSign:
    """Sign with the server's time and send again at once.

    :param offset: seconds the server's clock is ahead of ours.
    """

    offset: float


class Shrink:
    """Send the halves of the chunk, and let no later call be larger than they are."""


class BlameAgent:
    """Send the rows of each agent apart; an agent refused alone is refused for all rows."""


class BlameExtension:
    """Clear the rows without extension fields, take the others apart."""


class Halve:
    """Send the two halves of the chunk."""


class Probe:
    """Send a single row and the rest apart, to tell a bad row from a systemic cause."""


class Reject:
    """The chunk is one row, and the CRM refuses it."""


class SuspectFields:
    """The chunk is one row, refused for its extension fields: at fault unless no row with the same ones passes."""


class Suspect:
    """The chunk is one row, refused with a code nobody knows: at fault unless everything fails alike."""


class Hold:
    """The outcome is unknown and a repeat may harm: leave the rows to a person."""


class Stop:
    """Nothing the importer can do: raise the failure, send nothing more."""


Step = (
    SendAgain
    | ReSign
    | Shrink
    | BlameAgent
    | BlameExtension
    | Halve
    | Probe
    | Reject
    | SuspectFields
    | Suspect
    | Hold
    | Stop
)


def next_step(failure: SocialSCRMError, attempt: Attempt, retry_limits: RetryLimits, chance: float) -> Step:
    """Return what to do after a failed call.

    :param failure: what the client raised.
    :param attempt: what was tried with this chunk.
    :param retry_limits: how long to go on.
    :param chance: a random number from 0 to 1, for the jitter.
    """
    if attempt.agent_from_row and blames_signer(failure):
        return BlameAgent()
    recovery = failure.recovery
    if recovery is Recovery.RE_SIGN:
        return _re_sign(failure, attempt)
    if recovery is Recovery.WAIT or (recovery is Recovery.UNCERTAIN and attempt.repeatable):
        return _wait(failure, attempt, retry_limits, chance)
    if recovery is Recovery.UNCERTAIN:
        return Hold()
    return (_ALONE if attempt.rows == 1 else _TOGETHER).get(recovery, STOP)


STOP: Final = Stop()

_TOGETHER: Final[dict[Recovery, Step]] = {
    Recovery.SHRINK: Shrink(),
    Recovery.BLAME_AGENT: BlameAgent(),
    Recovery.BLAME_EXTENSION: BlameExtension(),
    Recovery.ISOLATE: Halve(),
    Recovery.GUARD: Probe(),
}
_ALONE: Final[dict[Recovery, Step]] = {
    Recovery.SHRINK: Reject(),
    Recovery.BLAME_AGENT: BlameAgent(),
    Recovery.BLAME_EXTENSION: SuspectFields(),
    Recovery.ISOLATE: Reject(),
    Recovery.GUARD: Suspect(),
}


def blames_signer(failure: SocialSCRMError) -> bool:
    """Say whether it is the user who signed that the CRM refuses: unknown (530), or an administrator (-1).

    With the connection's user that is a wrong setting; where the rows name the agent it is their verdict, and no one
    else's.
    """
    return failure.code is not None and failure.code.recovery is Recovery.STOP and failure.code.number in SIGNER_CODES


def _re_sign(failure: SocialSCRMError, attempt: Attempt) -> Step:
    if failure.clock_offset is None or attempt.re_signed >= MOST_RE_SIGNED:
        return Stop()
    return ReSign(failure.clock_offset)


def _wait(failure: SocialSCRMError, attempt: Attempt, retry_limits: RetryLimits, chance: float) -> Step:
    wait = backoff(attempt.attempts, retry_limits, chance, failure.retry_after)
    if attempt.attempts >= retry_limits.attempts or attempt.elapsed + wait > retry_limits.seconds or attempt.budget < 1:
        return Stop()
    return SendAgain(wait)


def final_failure(failure: SocialSCRMError, re_signed: int) -> SocialSCRMError:
    """Return what to raise when the run stops: the failure itself, or what it turned out to mean.

    :param failure: the last one.
    :param re_signed: how often the call was signed again with the server's time, in vain.
    """
    if failure.recovery is not Recovery.RE_SIGN:
        return failure
    if failure.clock_offset is None:
        found = "Its answers carry no Date, so the difference cannot be told"
    elif re_signed and failure.clock_offset:
        found = f"Its clock is {failure.clock_offset:+,.0f} s from ours, and signing with its own time did not help"
    else:
        found = "Its clock agrees with ours"
    return SettingError(
        f"SocialsCRM refuses the time of the signature (502). {found}. Check the worker's clock; on the body scheme "
        "set Time zone to the zone in which the CRM reads createTime.",
        code=failure.code,
        clock_offset=failure.clock_offset,
    )
