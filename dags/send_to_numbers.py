"""Send a message to the numbers in a file, each once, and write down what became of each.

The first task counts the recipients and sends nothing. A person starts the run with the number that they expect, and
with another one nothing is sent. Neither a retry, a killed worker nor clearing a task sends the message twice.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

from airflow.sdk import Param, chain, dag, task

from airflow_provider_socialscrm.operators.sends import SocialSCRMSendOperator
from airflow_provider_socialscrm.sensors.sends import SocialSCRMSendSensor

FOLDER = Path(os.environ.get("SOCIALSCRM_FOLDER", "/tmp/socialscrm"))  # noqa: S108
SENDER = os.environ.get("SOCIALSCRM_NUMBER", "8613900000001")
"""One of the sandbox's service numbers. It is the company's own."""


@dag(
    schedule=None,
    catchup=False,
    params={"recipients": Param(20, type="integer", minimum=1)},
    tags=["socialscrm", "example"],
)
def send_to_numbers() -> None:
    """Count, send, wait."""

    @task
    def write_customers() -> str:
        return write_numbers(20)

    customers = write_customers()
    message: dict[str, Any] = {
        "data": customers,
        "sender": SENDER,
        "content": "Our shop is open again. Come and see us!",
        "ledger": FOLDER / "sends",  # the same in every run, and for all campaigns
    }
    rehearse = SocialSCRMSendOperator(task_id="rehearse", dry_run=True, **message)
    send = SocialSCRMSendOperator(task_id="send", confirm_recipients="{{ params.recipients }}", retries=3, **message)
    wait = SocialSCRMSendSensor(
        task_id="wait",
        task_ids=send.output["task_ids"],  # type: ignore[index]
        until="sent",
        max_failed=0.5,  # the sandbox has some numbers that are not on WhatsApp
        result_path=f"{FOLDER}/results/",  # each run has a file of its own in it
        deferrable=True,
        poke_interval=2,  # the sandbox is quick; a minute is enough for the CRM
        timeout=3600,
    )
    chain(rehearse, send, wait)


def write_numbers(count: int) -> str:
    """Write some customers and return the file's path; replace this with your warehouse's export."""
    path = FOLDER / "recipients.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["whatsApp", "friendName"])
        writer.writerows([f"861371234{n:04}", f"Customer {n}"] for n in range(count))
    return str(path)


send_to_numbers()
