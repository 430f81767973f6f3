"""Failures of a call, grouped by what to do next. The words for each code are in ``codes.py``.

::

    SocialSCRMError
    ├── StopError                 a retry cannot fix it
    │   ├── ResponseFormError     code 200 with data in a form that is not known
    │   ├── SettingError          501 516 518 519 522-526 529 530, -1 "Admin...", address, TLS, HTTP 3xx 401 403-405 407
    │   └── RequestError          503-507 509-515 520 521 527 528 531 532 534 536 537, other families', other HTTP 4xx
    ├── RetriableError            the same call may succeed later
    │   ├── ClockError            502: sign again with the server's time
    │   ├── ServiceError          HTTP 429 503 with Retry-After, no connection: nothing was taken
    │   ├── UncertainError        517, lost or unreadable response, HTTP 2xx 5xx 408 429: it may have been taken
    │   └── NotReadyError         538: ask again later
    └── DataError                 look at the rows
        ├── TooLargeError         507, HTTP 413
        ├── RowError              508 531 532 533
        └── UnknownCodeError      -1 with an unknown text, any code in no table

An exception never carries a key, a token, a phone number or a name: a server's text is redacted before it gets here.
"""

from __future__ import annotations

from typing import ClassVar, Final

from airflow_provider_socialscrm.api.codes import Blame, Code, Recovery


class SocialSCRMError(Exception):
    """A call to SocialsCRM failed.

    :param message: what happened and what to do next, in sentences.
    :param advice: what to do next, where the message only says what happened.
    :param code: the table's line, if the response had a code.
    :param http_status: status of the response, if there was one.
    :param retry_after: seconds the server asks to wait.
    :param clock_offset: seconds the server's clock is ahead of ours, if its response had a ``Date``.
    """

    default_recovery: ClassVar[Recovery] = Recovery.STOP

    def __init__(
        self,
        message: str,
        *,
        advice: str = "",
        code: Code | None = None,
        http_status: int | None = None,
        retry_after: float | None = None,
        clock_offset: float | None = None,
    ) -> None:
        super().__init__(f"{message} {advice}" if advice else message)
        self.meaning = message
        self.advice = advice
        self.code = code
        self.http_status = http_status
        self.retry_after = retry_after
        self.clock_offset = clock_offset

    @property
    def recovery(self) -> Recovery:
        """The recovery that this failure asks for: the code's recovery, or the class's if there is no code."""
        return self.code.recovery if self.code else self.default_recovery


class StopError(SocialSCRMError):
    """A retry cannot fix this; a person has to."""


class SettingError(StopError):
    """A setting of the connection is wrong; the message names it."""


class RequestError(StopError):
    """The request is wrong for its endpoint."""


class ResponseFormError(StopError):
    """A response with code 200 has data in a form that this version does not know."""


class RetriableError(SocialSCRMError):
    """The same call may succeed later."""

    default_recovery = Recovery.WAIT


class ClockError(RetriableError):
    """The signature's time is too far from the server's clock."""


class ServiceError(RetriableError):
    """The service is unavailable or unreachable, and processed nothing of the call."""


class UncertainError(RetriableError):
    """The call was sent, and nothing says for certain whether it was taken."""

    default_recovery = Recovery.UNCERTAIN


class NotReadyError(RetriableError):
    """The result is still being prepared."""

    default_recovery = Recovery.POLL


class DataError(SocialSCRMError):
    """Something is wrong with the rows of this call."""

    default_recovery = Recovery.ISOLATE_UNKNOWN


class TooLargeError(DataError):
    """The call is larger than the server takes."""

    default_recovery = Recovery.HALVE_BYTES


class RowError(DataError):
    """The server rejects at least one row of the call."""


class UnknownCodeError(DataError):
    """The server returned a code, or a text with -1, that is in no table."""


_OF_ITS_OWN: Final[dict[Recovery, type[SocialSCRMError]]] = {
    Recovery.RE_SIGN: ClockError,
    Recovery.UNCERTAIN: UncertainError,
    Recovery.POLL: NotReadyError,
    Recovery.HALVE_BYTES: TooLargeError,
}
"""Recoveries that have a class of their own. Every other code gets the class of who is at fault."""

_BY_BLAME: Final[dict[Blame, type[SocialSCRMError]]] = {
    Blame.CONNECTION: SettingError,
    Blame.SIGNER: SettingError,
    Blame.ROW: RowError,
    Blame.REQUEST: RequestError,
    Blame.SERVICE: ServiceError,
    Blame.UNKNOWN: UnknownCodeError,
}


def error_type(code: Code) -> type[SocialSCRMError]:
    """Return the exception for a line of a table."""
    return _OF_ITS_OWN.get(code.recovery) or _BY_BLAME[code.blame]


def refusal(code: Code, *, clock_offset: float | None = None) -> SocialSCRMError:
    """Return the exception for a code the server returned, with its meaning and hint as the message."""
    text = f" ({code.text})" if code.text else ""
    message = f"SocialsCRM answered {code.number}{text}: {code.meaning} {code.hint}"
    if code.recovery is Recovery.RE_SIGN and clock_offset is not None:
        message += (
            f" Its clock is {clock_offset:+,.0f} s from ours."
            if clock_offset
            else " The worker's clock agrees with the CRM's."
        )
    return error_type(code)(message, code=code, http_status=200, clock_offset=clock_offset)


def unknown_form(path: str) -> ResponseFormError:
    """Return the exception for a response whose data have a form that this version does not know.

    :param path: of the endpoint.
    """
    return ResponseFormError(
        f"The response of {path} does not have the form that the vendor documents, so nothing was read from it. "
        "Report it to us; hook.call returns its data as they came."
    )
