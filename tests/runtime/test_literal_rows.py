"""Rows in a DAG file, and text that is not a path, are in no serialized DAG, rendered field or error."""

from __future__ import annotations

import json
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from airflow.sdk import DAG, ObjectStoragePath, task
from airflow.sdk.definitions.template import literal

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.runtime.hidden_tables import unwrap
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance, serialized

ROWS = [{"whatsApp": "8619776600001", "friendName": "Xanthippe"}, {"whatsApp": "8619776600002", "friendName": "Zoe"}]
FRAME = pd.DataFrame(ROWS)
JSON = json.dumps(ROWS)

SECRETS = ("Xanthippe", "86197766")
HIDDEN_FRAME = "<DataFrame of 2 rows x 2 columns, not shown>"


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    return connected_crm


def shown(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def run_mapped(dag: DAG, map_index: int, tasks: int = 2) -> Any:
    """Run one task of a map as a worker does: from the DAG file, its fields rendered."""
    (mapped,) = (each for each in dag.tasks if each.is_mapped)
    ti = FakeTaskInstance(task_id=mapped.task_id, map_index=map_index, task=None, get_ti_count=lambda *_, **__: tasks)
    context = {"ti": ti, "task_instance": ti, "dag": dag, "task": mapped, "run_id": "run", "ds": "2026-01-01"}
    context["dag_run"] = SimpleNamespace(conf=None)
    mapped.render_template_fields(context, dag.get_template_env())
    return context["task"], context["task"].execute(context)


def expanded(**expand: Any) -> DAG:
    with DAG("dag", schedule=None) as dag:
        SocialSCRMImportOperator.partial(task_id="import_customers").expand(**expand)
    return dag


@pytest.mark.parametrize(
    ("values", "hidden"),
    [
        ([FRAME, FRAME], HIDDEN_FRAME),
        ([ROWS, ROWS], "<list of 2 items, not shown>"),
        (([FRAME, FRAME], ROWS), "<list of 2 DataFrames, not shown>"),
        ([[ROWS[:1], ROWS[1:]], ROWS], "<list of 2 lists, not shown>"),
        ([[tuple(ROWS), []], ROWS], "<list of 2 items, not shown>"),
        ([[MappingProxyType(row) for row in ROWS], ROWS], "<list of 2 items, not shown>"),
    ],
    ids=["frames", "records", "lists of frames", "lists of records", "tuples of records", "mappings"],
)
def test_tables_given_to_expand_are_hidden_in_the_dag_and_whole_in_the_task(crm: Sandbox, values, hidden):
    dag = expanded(data=values)

    assert shown(stored := serialized(dag)) == []
    assert hidden in stored
    operator, manifest = run_mapped(dag, 0)
    assert str(operator.data) == hidden
    assert manifest["rows"]["total"] in {2, 4}
    assert {customer["fields"]["friendName"] for customer in crm.customers()} == {"Xanthippe", "Zoe"}


def test_tables_given_to_expand_kwargs_are_hidden_and_other_arguments_are_not(crm: Sandbox):
    with DAG("dag", schedule=None) as dag:
        SocialSCRMImportOperator.partial(task_id="import_customers").expand_kwargs(
            [{"data": FRAME, "defaults": {"stage": "First"}}, {"data": ROWS, "defaults": {"stage": "Second"}}]
        )

    assert shown(stored := serialized(dag)) == []
    assert "Second" in stored
    _, manifest = run_mapped(dag, 1)
    assert manifest["rows"]["accepted"] == 2
    assert {customer["fields"]["stage"] for customer in crm.customers()} == {"Second"}


def test_rows_that_are_marked_as_literal_are_hidden(crm: Sandbox):
    with DAG("dag", schedule=None) as dag:
        SocialSCRMImportOperator.partial(task_id="import_customers", data=literal(ROWS)).expand(encoding=["utf-8"])
        task.socialscrm_import(task_id="other")(lambda rows: rows)(literal(ROWS))
        SocialSCRMImportOperator(task_id="path", data=literal("{{ x }}.csv"))

    assert shown(stored := serialized(dag)) == []
    assert "{{ x }}.csv" in stored
    assert run_mapped(dag, 0, 1)[1]["rows"]["accepted"] == 2


def test_a_table_given_to_partial_is_hidden(crm: Sandbox):
    with DAG("dag", schedule=None) as dag:
        SocialSCRMImportOperator.partial(task_id="import_customers", data=ROWS).expand(encoding=["utf-8", "gb18030"])

    assert shown(serialized(dag)) == []
    assert run_mapped(dag, 1)[1]["rows"]["accepted"] == 2


def test_paths_given_to_expand_are_shown_and_rendered(crm: Sandbox, tmp_path):
    FRAME.to_csv(tmp_path / "2026-01-01.csv", index=False)
    for path in (
        str(tmp_path / "{{ ds }}.csv"),
        tmp_path / "{{ ds }}.csv",
        ObjectStoragePath(tmp_path / "{{ ds }}.csv"),
    ):
        dag = expanded(data=[path])
        assert "{{ ds }}.csv" in serialized(dag)
        operator, manifest = run_mapped(dag, 0, 1)
        assert operator.data == str(tmp_path / "2026-01-01.csv")
        assert manifest["rows"]["total"] == 2


@pytest.mark.parametrize("data", [JSON, JSON.encode(), "whatsApp\n8619776600001", [JSON], "{{ x }}" + JSON])
def test_text_that_is_not_a_path_is_rejected_when_the_dag_is_parsed(data):
    makers = (
        lambda: SocialSCRMImportOperator(task_id="import_customers", data=data),
        lambda: SocialSCRMImportOperator.partial(task_id="import_customers", data=data),
        lambda: SocialSCRMImportOperator.partial(task_id="import_customers").expand(data=[data]),
        lambda: SocialSCRMImportOperator.partial(task_id="import_customers").expand_kwargs([{"data": data}]),
        # Airflow would take bytes for a list of numbers, and refuses any other text here itself.
        lambda: SocialSCRMImportOperator.partial(task_id="import_customers").expand(data=data),
    )
    for make in makers if isinstance(data, bytes) else makers[:-1]:
        with pytest.raises(InputError, match=r"not a path: pass the tables? \w+") as caught:
            make()
        assert shown(str(caught.value)) == []


def test_the_size_of_the_text_is_named_and_what_to_give_instead():
    with pytest.raises(InputError) as caught:
        SocialSCRMImportOperator.partial(task_id="nightly", data="x" * 12_034)
    assert str(caught.value) == (
        "Task nightly: data is text of 12,034 characters, not a path: pass the table itself with `task.output`, or a "
        "path that ends in .parquet, .csv or .jsonl, or a pattern."
    )


@pytest.mark.parametrize("text", [JSON, JSON * 200, "whatsApp,friendName\n8619776600001,Xanthippe", str(ROWS)])
def test_text_that_a_template_or_a_task_gives_is_hidden_and_rejected_by_the_run(crm: Sandbox, text, caplog):
    caplog.set_level("DEBUG")
    with DAG("dag", schedule=None) as dag:
        operator = SocialSCRMImportOperator(task_id="import_customers", data="{{ ti.xcom_pull('extract') }}")
    copy = operator.prepare_for_execution()
    ti = FakeTaskInstance(xcom_pull=lambda _: text)
    copy.render_template_fields({"ti": ti, "task": copy}, dag.get_template_env())

    assert str(copy.data) == f"<text of {len(text):,} characters, not shown>"
    with pytest.raises(AirflowFailException, match=r"data is text of [\d,]+ characters, not a path") as caught:
        copy.execute({"ti": ti})
    assert shown(str(caught.value) + repr(copy) + caplog.text) == []
    assert crm.calls() == []


@pytest.mark.parametrize("text", [JSON, JSON.encode(), "whatsApp\n8619776600001"])
def test_text_that_a_decorated_function_returns_is_hidden_and_rejected(crm: Sandbox, text):
    with DAG("dag", schedule=None):
        operator = task.socialscrm_import(task_id="import_customers")(lambda: text)().operator

    with pytest.raises(AirflowFailException, match="not a path: pass the table itself") as caught:
        operator.execute({"ti": FakeTaskInstance()})
    assert shown(str(caught.value) + str(operator.data)) == []


def decorated_dag(make: Any, function: Any = lambda *tables: tables[0]) -> DAG:
    with DAG("dag", schedule=None) as dag:
        make(task.socialscrm_import(task_id="import_customers", max_rejected=1)(function))
    return dag


def test_a_functions_arguments_given_to_partial_and_expand_are_hidden(crm: Sandbox):
    def read(first, second, day):
        assert day == "2026-01-01"
        return [*first, *second.to_dict("records")]

    for make in (
        lambda made: made.partial(first=ROWS, day="{{ ds }}").expand(second=[FRAME, FRAME]),
        lambda made: made.partial(first=ROWS).expand_kwargs([{"second": FRAME, "day": "{{ ds }}"}] * 2),
        lambda made: made.override(retries=1).partial(day="{{ ds }}").partial(first=ROWS).expand(second=[FRAME]),
    ):
        dag = decorated_dag(make, read)
        assert shown(stored := serialized(dag)) == []
        assert HIDDEN_FRAME in stored
        assert "{{ ds }}" in stored
        operator, manifest = run_mapped(dag, 0)
        assert str(operator.op_kwargs["first"]) == "<list of 2 items, not shown>"
        assert manifest["rows"]["total"] == 4


def test_pairs_of_a_dictionary_that_is_expanded_are_hidden(crm: Sandbox):
    dag = decorated_dag(lambda made: made.expand(pair={"a": ROWS, "b": ROWS}), lambda pair: pair[1])

    assert shown(serialized(dag)) == []
    operator, manifest = run_mapped(dag, 1)
    assert shown(str(operator.op_kwargs)) == []
    assert manifest["rows"]["accepted"] == 2


def test_a_functions_arguments_in_a_call_are_hidden_and_templates_and_tasks_are_kept(crm: Sandbox):
    @task
    def extract():
        return []

    with DAG("dag", schedule=None) as dag:
        made = task.socialscrm_import(task_id="import_customers")(lambda *_: ROWS)
        operator = made(ROWS, FRAME, {"day": "{{ ds }}"}, [ROWS, extract()], JSON, "a line").operator

    assert operator.upstream_task_ids == {"extract"}
    assert shown(stored := serialized(dag)) == []
    assert "<dict of 1 item, not shown>" in stored
    assert "a line" in stored


def test_airflows_own_checks_of_expand_stay():
    with pytest.raises(TypeError, match="no arguments to expand"):
        SocialSCRMImportOperator.partial(task_id="import_customers").expand()
    with pytest.raises(TypeError, match="unexpected keyword argument 'dta'"):
        SocialSCRMImportOperator.partial(task_id="import_customers").expand(dta=[FRAME])
    with pytest.raises(ValueError, match="unexpected type 'str'"):
        SocialSCRMImportOperator.partial(task_id="import_customers").expand(data="a.csv")


def test_the_output_of_other_tasks_is_passed_on_by_partial_and_expand():
    with DAG("dag", schedule=None) as dag:

        @task
        def extract():
            return []

        first, second = extract.override(task_id="first")(), extract.override(task_id="second")()
        SocialSCRMImportOperator.partial(task_id="a", defaults=second).expand(data=first)
        SocialSCRMImportOperator.partial(task_id="b").expand(data=[first, second])
        SocialSCRMImportOperator.partial(task_id="c").expand_kwargs(first)
        SocialSCRMImportOperator(task_id="d", data=[first, ROWS])

    assert [sorted(dag.get_task(task_id).upstream_task_ids) for task_id in "abcd"] == [
        ["first", "second"], ["first", "second"], ["first"], ["first"],
    ]  # fmt: skip
    assert shown(serialized(dag)) == []


def test_path_objects_in_partial_are_paths(tmp_path, crm: Sandbox):
    FRAME.to_csv(tmp_path / "a.csv", index=False)
    with DAG("dag", schedule=None) as dag:
        SocialSCRMImportOperator.partial(
            task_id="import_customers", data=Path(tmp_path / "a.csv"), rejects_path=tmp_path / "{{ ds }}.csv"
        ).expand(encoding=["utf-8"])

    operator, manifest = run_mapped(dag, 0, 1)
    assert (operator.data, operator.rejects_path) == (str(tmp_path / "a.csv"), str(tmp_path / "2026-01-01.csv"))
    assert manifest["rejects_path"] == str(tmp_path / "2026-01-01-0.csv")


def test_templates_in_rows_that_a_function_is_given_are_rendered_and_hidden(crm: Sandbox):
    rows = [{**row, "desc": "{{ ds }}"} for row in ROWS]
    dag = decorated_dag(
        lambda made: made.partial(first=rows).expand(second=[rows]), lambda first, second: [*first, *second]
    )

    assert shown(serialized(dag)) == []
    operator, _ = run_mapped(dag, 0, 1)
    assert shown(str(operator.op_kwargs)) == []
    assert {customer["fields"]["desc"] for customer in crm.customers()} == {"2026-01-01"}


NESTED = {
    "lists of rows": [ROWS, ROWS],
    "tuples of rows": [tuple(ROWS), ()],
    "lists in lists": [[ROWS], [FRAME]],
    "mappings": [MappingProxyType(row) for row in ROWS],
    "rows without names": [list(row.values()) for row in ROWS],
}


@pytest.mark.parametrize("rows", NESTED.values(), ids=NESTED)
def test_rows_in_lists_are_hidden_wherever_a_dag_file_gives_them(rows):
    @task
    def extract():
        return []

    with DAG("dag", schedule=None) as dag:
        SocialSCRMImportOperator(task_id="plain", data=rows)
        SocialSCRMImportOperator(task_id="beside", data=[extract(), rows, [rows]])
        SocialSCRMImportOperator.partial(task_id="shared", data=rows).expand(encoding=["utf-8"])
        SocialSCRMImportOperator.partial(task_id="expanded").expand(data=[rows, rows])
        SocialSCRMImportOperator.partial(task_id="kwargs").expand_kwargs([{"data": rows}])
        SocialSCRMImportOperator(task_id="literal", data=literal(rows))
        made = task.socialscrm_import(task_id="decorated")(lambda first, second: [first, second])
        made(rows, second=rows)
        made.override(task_id="mapped").partial(first=rows).expand(second=[rows])

    assert shown(serialized(dag)) == []


BESIDE = {
    "columns": lambda output: {"whatsApp": output, "friendName": ["Xanthippe"]},
    "a row": lambda output: [{"whatsApp": output, "friendName": "Xanthippe"}],
    "rows": lambda output: [{"whatsApp": output}, {"friendName": "Xanthippe"}],
    "a template": lambda output: [{"whatsApp": output, "friendName": "Xanthippe {{ ds }}"}],
    "a tuple": lambda output: ({"whatsApp": output, "friendName": "Xanthippe"}, ROWS),
    "deeper": lambda output: {"whatsApp": [output, {"friendName": ["Xanthippe"]}]},
}


@pytest.mark.parametrize("make", BESIDE.values(), ids=BESIDE)
def test_values_beside_the_output_of_a_task_are_hidden(make):
    @task
    def extract():
        return "8619776600009"

    with DAG("dag", schedule=None) as dag:
        output = extract()
        SocialSCRMImportOperator(task_id="plain", data=make(output))
        SocialSCRMImportOperator.partial(task_id="shared", data=make(output)).expand(encoding=["utf-8"])
        made = task.socialscrm_import(task_id="decorated")(lambda rows: rows)
        made(make(output))
        made.override(task_id="named")(rows=make(output))

    assert shown(serialized(dag)) == []
    for task_id in ("plain", "shared", "decorated", "named"):
        assert dag.get_task(task_id).upstream_task_ids == {"extract"}


@pytest.mark.parametrize("make", [BESIDE["a row"], BESIDE["a template"], BESIDE["a tuple"]])
def test_values_beside_the_output_of_a_task_are_whole_in_the_task(crm: Sandbox, make):
    @task
    def extract():
        return "8619776600009"

    with DAG("dag", schedule=None) as dag:
        output = extract()
        operators = [
            SocialSCRMImportOperator(task_id="plain", data=make(output)),
            task.socialscrm_import(task_id="decorated")(lambda rows: rows)(make(output)).operator,
        ]
    for operator in operators:
        copy = operator.prepare_for_execution()
        ti = FakeTaskInstance(xcom_pull=lambda **_: "8619776600009")
        context = {"ti": ti, "task": copy, "ds": "2026-01-01"}
        copy.render_template_fields(context, dag.get_template_env())
        assert shown(f"{copy.data} {getattr(copy, 'op_args', '')}") == []
        given = unwrap(copy.data) if operator is operators[0] else unwrap(copy.op_args[0])
        assert given[0]["whatsApp"] == "8619776600009"
        assert given[0]["friendName"].replace(" {{ ds }}", " 2026-01-01") in {"Xanthippe", "Xanthippe 2026-01-01"}
