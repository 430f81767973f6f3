"""Run a second DAG after an import; it reads how many rows were accepted.

The import's outlet is the asset of the tenant's customers. A successful import creates an event of the asset, with the
counts, and the event starts the second DAG.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from airflow.sdk import dag, task

from airflow_provider_socialscrm.assets.socialscrm import customers_asset
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

DATA = Path(__file__).parent / "data" / "customers.csv"
CUSTOMERS = customers_asset(
    tenant_id=os.environ.get("SOCIALSCRM_TENANT", "1"),
    host=os.environ.get("SOCIALSCRM_HOST", "https://www.socialscrm.com"),
)


@dag(schedule=None, catchup=False, tags=["socialscrm", "example"])
def import_with_outlet() -> None:
    """Import customers, which creates an event of the asset."""
    SocialSCRMImportOperator(task_id="import_customers", data=str(DATA), max_rejected=0.02, outlets=[CUSTOMERS])


@dag(schedule=[CUSTOMERS], catchup=False, tags=["socialscrm", "example"])
def after_import() -> None:
    """Read the counts of that import."""

    @task(inlets=[CUSTOMERS])
    def read_counts(*, inlet_events: Any = None) -> Any:
        return inlet_events[CUSTOMERS][-1].extra["rows"]

    read_counts()


import_with_outlet()
after_import()
