"""DAGs whose first try meets an unavailable CRM; the checkpoint is in the task's state or in a file."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from airflow.sdk import dag, task

from airflow_provider_socialscrm._compat import has_retry_policies
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

FOLDER = Path(os.environ.get("TEST_FOLDER", "."))
RETRY = {"retries": 1, "retry_delay": timedelta(seconds=0.1)}
if has_retry_policies():  # the policy's delay applies instead of the task's
    from airflow_provider_socialscrm.retry_policies import SocialSCRMRetryPolicy

    RETRY |= {"retry_delay": timedelta(minutes=30), "retry_policy": SocialSCRMRetryPolicy(first_delay=0.1)}


class QuickImport(SocialSCRMImportOperator):
    """Fails at the first failed call; the real operator retries for minutes."""

    def _options(self):
        from airflow_provider_socialscrm.api.retry import RetryLimits

        return replace(super()._options(), concurrency=1, retry_limits=RetryLimits(attempts=1))


ARGUMENTS = {
    "data": str(FOLDER / "customers.csv"),
    "rejects_path": str(FOLDER / "rejects.csv"),
    "extension_fields": ["Loyalty Level"],
    "rows_per_call": 10,
    "max_rejected": 5,
    **RETRY,
}


@dag(schedule=None)
def task_state() -> None:
    """Save the checkpoint in the task's state."""
    QuickImport(task_id="import_customers", **ARGUMENTS)


@dag(schedule=None)
def state_file() -> None:
    """Save the checkpoint in a file."""
    QuickImport(
        task_id="import_customers", checkpoint_path=str(FOLDER / "state" / "{{ ti.task_id }}.json"), **ARGUMENTS
    )


@dag(schedule=None)
def any_task() -> None:
    """Raise errors of the API in tasks that have the retry policy."""

    @task(**RETRY)
    def unavailable_once(ti):
        from airflow_provider_socialscrm.api.errors import ServiceError

        if ti.try_number == 1:
            raise ServiceError("The CRM was unavailable.")

    @task(**RETRY)
    def wrong_setting():
        from airflow_provider_socialscrm.api.errors import SettingError

        raise SettingError("ApiKey is wrong.")

    unavailable_once() >> wrong_setting()


task_state()
state_file()
any_task()
