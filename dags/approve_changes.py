"""Let a person approve what an import would change, then send exactly that.

A dry run compares the customers with the ledger and sends nothing. Airflow asks a person, who sees the numbers. The
import sends the difference that was approved; if the customers or the ledger have changed since, it stops before its
first call.
"""

from __future__ import annotations

import os
from datetime import timedelta
from inspect import signature
from pathlib import Path
from typing import Any

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk import chain, dag

from airflow_provider_socialscrm.operators.socialscrm import Ledger, SocialSCRMImportOperator

FOLDER = os.environ.get("SOCIALSCRM_FOLDER", "/tmp/socialscrm")  # noqa: S108 - in production s3:// or the like
LEDGER = f"{FOLDER}/ledgers/approved"
ARGUMENTS: dict[str, Any] = {
    "data": os.environ.get("SOCIALSCRM_DATA", str(Path(__file__).parent / "data" / "customers.csv")),
    "max_rejected": 0.02,
}
# Before 1.13, the standard provider takes the time for an answer as the task's execution_timeout.
TIMEOUT = "response_timeout" if "response_timeout" in signature(HITLOperator).parameters else "execution_timeout"
ANSWER_WITHIN: dict[str, Any] = {TIMEOUT: timedelta(hours=12)}

CHANGES = "ti.xcom_pull(task_ids='rehearse')['changes']"
QUESTION = f"""
{{% set changes = {CHANGES} %}}
- {{{{ changes.new }}}} new customers
- {{{{ changes.changed }}}} changed: {{{{ changes.by_field }}}}
- {{{{ changes.gone }}}} are not in the input any more
- {{{{ changes.ledger }}}} customers in the ledger
"""


@dag(schedule=None, catchup=False, max_active_runs=1, tags=["socialscrm", "example"])
def approve_changes() -> None:
    """Rehearse, ask, send."""
    chain(
        SocialSCRMImportOperator(task_id="rehearse", dry_run=True, ledger=LEDGER, **ARGUMENTS),
        ApprovalOperator(
            task_id="approve",
            subject="Send these changes to the CRM?",
            body=QUESTION,
            defaults="Reject",  # no answer in time: the import is skipped
            **ANSWER_WITHIN,
        ),
        SocialSCRMImportOperator(
            task_id="send",
            ledger=Ledger(LEDGER, expected_changes=f"{{{{ {CHANGES}['digest'] }}}}"),
            checkpoint_path=f"{FOLDER}/checkpoints/",  # before Airflow 3.3 a retry knows by it what was approved
            **ARGUMENTS,
        ),
    )


approve_changes()
