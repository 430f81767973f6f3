"""DAGs whose customers are in the test's folder, to be looked for where they must not be."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import dag, task

from airflow_provider_socialscrm.operators.owners import SocialSCRMClearOwnersOperator
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

FOLDER = Path(os.environ.get("TEST_FOLDER", "."))


def table(name: str):
    """Read one of the test's tables; its values stand in no DAG file, since Airflow stores those whole."""
    import pandas as pd

    return pd.read_json(FOLDER / name, dtype=False)


@dag(schedule=None)
def plain() -> None:
    """A table from one task to the next."""

    @task(show_return_value_in_logs=False)
    def read():
        return table("1.json")

    SocialSCRMImportOperator(
        task_id="import_customers", data=read(), max_rejected=1, rejects_path=str(FOLDER / "plain.csv")
    )


@dag(schedule=None)
def mapped() -> None:
    """A table for each mapped task."""

    @task(show_return_value_in_logs=False)
    def read():
        return [table(f"{number}.json") for number in (1, 2)]

    SocialSCRMImportOperator.partial(
        task_id="import_customers", max_rejected=1, rejects_path=str(FOLDER / "{{ ti.map_index }}.csv")
    ).expand(data=read())


@dag(schedule=None)
def refused() -> None:
    """More refused rows than allowed."""

    @task(show_return_value_in_logs=False)
    def read():
        return table("1.json")

    SocialSCRMImportOperator(task_id="import_customers", data=read(), retries=2)


@dag(schedule=None)
def numberless() -> None:
    """A table without numbers: an error before any call."""

    @task(show_return_value_in_logs=False)
    def read():
        return table("1.json").rename(columns={"whatsApp": "mobile"})

    SocialSCRMImportOperator(task_id="import_customers", data=read(), retries=2)


@dag(schedule=None)
def decorated() -> None:
    """Tables that a decorated function is given and returns."""

    @task(show_return_value_in_logs=False)
    def read():
        return table("1.json")

    @task.socialscrm_import(max_rejected=1, rejects_path=str(FOLDER / "decorated.csv"))
    def import_customers(first, day, others):
        assert day == "{{ ds }}"
        return [*first.to_dict("records"), *others[0].to_dict("records")]

    customers = read()
    import_customers(customers, "{{ '{{ ds }}' }}", others=[customers])


@dag(schedule=None)
def decorated_mapped() -> None:
    """A table for each mapped call of a decorated function."""

    @task(show_return_value_in_logs=False)
    def read():
        return [table(f"{number}.json") for number in (1, 2)]

    @task.socialscrm_import(max_rejected=1)
    def import_customers(customers):
        return customers

    import_customers.expand(customers=read())


@dag(schedule=None)
def cleared() -> None:
    """A table whose customers lose their owners."""

    @task(show_return_value_in_logs=False)
    def read():
        return table("1.json")

    SocialSCRMClearOwnersOperator(
        task_id="import_customers", data=read(), admin="admin", rejects_path=str(FOLDER / "cleared.csv")
    )


cleared()
plain()
mapped()
decorated()
decorated_mapped()
refused()
numberless()
