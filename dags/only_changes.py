"""Send each night only the customers that changed, and stop if the input looks wrong.

The ledger is a folder in which each run saves what the CRM accepted. The first run sends everybody, the next ones send
what is new or different. Two guards stop a run before its first call: too few rows, and too many changes.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from airflow.sdk import Param, dag

from airflow_provider_socialscrm.operators.socialscrm import Ledger, SocialSCRMImportOperator

DATA = os.environ.get("SOCIALSCRM_DATA", str(Path(__file__).parent / "data" / "customers.csv"))
FOLDER = os.environ.get("SOCIALSCRM_FOLDER", "/tmp/socialscrm")  # noqa: S108 - in production s3:// or the like


@dag(
    schedule=None,  # "@daily" for a sync
    catchup=False,
    max_active_runs=1,
    params={
        "resend": Param("changed", enum=["changed", "all", "adopt"]),
        "max_changes": Param(0.2, description="Changes at most: a number of rows, or a share of the ledger"),
    },
    tags=["socialscrm", "example"],
)
def only_changes() -> None:
    """Sync the customers with the CRM."""
    SocialSCRMImportOperator(
        task_id="sync_customers",
        data=DATA,
        ledger=Ledger(
            f"{FOLDER}/ledgers/customers",
            resend="{{ params.resend }}",  # of a run that somebody starts by hand
            resend_after=timedelta(days=90),  # repairs what people edited in the CRM
            max_changes="{{ params.max_changes }}",
            max_gone=0.1,  # more must be a query or a file that was cut
            min_rows=1_000,
            gone_path=f"{FOLDER}/gone/",  # who is not in the input any more; each run has a file in it
        ),
        max_rejected=0.02,
        rejects_path=f"{FOLDER}/rejects/",
        retries=3,
    )


only_changes()
