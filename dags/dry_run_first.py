"""Run an import only if its dry run found nothing wrong.

Both tasks have the same arguments. The dry run makes no call. It fails if the import would fail before its first call,
for example if it has more invalid rows than allowed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import chain, dag

from airflow_provider_socialscrm.assets.socialscrm import customers_asset
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

ARGUMENTS: dict[str, Any] = {
    "data": str(Path(__file__).parent / "data" / "customers.csv"),
    "max_rejected": 0.02,
    "outlets": [customers_asset(tenant_id="1")],  # a dry run creates no event
}


@dag(schedule=None, catchup=False, tags=["socialscrm", "example"])
def dry_run_first() -> None:
    """Make a dry run, then import."""
    rehearsal = SocialSCRMImportOperator(task_id="rehearse", dry_run=True, **ARGUMENTS)
    chain(rehearsal, SocialSCRMImportOperator(task_id="import_customers", **ARGUMENTS))


dry_run_first()
