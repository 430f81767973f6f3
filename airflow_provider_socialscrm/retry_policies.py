"""Retry policy for tasks that call SocialsCRM, on Airflow 3.3 and later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import RetryAction, RetryDecision, RetryPolicy

from airflow_provider_socialscrm.api.errors import RetriableError, SocialSCRMError, StopError
from airflow_provider_socialscrm.importer.errors import (
    FATAL_ERRORS,
    CheckpointError,
    ImporterError,
    LedgerError,
    MissingFileError,
    StoppedError,
    SystemicError,
)

if TYPE_CHECKING:
    from airflow.sdk import Context

FIRST_DELAY: Final = 60.0
"""Seconds before the first retry while the CRM is unavailable; the engine has already waited for minutes."""

LONGEST_DELAY: Final = 3600.0
"""Seconds before any retry, at most, so that the task notices the end of an outage within an hour."""


AIRFLOW_DELAYS: Final = {
    "retry_delay": timedelta(seconds=300),
    "max_retry_delay": None,
    "retry_exponential_backoff": 0,
}
"""What decides when a task is retried, with the defaults that Airflow ships; ``False`` equals 0 there."""


class SocialSCRMRetryPolicy(RetryPolicy):
    """Fail what a retry cannot fix, wait longer each time while the CRM is unavailable, leave the rest to Airflow.

    For any task that uses :class:`~airflow_provider_socialscrm.hooks.socialscrm.SocialSCRMHook`; it is the import
    operator's default. It never exceeds the task's ``retries``.

    A ``retry_delay``, ``max_retry_delay`` or ``retry_exponential_backoff`` of the task that is not Airflow's default
    decides when the next try starts, unless this policy is given delays of its own.

    :param first_delay: seconds before the first retry while the CRM is unavailable, doubled with each retry. Default
        ``None``: the task's delay, or 60, as the import itself has waited for minutes by then.
    :param longest_delay: seconds before any retry, at most; also the limit for the CRM's ``Retry-After``. Default
        ``None``: the task's delay, or 3600, so that the task notices the end of an outage within an hour.
    :param task_delay: leave the delay to the task, even if it looks like Airflow's default. Default ``False``.
    """

    def __init__(
        self, first_delay: float | None = None, longest_delay: float | None = None, *, task_delay: bool = False
    ) -> None:
        self.first_delay = first_delay
        self.longest_delay = longest_delay
        self.task_delay = task_delay

    def evaluate(
        self,
        exception: BaseException,
        try_number: int,
        max_tries: int,
        context: Context | None = None,
    ) -> RetryDecision:
        """Return what to do after a failed try, and why.

        :param exception: what the task raised.
        :param try_number: from 1.
        :param max_tries: the number of the last try but one. No retry follows the last one, whatever this returns.
        :param context: has the task, whose own delay decides if the user set one.
        """
        may_be_late = isinstance(exception, MissingFileError)
        if isinstance(exception, (StopError, *FATAL_ERRORS)) and not may_be_late:
            return RetryDecision.fail(reason=f"A retry cannot fix this: {exception}")
        if try_number > max_tries and isinstance(exception, SocialSCRMError | ImporterError):
            return RetryDecision(RetryAction.DEFAULT, reason=f"No retry is left: {exception}")
        if isinstance(exception, StoppedError):  # the next try resumes
            delay = None if self._task_decides(context) else timedelta(0)
            return RetryDecision.retry(delay=delay, reason=str(exception))
        if isinstance(exception, RetriableError):
            return self._retry_later(exception, try_number, context)
        if may_be_late or isinstance(exception, SocialSCRMError | SystemicError | CheckpointError | LedgerError):
            return RetryDecision(RetryAction.DEFAULT, reason=f"{_hope_of(exception)}: {exception}")
        return RetryDecision.default()

    def delay(self, exception: RetriableError, try_number: int) -> timedelta:
        """Return the wait: doubled with each try, at least the CRM's ``Retry-After``, at most the longest delay."""
        first = FIRST_DELAY if self.first_delay is None else self.first_delay
        longest = LONGEST_DELAY if self.longest_delay is None else self.longest_delay
        grown = first * 2.0 ** min(try_number - 1, 32)
        return timedelta(seconds=min(longest, max(grown, exception.retry_after or 0.0)))

    def _retry_later(self, exception: RetriableError, try_number: int, context: Context | None) -> RetryDecision:
        if self._task_decides(context):
            return RetryDecision.retry(
                reason=f"SocialsCRM was unavailable; retrying by the task's own delay: {exception}"
            )
        delay = self.delay(exception, try_number)
        begins = f"The next try begins at about {datetime.now(UTC) + delay:%H:%M} UTC."
        reason = f"SocialsCRM was unavailable; retrying in {delay}: {exception} {begins}"
        return RetryDecision.retry(delay=delay, reason=reason)

    def _task_decides(self, context: Context | None) -> bool:
        if self.task_delay:
            return True
        if self.first_delay is not None or self.longest_delay is not None:
            return False
        task = context["task"] if context else None
        return any(getattr(task, name, default) != default for name, default in AIRFLOW_DELAYS.items())

    def serialize(self) -> dict[str, Any]:
        """Return the parameters that Airflow stores with the DAG."""
        return {"first_delay": self.first_delay, "longest_delay": self.longest_delay, "task_delay": self.task_delay}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> SocialSCRMRetryPolicy:
        """Return the policy that :meth:`serialize` stored."""
        return cls(data["first_delay"], data["longest_delay"], task_delay=data.get("task_delay", False))


def _hope_of(exception: BaseException) -> str:
    if isinstance(exception, MissingFileError):
        return "The file may only be late"
    is_storage = isinstance(exception, LedgerError)
    return "The ledger's storage may respond again" if is_storage else "It is not known whether a retry helps"
