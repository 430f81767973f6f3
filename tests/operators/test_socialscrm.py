from __future__ import annotations

import json
import logging
import pickle
import traceback
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from airflow.sdk import DAG, task

from airflow_provider_socialscrm.api.errors import RetriableError
from airflow_provider_socialscrm.operators.hidden import HiddenTable, hide
from airflow_provider_socialscrm.operators.socialscrm import AirflowFailException, SocialSCRMImportOperator
from airflow_provider_socialscrm.sandbox.server import Sandbox


class FakeTaskInstance:
    """Keeps what is pushed, as Airflow's does."""

    def __init__(self) -> None:
        self.pushed: list[tuple[str, Any]] = []

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed.append((key, value))


@pytest.fixture(params=["body", "header"])
def crm(request, socialscrm_sandbox: Sandbox, monkeypatch) -> Sandbox:
    """A sandbox that the default connection leads to, once with each scheme."""
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", socialscrm_sandbox.connection_json(request.param))
    return socialscrm_sandbox


def customers(count: int = 5, **columns: Any) -> pd.DataFrame:
    numbers = [f"86997766{position:05}" for position in range(count)]
    return pd.DataFrame({"whatsApp": numbers, "agentAccount": "agent_wang", "friendName": "Xanthippe"} | columns)


def run(data: Any, **arguments: Any) -> tuple[dict[str, Any] | None, FakeTaskInstance]:
    ti = FakeTaskInstance()
    operator = SocialSCRMImportOperator(task_id="import_customers", data=data, **arguments)
    return operator.execute({"ti": ti}), ti


def failure_of(data: Any, **arguments: Any) -> str:
    with pytest.raises(AirflowFailException) as failure:
        run(data, **arguments)
    return str(failure.value)


def test_every_customer_arrives_as_it_was_sent(crm: Sandbox):
    manifest, ti = run(customers(250, desc=["first", None] * 125))

    assert (manifest["rows"]["total"], manifest["rows"]["accepted"]) == (250, 250)
    assert manifest["calls"]["sent"] == 3
    stored = [(customer["whatsApp"], customer["fields"].get("desc")) for customer in crm.customers()]
    assert sorted(stored) == [(f"86997766{n:05}", "first" if n % 2 == 0 else None) for n in range(250)]
    assert ti.pushed == []  # Airflow itself pushes what a task returns


def test_rows_of_several_agents_go_to_their_agents(crm: Sandbox):
    agents = ["agent_wang", "agent_silva", "agent_wang", "agent_novak", "agent_silva"]

    run(customers(agentAccount=agents))

    stored = {customer["whatsApp"]: customer["agent"] for customer in crm.customers()}
    assert stored == {f"86997766{n:05}": agent for n, agent in enumerate(agents)}


def test_without_a_column_of_agents_the_connections_user_signs(socialscrm_sandbox: Sandbox, monkeypatch):
    connection = socialscrm_sandbox.connection_json("body", login="agent_silva")
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", connection)

    run(customers().drop(columns="agentAccount"))

    assert [customer["agent"] for customer in socialscrm_sandbox.customers()] == ["agent_silva"] * 5


def test_an_empty_frame_makes_no_call_and_no_failure(crm: Sandbox, tmp_path):
    manifest, _ = run(customers(0), rejects_path=str(tmp_path / "rejects.csv"))

    assert set(manifest["rows"].values()) == {0}
    assert manifest["calls"]["sent"] == 0
    assert crm.calls() == []


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (customers().rename(columns={"whatsApp": "mobile"}), "has no column whatsApp"),
        (customers().rename(columns={"whatsApp": "WhatsApp"}), "Rename WhatsApp"),
        (customers().rename(columns={"friendName": "whatsApp"}), "whatsApp"),
        (pd.concat({"a": customers()}, axis=1), "MultiIndex on its columns"),
        (customers().set_index(["whatsApp", "friendName"]), "MultiIndex on its rows"),
        ({"whatsApp": ["8699776667780"]}, "dict"),
        ("not/there.parquet", "not/there.parquet is not there"),
        ("customers.xlsx", "customers.xlsx"),
    ],
)
def test_a_table_that_cannot_be_taken_is_named_before_any_call(crm: Sandbox, data, sentence):
    assert sentence in failure_of(data)
    assert crm.calls() == []


def test_a_row_without_a_number_is_refused_and_the_others_go(crm: Sandbox):
    frame = customers()
    frame.loc[2, "whatsApp"] = None

    manifest, _ = run(frame, max_rejected=1)

    assert (manifest["rows"]["accepted"], manifest["rows"]["invalid"]) == (4, 1)
    (refusal,) = manifest["refusals"]
    assert (refusal["code"], refusal["first_positions"]) == ("no-number", [2])


@pytest.mark.parametrize(("max_rejected", "passes"), [(0, False), (1, False), (2, True), (0.3, False), (0.4, True)])
def test_max_rejected_is_a_number_of_rows_or_a_fraction(crm: Sandbox, max_rejected, passes):
    frame = customers(whatsApp=["8699776660001", "x", "8699776660003", "y", "8699776660005"])

    if passes:
        run(frame, max_rejected=max_rejected)
    else:
        assert "2 of 5 rows were refused (2 x bad-number)" in failure_of(frame, max_rejected=max_rejected)
    assert len(crm.customers()) == 3


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"password": "not-the-key"}, "ApiKey"),
        ({"login": "agent_gone"}, "User name"),
        ({"login": "admin"}, "User name"),
    ],
)
def test_a_wrong_setting_stops_after_one_call_and_is_named(socialscrm_sandbox: Sandbox, monkeypatch, wrong, named):
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", socialscrm_sandbox.connection_json("body", **wrong))

    sentence = failure_of(customers(500).drop(columns="agentAccount"), concurrency=1)

    assert named in sentence
    assert len(socialscrm_sandbox.calls()) == 1


def test_missing_settings_are_all_named_by_their_labels(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", json.dumps({"conn_type": "socialscrm"}))

    sentence = failure_of(customers())

    assert [label for label in ("Tenant ID", "ApiKey", "User name") if label in sentence] == [
        "Tenant ID",
        "ApiKey",
        "User name",
    ]


def test_an_ill_service_leaves_the_rest_to_airflows_retry_with_the_manifest_there(crm: Sandbox, monkeypatch):
    monkeypatch.setattr(SocialSCRMImportOperator, "_options", patient_options)
    crm.inject("code", code=517)
    ti = FakeTaskInstance()

    with pytest.raises(RetriableError):
        SocialSCRMImportOperator(task_id="import_customers", data=customers()).execute({"ti": ti})

    ((key, manifest),) = ti.pushed
    assert (key, manifest["rows"]["not_sent"], manifest["rows"]["accepted"]) == ("return_value", 5, 0)


def patient_options(_operator):
    """Return options that wait for nothing."""
    from airflow_provider_socialscrm.importer.options import Options, Timing

    return Options(concurrency=1, timing=Timing(sleep=lambda _seconds: None, chance=lambda: 0.0))


@pytest.mark.parametrize("trouble", [{}, {"kind": "code", "code": 999, "message": "Xanthippe 8699776600001 is odd"}])
def test_no_customer_and_no_key_shows_in_the_log_the_exception_or_the_manifest(crm: Sandbox, caplog, trouble):
    caplog.set_level(logging.DEBUG)
    if trouble:
        crm.inject(**trouble)
    ti = FakeTaskInstance()
    frame = customers(3)
    frame.loc[1, "whatsApp"] = "Quarterstaff"

    try:
        SocialSCRMImportOperator(task_id="import_customers", data=frame).execute({"ti": ti})
    except AirflowFailException as failure:
        told = "".join(traceback.format_exception(failure))

    seen = caplog.text + told + json.dumps(ti.pushed)
    secrets = ["Xanthippe", "Quarterstaff", "86997766", crm.settings.api_key]
    assert [secret for secret in secrets if secret in seen] == []


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (customers(1200), "<DataFrame of 1,200 rows x 3 columns, not shown>"),
        (pa.table({"whatsApp": ["8699776667780"]}), "<Table of 1 rows x 1 columns, not shown>"),
        ([{"whatsApp": "8699776667780"}], "<list of 1 items, not shown>"),
    ],
)
def test_a_table_shows_its_shape_only(data, shown):
    operator = SocialSCRMImportOperator(task_id="import_customers", data=data)

    assert (str(operator.data), repr(operator.data)) == (shown, shown)


@pytest.mark.parametrize("data", [None, "s3://bucket/customers.parquet", "/data/{{ ds }}.csv"])
def test_paths_stay_what_they_are_so_that_airflow_can_render_them(data):
    assert SocialSCRMImportOperator(task_id="import_customers", data=data).data == data


def test_the_output_of_another_task_stays_a_reference_and_makes_it_upstream():
    with DAG("references", schedule=None):

        @task
        def read() -> None:
            """Stand for a task that makes a table."""

        output = read()
        operator = SocialSCRMImportOperator(task_id="import_customers", data=output)

    assert operator.data is output
    assert operator.upstream_task_ids == {"read"}


def test_hiding_twice_hides_once():
    hidden = hide(customers())

    assert isinstance(hidden, HiddenTable)
    assert hide(hidden) is hidden
    assert pickle.loads(pickle.dumps(hidden)).table.equals(hidden.table)


def test_wrong_arguments_are_all_named_before_any_call(crm: Sandbox):
    sentence = failure_of(customers(), rows_per_call=0, concurrency=-1, max_rejected="none")

    assert [name for name in ("rows_per_call", "concurrency", "max_rejected") if name in sentence] == [
        "rows_per_call",
        "concurrency",
        "max_rejected",
    ]
    assert crm.calls() == []
