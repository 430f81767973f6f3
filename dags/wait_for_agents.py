"""Wait until a service number is online, see who is, and import with a look-up of the agents first.

The sensor waits in the triggerer and occupies no worker. The import looks up each agent that the rows name before it
sends the first row, so that a misspelled login is a row to fix and not a refusal of the CRM.
"""

from __future__ import annotations

import os
from typing import Any

from airflow.sdk import chain, dag, task

from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.sensors.socialscrm import SocialSCRMOnlineSensor

NUMBER = os.environ.get("SOCIALSCRM_NUMBER", "8613900000001")
"""One of the sandbox's service numbers. It is the company's own."""


@dag(schedule=None, catchup=False, tags=["socialscrm", "example"])
def wait_for_agents() -> None:
    """Wait, look, import."""
    online = SocialSCRMOnlineSensor(
        task_id="wait_until_online", numbers=[NUMBER], deferrable=True, poke_interval=5, timeout=3600
    )

    @task
    def count_online() -> dict[str, int]:
        with SocialSCRMHook() as hook:
            states, agents = hook.get_numbers_df(), hook.list_online_df()
        return {"numbers": len(states), "online": len(agents)}

    @task.socialscrm_import(check_agents=True, max_rejected=1)
    def customers() -> list[dict[str, Any]]:
        return [
            {"whatsApp": "+8613800000001", "agentAccount": "agent_wang"},
            {"whatsApp": "+8613800000002", "agentAccount": "agent_wang"},
            {"whatsApp": "+8613800000003", "agentAccount": "agent_wnag"},
        ]

    chain(online, count_online(), customers())


wait_for_agents()
