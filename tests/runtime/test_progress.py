"""Progress shows while a task runs, and disturbs nothing."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.results.progress import SendProgress
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.runtime import task_state
from airflow_provider_socialscrm.runtime.progress import KEY, report_progress
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance, FakeTaskStateStore


class ClosedStore(FakeTaskStateStore):
    """A store whose API server saves nothing."""

    def set(self, key: str, value: Any) -> None:
        self.given.append((key, value))
        raise AirflowRuntimeError(ErrorResponse(error=ErrorType.API_SERVER_ERROR, detail={"status_code": 500}))


class EagerOperator(SocialSCRMImportOperator):
    """Reports each progress, without waiting for the interval to end."""

    def _options(self) -> Options:
        return replace(super()._options(), progress_interval=0.0)


class BrokenStore(FakeTaskStateStore):
    """A store that fails with an error that is not Airflow's."""

    def set(self, key: str, value: Any) -> None:
        self.given.append((key, value))
        raise ImportError("cannot import name 'SUPERVISOR_COMMS', while a number such as 8613800000000 is shown")


PROGRESS = SendProgress(120, 1_000, 40.4, 2)


def test_the_ui_shows_numbers_which_are_deleted_in_the_end(caplog):
    caplog.set_level(logging.INFO)
    store = FakeTaskStateStore()

    with report_progress({"task_state_store": store}) as report:
        report(PROGRESS)
        assert store.values == {
            KEY: {"rows": 120, "total": 1_000, "refused": 2, "rows_per_second": 40, "seconds_left": 22}
        }

    assert store.values == {}
    assert str(PROGRESS) in caplog.text


def test_they_are_deleted_also_if_the_task_fails():
    store = FakeTaskStateStore()

    def fail() -> None:
        with report_progress({"task_state_store": store}) as report:
            report(PROGRESS)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert store.values == {}


def test_an_airflow_without_task_state_has_it_in_the_log(caplog):
    caplog.set_level(logging.INFO)

    with report_progress({}) as report:
        report(PROGRESS)

    assert caplog.messages == [str(PROGRESS)]


@pytest.mark.parametrize("kind", [ClosedStore, BrokenStore])
def test_a_store_that_saves_nothing_is_left_alone_after_one_line_and_the_task_goes_on(caplog, kind):
    caplog.set_level(logging.INFO)
    store = kind()

    with report_progress({"task_state_store": store}) as report:
        report(PROGRESS)
        report(PROGRESS)

    assert len(store.given) == 1
    assert caplog.text.count("Could not store progress in Airflow's task state") == 1
    assert caplog.text.count(str(PROGRESS)) == 2
    assert "8613800000000" not in caplog.text


def test_a_running_import_reports_its_progress_beside_its_checkpoint(connected_crm: Sandbox, caplog):
    caplog.set_level(logging.INFO)
    store = FakeTaskStateStore()
    numbers = [f"86197750{n:05}" for n in range(50)]

    operator = EagerOperator(
        task_id="task", data=pd.DataFrame({"whatsApp": numbers, "friendName": "Xanthippe"}), rows_per_call=10
    )
    operator.execute({"ti": FakeTaskInstance(), "task_state_store": store})

    first, *shown = [value for key, value in store.given if key == KEY]
    assert first == {"rows_read": 50}
    assert {value["total"] for value in shown} == {50}
    assert [value["rows"] for value in shown] == sorted(value["rows"] for value in shown)
    assert shown[-1]["rows"] == 50
    assert list(store.values) == [task_state.KEY]
    assert "Read 50 rows so far" in caplog.text
    assert "Rows: 50 of 50" in caplog.text
    assert [secret for secret in ("Xanthippe", "86197750") if secret in caplog.text + str(store.given)] == []


@pytest.mark.parametrize("how", [{"on_invalid": "fail"}, {"dry_run": True, "max_rejected": 1}])
def test_reading_without_a_call_is_reported_too(connected_crm: Sandbox, caplog, tmp_path, how):
    caplog.set_level(logging.INFO)
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text(f"whatsApp\n8619775000{name == 'a':03}\nXanthippe\n", encoding="utf-8")

    operator = EagerOperator(task_id="task", data=str(tmp_path / "*.csv"), **how)
    with suppress(AirflowFailException):
        operator.execute({"ti": FakeTaskInstance()})

    reports = [line for line in caplog.messages if line.endswith(" so far")]
    assert reports == ["Read 2 rows so far", "Read 4 rows of 2 files so far"]
    assert connected_crm.calls() == []
