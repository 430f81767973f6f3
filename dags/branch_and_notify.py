"""Decide by the manifest what happens next, and notify somebody in each case, a failure included.

The import accepts any number of rejected rows, so that a branch can decide: all fine, some rows to fix, or too many. A
failed import still pushes its manifest, which the callback reads. The last task runs whatever happened before.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from airflow.sdk import Context, dag, task

from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

FOLDER = Path(os.environ.get("SOCIALSCRM_FOLDER", "/tmp/socialscrm"))  # noqa: S108
MOST_REJECTED = 0.10
"""Share of rejected rows above which somebody has to look today."""


def notify_of_failure(context: Context) -> None:
    """Print how far the import came; send a message to your chat or pager instead."""
    ti = context["ti"]
    manifest = ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index) or {}
    rows = manifest.get("rows", {})
    print(f"NOTIFY {ti.task_id} failed: {rows.get('accepted', 0)} of {rows.get('total', '?')} rows accepted")  # noqa: T201


@dag(schedule=None, catchup=False, tags=["socialscrm", "example"])
def branch_and_notify() -> None:
    """Import, branch by the counts, notify."""
    imported = SocialSCRMImportOperator(
        task_id="import_customers",
        data=os.environ.get("SOCIALSCRM_DATA", str(Path(__file__).parent / "data" / "customers.csv")),
        max_rejected=None,
        rejects_path=f"{FOLDER}/rejects/",  # each run has a file of its own in it
        on_failure_callback=notify_of_failure,
    )

    @task.branch
    def decide(manifest: dict[str, Any]) -> str:
        rows = manifest["rows"]
        left = rows["rejected"] + rows["invalid"] + rows["unknown"]  # duplicates need nobody's attention
        if left == 0:
            return "celebrate"
        return "ask_for_fixes" if left <= MOST_REJECTED * rows["total"] else "raise_alarm"

    @task
    def celebrate() -> dict[str, str]:
        return {"notify": "all rows accepted"}

    @task
    def ask_for_fixes(manifest: dict[str, Any]) -> dict[str, str]:
        return {"notify": f"please fix the rows in {manifest['rejects_path']}"}

    @task
    def raise_alarm(manifest: dict[str, Any]) -> dict[str, str]:
        return {"notify": f"too many rejected rows: {manifest['rows']}"}

    @task(trigger_rule="all_done")
    def report() -> dict[str, str]:
        return {"notify": "the run has ended"}

    manifest: Any = imported.output
    ends = [celebrate(), ask_for_fixes(manifest), raise_alarm(manifest)]
    decide(manifest) >> ends >> report()


branch_and_notify()
