"""DAGs whose first try meets a CRM that is ill; what it settled is kept in one way or another."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from airflow.sdk import dag, task

from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.operators.versions import SocialSCRMRetryPolicy

FOLDER = Path(os.environ.get("TEST_FOLDER", "."))
RETRY = {"retries": 1, "retry_delay": timedelta(seconds=0.1)}
if SocialSCRMRetryPolicy:  # then nobody waits for Airflow's delay: the policy's goes first
    RETRY |= {"retry_delay": timedelta(minutes=30), "retry_policy": SocialSCRMRetryPolicy(first_delay=0.1)}


class QuickImport(SocialSCRMImportOperator):
    """Gives up at the first failure, where the real one goes on for minutes."""

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
    """Airflow keeps what is settled."""
    QuickImport(task_id="import_customers", **ARGUMENTS)


@dag(schedule=None)
def state_file() -> None:
    """A file of the user's keeps what is settled."""
    QuickImport(
        task_id="import_customers", checkpoint_path=str(FOLDER / "state" / "{{ ti.task_id }}.json"), **ARGUMENTS
    )


@dag(schedule=None)
def any_task() -> None:
    """A task of the user's own raises one of our errors, and has our policy."""

    @task(**RETRY)
    def ill_once(ti):
        from airflow_provider_socialscrm.api.errors import ServiceError

        if ti.try_number == 1:
            raise ServiceError("The CRM was ill.")

    @task(**RETRY)
    def wrong_setting():
        from airflow_provider_socialscrm.api.errors import SettingError

        raise SettingError("ApiKey is wrong.")

    ill_once() >> wrong_setting()


task_state()
state_file()
any_task()
