"""Imports with a ledger: customers that are new, change, leave, lose a value or are rejected, as the run says."""

from __future__ import annotations

import os
from typing import Any

from airflow.sdk import dag, get_current_context, task

from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

HOME = os.environ["AIRFLOW_HOME"]


def customers(number: int, *, changed: int = 0, emptied: int = 0, bad: int = 0) -> Any:
    import pandas as pd

    places = range(number)
    columns = {
        "whatsApp": [f"86157{place:08}" for place in places],
        "friendName": ["Seeded Name" if place >= changed else f"Seeded Name of {changed}" for place in places],
        "desc": ["Seeded Name" if place >= emptied else "" for place in places],
        "Loyalty Level": ["Gold" if place < number - bad else "Unheard of" for place in places],
    }
    return pd.DataFrame(columns)


@dag(schedule=None, tags=["socialscrm"])
def synced() -> None:
    @task(show_return_value_in_logs=False)
    def read_customers() -> Any:
        wanted = dict(get_current_context()["dag_run"].conf or {})
        for name in ("resend", "dry_run"):
            wanted.pop(name, None)
        return customers(**wanted)

    SocialSCRMImportOperator(
        task_id="import_customers",
        data=read_customers(),
        extension_fields=["Loyalty Level"],
        ledger=Ledger(
            f"{HOME}/ledger", resend="{{ dag_run.conf.get('resend', 'changed') }}", max_changes=1000, min_rows=100
        ),
        dry_run="{{ dag_run.conf.get('dry_run', False) }}",
        max_rejected=0.1,
        rejects_path=f"{HOME}/rejects/synced-{{{{ ds }}}}.csv",
    )


synced()
