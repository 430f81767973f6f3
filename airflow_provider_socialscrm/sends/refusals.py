"""What a failed call means for its recipients: whether the CRM may have taken it, and whether others may go. Pure.

A call with a recipient whom the CRM rejects may have created its task for the others. So such a rejection releases
nobody, unless the connection says that rejections are atomic, or the recipient was alone.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from airflow_provider_socialscrm.api.errors import ClockError, RowError, ServiceError, SettingError, SocialSCRMError
from airflow_provider_socialscrm.screening.orders import is_refusal

ABOUT_RECIPIENTS: Final = frozenset({532, 534})
"""Codes that are about a recipient in the call."""

ABOUT_THE_TASK: Final = frozenset({507, 513, 514, 515, 531})
"""Codes that are about the whole task: its size, times, content or agent."""


class Verdict(StrEnum):
    """The recipients of a failed call, and those after it: held, released or sent to."""

    DOUBTFUL = "doubtful"  # the CRM may have taken it: hold the recipients, and stop
    STOP = "stop"  # it certainly did not: release the recipients, and stop
    GO_ON = "go on"  # it certainly did not, because of a recipient: release, and send to others


def verdict(failure: SocialSCRMError, recipients: int, *, is_atomic: bool) -> Verdict:
    """Return what to do after a failed call.

    :param recipients: of the call.
    :param is_atomic: whether the CRM takes nothing of a call that it rejects.
    """
    # A page with an HTTP status may come from a server in between, after the CRM took the call: has_success.
    if not is_refusal(failure, has_success=True):
        return Verdict.DOUBTFUL
    number = failure.code.number if failure.code else None
    is_whole = isinstance(failure, ClockError | ServiceError | SettingError) or number in {None, *ABOUT_THE_TASK}
    if not is_whole and not is_atomic and recipients > 1:
        return Verdict.DOUBTFUL
    return Verdict.GO_ON if isinstance(failure, RowError) or number in ABOUT_RECIPIENTS else Verdict.STOP
