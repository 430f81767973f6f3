"""DAGs whose tasks end in other ways than a plain success, or whose arguments a run decides."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from airflow.sdk import Asset, ObjectStoragePath, Param, dag, task

from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

FOLDER = Path(os.environ.get("TEST_FOLDER", "."))
CUSTOMERS = str(FOLDER / "customers.csv")
FIRST = "8613900000000"
"""Of the customers in the file."""

TENANT = Asset(os.environ.get("TEST_ASSET", "socialscrm://localhost/1/customers"))
OTHER = Asset("socialscrm://localhost/2/customers")


class QuickImport(SocialSCRMImportOperator):
    """Fails at the first failed call; the real operator retries for minutes."""

    def _options(self):
        from airflow_provider_socialscrm.api.retry import RetryLimits

        return replace(super()._options(), concurrency=1, retry_limits=RetryLimits(attempts=1))


@dag(schedule=None)
def timed_out() -> None:
    """A task that Airflow ends while calls are in flight."""
    SocialSCRMImportOperator(
        task_id="import_customers",
        data=CUSTOMERS,
        rows_per_call=1,
        concurrency=2,
        execution_timeout=timedelta(seconds=12),
    )


@dag(schedule=None)
def marked_failed() -> None:
    """A task that a person marks as failed while calls are in flight."""
    SocialSCRMImportOperator(
        task_id="import_customers",
        data=CUSTOMERS,
        rows_per_call=1,
        concurrency=2,
        checkpoint_path=str(FOLDER / "checkpoint.json"),
    )


def save_manifest(context) -> None:
    """Save what a try pushed: Airflow deletes it when the next one starts."""
    ti = context["ti"]
    manifest = ti.xcom_pull(task_ids=ti.task_id, key="return_value")
    (FOLDER / f"try-{ti.try_number}.json").write_text(json.dumps(manifest), encoding="utf-8")


@dag(schedule=None)
def drained() -> None:
    """A task whose worker has to end while messages are in flight, and that is retried."""
    SocialSCRMImportOperator(
        task_id="import_customers",
        data=CUSTOMERS,
        defaults={"welcome": "Hello"},
        concurrency=2,
        checkpoint_path=str(FOLDER / "checkpoint.json"),
        retries=1,
        retry_delay=timedelta(seconds=0),
        on_retry_callback=save_manifest,
    )


@dag(
    schedule=None,
    render_template_as_native_obj=True,
    params={"dry": Param(False), "stage": Param("1e5"), "conn": Param("2024"), "rows": Param(7), "most": Param(0.5)},
)
def native() -> None:
    """Arguments that a run decides, where Airflow renders templates to Python's objects."""

    @task(multiple_outputs=True)
    def settings():
        return {"region": "CN"}

    SocialSCRMImportOperator(
        task_id="import_customers",
        data=CUSTOMERS,
        dry_run="{{ params.dry }}",
        defaults={"stage": "{{ params.stage }}"},
        socialscrm_conn_id="{{ params.conn }}",
        rows_per_call="{{ params.rows }}",
        max_rejected="{{ params.most }}",
        default_region=settings()["region"],
    )


@dag(schedule=None, params={"dry": Param(False)})
def rendered() -> None:
    """Arguments that a run decides, where Airflow renders templates to text."""
    SocialSCRMImportOperator(task_id="import_customers", data=CUSTOMERS, dry_run="{{ params.dry }}")
    SocialSCRMImportOperator(task_id="rehearse", data=CUSTOMERS, dry_run="{{ not params.dry }}")
    SocialSCRMImportOperator(task_id="misspelled", data=CUSTOMERS, dry_run="{{ 'maybe' }}")


@dag(schedule=None)
def mapped_retry() -> None:
    """Mapped tasks whose first try meets an unavailable CRM, and whose own delay is short."""
    QuickImport.partial(task_id="import_customers", retries=1, retry_delay=timedelta(seconds=0.1)).expand(
        data=[CUSTOMERS]
    )


@dag(schedule=None)
def outlets() -> None:
    """References to assets that another task defines, and a task that pushes nothing."""

    @task(outlets=[TENANT, OTHER])
    def define():
        """Define the assets."""

    arguments = {"data": CUSTOMERS, "outlets": [Asset.ref(name=TENANT.name), Asset.ref(uri=OTHER.uri)]}
    define() >> [
        SocialSCRMImportOperator(task_id="import_customers", do_xcom_push=False, **arguments),
        SocialSCRMImportOperator(task_id="rehearse", dry_run=True, **arguments),
    ]


@dag(schedule=None)
def not_pushed() -> None:
    """A task that fails after it has read its table, and pushes nothing."""
    SocialSCRMImportOperator(
        task_id="import_customers", data=CUSTOMERS, values={"whatsApp": {FIRST: "none"}}, do_xcom_push=False
    )


@dag(schedule=None)
def not_installed() -> None:
    """A path whose file system the worker does not have."""
    SocialSCRMImportOperator(task_id="import_customers", data=CUSTOMERS, rejects_path="foo://crm/rejects/", retries=2)


@dag(schedule=None)
def plain() -> None:
    """An import by whatever connection there is."""
    QuickImport(task_id="import_customers", data=CUSTOMERS)


@dag(schedule=None)
def slow() -> None:
    """An import that shows its progress and saves its checkpoint several times."""
    SocialSCRMImportOperator(task_id="import_customers", data=CUSTOMERS, rows_per_call=1, concurrency=1)


@dag(schedule=None)
def inputs() -> None:
    """Inputs that are one file with an output, are empty, or are several."""

    @task
    def path():
        return ObjectStoragePath(f"file://{CUSTOMERS}")

    @task.socialscrm_import
    def tables():
        import pandas as pd

        return [pd.DataFrame({"whatsApp": [FIRST]}), [{"whatsApp": "8613900000001"}]]

    @task.socialscrm_import
    def cursor():
        return iter([(FIRST, "Xanthippe")])

    SocialSCRMImportOperator(task_id="overwrite", data=path(), rejects_path=FOLDER / "customers.csv")
    SocialSCRMImportOperator(task_id="empty", data=[FOLDER / "empty.csv", FOLDER / "empty.csv"], on_empty="skip")
    tables()
    cursor()


@dag(schedule=None)
def hook() -> None:
    """Two calls by a hook in a task of the user's own."""

    @task
    def call():
        from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook

        with SocialSCRMHook() as crm:
            for number in (FIRST, "8613900000001"):
                crm.import_customers([{"whatsApp": number}])

    call()


plain()
slow()
inputs()
hook()
timed_out()
marked_failed()
drained()
native()
rendered()
mapped_retry()
outlets()
not_pushed()
not_installed()
