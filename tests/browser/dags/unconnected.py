"""An import whose connection lacks its ApiKey, so that it fails before it reads its table."""

from __future__ import annotations

import os

from airflow.sdk import dag

from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

os.environ["AIRFLOW_CONN_CRM_WITHOUT_KEY"] = '{"conn_type": "socialscrm", "extra": {"tenant_id": "1"}}'


@dag(schedule=None, tags=["socialscrm"])
def unconnected() -> None:
    customers = [{"whatsApp": "8613900000001", "friendName": "Seeded Name"}]
    SocialSCRMImportOperator(task_id="import_customers", data=customers, socialscrm_conn_id="crm_without_key")


unconnected()
