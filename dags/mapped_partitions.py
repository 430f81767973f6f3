"""Import each partition of a table in its own task.

The first task lists the partitions, the operator is mapped over their paths. The tasks run one at a time, since the
vendor limits the calls per second of the whole tenant. A failed partition is retried alone.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

from airflow.sdk import dag, task

from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

FOLDER = Path(os.environ.get("SOCIALSCRM_FOLDER", "/tmp/socialscrm"))  # noqa: S108
COUNTRIES = {"cn": "861526666", "br": "551190000", "cz": "42060100"}


@dag(schedule=None, catchup=False, tags=["socialscrm", "example"])
def mapped_partitions() -> None:
    """Write partitions, then import each."""

    @task
    def write_partitions() -> list[str]:
        return [write_partition(country, number) for country, number in COUNTRIES.items()]

    SocialSCRMImportOperator.partial(
        task_id="import_partition",
        rejects_path=f"{FOLDER}/rejects/",  # each task has a file of its own in it
        max_active_tis_per_dagrun=1,
    ).expand(data=write_partitions())


def write_partition(country: str, number: str) -> str:
    """Write some customers of a country and return the file's path; replace this with your warehouse's export."""
    path = FOLDER / f"country={country}" / "customers.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["whatsApp", "friendName", "tabName"])
        writer.writerows([f"{number}{n:04}", f"Customer {n}", country] for n in range(50))
    return str(path)


mapped_partitions()
