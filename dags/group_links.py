"""Write names, ids and member counts of WhatsApp groups to a file, by their links."""

from __future__ import annotations

import os

from airflow.sdk import dag, task

from airflow_provider_socialscrm.operators.group_links import SocialSCRMGroupLinksToFileOperator

FOLDER = os.environ.get("SOCIALSCRM_FOLDER", "data")


@dag(schedule=None, catchup=False, tags=["socialscrm", "example"])
def group_links() -> None:
    """Collect links, and look behind them."""

    @task
    def collect() -> list[str]:
        return ["https://chat.whatsapp.com/AbCdEfGhIjKl", "https://chat.whatsapp.com/MnOpQrStUvWx"]

    SocialSCRMGroupLinksToFileOperator(
        task_id="look",
        links=collect(),
        path=f"{FOLDER}/groups/",
        admin="admin",
        deferrable=True,
        poll_interval=5,
    )


group_links()
