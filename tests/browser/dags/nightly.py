"""Imports with as many good and bad rows as the run's configuration says, and mapped imports."""

from __future__ import annotations

import os
from typing import Any

from airflow.sdk import dag, get_current_context, task

from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

REJECTS = os.environ["AIRFLOW_HOME"] + "/rejects"


def customers(first: int, good: int, bad: int) -> Any:
    import pandas as pd

    numbers = [f"86152{position:08}" for position in range(first, first + good)] + ["no number"] * bad
    return pd.DataFrame({"whatsApp": numbers, "friendName": "Seeded Name"})


@dag(schedule=None, tags=["socialscrm"])
def nightly() -> None:
    @task(show_return_value_in_logs=False)
    def read_customers() -> Any:
        wanted = get_current_context()["dag_run"].conf or {}
        if "good" not in wanted:
            raise ValueError("There is nothing to read")
        return customers(0, wanted["good"], wanted.get("bad", 0))

    SocialSCRMImportOperator(
        task_id="import_customers", data=read_customers(), max_rejected=0.1, rejects_path=f"{REJECTS}/{{{{ ds }}}}.csv"
    )


@dag(schedule=None, tags=["socialscrm"], dag_display_name="By <b>country</b>")
def by_country() -> None:
    @task(show_return_value_in_logs=False)
    def read_customers() -> Any:
        return [customers(first, good=40, bad=first // 1000) for first in (0, 1000, 2000)]

    SocialSCRMImportOperator.partial(task_id="import_customers", max_rejected=0.5).expand(data=read_customers())


nightly()
by_country()
