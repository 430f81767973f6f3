"""The default of ``retry_policy`` for the tasks that call SocialsCRM."""

from __future__ import annotations

from typing import Any

from airflow_provider_socialscrm._compat import has_retry_policies


def with_retry_policy(kwargs: dict[str, Any], *, is_mapped: bool) -> dict[str, Any]:
    """Return a task's arguments with our retry policy, where Airflow has policies and the user gave none."""
    # Airflow applies default_args only to arguments that are not given, so a policy there must win here. For a mapped
    # task it gives each argument a value, so None says nothing, and only the policy can see which delay is not default.
    given = {} if is_mapped else {**(kwargs.get("default_args") or {}), **kwargs}
    if not has_retry_policies() or "retry_policy" in given or kwargs.get("retry_policy") is not None:
        return kwargs
    from airflow_provider_socialscrm.retry_policies import (  # noqa: PLC0415 - Airflow 3.3
        AIRFLOW_DELAYS,
        SocialSCRMRetryPolicy,
    )

    return {**kwargs, "retry_policy": SocialSCRMRetryPolicy(task_delay=not given.keys().isdisjoint(AIRFLOW_DELAYS))}
