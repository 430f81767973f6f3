"""An import whose calls run one after the other."""

from __future__ import annotations

from airflow.sdk import dag

from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator


@dag(schedule=None, tags=["socialscrm"], is_paused_upon_creation=False)  # or the page does not refresh
def slow() -> None:
    customers = [{"whatsApp": f"86155{position:08}", "friendName": "Seeded Name"} for position in range(300)]
    SocialSCRMImportOperator(task_id="import_customers", data=customers, rows_per_call=10, concurrency=1)


slow()
