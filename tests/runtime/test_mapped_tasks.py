"""Mapped tasks know how many run at once, and each writes to files of its own."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG, ObjectStoragePath, task_group
from hypothesis import assume, example, given
from hypothesis import strategies as st

from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.runtime.mapped_tasks import name_of_mapped, parallel_tasks
from airflow_provider_socialscrm.runtime.own_paths import own_path
from airflow_provider_socialscrm.runtime.task_identity import identity_of
from airflow_provider_socialscrm.sandbox.server import Sandbox

PATHS = [f"/data/{number}.parquet" for number in range(8)]


class FakeTaskInstance:
    """One of so many mapped tasks of a run."""

    dag_id, run_id, max_tries, try_number = "dag", "run", 0, 1

    def __init__(self, task_id: str, map_index: int | None, tasks: int) -> None:
        self.task_id, self.map_index, self.task = task_id, map_index, None
        self._tasks = tasks

    def get_ti_count(self, dag_id: str, *, task_ids: list[str], run_ids: list[str]) -> int:
        assert (dag_id, task_ids, run_ids) == ("dag", [self.task_id], ["run"])
        return self._tasks


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    return connected_crm


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


def own(path: Any, map_index: int | None = 3, argument: str = "rejects_path") -> Any:
    return own_path(identity_of({"ti": FakeTaskInstance("import", map_index, 8)}), argument, path)


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("rejects.csv", "rejects-3.csv"),
        ("rejects", "rejects-3"),
        (".state", ".state-3"),
        ("data.parquet.rejects.csv", "data.parquet.rejects-3.csv"),
        # The map index is a number of its own right before the suffix.
        ("3.csv", "3.csv"),
        ("rejects-3.csv", "rejects-3.csv"),
        ("part_3.csv", "part_3.csv"),
        ("part3.csv", "part3.csv"),
        ("3", "3"),
        # It is part of another number, or somewhere else, as the parts of a date are.
        ("13.csv", "13-3.csv"),
        ("03.csv", "03-3.csv"),
        ("2026-3-01.csv", "2026-3-01-3.csv"),
        ("3-rejects.csv", "3-rejects-3.csv"),
        ("rejects.3", "rejects-3.3"),
    ],
)
def test_a_mapped_tasks_file_has_its_map_index_before_the_suffix(given, written):
    assert name_of_mapped(given, 3) == written
    assert own(Path("/data/3") / given) == Path("/data/3") / written


names = st.text(st.sampled_from("a0139-_. \u0663\n"), min_size=1).filter(lambda name: name not in {".", ".."})
indexes = st.integers(0, 1000)


@given(name=names, first=indexes, second=indexes)
def test_tasks_that_are_given_one_name_never_share_a_file(name, first, second):
    assume(first != second)

    assert name_of_mapped(name, first) != name_of_mapped(name, second)


@given(first_name=names, second_name=names, first=indexes, second=indexes)
@example(first_name="a5.-3", second_name="a5.", first=5, second=3)
@example(first_name="a", second_name="a-1-2", first=1, second=2)
def test_tasks_that_are_given_any_two_names_never_share_a_file(first_name, second_name, first, second):
    assume(first != second)

    assert name_of_mapped(first_name, first) != name_of_mapped(second_name, second)


@given(name=names, map_index=indexes)
def test_each_try_of_a_task_has_the_same_file_and_keeps_its_suffix(name, map_index):
    written = name_of_mapped(name, map_index)

    assert name_of_mapped(written, map_index) == written
    assert PurePosixPath(name_of_mapped("x.csv", map_index)).suffix == ".csv"


def test_a_path_of_object_storage_has_the_map_index_as_well():
    assert own(ObjectStoragePath("file:///data/rejects.csv")) == ObjectStoragePath("file:///data/rejects-3.csv")
    assert own(ObjectStoragePath("memory://crm/3/rejects.csv")) == ObjectStoragePath("memory://crm/3/rejects-3.csv")
    kept = ObjectStoragePath("file:///data/3.csv")
    assert own(kept) is kept


@pytest.mark.parametrize("map_index", [None, -1])
def test_a_task_that_is_not_mapped_writes_where_it_is_told(map_index, caplog):
    caplog.set_level("INFO")
    path = Path("/data/rejects.csv")

    assert own(path, map_index) is path
    assert own_path(identity_of({}), "rejects_path", path) is path
    assert caplog.text == ""


def test_no_path_stays_none():
    assert own(None) is None


def test_the_log_has_the_path_where_it_is_not_the_one_given(caplog):
    caplog.set_level("INFO")

    own(Path("/data/3.csv"))
    own(Path("/data/rejects.csv"))

    assert [record.getMessage() for record in caplog.records] == [
        "Mapped task 3: rejects_path is /data/rejects-3.csv, so that no two tasks of the map write to one file"
    ]


def test_tasks_of_a_mapped_group_are_mapped_as_well():
    @task_group
    def partition(path):
        SocialSCRMImportOperator(task_id="import", data=path, rejects_path="/data/rejects.csv")

    with DAG("dag", schedule=None) as dag:
        partition.expand(path=PATHS)
    task = dag.get_task("partition.import").prepare_for_execution()
    ti = FakeTaskInstance("partition.import", 2, 8)
    context = {"ti": ti, "task_instance": ti, "dag": dag, "task": task}
    task.render_template_fields(context, dag.get_template_env())

    assert own_path(identity_of(context), "rejects_path", Path(task.rejects_path)) == Path("/data/rejects-2.csv")
    assert parallel_tasks(context) == 8


def test_a_task_that_is_not_mapped_runs_alone():
    ti = FakeTaskInstance("import", -1, 1)
    assert parallel_tasks({"ti": ti, "task": SocialSCRMImportOperator(task_id="import", data="x.csv")}) == 1


def test_tasks_that_are_given_one_path_write_a_file_each_and_name_it(crm: Sandbox, tmp_path):
    for part in range(2):
        (tmp_path / f"{part}.csv").write_text(f"whatsApp\nno-number-{part}\n", encoding="utf-8")
    arguments = {"rejects_path": str(tmp_path / "rejects.jsonl"), "checkpoint_path": str(tmp_path / "state.json")}
    manifests = []
    for part in range(2):
        context = mapped(
            2, part, max_rejected=1, **arguments, expand={"data": [str(tmp_path / f"{part}.csv") for part in range(2)]}
        )
        manifests.append(context["task"].execute(context))
        assert context["task"].written_rejects == tmp_path / f"rejects-{part}.jsonl"

    assert [manifest["rejects_path"] for manifest in manifests] == [
        str(tmp_path / f"rejects-{part}.jsonl") for part in range(2)
    ]
    for part in range(2):
        assert f"no-number-{part}" in (tmp_path / f"rejects-{part}.jsonl").read_text(encoding="utf-8")
        assert (tmp_path / f"state-{part}.json").exists()
    assert not (tmp_path / "rejects.jsonl").exists()


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
    ("arguments", "said"), [({}, "divided by 8 tasks at once = 5.62"), ({"parallel_tasks": 3}, "= 15")]
)
def test_mapped_tasks_divide_the_pace_unless_an_argument_says_otherwise(
    crm: Sandbox, tmp_path, caplog, arguments, said
):
    caplog.set_level("INFO")
    paths = [tmp_path / f"{number}.csv" for number in range(8)]
    paths[3].write_text("whatsApp\n8619776600001\n", encoding="utf-8")
    context = mapped(expand={"data": [str(path) for path in paths]}, **arguments)

    context["task"].execute(context)

    assert said in caplog.text
    assert len(crm.customers()) == 1
