"""Imports whose rejected rows go to object storage, to a disk and nowhere."""

from __future__ import annotations

import os
from typing import Any

from airflow.sdk import dag, task
from airflow.sdk.io import attach
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

HOME = os.environ["AIRFLOW_HOME"]

attach("s3", "store", fs=DirFileSystem(f"{HOME}/s3", LocalFileSystem(auto_mkdir=True)))


def customers(number: int) -> list[dict[str, Any]]:
    return [{"whatsApp": f"86153{position:08}", "friendName": "Seeded Name"} for position in range(number)]


@dag(schedule=None, tags=["socialscrm"])
def linked() -> None:
    places = {
        "to_object_storage": "s3://store@crm/refused rows/{{ ds }}.csv",
        "to_disk": f"{HOME}/rejects/{{{{ run_id }}}}.csv",
    }
    for task_id, rejects_path in places.items():
        SocialSCRMImportOperator(task_id=task_id, data=customers(3), rejects_path=rejects_path)
    parts = SocialSCRMImportOperator.partial(task_id="mapped", rejects_path="s3://store@crm/{{ ti.map_index }}.csv")
    parts.expand(data=[customers(2), customers(1)])

    @task.socialscrm_import
    def nowhere() -> list[dict[str, Any]]:
        return customers(3)

    nowhere()


linked()
