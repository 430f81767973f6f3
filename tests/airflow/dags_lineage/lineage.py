"""Imports for OpenLineage: from a file and from a table, accepted, rejected, as a dry run and failed."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import ObjectStoragePath, dag, task

from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

FOLDER = os.environ.get("TEST_FOLDER", ".")
PATH = f"{FOLDER}/customers.csv"
TASKS = {
    "taken": {"max_rejected": 1},
    "refused": {},
    "rehearsed": {"max_rejected": 1, "dry_run": True},
    "broken": {"columns": {"mobile": "whatsApp"}},
}


@dag(schedule=None)
def lineage() -> None:
    for task_id, arguments in TASKS.items():
        SocialSCRMImportOperator(task_id=task_id, data=Path(PATH), **arguments)

    @task.socialscrm_import(max_rejected=1)
    def decorated():
        return ObjectStoragePath(f"file://{PATH}")

    @task.socialscrm_import(max_rejected=1)
    def table():
        import pandas as pd

        return pd.read_csv(PATH)

    decorated()
    table()


lineage()
