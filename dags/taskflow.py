"""Read customers and import them in one task, so that no table passes through XCom.

The function returns a table or its path; the decorator takes the operator's arguments.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import dag, task

CUSTOMERS = Path(__file__).parent / "data" / "customers.csv"


@dag(schedule=None, catchup=False, tags=["socialscrm", "example"])
def taskflow() -> None:
    """Import the customers at one stage."""

    @task.socialscrm_import(max_rejected=0.02, extension_fields=["Loyalty Level"])
    def import_stage(stage: str) -> Any:  # a DataFrame, whose type is not loaded while the DAG file is parsed
        import pandas as pd  # noqa: PLC0415

        customers = pd.read_csv(CUSTOMERS, dtype=str, keep_default_na=False)
        return customers[customers["stage"] == stage]

    import_stage("New Customer")


taskflow()
