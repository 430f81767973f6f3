"""Retry policy for tasks that call SocialsCRM, on Airflow 3.3 and later."""

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
"""Seconds before the first retry while the CRM is unavailable; the engine has already waited for minutes."""

LONGEST_DELAY: Final = 3600.0
"""Seconds before any retry, at most, so that the task notices the end of an outage within an hour."""


class SocialSCRMRetryPolicy(RetryPolicy):
    """Fail what a retry cannot fix, wait longer each time while the CRM is unavailable, leave the rest to Airflow.

    For any task that uses :class:`~airflow_provider_socialscrm.hooks.socialscrm.SocialSCRMHook`; it is the import
    operator's default. It never exceeds the task's ``retries``.

    :param first_delay: seconds before the first retry while the CRM is unavailable, doubled with each retry. Default
        60: the import itself has waited for minutes by then.
    :param longest_delay: seconds before any retry, at most; also the limit for the CRM's ``Retry-After``. Default 3600,
        so that the task notices the end of an outage within an hour.
    """

    def __init__(self, first_delay: float = FIRST_DELAY, longest_delay: float = LONGEST_DELAY) -> None:
        self.first_delay = first_delay
        self.longest_delay = longest_delay

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,  # noqa: ARG002 - Airflow enforces it
        context: Context | None = None,  # noqa: ARG002 - the exception is enough
    ) -> RetryDecision:
        """Return what to do after a failed try, and why.

        :param exception: what the task raised.
        :param try_number: from 1.
        """
        if isinstance(exception, (StopError, *FATAL_ERRORS)):
            return RetryDecision.fail(reason=f"A retry cannot fix this: {exception}")
        if isinstance(exception, StoppedError):  # the next try resumes
            return RetryDecision.retry(delay=timedelta(0), reason=str(exception))
        if isinstance(exception, RetriableError):
            delay = self.delay(exception, try_number)
            reason = f"SocialsCRM was unavailable; retrying in {delay}: {exception}"
            return RetryDecision.retry(delay=delay, reason=reason)
        if isinstance(exception, SocialSCRMError | SystemicError | CheckpointError):
            return RetryDecision(RetryAction.DEFAULT, reason=f"It is not known whether a retry helps: {exception}")
        return RetryDecision.default()

    def delay(self, exception: RetriableError, try_number: int) -> timedelta:
        """Return the wait: doubled with each try, at least the CRM's ``Retry-After``, at most the longest delay."""
        grown = self.first_delay * 2.0 ** min(try_number - 1, 32)
        return timedelta(seconds=min(self.longest_delay, max(grown, exception.retry_after or 0.0)))

    def serialize(self) -> dict[str, Any]:
        """Return the parameters that Airflow stores with the DAG."""
        return {"first_delay": self.first_delay, "longest_delay": self.longest_delay}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> SocialSCRMRetryPolicy:
        """Return the policy that :meth:`serialize` stored."""
        return cls(data["first_delay"], data["longest_delay"])
