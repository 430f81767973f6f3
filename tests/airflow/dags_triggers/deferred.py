"""A DAG of tasks that wait in the triggerer, each of its own, until the test lets the CRM answer."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

from airflow.sdk import dag

from airflow_provider_socialscrm.operators.group_links import SocialSCRMGroupLinksToFileOperator
from airflow_provider_socialscrm.operators.screening import SocialSCRMScreenOperator
from airflow_provider_socialscrm.sensors.socialscrm import SocialSCRMOnlineSensor

FOLDER = Path(os.environ.get("TEST_FOLDER", "."))
NUMBER = "8613900000001"
"""One of the sandbox's service numbers, which are the company's own."""

LINK = "https://chat.whatsapp.com/AbCdEfGhIjKl"
POLL_INTERVAL = 1
"""Seconds."""


@dag(schedule=None, default_args={"retries": 0, "execution_timeout": timedelta(minutes=5)})
def deferred() -> None:
    """Tasks that all wait at the same time."""
    SocialSCRMScreenOperator(
        task_id="screen",
        data=str(FOLDER / "customers.csv"),
        path=str(FOLDER / "screened.csv"),
        kind="is_whatsapp",
        country="IN",
        max_numbers=1_000,
        deferrable=True,
        poll_interval=POLL_INTERVAL,
    )
    SocialSCRMOnlineSensor(
        task_id="online", agents=["agent_wang"], numbers=[NUMBER], deferrable=True, poke_interval=POLL_INTERVAL
    )
    SocialSCRMGroupLinksToFileOperator(
        task_id="groups",
        links=[LINK],
        path=str(FOLDER / "groups.csv"),
        admin="admin",
        deferrable=True,
        poll_interval=POLL_INTERVAL,
    )


deferred()
