"""Import customers from a warehouse by path, without XCom.

In the first task the warehouse writes Parquet; the operator streams the file. DuckDB plays the warehouse: replace it
with your own ``COPY``, ``UNLOAD`` or ``EXPORT DATA``, and the path with object storage.
"""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import dag, task

from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

FOLDER = Path(os.environ.get("SOCIALSCRM_FOLDER", "/tmp/socialscrm"))  # noqa: S108

QUERY = """
    SELECT 8615266660000 + n AS mobile, 'Customer ' || n AS full_name, DATE '1990-03-08' + n::INT AS born, n AS row_id
    FROM range(1000) AS made_up(n)
"""


@dag(schedule=None, catchup=False, tags=["socialscrm", "example"])
def warehouse_by_path() -> None:
    """Export, then import."""

    @task
    def export() -> str:
        import duckdb  # noqa: PLC0415 - a DAG file loads nothing heavy

        FOLDER.mkdir(parents=True, exist_ok=True)
        path = FOLDER / "customers.parquet"
        duckdb.execute(f"COPY ({QUERY}) TO '{path}' (FORMAT parquet)")
        return str(path)

    SocialSCRMImportOperator(
        task_id="import_customers",
        data=export(),
        columns={"mobile": "whatsApp", "full_name": "friendName", "born": "birthday", "row_id": None},
        retries=3,
    )


warehouse_by_path()
