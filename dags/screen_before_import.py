"""Ask the CRM which numbers are on WhatsApp, which costs money, and import only those.

The screening waits in Airflow's triggerer. A retry waits for the orders that were placed, and does not pay again.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

from airflow.sdk import dag, task

from airflow_provider_socialscrm.operators.screening import SocialSCRMScreenOperator
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

FOLDER = Path(os.environ.get("SOCIALSCRM_FOLDER", "/tmp/socialscrm"))  # noqa: S108


@dag(schedule=None, catchup=False, tags=["socialscrm", "example"])
def screen_before_import() -> None:
    """Write customers, screen their numbers, then import those on WhatsApp."""

    @task
    def write_customers() -> str:
        return write_numbers(600)

    screened = SocialSCRMScreenOperator(
        task_id="screen",
        data=write_customers(),
        kind="is_whatsapp",
        country="IN",
        path=f"{FOLDER}/screened/",  # each run has a file of its own in it
        max_numbers=1_000,  # what this run may pay for
        only=["yes"],
        deferrable=True,
        poll_interval=2,  # the sandbox is quick; a minute is enough for the CRM
    )
    SocialSCRMImportOperator(task_id="import_customers", data=screened.output["path"])  # type: ignore[index]


def write_numbers(count: int) -> str:
    """Write some customers and return the file's path; replace this with your warehouse's export."""
    path = FOLDER / "customers.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["whatsApp", "friendName"])
        writer.writerows([f"91987766{n:04}", f"Customer {n}"] for n in range(count))
    return str(path)


screen_before_import()
