"""What can go wrong in a call, grouped by what to do next.

::

    SocialSCRMError
    ├── StopError                 no retry mends it
    │   ├── SettingError          501 516 518 519 522-526 529 530, -1 "Admin...", address, TLS, HTTP 3xx 401 403-405 407
    │   └── RequestError          wrong for its endpoint: 503-506 509-515 520 521 527 528 534 536 537, other HTTP 4xx
    ├── RetriableError            the same call may pass later
    │   ├── ClockError            502: sign again with the server's time
    │   ├── ServiceError          517, HTTP 408 429 503, no connection: nothing was taken
    │   ├── UncertainError        time-out, lost connection, unreadable answer, HTTP 2xx 5xx: it may have been taken
    │   └── NotReadyError         538: ask again later
    └── DataError                 look at the rows
        ├── TooLargeError         507, HTTP 413
        ├── RowError              508 531 532 533
        └── UnknownCodeError      -1 with an unknown text, any code in no table

No exception carries a key, a token, a phone number or a name: a server's text is redacted before it gets here.
"""

from __future__ import annotations

from typing import ClassVar

from airflow_provider_socialscrm.api.codes import Code, Recovery


class SocialSCRMError(Exception):
    """A call to SocialsCRM did not do what it should.

    :param message: what happened and what to do next, in sentences.
    :param code: the table's entry, where the server answered one.
    :param http_status: status of the answer, where there was one.
    :param retry_after: seconds the server asks to wait.
    :param clock_offset: seconds the server's clock is ahead of ours, where its answer had a ``Date``.
    """

    default_recovery: ClassVar[Recovery] = Recovery.STOP

    def __init__(
        self,
        message: str,
        *,
        code: Code | None = None,
        http_status: int | None = None,
        retry_after: float | None = None,
        clock_offset: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.http_status = http_status
        self.retry_after = retry_after
        self.clock_offset = clock_offset

    @property
    def recovery(self) -> Recovery:
        """What this failure asks for: the code's recovery, or the kind's where there is no code."""
        return self.code.recovery if self.code else self.default_recovery


class StopError(SocialSCRMError):
    """No retry mends this; a person has to."""


class SettingError(StopError):
    """A setting of the connection is wrong; the message names it."""


class RequestError(StopError):
    """The request is wrong for its endpoint."""


class RetriableError(SocialSCRMError):
    """The same call may pass later."""

    default_recovery = Recovery.WAIT


class ClockError(RetriableError):
    """The signature's time is too far from the server's clock."""


class ServiceError(RetriableError):
    """The service is ill or out of reach, and took nothing of the call."""


class UncertainError(RetriableError):
    """The call was sent, and no readable answer says whether it was taken."""

    default_recovery = Recovery.UNCERTAIN


class NotReadyError(RetriableError):
    """What was asked for is still being prepared."""

    default_recovery = Recovery.POLL


class DataError(SocialSCRMError):
    """Something about the rows of this call."""

    default_recovery = Recovery.GUARD


class TooLargeError(DataError):
    """The call is larger than the server takes."""

    default_recovery = Recovery.SHRINK


class RowError(DataError):
    """At least one row of the call is refused."""


class UnknownCodeError(DataError):
    """The server answered a code, or a -1, that is in no table."""


_REQUEST_CODES = frozenset({*range(503, 507), *range(509, 516), 520, 521, 527, 528, 534, 536, 537})

_BY_RECOVERY: dict[Recovery, type[SocialSCRMError]] = {
    Recovery.RE_SIGN: ClockError,
    Recovery.WAIT: ServiceError,
    Recovery.POLL: NotReadyError,
    Recovery.SHRINK: TooLargeError,
    Recovery.BLAME_AGENT: RowError,
    Recovery.BLAME_EXTENSION: RowError,
    Recovery.ISOLATE: RowError,
    Recovery.GUARD: UnknownCodeError,
}


def error_type(code: Code) -> type[SocialSCRMError]:
    """Return the exception an answered code becomes; 200 has none."""
    if code.recovery is Recovery.STOP:
        return RequestError if code.number in _REQUEST_CODES else SettingError
    return _BY_RECOVERY[code.recovery]


def refusal(code: Code, *, clock_offset: float | None = None) -> SocialSCRMError:
    """Return the exception for a code the server answered, with its meaning and hint as the message."""
    said = f" ({code.text})" if code.text else ""
    message = f"SocialsCRM answered {code.number}{said}: {code.meaning} {code.hint}"
    if code.recovery is Recovery.RE_SIGN and clock_offset is not None:
        message += f" Its clock is {clock_offset:+,.0f} s from ours." if clock_offset else " The clocks agree."
    return error_type(code)(message, code=code, http_status=200, clock_offset=clock_offset)
