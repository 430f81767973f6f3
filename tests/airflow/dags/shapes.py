"""DAGs whose customers come in other forms than one table, to be looked for where they must not be."""

from __future__ import annotations

import os
from pathlib import Path

from airflow.sdk import ObjectStoragePath, dag, task, task_group

from airflow_provider_socialscrm._compat import AirflowSkipException
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator

FOLDER = Path(os.environ.get("TEST_FOLDER", "."))


def records(number: int) -> list[dict[str, str]]:
    """Read one of the test's tables, where the test's folder is known; the scheduler's parsing knows none."""
    import json

    path = FOLDER / f"{number}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else [{}]


@dag(schedule=None)
def text() -> None:
    """The text of rows, which a template gets from XCom."""

    @task(show_return_value_in_logs=False)
    def read():
        return (FOLDER / "1.json").read_text(encoding="utf-8")

    read() >> SocialSCRMImportOperator(task_id="import_customers", data="{{ ti.xcom_pull('read') }}", retries=2)


@dag(schedule=None)
def mapped_source() -> None:
    """All outputs of a mapped task in one import."""

    @task(show_return_value_in_logs=False)
    def read(number):
        return records(number)

    SocialSCRMImportOperator(task_id="import_customers", data=read.expand(number=[1, 2]), max_rejected=2)


@dag(schedule=None)
def mapped_paths() -> None:
    """The paths of a mapped task in one import, and path objects."""

    @task
    def write(number):
        import pandas as pd

        pd.DataFrame(records(number)).to_csv(path := FOLDER / f"{number}.csv", index=False)
        return ObjectStoragePath(f"file://{path}")

    SocialSCRMImportOperator(
        task_id="import_customers",
        data=write.expand(number=[1, 2]),
        max_rejected=2,
        rejects_path=FOLDER / "{{ dag.dag_id }}.csv",
    )


@dag(schedule=None)
def literal() -> None:
    """Rows that stand in the DAG file, as far as Airflow knows."""
    SocialSCRMImportOperator.partial(task_id="import_customers", max_rejected=1).expand(data=[records(1), records(2)])

    @task.socialscrm_import(task_id="import_arguments", max_rejected=2)
    def import_arguments(first, second):
        return [*first, *second]

    import_arguments.partial(first=records(1)).expand(second=[records(2)])


@dag(schedule=None)
def asynchronous() -> None:
    """An asynchronous function that yields tables."""

    @task.socialscrm_import(max_rejected=2)
    async def import_customers():
        import asyncio

        import pandas as pd

        for number in (1, 2):
            await asyncio.sleep(0)
            yield pd.DataFrame(records(number))

    import_customers()


@dag(schedule=None)
def nothing() -> None:
    """An upstream task that returns nothing, once an error and once a reason to skip."""

    @task
    def extract():
        return None

    rows = extract()
    SocialSCRMImportOperator(task_id="import_or_skip", data=rows, on_empty="skip")
    SocialSCRMImportOperator(task_id="import_customers", data=rows, retries=2)


@dag(schedule=None)
def gaps() -> None:
    """A list of tasks, one of which returns nothing."""

    @task(show_return_value_in_logs=False)
    def read():
        return records(1)

    @task
    def extract():
        return None

    given = [read(), extract()]
    SocialSCRMImportOperator(task_id="import_customers", data=given, max_rejected=1, retries=2)
    SocialSCRMImportOperator(task_id="import_others", data=given, max_rejected=1, on_empty="skip")
    SocialSCRMImportOperator(task_id="import_or_skip", data=given[1:], on_empty="skip")


@dag(schedule=None)
def mapped_gaps() -> None:
    """Maps of which some tasks, or all, are skipped or return nothing."""

    @task(show_return_value_in_logs=False)
    def read(number):
        if not number:
            raise AirflowSkipException
        return records(number) if number > 0 else None

    @task_group
    def group(number):
        return read.override(task_id="read_in_group")(number)

    some, none = read.expand(number=[1, 0, -1, 2]), read.override(task_id="read_nothing").expand(number=[0, -1])
    arguments = {"max_rejected": 2, "trigger_rule": "none_failed"}
    SocialSCRMImportOperator(task_id="import_customers", data=some, **arguments)
    SocialSCRMImportOperator(task_id="import_group", data=group.expand(number=[1, 0, 2]), **arguments)
    SocialSCRMImportOperator(task_id="import_nothing", data=none, retries=2, **arguments)
    SocialSCRMImportOperator(task_id="import_or_skip", data=none, on_empty="skip", **arguments)


text()
gaps()
mapped_gaps()
mapped_source()
mapped_paths()
literal()
asynchronous()
nothing()
