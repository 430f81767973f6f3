"""What the versions of Airflow have in different places, or not at all."""

from __future__ import annotations

import logging
from typing import Any

try:
    from airflow_provider_socialscrm.retry_policies import SocialSCRMRetryPolicy
except ImportError:  # Airflow before 3.3 has no retry policies; its own retry serves
    SocialSCRMRetryPolicy = None  # type: ignore[assignment,misc]  # what is not there

try:
    from airflow.sdk.exceptions import AirflowFailException
except ImportError:  # Airflow 3.1 has it elsewhere
    from airflow.exceptions import AirflowFailException  # type: ignore[no-redef]  # only one of the two is there

__all__ = ["AirflowFailException", "SocialSCRMRetryPolicy", "log_what_is_missing", "with_policy"]

log = logging.getLogger(__name__)


def with_policy(kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return an operator's further arguments with our retry policy, where Airflow has such and none is given."""
    # Airflow looks into default_args only for what is not given, so a policy from there goes first here.
    if SocialSCRMRetryPolicy is None or "retry_policy" in (kwargs.get("default_args") or {}):
        return kwargs
    return {"retry_policy": SocialSCRMRetryPolicy(), **kwargs}


def log_what_is_missing() -> None:
    """Say, on a version of Airflow that lacks something, what serves instead."""
    if SocialSCRMRetryPolicy is None:
        log.info(
            "Airflow before 3.3 has no retry policies and no task state: its own retry_delay serves, what no retry "
            "mends fails at once, and progress is in this log only"
        )
