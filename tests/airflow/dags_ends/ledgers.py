"""Imports with a ledger that end in every way, of customers that must show nowhere."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import Asset, chain, dag, task

from airflow_provider_socialscrm.operators.socialscrm import Ledger, SocialSCRMImportOperator

FOLDER = Path(os.environ.get("TEST_FOLDER", "."))
BEFORE, AFTER = str(FOLDER / "before.csv"), str(FOLDER / "after.csv")
DIGEST = "1790000000-" + "0a" * 16


def ledger(name: str = "ledger", **arguments: object) -> Ledger:
    """Return one of the ledgers, all with the same fields that are sent once."""
    return Ledger(str(FOLDER / name), once=["welcome", "desc"], **arguments)


TASKS = {
    "rehearse_first": {"data": BEFORE, "dry_run": True, "ledger": ledger()},
    "import_first": {
        "data": BEFORE,
        "ledger": ledger(gone_path=str(FOLDER / "gone.csv")),
        "rejects_path": str(FOLDER / "rejects.csv"),
        "outlets": [Asset(os.environ.get("TEST_ASSET", "socialscrm://localhost/1/customers"))],
    },
    "rehearse_second": {"data": AFTER, "dry_run": True, "ledger": ledger()},
    "changes": {"data": AFTER, "ledger": ledger(max_changes=0)},
    "gone": {"data": AFTER, "ledger": ledger(max_gone=0)},
    "rows": {"data": AFTER, "ledger": ledger(min_rows=1_000)},
    "approved": {"data": AFTER, "ledger": ledger(expected_changes=DIGEST)},
    "known_bad": {"data": AFTER, "dry_run": True, "ledger": ledger(), "max_rejected": 1},
    "import_second": {"data": AFTER, "ledger": ledger(gone_path=str(FOLDER / "gone" / "second.parquet"))},
    "adopt": {"data": AFTER, "ledger": ledger("adopted", resend="adopt")},
    "damaged": {"data": AFTER, "ledger": ledger("damaged")},
    "hashed": {"data": AFTER, "ledger": ledger("hashed"), "socialscrm_conn_id": "hashed"},
    "gone_of_hashes": {
        "data": AFTER,
        "ledger": ledger("hashed", gone_path=str(FOLDER / "no.csv")),
        "socialscrm_conn_id": "hashed",
    },
}
"""The tasks, in their order."""


@dag(schedule=None, default_args={"trigger_rule": "all_done"})
def ledgers() -> None:
    """One import after the other, whatever became of those before."""
    arguments = {"extension_fields": ["Loyalty Level"], "max_rejected": 5, "retries": 0}

    @task.socialscrm_import(ledger=str(FOLDER / "decorated"), max_rejected=5)
    def table():
        import pandas as pd

        return pd.read_csv(BEFORE, dtype=str, usecols=["whatsApp", "friendName", "welcome"])

    made = [SocialSCRMImportOperator(task_id=task_id, **arguments | more) for task_id, more in TASKS.items()]
    chain(*made, table())


ledgers()
