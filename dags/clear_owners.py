"""Leave the customers of an agent who left without an owner, so that an import can give them to another one."""

from __future__ import annotations

import os

from airflow.sdk import chain, dag

from airflow_provider_socialscrm.operators.owners import SocialSCRMClearOwnersOperator
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

FOLDER = os.environ.get("SOCIALSCRM_FOLDER", "data")


@dag(schedule=None, catchup=False, tags=["socialscrm", "example"])
def clear_owners() -> None:
    """Clear, then import."""
    cleared = SocialSCRMClearOwnersOperator(
        task_id="clear",
        data=f"{FOLDER}/leavers.csv",
        admin="admin",
        max_rows=5_000,
        max_rejected=0.01,
        rejects_path=f"{FOLDER}/rejects/",
    )
    moved = SocialSCRMImportOperator(
        task_id="move", data=f"{FOLDER}/leavers.csv", defaults={"agentAccount": "agent_silva"}
    )
    chain(cleared, moved)


clear_owners()
