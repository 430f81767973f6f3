"""Tasks and runs that are given one path never lose each other's rows, nor resume from each other's checkpoints."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from airflow.sdk import DAG

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    return connected_crm


def customers(first: int, **columns: Any) -> pd.DataFrame:
    numbers = [f"86197744{first + place:05}" for place in range(3)]
    return pd.DataFrame({"whatsApp": [*numbers, "=bad"], "friendName": f"+{first}"} | columns)


def run(path: Any, first: int = 0, *, data: Any = None, **changes: Any) -> dict[str, Any]:
    """Run a task that writes to a path, and return its manifest."""
    arguments = {name: changes.pop(name) for name in ("checkpoint_path",) if name in changes}
    with DAG(changes.get("dag_id", "dag"), schedule=None):
        operator = SocialSCRMImportOperator(
            task_id=changes.get("task_id", "task"),
            data=customers(first) if data is None else data,
            max_rejected=None,
            parallel_tasks=1,
            rejects_path=path,
            **arguments,
        )
    return operator.execute({"ti": FakeTaskInstance(**changes)})


def names(path: Path) -> list[str]:
    return [row["friendName"] for batch in open_source(path).batches() for row in batch.records.to_pylist()]


OTHERS = [{"task_id": "other"}, {"run_id": "other"}, {"dag_id": "other"}]


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_the_second_of_two_imports_with_one_file_is_refused_before_any_call(crm: Sandbox, tmp_path, other):
    path = tmp_path / "rejects.csv"
    run(str(path))
    calls = len(crm.calls())

    with pytest.raises(AirflowFailException, match=r"has rows of another task \(dag_id=dag/run_id=run/task_id=task\)"):
        run(str(path), 100, **other)

    assert len(crm.calls()) == calls
    assert names(path) == ["+0"]


@pytest.mark.parametrize("other", [*OTHERS, {"map_index": 0}], ids=str)
def test_imports_with_one_folder_have_a_file_each(crm: Sandbox, tmp_path, other):
    folder = f"{tmp_path}/rejects/"

    first, second = run(folder), run(folder, 100, **other)

    assert first["rejects_path"] == f"{folder}dag_id=dag/run_id=run/task_id=task/rejects.csv"
    assert names(Path(first["rejects_path"])) == ["+0"]
    assert names(Path(second["rejects_path"])) == ["+100"]
    assert len(list(tmp_path.rglob("*.csv"))) == 2
    assert list(tmp_path.rglob("*.parts")) == []


def test_a_task_that_runs_again_replaces_its_own_file(crm: Sandbox, tmp_path):
    path = str(tmp_path / "rejects.csv")
    run(path)

    run(path, 100, max_tries=5)

    assert names(Path(path)) == ["+100"]


def test_checkpoints_in_one_folder_are_of_one_import_each(crm: Sandbox, tmp_path):
    for task_id, first in (("a", 0), ("b", 100)):
        data = customers(first, welcome="Hello")
        manifest = run(None, data=data, task_id=task_id, checkpoint_path=str(tmp_path))
        assert manifest["rows"]["accepted"] == 3
        run(None, data=data, task_id=task_id, checkpoint_path=str(tmp_path))

    assert {customer["welcomes"] for customer in crm.customers()} == {1}
    assert len(list(tmp_path.rglob("checkpoint.json"))) == 2


def test_rows_of_a_dead_letter_are_imported_by_another_run(crm: Sandbox, tmp_path):
    first = run(f"{tmp_path}/", data=customers(0, whatsApp=["+8619774400000", "+8619774400001", "+86197744", "x"]))
    written = Path(first["rejects_path"])
    written.write_text(written.read_text(encoding="utf-8").replace("'+86197744", "'+8619774400002"), encoding="utf-8")

    second = run(f"{tmp_path}/", data=str(written), run_id="repaired")

    assert (second["rows"]["accepted"], second["rows"]["invalid"]) == (1, 1)
    stored = {customer["whatsApp"]: customer["fields"]["friendName"] for customer in crm.customers()}
    assert stored["8619774400002"] == "+0"
    assert second["left_out"] == []


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_allow_missing_rejects_is_true_or_false(value):
    if value is None:  # as for the other arguments, the default applies
        assert SocialSCRMImportOperator(task_id="t", data="x.csv", allow_missing_rejects=value)
        return
    with pytest.raises(ValueError, match=f"allow_missing_rejects is {value!r}, not True or False"):
        SocialSCRMImportOperator(task_id="t", data="x.csv", allow_missing_rejects=value)
