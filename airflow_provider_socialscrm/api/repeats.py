"""Single calls, repeated within limits where a repeat is harmless. Imports have an engine of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_socialscrm.api.codes import Recovery
from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.api.retry import MOST_RE_SIGNED, Clock, RetryLimits, is_news, wait_before_retry

if TYPE_CHECKING:
    from airflow_provider_socialscrm.api.client import Client
    from airflow_provider_socialscrm.api.paces import Paces
    from airflow_provider_socialscrm.api.request import Request

SINGLE_CALL_LIMITS: Final = RetryLimits()
"""How long a single call is repeated: as long as a chunk of an import."""


@dataclass(frozen=True, slots=True)
class Tries:
    """The attempts at one call so far.

    :param made: how many, the one that just failed included.
    :param re_signed: how many of them were signed again because of 502.
    :param elapsed: seconds since the first.
    :param signed_offset: by how many seconds the time in the signature was ahead of our clock.
    """

    made: int = 1
    re_signed: int = 0
    elapsed: float = 0.0
    signed_offset: float = 0.0


def delay_before_repeat(
    failure: SocialSCRMError, tries: Tries, limits: RetryLimits, random: float, *, repeatable: bool
) -> float | None:
    """Return the seconds until the call is sent again, or ``None`` if it is not. Pure.

    A call that the CRM certainly did not take is sent again in any case; one that it may have taken only where a repeat
    is harmless.

    :param failure: what the client raised.
    :param random: from 0 to 1, for the jitter.
    :param repeatable: whether a repeat does no harm.
    """
    match failure.recovery:
        case Recovery.RE_SIGN:
            may_help = tries.re_signed < MOST_RE_SIGNED and is_news(failure.clock_offset, tries.signed_offset)
            return 0.0 if may_help else None
        case Recovery.UNCERTAIN if not repeatable:
            return None
        case Recovery.WAIT | Recovery.UNCERTAIN:
            return wait_before_retry(tries.made, tries.elapsed, limits, random, failure.retry_after)
        case _:
            return None


def perform(
    request: Request,
    client: Client,
    paces: Paces,
    *,
    limits: RetryLimits = SINGLE_CALL_LIMITS,
    clock: Clock | None = None,
    on_repeat: Callable[[SocialSCRMError, float], None] | None = None,
) -> Any:
    """Make a call at the pace of its path and return the response's ``data``.

    :param on_repeat: takes a failure and the seconds until the call is sent again.
    :raises SocialSCRMError: of the class that says what to do next; an
        :class:`~airflow_provider_socialscrm.api.errors.UncertainError` if the CRM may have taken the call.
    :raises ValueError: in one sentence, if no call can be made of the request.
    """
    clock = clock or Clock()
    tries, started = Tries(made=0), clock.now()
    while True:
        paces.wait(request.paced_as, clock)
        tries = replace(tries, made=tries.made + 1, signed_offset=client.clock.offset)
        try:
            data = client.call(request)
        except SocialSCRMError as failure:
            if failure.http_status == HTTPStatus.TOO_MANY_REQUESTS:
                paces.slow_down(request.paced_as, clock)
            tries = replace(tries, elapsed=clock.now() - started)
            delay = delay_before_repeat(failure, tries, limits, clock.chance(), repeatable=request.repeatable)
            if delay is None:
                raise
            if failure.recovery is Recovery.RE_SIGN and failure.clock_offset is not None:
                client.clock.set_offset(failure.clock_offset)
                tries = replace(tries, re_signed=tries.re_signed + 1)
            if on_repeat:
                on_repeat(failure, delay)
            clock.sleep(delay)
        else:
            paces.speed_up(request.paced_as)
            return data
