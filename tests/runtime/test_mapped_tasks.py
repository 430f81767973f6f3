"""Mapped tasks know how many they are, and that each needs files of its own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, BaseOperator, ObjectStoragePath, XComArg, task_group

from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.operators.socialscrm import AirflowFailException, SocialSCRMImportOperator
from airflow_provider_socialscrm.runtime.mapped_tasks import check_own_files, parallel_tasks
from airflow_provider_socialscrm.sandbox.server import Sandbox

PATHS = [f"/data/{number}.parquet" for number in range(8)]
OTHERS = [f"/other/{number}.csv" for number in range(8)]


class FakeTaskInstance:
    """One of so many mapped tasks of a run."""

    dag_id, run_id, id = "dag", "run", "018f-of-this-try"

    def __init__(self, task_id: str, map_index: int | None, tasks: int) -> None:
        self.task_id, self.map_index, self.task = task_id, map_index, None
        self._tasks = tasks

    def get_ti_count(self, dag_id: str, *, task_ids: list[str], run_ids: list[str]) -> int:
        assert (dag_id, task_ids, run_ids) == ("dag", [self.task_id], ["run"])
        return self._tasks


@pytest.fixture
def crm(socialscrm_sandbox: Sandbox, monkeypatch) -> Sandbox:
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", socialscrm_sandbox.connection_json())
    return socialscrm_sandbox


def mapped(tasks: int = 8, map_index: int | None = 3, dag: dict[str, Any] | None = None, **arguments: Any):
    """Return the context of one of the tasks that ``expand`` makes, its fields rendered by Airflow."""
    expanded = arguments.pop("expand", {"data": PATHS})
    with DAG("dag", schedule=None, **(dag or {})) as made:
        operator = SocialSCRMImportOperator.partial(task_id="import", **arguments)
        task = operator.expand(**expanded) if isinstance(expanded, dict) else operator.expand_kwargs(expanded)
    ti = FakeTaskInstance("import", map_index, tasks)
    context = {"ti": ti, "task_instance": ti, "dag": made, "task": task, "run_id": "run", "ds": "2026-01-01"}
    context["dag_run"] = SimpleNamespace(conf=None)
    task.render_template_fields(context, made.get_template_env())
    return context


def complaint(context: Any) -> str | None:
    try:
        check_own_files(context, "rejects_path", "checkpoint_path")
    except InputError as problem:
        return str(problem)
    return None


@pytest.mark.parametrize(
    "path",
    ["/data/rejects.csv", "s3://crm/{{ ds }}/{{ run_id }}.csv", "/data/{{ ti.task_id }}/{{ task.task_id }}.csv"],
)
@pytest.mark.parametrize("name", ["rejects_path", "checkpoint_path"])
def test_a_path_that_all_mapped_tasks_would_share_is_refused(name, path):
    assert complaint(mapped(**{name: path})) == (
        f"The mapped tasks would write {name} to the same place, each over the others: let the path contain "
        "{{ ti.map_index }}."
    )


def test_two_such_paths_are_named_at_once():
    assert "rejects_path and checkpoint_path" in complaint(mapped(rejects_path="/a.csv", checkpoint_path="/b.json"))


def test_a_path_of_object_storage_is_looked_at_as_well():
    assert complaint(mapped(rejects_path=ObjectStoragePath("file:///data/rejects.csv"))) is not None
    assert complaint(mapped(rejects_path=ObjectStoragePath("file:///data/{{ ti.map_index }}.csv"))) is None


@pytest.mark.parametrize(
    "path",
    [
        "/data/{{ ti.map_index }}.csv",
        "/data/{{ task_instance.map_index + 1 }}.csv",
        "/data/{{ '%03d' % ti.map_index }}.csv",
        "{{ task.data }}.rejects.csv",
        "/data/{{ ti.task.data.split('/')[-1] }}.csv",
        "/data/{{ ti.id }}.csv",
        "/data/{{ [1, 2, 3, 4][ti.map_index].real.imag.real }}.csv",  # fails for some
    ],
)
def test_a_path_that_differs_from_task_to_task_is_taken(path):
    assert complaint(mapped(rejects_path=path)) is None


def test_no_path_is_no_problem():
    assert complaint(mapped()) is None


def test_a_map_of_one_task_has_nobody_to_share_with():
    assert complaint(mapped(1, 0, rejects_path="/data/rejects.csv", expand={"data": PATHS[:1]})) is None


def test_a_path_for_each_task_is_taken_and_fewer_are_refused():
    assert (
        complaint(mapped(expand=[{"data": a, "rejects_path": b} for a, b in zip(PATHS, OTHERS, strict=True)])) is None
    )
    assert complaint(mapped(expand=[{"data": path, "rejects_path": "/one.csv"} for path in PATHS])) is not None
    every_pair = {"data": PATHS[:4], "rejects_path": ["/a.csv", "/b.csv"]}
    assert complaint(mapped(expand=every_pair)) is not None
    every_pair["rejects_path"] = ["/a/{{ ti.map_index }}.csv", "/b/{{ ti.map_index }}.csv"]
    assert complaint(mapped(expand=every_pair)) is None


def test_a_path_given_beside_the_map_is_looked_at_where_the_map_gives_none():
    assert complaint(mapped(rejects_path="/one.csv", expand=[{"data": path} for path in PATHS])) is not None


def test_params_that_are_the_same_for_all_make_no_difference():
    path = "/{{ params.bucket }}/rejects.csv"
    assert complaint(mapped(rejects_path=path, params={"bucket": "crm"})) is not None


def test_a_path_that_another_task_makes_is_taken():
    with DAG("dag", schedule=None) as dag:
        task = SocialSCRMImportOperator.partial(task_id="import").expand_kwargs(XComArg(BaseOperator(task_id="make")))
    ti = FakeTaskInstance("import", 3, 8)
    assert complaint({"ti": ti, "dag": dag, "task": task}) is None


def test_a_path_made_of_params_that_are_mapped_is_taken():
    arguments = [{"data": path, "params": {"part": path}} for path in PATHS]
    assert complaint(mapped(rejects_path="{{ params.part }}.rejects.csv", expand=arguments)) is None


def test_tasks_of_a_mapped_group_are_looked_at_as_well():
    @task_group
    def partition(path):
        SocialSCRMImportOperator(task_id="import", data=path, rejects_path="/data/rejects.csv")

    with DAG("dag", schedule=None) as dag:
        partition.expand(path=PATHS)
    task = dag.get_task("partition.import").prepare_for_execution()
    ti = FakeTaskInstance("partition.import", 2, 8)
    context = {"ti": ti, "task_instance": ti, "dag": dag, "task": task}
    task.render_template_fields(context, dag.get_template_env())

    assert complaint(context) is not None
    assert parallel_tasks(context) == 8


def test_a_task_that_is_not_mapped_may_write_where_it_likes():
    ti = FakeTaskInstance("import", -1, 1)
    task = SocialSCRMImportOperator(task_id="import", data="x.csv", rejects_path="/data/rejects.csv")
    assert complaint({"ti": ti, "task": task}) is None
    assert parallel_tasks({"ti": ti, "task": task}) == 1


def test_the_task_fails_for_good_before_any_call(crm: Sandbox, tmp_path):
    paths = [str(tmp_path / f"{number}.csv") for number in range(8)]
    context = mapped(rejects_path=str(tmp_path / "rejects.csv"), expand={"data": paths})

    with pytest.raises(AirflowFailException, match="to the same place"):
        context["task"].execute(context)

    assert crm.calls() == []


@pytest.mark.parametrize(
    ("limits", "dag", "parallel"),
    [
        ({}, {}, 8),
        ({"max_active_tis_per_dagrun": 4}, {}, 4),
        ({"max_active_tis_per_dag": 2, "max_active_tis_per_dagrun": 4}, {}, 2),
        ({"max_active_tis_per_dag": 20}, {}, 8),
        ({}, {"max_active_tasks": 3}, 3),
    ],
)
def test_as_many_tasks_run_at_once_as_the_map_has_and_its_limits_allow(limits, dag, parallel):
    assert parallel_tasks(mapped(dag=dag, **limits)) == parallel


@pytest.mark.parametrize(
    ("given", "said"), [({}, "divided by 8 tasks at once = 5.62"), ({"parallel_tasks": 3}, "= 15")]
)
def test_mapped_tasks_divide_the_pace_unless_told_otherwise(crm: Sandbox, tmp_path, caplog, given, said):
    caplog.set_level("INFO")
    paths = [tmp_path / f"{number}.csv" for number in range(8)]
    paths[3].write_text("whatsApp\n8699776600001\n", encoding="utf-8")
    context = mapped(expand={"data": [str(path) for path in paths]}, **given)

    context["task"].execute(context)

    assert said in caplog.text
    assert len(crm.customers()) == 1
