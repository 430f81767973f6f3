"""Have the CRM send a message to new customers, and another one to those with a tag.

The CRM chooses the recipients; no number passes through this DAG. Each run has names of its own, so neither a retry nor
clearing a task sends a message twice.
"""

from __future__ import annotations

from airflow.sdk import chain, dag

from airflow_provider_socialscrm.api.mass_sends import Content, Stage, Tag
from airflow_provider_socialscrm.operators.mass_sends import SocialSCRMMassSendOperator


@dag(schedule=None, catchup=False, tags=["socialscrm", "example"])
def mass_send() -> None:
    """Send two messages."""
    welcome = SocialSCRMMassSendOperator(
        task_id="welcome",
        executors=["agent_wang", "agent_silva"],
        group=Stage("New Customer", "12"),
        content="Welcome! Write to us at any time.",
        admin="admin",
        retries=3,
    )
    offer = SocialSCRMMassSendOperator(
        task_id="offer",
        executors=["agent_wang"],
        group=Tag("VIP", "3"),
        content=Content("Have a look", kind="picture", url="https://example.com/offer.png"),
        start="{{ (dag_run.run_after + macros.timedelta(days=365)).isoformat() }}",
        interval=(20, 60),
        admin="admin",
        retries=3,
    )
    chain(welcome, offer)


mass_send()
