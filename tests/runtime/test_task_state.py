"""Where a task saves its checkpoint, and how it ends when it is killed."""

from __future__ import annotations

import logging
import threading
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from airflow.sdk import ObjectStoragePath
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.api.errors import SocialSCRMError
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.importer.errors import CheckpointError, InputError, StoppedError, SystemicError
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.results.checkpoint_files import FileCheckpointStore
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.runtime.task_state import (
    KEY,
    TaskStateCheckpointStore,
    checkpoint_store_for,
    is_retried,
)
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance, FakeTaskStateStore


class BrokenStore(FakeTaskStateStore):
    """A store whose API server does not respond."""

    def get(self, _key: str, _default: Any = None) -> Any:
        raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 500}))


class FullStore(FakeTaskStateStore):
    """A store that fails after so many saves."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most = most

    def set(self, key: str, value: Any) -> None:
        if len(self.given) >= self.most:
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 500}))
        super().set(key, value)


class QuickOperator(SocialSCRMImportOperator):
    """Stops at the first failure, as the real one does after minutes, and saves whenever no save runs."""

    def _options(self) -> Options:
        return Options(
            self.rows_per_call, concurrency=self.concurrency, retry_limits=RetryLimits(attempts=1), save_interval=0.0
        )


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    return connected_crm


def customers(count: int = 20, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"whatsApp": [f"86997788{n:05}" for n in range(count)], "friendName": "Xanthippe"} | columns)


def operator_of(data: Any, **arguments: Any) -> QuickOperator:
    return QuickOperator(task_id="task", data=data, rows_per_call=2, concurrency=1, **arguments)


def test_airflows_task_state_has_the_checkpoint_if_there_is_one(caplog):
    caplog.set_level(logging.INFO)
    store = FakeTaskStateStore()

    checkpoint = checkpoint_store_for({"ti": FakeTaskInstance(), "task_state_store": store}, None)
    assert checkpoint.load() is None
    checkpoint.save({"a": [1]})

    assert isinstance(checkpoint, TaskStateCheckpointStore)
    assert list(store.values) == [KEY]
    assert checkpoint.load() == {"a": [1]}
    checkpoint.restart(None)
    assert checkpoint.load() is None
    assert "saved in Airflow's task state" in caplog.text


def test_a_path_goes_before_airflows_task_state(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    path, store = tmp_path / "state.json", FakeTaskStateStore()

    checkpoint = checkpoint_store_for({"ti": FakeTaskInstance(), "task_state_store": store}, path)
    checkpoint.save({"a": 1})

    assert isinstance(checkpoint, FileCheckpointStore)
    assert (path.exists(), store.values) == (True, {})
    assert f"saved in {path}" in caplog.text


def test_with_neither_nothing_is_saved_and_the_log_says_what_to_do(caplog):
    caplog.set_level(logging.INFO)

    assert checkpoint_store_for({"ti": FakeTaskInstance()}, None) is None
    assert "Set checkpoint_path" in caplog.text


@pytest.mark.parametrize(
    ("changes", "resumes"),
    [
        ({"try_number": 2}, True),
        ({"max_tries": 5}, False),
    ],
    ids=["retried", "cleared"],
)
def test_only_a_retry_of_the_same_task_resumes_from_a_file(tmp_path, changes, resumes):
    path = tmp_path / "state.json"
    checkpoint_store_for({"ti": FakeTaskInstance()}, path).save({"a": 1})

    assert checkpoint_store_for({"ti": FakeTaskInstance(**changes)}, path).load() == ({"a": 1} if resumes else None)


@pytest.mark.parametrize(
    "changes",
    [{"run_id": "other"}, {"task_id": "other"}, {"dag_id": "other"}, {"map_index": 1}],
    ids=["run", "task", "dag", "mapped"],
)
def test_a_file_of_another_import_is_refused(tmp_path, changes):
    path = tmp_path / "state.json"
    checkpoint_store_for({"ti": FakeTaskInstance()}, path).save({"a": 1})
    before = path.read_bytes()

    with pytest.raises(InputError, match="has the checkpoint of another task"):
        checkpoint_store_for({"ti": FakeTaskInstance(**changes)}, path)

    assert path.read_bytes() == before


@pytest.mark.parametrize("changes", [{"run_id": "other"}, {"task_id": "other"}], ids=["run", "task"])
@pytest.mark.parametrize("is_complete", [True, False])
def test_a_task_with_the_file_of_another_import_makes_no_call(crm: Sandbox, tmp_path, changes, is_complete):
    path = tmp_path / "state.json"
    if not is_complete:
        crm.inject("code", code=517, after=5)
    with nullcontext() if is_complete else pytest.raises(SocialSCRMError):
        operator_of(customers(), checkpoint_path=str(path)).execute({"ti": FakeTaskInstance()})
    before, calls = path.read_bytes(), crm.stats()["calls"]

    with pytest.raises(AirflowFailException, match=r"checkpoint of another task \(dag/run/task/-1\), so no call"):
        operator_of(customers(), checkpoint_path=str(path)).execute({"ti": FakeTaskInstance(**changes)})

    assert (path.read_bytes(), crm.stats()["calls"]) == (before, calls)
    assert [file.name for file in tmp_path.iterdir()] == ["state.json"]


def test_a_cleared_task_starts_over_though_airflow_keeps_its_state(crm: Sandbox):
    store = FakeTaskStateStore()
    operator_of(customers()).execute({"ti": FakeTaskInstance(), "task_state_store": store})

    cleared = {"ti": FakeTaskInstance(max_tries=3), "task_state_store": store}
    manifest = operator_of(customers()).execute(cleared)

    assert manifest["calls"]["sent"] == 10
    assert [customer["times_imported"] for customer in crm.customers()] == [2] * 20


def test_a_retry_of_a_try_that_failed_before_it_read_anything_holds_no_row(crm: Sandbox, monkeypatch, tmp_path):
    data, path = customers(welcome="Hello"), str(tmp_path / "state.json")
    with monkeypatch.context() as patched:
        patched.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", '{"conn_type": "socialscrm"}')
        with pytest.raises(AirflowFailException, match="'socialscrm_default'"):
            operator_of(data, checkpoint_path=path).execute({"ti": FakeTaskInstance()})

    manifest = operator_of(data, checkpoint_path=path).execute({"ti": FakeTaskInstance(try_number=2)})

    assert manifest["rows"]["accepted"] == 20
    assert [customer["welcomes"] for customer in crm.customers()] == [1] * 20


@pytest.mark.parametrize("saves", [True, False])
def test_a_retry_without_a_checkpoint_holds_rows_with_side_effects(crm: Sandbox, tmp_path, caplog, monkeypatch, saves):
    data = customers(2, welcome=["Hello", None])
    arguments = {"checkpoint_path": str(tmp_path / "state.json")} if saves else {}
    with monkeypatch.context() as patched:
        patched.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", '{"conn_type": "socialscrm"}')
        with pytest.raises(AirflowFailException, match="'socialscrm_default'"):
            operator_of(data, **arguments).execute({"ti": FakeTaskInstance()})
    (tmp_path / "state.json").unlink(missing_ok=True)

    with pytest.raises(AirflowFailException, match="1 of 2 rows was refused \\(1 x no-checkpoint\\)"):
        operator_of(data, **arguments).execute({"ti": FakeTaskInstance(try_number=2)})

    assert "This is a retry, and no earlier try has left a checkpoint" in caplog.text
    assert [customer["welcomes"] for customer in crm.customers()] == [0]


@pytest.mark.parametrize(
    ("try_number", "max_tries", "retries", "is_retry"),
    [
        (1, 2, 2, False),
        (2, 2, 2, True),
        (3, 2, 2, True),
        (2, 3, 2, False),  # cleared after the first try
        (3, 3, 2, True),
        (4, 5, 2, False),  # cleared after the third
        (1, 0, 0, False),
        (2, 1, 0, False),  # cleared
        (2, 2, 5, True),  # the task's retries were changed in between
        (2, 5, 2, True),
        (2, 2, None, True),
    ],
)
def test_a_retry_is_known_from_the_first_try_and_from_a_cleared_task(try_number, max_tries, retries, is_retry):
    ti = FakeTaskInstance(try_number=try_number, max_tries=max_tries, task=SimpleNamespace(retries=retries))

    assert is_retried(ti) is is_retry


def test_task_state_that_airflow_cannot_read_makes_no_call_and_is_no_fatal_error(crm: Sandbox):
    with pytest.raises(CheckpointError, match=r"task state cannot be read .*No call was made. Run the task again"):
        operator_of(customers()).execute({"ti": FakeTaskInstance(), "task_state_store": BrokenStore()})

    assert crm.calls() == []


def test_task_state_that_airflow_cannot_save_stops_the_run_and_a_retry_resumes_from_the_last_save(crm: Sandbox):
    store = FullStore(3)
    with pytest.raises(CheckpointError, match="cannot be written"):
        operator_of(customers()).execute({"ti": FakeTaskInstance(), "task_state_store": store})
    assert 0 < len(crm.customers()) < 20

    store.most = 1_000
    manifest = operator_of(customers()).execute({"ti": FakeTaskInstance(), "task_state_store": store})
    assert manifest["rows"]["accepted"] == 20
    sent_again = sum(customer["times_imported"] - 1 for customer in crm.customers())
    assert sent_again <= 2 * operator_of(customers()).rows_per_call * operator_of(customers()).concurrency


def test_a_retry_resumes_from_the_task_state_which_is_complete_in_the_end(crm: Sandbox):
    context = {"ti": FakeTaskInstance(), "task_state_store": FakeTaskStateStore()}
    crm.inject("code", code=517, after=4, times=1)
    with pytest.raises(Exception, match="517"):
        operator_of(customers()).execute(context)
    assert list(context["task_state_store"].values) == [KEY]

    manifest = operator_of(customers()).execute(context)

    assert [customer["times_imported"] for customer in crm.customers()] == [1] * 20
    assert (manifest["rows"]["accepted"], manifest["calls"]["sent"]) == (20, 11)
    assert context["task_state_store"].values[KEY]["state"]["complete"]
    assert operator_of(customers()).execute(context) == manifest  # killed before Airflow knew: nothing is sent again
    assert [customer["times_imported"] for customer in crm.customers()] == [1] * 20


def test_killing_the_task_lets_the_call_in_flight_finish_and_the_retry_repeats_none(crm: Sandbox):
    crm.inject("latency", seconds=0.05)
    context = {"ti": FakeTaskInstance(), "task_state_store": FakeTaskStateStore()}
    operator = operator_of(customers())

    with pytest.raises(StoppedError, match="was stopped"):
        _run_and_kill(operator, context)

    assert 0 < len(crm.customers()) < 20
    ((_, manifest),) = context["ti"].pushed
    assert manifest["rows"]["accepted"] == len(crm.customers())
    assert operator_of(customers()).execute(context)["rows"]["accepted"] == 20
    assert [customer["times_imported"] for customer in crm.customers()] == [1] * 20


def _run_and_kill(operator: QuickOperator, context: dict[str, Any]) -> None:
    """Run a task that is killed once its state was saved twice."""
    store, twice = context["task_state_store"], threading.Event()
    save = store.set

    def save_and_notify(key: str, value: Any) -> None:
        save(key, value)
        if sum(bool(each.get("state")) for _, each in store.given) == 2:
            twice.set()

    def kill() -> None:
        twice.wait(30)
        operator.on_kill()

    store.set = save_and_notify
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        operator.execute(context)
    finally:
        store.set = save
        killer.join()


def test_killing_a_task_that_does_not_run_does_nothing():
    operator_of(customers()).on_kill()


def test_calls_refused_whatever_they_carry_keep_their_type(crm: Sandbox):
    crm.inject("code", code=999, message="nobody knows")

    with pytest.raises(SystemicError):
        operator_of(customers()).execute({"ti": FakeTaskInstance()})


@pytest.mark.parametrize("role", ["rejects_path", "checkpoint_path"])
@pytest.mark.parametrize("form", ["same", "roundabout", "link", "url", "object"])
def test_a_path_that_is_the_datas_is_refused_before_anything_is_written(
    crm: Sandbox, tmp_path, monkeypatch, role, form
):
    path = tmp_path / "customers.csv"
    customers().to_csv(path, index=False)
    before = path.read_bytes()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.csv").symlink_to(path)
    other = {
        "same": str(path),
        "roundabout": "../" + tmp_path.name + "/customers.csv",
        "link": Path("link.csv"),
        "url": f"file://{path}",
        "object": ObjectStoragePath(f"file://{path}"),
    }[form]

    with pytest.raises(AirflowFailException, match=f"data and {role} are one file"):
        operator_of(str(path), **{role: other}).execute({"ti": FakeTaskInstance()})

    assert path.read_bytes() == before
    assert crm.calls() == []


def test_a_dead_letter_in_the_place_of_the_state_is_refused(crm: Sandbox, tmp_path):
    path = str(tmp_path / "one.csv")

    with pytest.raises(AirflowFailException, match="rejects_path and checkpoint_path are one file"):
        operator_of(customers(), rejects_path=path, checkpoint_path=path).execute({"ti": FakeTaskInstance()})

    assert list(tmp_path.iterdir()) == []


def test_a_table_whose_columns_are_named_like_a_paths_methods_is_no_path(crm: Sandbox, tmp_path):
    arguments = {"rejects_path": str(tmp_path / "r.csv"), "checkpoint_path": str(tmp_path / "s.json")}
    crm.configure(extension_fields={"open": "text", "path": "text"})

    manifest = operator_of(customers(open="x", path="y"), **arguments).execute({"ti": FakeTaskInstance()})

    assert manifest["rows"]["accepted"] == 20
