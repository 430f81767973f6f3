"""What the versions of Airflow have in different places, or not at all."""

from __future__ import annotations

try:
    from airflow_provider_socialscrm.retry_policies import SocialSCRMRetryPolicy
except ImportError:  # Airflow before 3.3 has no retry policies; its own retry serves
    SocialSCRMRetryPolicy = None  # type: ignore[assignment,misc]  # what is not there

try:
    from airflow.sdk.exceptions import AirflowFailException
except ImportError:  # Airflow 3.1 has it elsewhere
    from airflow.exceptions import AirflowFailException  # type: ignore[no-redef]  # only one of the two is there

try:
    from airflow.sdk.bases.decorator import determine_kwargs
except ImportError:  # Airflow 3.1 has this elsewhere, too
    from airflow.utils.operator_helpers import determine_kwargs  # type: ignore[attr-defined]  # only one of the two is there

__all__ = ["AirflowFailException", "SocialSCRMRetryPolicy", "determine_kwargs"]
