"""A table in partitions, each imported by its own task."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from airflow.sdk import dag

from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

FOLDER = Path(os.environ.get("TEST_FOLDER", "."))


@dag(schedule="@once", start_date=datetime(2026, 1, 1, tzinfo=UTC))
def import_partitions() -> None:
    """Import each partition; the DAG starts by itself, once."""
    SocialSCRMImportOperator.partial(
        task_id="import_customers",
        retries=3,
        retry_delay=timedelta(seconds=1),
        rejects_path=str(FOLDER / "rejects-{{ ti.map_index }}.csv"),
    ).expand(data=sorted(str(path) for path in FOLDER.glob("part-*.parquet")))


import_partitions()
