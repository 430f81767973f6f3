"""What a template says holds, however the DAG renders it."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from airflow.sdk import DAG, Param

from airflow_provider_socialscrm._compat import AirflowFailException, AirflowSkipException
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance, serialized

PARAMS: dict[str, Any] = {
    "dry": False,
    "region": "CN",
    "columns": {"mobile": "whatsApp", "note": "desc"},
    "extensions": ["Loyalty Level"],
    "rows": 2,
    "most": 0.5,
    "dayfirst": True,
    "nothing": None,
    "stage": "1e5",
    "conn": "2024",
}
ROWS = [
    {"mobile": f"1526666{n:04}", "note": "007", "Loyalty Level": "Gold", "birthday": "01/02/1990"} for n in range(3)
]
TEMPLATED: dict[str, Any] = {
    "dry_run": "{{ params.dry }}",
    "default_region": "{{ params.region }}",
    "columns": "{{ params.columns }}",
    "extension_fields": "{{ params.extensions }}",
    "rows_per_call": "{{ params.rows }}",
    "max_rejected": "{{ params.most }}",
    "dayfirst": "{{ params.dayfirst }}",
    "parallel_tasks": "{{ params.nothing }}",
    "defaults": {"stage": "{{ params.stage }}", "source": "0012"},
    "socialscrm_conn_id": "{{ params.conn }}",
}


@pytest.fixture
def crm(connected_crm: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    monkeypatch.setenv("AIRFLOW_CONN_2024", connected_crm.connection_json())
    return connected_crm


def run(*, native: bool, mapped: bool = False, data: Any = None, **arguments: Any) -> dict[str, Any]:
    """Render a task as Airflow does, run it, and return its manifest."""
    data = pd.DataFrame(ROWS) if data is None else data
    with DAG("dag", schedule=None, render_template_as_native_obj=native, params=dict(PARAMS)) as dag:
        if mapped:
            task = SocialSCRMImportOperator.partial(task_id="task", **arguments).expand(data=["unused.csv"])
        else:
            task = SocialSCRMImportOperator(task_id="task", data=data, **arguments)
    ti: Any = FakeTaskInstance(get_ti_count=lambda *_, **__: 1, map_index=0 if mapped else -1)
    context = {"ti": ti, "task_instance": ti, "dag": dag, "task": task, "params": PARAMS, "run_id": "run", "ds": "x"}
    context |= {"dag_run": SimpleNamespace(conf=None), "outlet_events": {}}
    if mapped:
        task.render_template_fields(context, dag.get_template_env())
        task = context["task"]
        task.data = data
    else:
        task = task.prepare_for_execution()
        context["task"] = task
        task.render_template_fields(context, dag.get_template_env())
    manifest: dict[str, Any] = task.execute(context)
    return manifest


@pytest.mark.parametrize("mapped", [False, True], ids=["plain", "mapped"])
@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
def test_rendered_arguments_do_what_the_same_python_values_do(crm: Sandbox, native, mapped):
    manifest = run(native=native, mapped=mapped, **TEMPLATED)

    assert (manifest["rows"]["accepted"], manifest["calls"]["sent"]) == (3, 2)
    fields = [customer["fields"] for customer in crm.customers()]
    assert {one["stage"] for one in fields} == {"1e5"}
    assert {one["source"] for one in fields} == {"0012"}
    assert {one["desc"] for one in fields} == {"007"}
    assert {one["birthday"] for one in fields} == {"1990/02/01"}
    assert [customer["whatsApp"] for customer in crm.customers()] == [f"861526666{n:04}" for n in range(3)]


@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
@pytest.mark.parametrize(("dry", "is_dry"), [(True, True), (False, False), ("true", True), ("False", False)])
def test_a_rendered_dry_run_is_what_it_says(crm: Sandbox, monkeypatch, native, dry, is_dry):
    monkeypatch.setitem(PARAMS, "dry", dry)
    run(native=native, **TEMPLATED)
    assert crm.customers() == [] if is_dry else len(crm.customers()) == 3


@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
@pytest.mark.parametrize("dry", [None, "", "maybe", 0, 1])
def test_a_dry_run_that_is_neither_true_nor_false_stops_the_task(crm: Sandbox, monkeypatch, native, dry):
    monkeypatch.setitem(PARAMS, "dry", dry)
    with pytest.raises(AirflowFailException, match=r"dry_run is .* \(must be true or false\)"):
        run(native=native, **TEMPLATED)
    assert crm.calls() == []


@pytest.mark.parametrize(
    ("argument", "text"),
    [
        ("rows_per_call", "many"),
        ("rows_per_call", "0"),
        ("max_rejected", "few"),
        ("max_rejected", ""),
        ("max_rejected", "nan"),
        ("dayfirst", "perhaps"),
        ("default_region", "XX"),
        ("extension_fields", "Loyalty"),
        ("columns", "{'mobile': 'whatsApp'"),
        ("encoding", "klingon"),
        ("delimiter", "comma"),
    ],
)
@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
def test_a_rendered_value_of_the_wrong_type_is_named_before_any_call(crm: Sandbox, monkeypatch, native, argument, text):
    monkeypatch.setitem(PARAMS, "wrong", text)
    data = "nothing.csv" if argument in {"encoding", "delimiter"} else None
    with pytest.raises(AirflowFailException, match=argument):
        run(native=native, data=data, **TEMPLATED | {argument: "{{ params.wrong }}"})
    assert crm.calls() == []


@pytest.mark.parametrize("form", [(False, False), (False, True), (True, False), (True, True)], ids=str)
@pytest.mark.parametrize(
    "values",
    [
        *(("{{ params.path }}", path) for path in (None, "", " ", "None")),
        (Path("{{ params.path }}"), None),
        *((given, "unused.csv") for given in ("", " ", "None", None)),
    ],
)
def test_a_path_that_renders_to_nothing_is_no_file(crm: Sandbox, tmp_path, monkeypatch, form, values):
    monkeypatch.chdir(tmp_path)
    (native, mapped), (given, path) = form, values
    monkeypatch.setitem(PARAMS, "path", path)
    paths = {"rejects_path": given, "checkpoint_path": given}

    manifest = run(native=native, mapped=mapped, data=[{"whatsApp": "=bad"}], max_rejected=None, **paths)

    assert (manifest["rows"]["invalid"], manifest["rejects_path"]) == (1, None)
    assert list(tmp_path.iterdir()) == []


def rendered(given: Any, *, native: bool, **arguments: Any) -> tuple[SocialSCRMImportOperator, Any]:
    with DAG("dag", schedule=None, render_template_as_native_obj=native) as dag:
        task = SocialSCRMImportOperator(task_id="task", data=given, **arguments).prepare_for_execution()
    context = {"ti": FakeTaskInstance(), "dag": dag, "task": task, "params": PARAMS, "dag_run": SimpleNamespace()}
    task.render_template_fields(context, dag.get_template_env())
    return task, context


@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
def test_the_rendered_templates_show_the_text_that_is_sent(crm: Sandbox, native):
    rows = pd.DataFrame({"whatsApp": ["8619776600000"], "friendName": ["Xanthippe"]})
    task, context = rendered(rows, native=native, defaults={"stage": "{{ '1e5' }}"})
    task.execute(context | {"outlet_events": {}, "run_id": "run"})

    assert task.defaults == {"stage": "1e5"}
    assert task.overwrite_rtif_after_execution == native  # so that Airflow shows these in place of what it rendered


@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
@pytest.mark.parametrize("given", ["{{ params.path }}", Path("{{ params.path }}"), None])
@pytest.mark.parametrize("path", [None, "None", ""])
def test_data_that_renders_to_nothing_is_no_file(tmp_path, monkeypatch, native, given, path):
    monkeypatch.chdir(tmp_path)
    Path("None").write_text("whatsApp\n")
    monkeypatch.setitem(PARAMS, "path", path)
    for on_empty, expected in (("succeed", AirflowFailException), ("skip", AirflowSkipException)):
        task, context = rendered(given, native=native, on_empty=on_empty)
        with pytest.raises(expected, match=r"data is (None|the text '(None)?')"):
            task.execute(context)


@pytest.mark.parametrize("native", [False, True], ids=["text", "native"])
@pytest.mark.parametrize("argument", ["data", "rejects_path", "checkpoint_path", "ledger"])
def test_a_rendered_path_that_can_be_read_in_two_ways_is_named(tmp_path, monkeypatch, native, argument):
    monkeypatch.chdir(tmp_path)
    for path, start in {"~/x.csv": "~", "file:/x.csv": "file:/", str(Path("s3://crm/x.csv")): "s3:/"}.items():
        monkeypatch.setitem(PARAMS, "path", path)
        given = {"data": pd.DataFrame(ROWS), argument: "{{ params.path }}"}
        task, context = rendered(given.pop("data"), native=native, **given)
        with pytest.raises(AirflowFailException, match=f"^{argument} begins with {start}"):
            task.execute(context)
    assert list(tmp_path.iterdir()) == []


def test_every_argument_is_a_template_field():
    parameters = inspect.signature(SocialSCRMImportOperator.__init__.__wrapped__).parameters.values()
    arguments = [one.name for one in parameters if one.kind is one.KEYWORD_ONLY]
    assert sorted(arguments) == sorted(SocialSCRMImportOperator.template_fields)
    assert set(SocialSCRMImportOperator.template_fields_renderers) < set(arguments)


def test_templates_are_stored_with_the_dag_as_they_were_written():
    with DAG("dag", schedule=None, params={name: Param(value) for name, value in PARAMS.items()}) as dag:
        SocialSCRMImportOperator(task_id="task", data="a.csv", **TEMPLATED)
    (stored,) = json.loads(serialized(dag))["dag"]["tasks"]
    stored = stored.get("__var", stored)
    assert {name: stored[name] for name in TEMPLATED} == TEMPLATED
    assert json.dumps(stored).count("{{ params.dry }}") == 1
