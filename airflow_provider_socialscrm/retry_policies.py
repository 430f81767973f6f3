"""The retry policy for tasks that call SocialsCRM, on Airflow 3.3 and newer."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import RetryAction, RetryDecision, RetryPolicy

from airflow_provider_socialscrm.api.errors import RetriableError, SocialSCRMError, StopError
from airflow_provider_socialscrm.importer.errors import (
    FATAL_ERRORS,
    CheckpointError,
    StoppedError,
    SystemicError,
)

if TYPE_CHECKING:
    from airflow.sdk import Context

FIRST_DELAY: Final = 60.0
"""Seconds before the first retry of a task whose service was ill: the engine has waited for minutes already."""

LONGEST_DELAY: Final = 3600.0
"""Seconds before any retry: an outage is looked at hourly, at least."""


class SocialSCRMRetryPolicy(RetryPolicy):
    """Fail now what no retry mends, wait longer each time while the CRM is ill, leave the rest to Airflow.

    For any task that uses :class:`~airflow_provider_socialscrm.hooks.socialscrm.SocialSCRMHook`; the import operator
    has it by default. It never exceeds the task's ``retries``.

    :param first_delay: seconds before the first retry while the CRM is ill; it doubles with each. Default 60, as the
        import itself has waited for minutes by then.
    :param longest_delay: seconds before any retry at most; what the CRM asks for by ``Retry-After`` counts up to here.
        Default 3600: an outage is looked at hourly, at least.
    """

    def __init__(self, first_delay: float = FIRST_DELAY, longest_delay: float = LONGEST_DELAY) -> None:
        self.first_delay = first_delay
        self.longest_delay = longest_delay

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,  # noqa: ARG002 - Airflow itself keeps to it
        context: Context | None = None,  # noqa: ARG002 - the error tells enough
    ) -> RetryDecision:
        """Return what to do after a failed try, with the reason in words.

        :param exception: what the task raised.
        :param try_number: from 1.
        """
        if isinstance(exception, (StopError, *FATAL_ERRORS)):
            return RetryDecision.fail(reason=f"No retry mends this: {exception}")
        if isinstance(exception, StoppedError):  # the next try simply goes on
            return RetryDecision.retry(delay=timedelta(0), reason=str(exception))
        if isinstance(exception, RetriableError):
            delay = self.delay(exception, try_number)
            return RetryDecision.retry(delay=delay, reason=f"SocialsCRM was ill, retrying in {delay}: {exception}")
        if isinstance(exception, SocialSCRMError | SystemicError | CheckpointError):
            return RetryDecision(RetryAction.DEFAULT, reason=f"Whether a retry helps is not known: {exception}")
        return RetryDecision.default()

    def delay(self, exception: RetriableError, try_number: int) -> timedelta:
        """Return how long to wait: doubled with each try, at least what the CRM asks for, within the bound."""
        grown = self.first_delay * 2.0 ** min(try_number - 1, 32)
        return timedelta(seconds=min(self.longest_delay, max(grown, exception.retry_after or 0.0)))

    def serialize(self) -> dict[str, Any]:
        """Return the policy as Airflow stores it with the DAG."""
        return {"first_delay": self.first_delay, "longest_delay": self.longest_delay}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> SocialSCRMRetryPolicy:
        """Return the policy that :meth:`serialize` stored."""
        return cls(data["first_delay"], data["longest_delay"])
