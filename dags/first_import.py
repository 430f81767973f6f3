"""Read customers from a file and import them into SocialsCRM.

Two tasks: the first makes a DataFrame, the second is the operator. ``make demo`` runs this DAG against a SocialsCRM on
localhost; with a connection ``socialscrm_default`` of your own it runs against yours.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import dag, task

from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

CUSTOMERS = Path(__file__).parent / "data" / "customers.csv"
REJECTS = os.environ.get("SOCIALSCRM_REJECTS", "/tmp/socialscrm/rejects-{{ run_id | replace(':', '-') }}.csv")  # noqa: S108


@dag(schedule=None, catchup=False, tags=["socialscrm", "example"])
def first_import() -> None:
    """Read, then import."""

    # Without this setting Airflow logs what a task returns, and with it the first customers.
    @task(show_return_value_in_logs=False)
    def read_customers() -> Any:  # a DataFrame, whose type is not loaded while the DAG file is parsed
        import pandas as pd  # noqa: PLC0415

        # Without these two arguments pandas reads numbers as floats, and "NA" as a missing value.
        customers = pd.read_csv(CUSTOMERS, dtype=str, keep_default_na=False)
        # This tenant's extension field is a date, which the CRM writes yyyy/MM/dd.
        customers["Last Order"] = customers["Last Order"].str.replace("-", "/")
        return customers

    SocialSCRMImportOperator(
        task_id="import_customers",
        data=read_customers(),
        extension_fields=["Loyalty Level", "Last Order"],  # without it, no column beyond the API's own fields is sent
        max_rejected=0.02,  # a few bad rows are no reason to wake anybody
        rejects_path=REJECTS,
        retries=3,
        retry_delay=timedelta(minutes=5),
    )


first_import()
