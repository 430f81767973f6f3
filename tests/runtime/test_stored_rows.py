"""Rows that Airflow would store with the DAG, from where no operator can hide them, are an import error of the DAG."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from airflow.sdk import DAG, Param, TaskGroup, task, task_group

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.operators.owners import SocialSCRMClearOwnersOperator
from airflow_provider_socialscrm.operators.screening import SocialSCRMScreenOperator
from airflow_provider_socialscrm.operators.sends import SocialSCRMSendOperator
from airflow_provider_socialscrm.operators.socialscrm import Ledger, SocialSCRMImportOperator
from tests.support.airflow import serialized

ROWS = [{"whatsApp": "8619776600001", "friendName": "Xanthippe"}]
FRAME = pd.DataFrame(ROWS)
JSON = json.dumps(ROWS)
SECRETS = ("Xanthippe", "86197766")


def make(**arguments: Any) -> Any:
    return SocialSCRMImportOperator(task_id="task", **arguments)


def refused(caught: Any, place: str) -> None:
    assert f"Task task: {place}" in str(caught.value).replace("Task g.task", "Task task")
    assert str(caught.value).endswith(
        "which Airflow would store and show with the DAG: return it from a task, and pass the task's output."
    )
    assert [secret for secret in SECRETS if secret in str(caught.value)] == []


@pytest.mark.parametrize("rows", [ROWS, FRAME, [FRAME]], ids=["records", "frame", "frames"])
def test_rows_in_default_args_are_rejected(rows):
    given = {"default_args": {"data": rows}}
    for of_dag, of_group, of_task in ((given, {}, {}), ({}, given, {}), ({}, {}, given)):
        for maker in (make, lambda **own: SocialSCRMImportOperator.partial(task_id="task", **own)):
            with (
                pytest.raises(InputError) as caught,
                DAG("dag", schedule=None, **of_dag),
                TaskGroup("g", **of_group),
            ):
                maker(**of_task)
            refused(caught, "data in default_args is")


@pytest.mark.parametrize("arguments", [{"op_args": [ROWS]}, {"op_kwargs": {"rows": FRAME}}])
def test_a_functions_rows_in_default_args_are_rejected(arguments):
    with pytest.raises(InputError) as caught, DAG("dag", schedule=None, default_args=arguments):
        task.socialscrm_import(task_id="task")(lambda rows: rows)([])
    refused(caught, f"{next(iter(arguments))} in default_args is")


def test_paths_and_other_defaults_pass():
    with DAG("dag", schedule=None, default_args={"data": "/x/{{ ds }}.csv", "retries": 2}) as dag:
        operator = make()
        SocialSCRMImportOperator.partial(task_id="other").expand(encoding=["utf-8"])
    assert operator.data == "/x/{{ ds }}.csv"
    assert "/x/{{ ds }}.csv" in serialized(dag)


@pytest.mark.parametrize("rows", [ROWS, FRAME], ids=["records", "frame"])
@pytest.mark.parametrize("way", ["expand", "expand_kwargs"])
def test_rows_given_to_expand_of_a_task_group_are_rejected(rows, way):
    @task_group
    def g(customers):
        make(data=customers)

    @task_group(group_id="g")
    def function(customers):
        task.socialscrm_import(task_id="task")(lambda rows: rows)(customers)

    def expand(group):
        return group.expand(customers=[rows]) if way == "expand" else group.expand_kwargs([{"customers": rows}])

    for group, place in ((g, "data from expand of the task group is"), (function, "argument 1 from expand of the")):
        with pytest.raises(InputError) as caught, DAG("dag", schedule=None):
            expand(group)
        refused(caught, place)


@pytest.mark.parametrize("inside", [lambda rows: [rows], lambda rows: ({"rows": rows},)], ids=["list", "dictionary"])
def test_rows_given_to_expand_of_a_task_group_are_rejected_also_inside_of_an_argument(inside):
    @task_group
    def g(customers):
        make(data=inside(customers))

    @task_group(group_id="g")
    def function(customers):
        task.socialscrm_import(task_id="task")(lambda rows: rows)(inside(customers))

    for group in (g, function):
        for expand in (
            lambda made: made.expand(customers=[ROWS]),
            lambda made: made.expand_kwargs([{"customers": ROWS}]),
        ):
            with pytest.raises(InputError) as caught, DAG("dag", schedule=None):
                expand(group)
            refused(caught, "data from" if group is g else "argument 1 from")


def test_a_ledger_of_a_mapped_argument_is_rejected_without_what_the_group_is_given():
    @task_group
    def g(customers, ledger):
        make(data="/x/a.csv", ledger=Ledger(ledger))

    sentence = "path is a MappedArgument, not the path of a folder"
    with pytest.raises(InputError, match=sentence) as caught, DAG("dag", schedule=None):
        g.expand_kwargs([{"customers": ROWS, "ledger": "/x/ledger"}])
    assert [secret for secret in SECRETS if secret in str(caught.value)] == []


def test_rows_that_are_taken_for_arguments_are_hidden():
    with DAG("dag", schedule=None) as dag:
        SocialSCRMImportOperator.partial(task_id="task").expand_kwargs(ROWS)
    assert [secret for secret in SECRETS if secret in serialized(dag)] == []


def test_paths_and_output_given_to_expand_of_a_task_group_pass():
    @task
    def extract():
        return [ROWS]

    @task_group
    def g(customers):
        make(data=customers)

    with DAG("dag", schedule=None) as dag:
        g.expand(customers=["/x/a.csv", "/x/{{ ds }}.csv"])
        g.override(group_id="h").expand(customers=extract())
    assert dag.get_task("h.task").upstream_task_ids == {"extract"}
    assert "/x/a.csv" in serialized(dag)


@pytest.mark.parametrize("template", ["{{ params.rows }}", "{{ params['rows'] }}", "{{ params.get('rows') }}"])
@pytest.mark.parametrize("value", [ROWS, JSON, Param(ROWS)], ids=["records", "text", "Param"])
def test_rows_in_params_are_rejected_where_data_is_a_template_of_them(template, value):
    params = {"params": {"rows": value, "other": [{"a": 1}]}}
    for of_dag, of_task in ((params, {}), ({}, params)):
        for maker in (make, lambda **given: SocialSCRMImportOperator.partial(task_id="task", **given)):
            with pytest.raises(InputError) as caught, DAG("dag", schedule=None, **of_dag):
                maker(data=template, **of_task)
            refused(caught, "data from params.rows is")


@pytest.mark.parametrize("data", [["/x/a.csv", "{{ params.rows }}"], "{{ params[ 'rows' ] }}"], ids=str)
def test_rows_in_params_are_rejected_also_inside_of_data_and_of_a_functions_arguments(data):
    for maker in (lambda: make(data=data), lambda: task.socialscrm_import(task_id="task")(lambda rows: rows)(data)):
        with pytest.raises(InputError) as caught, DAG("dag", schedule=None, params={"rows": ROWS}):
            maker()
        assert "from params.rows is" in str(caught.value)
        assert [secret for secret in SECRETS if secret in str(caught.value)] == []


def test_other_params_pass():
    with DAG("dag", schedule=None, params={"path": "/x/a.csv", "sources": [{"name": "a"}], "none": None, "no": ""}):
        for number, name in enumerate(("path", "none", "no", "missing")):
            SocialSCRMImportOperator(task_id=f"task_{number}", data=f"{{{{ params.{name} }}}}")
        make(data="/x/{{ ds }}.csv")


def test_a_functions_rows_among_the_arguments_of_the_decorator_are_hidden():
    with DAG("dag", schedule=None) as dag:
        made = task.socialscrm_import(task_id="task", op_kwargs={"first": ROWS})(lambda first, second: [first, second])
        made.expand(second=["a"])
        made.override(task_id="other", op_kwargs={"first": FRAME}).expand(second=["a"])
    assert [secret for secret in SECRETS if secret in serialized(dag)] == []


def test_data_among_the_arguments_of_the_decorator_is_an_error():
    with pytest.raises(TypeError, match="takes no argument 'data': the function returns it"):
        task.socialscrm_import(data=ROWS)
    with DAG("dag", schedule=None), pytest.raises(TypeError, match="takes no argument 'data'"):
        task.socialscrm_import(task_id="task")(lambda: ROWS).override(data=ROWS)


@pytest.mark.parametrize(
    "other",
    [
        lambda **own: SocialSCRMClearOwnersOperator(task_id="task", admin="admin", **own),
        lambda **own: SocialSCRMScreenOperator(
            task_id="task", kind="is_whatsapp", country="IN", path="/x/out.csv", max_numbers=500, **own
        ),
        lambda **own: SocialSCRMSendOperator(task_id="task", content="Hello", ledger="/x/sends", **own),
    ],
    ids=["clear owners", "screen", "send"],
)
def test_rows_in_default_args_of_other_tasks_with_a_table_are_rejected_too(other):
    with pytest.raises(InputError) as caught, DAG("dag", schedule=None):
        other(default_args={"data": ROWS})
    refused(caught, "data in default_args is")
