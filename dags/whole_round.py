"""A whole round: who of a list is on WhatsApp becomes a customer, gets two messages, and their answers become a file.

Each step knows what its earlier tries have done: no number is screened or paid for twice, no customer gets a message
twice, and the file has each answer once.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path

from airflow.sdk import chain, dag, task

from airflow_provider_socialscrm.api.mass_sends import Stage
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.operators.chats import SocialSCRMChatsToFileOperator
from airflow_provider_socialscrm.operators.mass_sends import SocialSCRMMassSendOperator
from airflow_provider_socialscrm.operators.screening import SocialSCRMScreenOperator
from airflow_provider_socialscrm.operators.sends import SocialSCRMSendOperator
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.sensors.sends import SocialSCRMSendSensor
from airflow_provider_socialscrm.sensors.socialscrm import SocialSCRMOnlineSensor

FOLDER = Path(os.environ.get("SOCIALSCRM_FOLDER", "/tmp/socialscrm"))  # noqa: S108
AGENT = "agent_wang"
SENDER = os.environ.get("SOCIALSCRM_NUMBER", "8613900000001")
"""One of the sandbox's service numbers. It is the company's own."""

STAGE = "Launch"


@dag(schedule=None, catchup=False, tags=["socialscrm", "example"])
def whole_round() -> None:
    """Check agents, screen, import, send, follow up, read the answers."""

    @task
    def check_agents() -> None:
        with SocialSCRMHook() as hook:
            if hook.get_agent(AGENT) is None:
                raise ValueError(f"The CRM does not know the agent {AGENT}.")

    @task
    def write_leads() -> str:
        return write_numbers(500)

    online = SocialSCRMOnlineSensor(
        task_id="wait_until_online", numbers=[SENDER], deferrable=True, poke_interval=5, timeout=3600
    )
    screen = SocialSCRMScreenOperator(
        task_id="screen",
        data=write_leads(),
        kind="is_whatsapp",
        country="IN",
        path=f"{FOLDER}/screened/",
        max_numbers=500,  # what this run may pay for
        only=["yes"],
        deferrable=True,
        poll_interval=2,  # the sandbox is quick; a minute is enough for the CRM
    )
    load = SocialSCRMImportOperator(
        task_id="import_customers",
        data=screen.output["path"],  # type: ignore[index]
        columns={"screened": None, "screened_raw": None},
        defaults={"stage": STAGE, "agentAccount": AGENT},
        retries=3,
    )
    welcome = SocialSCRMMassSendOperator(
        task_id="welcome",
        executors=[AGENT],
        group=Stage(STAGE, "21"),
        content="Welcome! Write to us at any time.",
        admin="admin",
        retries=3,
    )
    follow_up = SocialSCRMSendOperator(
        task_id="follow_up",
        data=screen.output["path"],  # type: ignore[index]
        sender=SENDER,
        content="Did you find what you were looking for?",
        confirm_recipients="{{ ti.xcom_pull(task_ids='import_customers')['rows']['accepted'] }}",
        ledger=FOLDER / "sends",
        start="{{ (macros.datetime.now(macros.dateutil.tz.UTC) + macros.timedelta(seconds=5)).isoformat() }}",
        retries=3,
    )
    wait = SocialSCRMSendSensor(
        task_id="wait_until_sent",
        task_ids=follow_up.output["task_ids"],  # type: ignore[index]
        until="sent",
        max_failed=0.1,
        result_path=f"{FOLDER}/results/",
        deferrable=True,
        poke_interval=2,
        timeout=3600,
    )
    answers = SocialSCRMChatsToFileOperator(
        task_id="read_answers",
        start="{{ (dag_run.run_after - macros.timedelta(days=1)).isoformat() }}",
        end="{{ dag_run.run_after.isoformat() }}",
        agents=[AGENT],
        path=f"{FOLDER}/answers/",
        retries=3,
    )
    chain(check_agents(), online, screen, load, welcome, follow_up, wait, answers)


def write_numbers(count: int) -> str:
    """Write some leads and return the file's path; replace this with your warehouse's export."""
    path = FOLDER / "leads.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["whatsApp", "friendName"])
        writer.writerows([f"91987766{n:04}", f"Lead {n}"] for n in range(count))
    return str(path)


whole_round()
