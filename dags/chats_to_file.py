"""Read the messages of each night into files, one for each agent.

The interval of a run is the day before, so it is over when the run begins. Each agent is a task of its own, so that one
that fails is repeated alone, and its retry resumes at the page that was reached.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import dag, task
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.operators.chats import SocialSCRMChatsToFileOperator

FOLDER = os.environ.get("SOCIALSCRM_FOLDER", "/tmp/socialscrm")  # noqa: S108
OFFICE = timezone(timedelta(hours=8))


@dag(
    schedule=CronDataIntervalTimetable("15 2 * * *", timezone="Asia/Shanghai"),
    start_date=datetime(2026, 1, 1, tzinfo=OFFICE),
    catchup=False,
    max_active_runs=1,
    tags=["socialscrm", "example"],
)
def chats_to_file() -> None:
    """Read a day's messages, agent by agent."""

    @task
    def list_agents() -> list[str]:
        return sorted(agent.login for agent in SocialSCRMHook().list_agents())

    read = SocialSCRMChatsToFileOperator.partial(
        task_id="read_chats",
        path=f"{FOLDER}/chats/",  # each task has a file of its own in it
        content="keep",  # "hash" or "drop" where nobody needs the texts
        retries=3,
        max_active_tis_per_dagrun=4,
    ).expand(agents=list_agents())

    @task
    def count(manifests: Any) -> dict[str, int]:
        return {"messages": sum(manifest["rows"] for manifest in manifests)}

    count(read.output)


chats_to_file()
