"""Read customers from a file and import them into SocialsCRM.

The first task returns a DataFrame, the second is the operator. ``make demo`` runs this DAG against a SocialsCRM on
localhost, three times and with a ledger, so that the later runs send only what changed; your own connection
``socialscrm_default`` runs it against yours.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import dag, task

from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

CUSTOMERS = os.environ.get("SOCIALSCRM_DATA", str(Path(__file__).parent / "data" / "customers.csv"))
REJECTS = os.environ.get("SOCIALSCRM_REJECTS", "/tmp/socialscrm/rejects/")  # noqa: S108 - each run has a file in it
LEDGER = os.environ.get("SOCIALSCRM_LEDGER")  # a folder; without it each run sends every row


@dag(schedule=None, catchup=False, tags=["socialscrm", "example"])
def first_import() -> None:
    """Read, then import."""

    # By default Airflow logs a task's return value, and with it the first customers.
    @task(show_return_value_in_logs=False)
    def read_customers() -> Any:  # a DataFrame, whose type is not loaded while the DAG file is parsed
        import pandas as pd  # noqa: PLC0415

        # Without these two arguments pandas reads numbers as floats, and "NA" as a missing value.
        customers = pd.read_csv(CUSTOMERS, dtype=str, keep_default_na=False)
        # This extension field is a date, which the CRM takes as yyyy/MM/dd.
        customers["Last Order"] = customers["Last Order"].str.replace("-", "/")
        return customers

    SocialSCRMImportOperator(
        task_id="import_customers",
        data=read_customers(),
        extension_fields=["Loyalty Level", "Last Order"],  # only these columns are sent beside the API's fields
        max_rejected=0.02,  # a few rejected rows do not fail the task
        rejects_path=REJECTS,
        ledger=LEDGER,
        retries=3,
        retry_delay=timedelta(minutes=5),
    )


first_import()
