"""Fill Airflow's database with runs of the real operator against the CRM of the environment's connection.

Runs in a separate process, with the environment of that Airflow.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.configuration import AIRFLOW_HOME, conf
from airflow.models import Connection
from airflow.utils.session import create_session

try:
    from airflow.dag_processing.dagbag import DagBag
except ImportError:  # Airflow 3.1
    from airflow.models.dagbag import DagBag

FIRST_NIGHT = datetime(2026, 11, 16, 2, tzinfo=UTC)
NIGHTS = [(1200, 0), (900, 12), (1450, 3), (20, 30), (0, 0), (1310, 5), (None, None), (1280, 9), (1000, 0)]
"""Good and bad rows of each night. The fourth has too many bad rows, the seventh cannot read, the last is running."""

SYNCED_NIGHTS = [
    {"number": 2000, "resend": "adopt"},
    {"number": 2400},
    {"number": 2400},
    {"number": 2400, "changed": 3},
    {"number": 2390, "changed": 40, "emptied": 5, "bad": 4},
    {"number": 2390, "changed": 45, "emptied": 5, "bad": 4},
    {"number": 2390, "changed": 60, "emptied": 5, "bad": 4, "dry_run": True},
    {"number": 2390, "changed": 1500, "emptied": 5, "bad": 4},
]
"""Customers of each night of the DAG with a ledger: adopted, 400 new, unchanged, 3 changed, 10 gone, 4 known bad, a dry
run, and too many changes."""

LAST_SENTENCE = (
    "The input has 1,500 changes (0 new, 1,500 changed, 0 retried), and max_changes is 1000, so no call was made."
)


NO_KEY = (
    "Connection 'crm_without_key': ApiKey is missing. Fix it under Admin > Connections, or where it is defined: "
    "AIRFLOW_CONN_CRM_WITHOUT_KEY or a secrets backend."
)


def main() -> None:
    add_a_connection_without_key()
    dags = DagBag(conf.get("core", "dags_folder")).dags
    for dag_id in ("first_import", "by_country", "linked"):
        dags[dag_id].test(run_after=FIRST_NIGHT, logical_date=FIRST_NIGHT)
    for night, (good, bad) in enumerate(NIGHTS):
        at = FIRST_NIGHT + timedelta(days=night)
        dags["nightly"].test(run_after=at, logical_date=at, run_conf={} if good is None else {"good": good, "bad": bad})
    for night, wanted in enumerate(SYNCED_NIGHTS):
        at = FIRST_NIGHT + timedelta(days=night)
        dags["synced"].test(run_after=at, logical_date=at, run_conf=wanted)
    dags["unconnected"].test(run_after=FIRST_NIGHT, logical_date=FIRST_NIGHT)
    write_the_log_of_the_failed("synced", "23", LAST_SENTENCE)
    write_the_log_of_the_failed("unconnected", "16", NO_KEY)
    with closing(sqlite3.connect(Path(AIRFLOW_HOME) / "airflow.db")) as database:
        leave_the_last_running(database)
        make_the_first_part_a_dry_run(database)
        leave_two_in_doubt(database)
        database.commit()


def leave_the_last_running(database: sqlite3.Connection) -> None:
    last = "dag_id = 'nightly' AND task_id = 'import_customers' AND run_id = (SELECT max(run_id) FROM task_instance)"
    database.execute(f"UPDATE task_instance SET state = 'running', end_date = NULL WHERE {last}")
    database.execute("DELETE FROM xcom WHERE " + last.replace("task_instance", "xcom"))


def make_the_first_part_a_dry_run(database: sqlite3.Connection) -> None:
    rows = {"total": 43, "sendable": 38, "invalid": 2, "duplicate": 0, "blank": 3, "unchanged": 0, "known_bad": 0}
    remark = {
        "code": "null-word",
        "meaning": "friendName: A value is a word.",
        "hint": "Set null_values.",
        "rows": 1200,
    }
    observations = {"remarks": [remark], "ambiguous_numbers": {"CN or US": 4}, "left_out": ["password_hash", "id"]}
    manifest = {"dry_run": True, "rows": rows, "refusals": [], "calls": 1, "seconds": 0.2} | observations
    first = "dag_id = 'by_country' AND task_id = 'import_customers' AND map_index = 0"
    database.execute(f"UPDATE xcom SET value = ? WHERE {first}", [json.dumps(manifest)])


def write_the_log_of_the_failed(dag_id: str, day: str, sentence: str) -> None:
    """Write what Airflow's own supervisor writes when a task fails; a test run of a DAG has no log."""
    folder = f"logs/dag_id={dag_id}/run_id=manual__2026-11-{day}T02:00:00+00:00/task_id=import_customers"
    lines = [
        {"event": "Importing into tenant 1", "level": "info"},
        {
            "event": "Task failed with exception",
            "level": "error",
            "error_detail": [{"exc_type": "AirflowFailException", "exc_value": sentence, "frames": []}],
        },
    ]
    path = Path(AIRFLOW_HOME, folder, "attempt=1.log")
    path.parent.mkdir(parents=True)
    path.write_text("".join(f"{json.dumps({'timestamp': FIRST_NIGHT.isoformat()} | line)}\n" for line in lines))


def add_a_connection_without_key() -> None:
    with create_session() as session:
        extra = json.dumps({"tenant_id": "123456"})
        session.add(Connection(conn_id="crm_without_key", conn_type="socialscrm", login="agent", extra=extra))


def leave_two_in_doubt(database: sqlite3.Connection) -> None:
    sixth = "dag_id = 'synced' AND task_id = 'import_customers' AND run_id LIKE 'manual__2026-11-21%'"
    [(value,)] = database.execute(f"SELECT value FROM xcom WHERE key = 'return_value' AND {sixth}").fetchall()
    manifest = json.loads(value)
    manifest["changes"] |= {"in_doubt": 2}
    database.execute(f"UPDATE xcom SET value = ? WHERE key = 'return_value' AND {sixth}", [json.dumps(manifest)])


if __name__ == "__main__":
    main()
