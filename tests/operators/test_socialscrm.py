from __future__ import annotations

import json
import logging
import pickle
import traceback
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from airflow.sdk import DAG, task

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.errors import RetriableError, ServiceError
from airflow_provider_socialscrm.importer.errors import InputError
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.runtime.hidden_tables import HiddenTable, wrap
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance
from tests.support.clock import FakeClock


@pytest.fixture(params=["body", "header"])
def crm(request, connected_crm: Sandbox, monkeypatch) -> Sandbox:
    """The sandbox behind the default connection, once for each scheme."""
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", connected_crm.connection_json(request.param))
    return connected_crm


def customers(count: int = 5, **columns: Any) -> pd.DataFrame:
    numbers = [f"86197766{position:05}" for position in range(count)]
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
    assert sorted(stored) == [(f"86197766{n:05}", "first" if n % 2 == 0 else None) for n in range(250)]
    assert ti.pushed == []  # Airflow itself pushes what a task returns


def test_rows_of_several_agents_go_to_their_agents(crm: Sandbox):
    agents = ["agent_wang", "agent_silva", "agent_wang", "agent_novak", "agent_silva"]

    run(customers(agentAccount=agents))

    stored = {customer["whatsApp"]: customer["agent"] for customer in crm.customers()}
    assert stored == {f"86197766{n:05}": agent for n, agent in enumerate(agents)}


def test_without_a_column_of_agents_the_connections_user_signs(connected_crm: Sandbox, monkeypatch):
    connection = connected_crm.connection_json("body", login="agent_silva")
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", connection)

    run(customers().drop(columns="agentAccount"))

    assert [customer["agent"] for customer in connected_crm.customers()] == ["agent_silva"] * 5


def test_an_empty_frame_makes_no_call_and_does_not_fail(crm: Sandbox, tmp_path):
    manifest, _ = run(customers(0), rejects_path=str(tmp_path / "rejects.csv"))

    assert set(manifest["rows"].values()) == {0}
    assert manifest["calls"]["sent"] == 0
    assert crm.calls() == []


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (customers().rename(columns={"whatsApp": "mobile"}), "has no column whatsApp"),
        (customers().rename(columns={"whatsApp": "WhatsAppp"}), "{'WhatsAppp': 'whatsApp'}"),
        (customers().rename(columns={"friendName": "whatsApp"}), "whatsApp"),
        (pd.concat({"a": customers()}, axis=1), "MultiIndex on its columns"),
        (customers().set_index(["whatsApp", "friendName"]), "MultiIndex on its rows"),
        ({"whatsApp": ["8619776667780"]}, "dict"),
        ("customers.xlsx", "customers.xlsx"),
    ],
)
def test_an_unusable_table_is_named_before_any_call(crm: Sandbox, data, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("customers.xlsx").touch()

    assert sentence in failure_of(data)
    assert crm.calls() == []


def test_a_row_without_a_number_is_invalid_and_the_others_are_sent(crm: Sandbox):
    frame = customers()
    frame.loc[2, "whatsApp"] = None

    manifest, _ = run(frame, max_rejected=1)

    assert (manifest["rows"]["accepted"], manifest["rows"]["invalid"]) == (4, 1)
    (refusal,) = manifest["refusals"]
    assert (refusal["code"], refusal["first_positions"]) == ("no-number", [2])


@pytest.mark.parametrize(("max_rejected", "passes"), [(0, False), (1, False), (2, True), (0.3, False), (0.4, True)])
def test_max_rejected_is_a_number_of_rows_or_a_fraction(crm: Sandbox, max_rejected, passes):
    frame = customers(whatsApp=["8619776660001", "x", "8619776660003", "y", "8619776660005"])

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
def test_a_wrong_setting_stops_after_one_call_and_is_named(connected_crm: Sandbox, monkeypatch, wrong, named):
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", connected_crm.connection_json("body", **wrong))

    sentence = failure_of(customers(500).drop(columns="agentAccount"), concurrency=1)

    assert named in sentence
    assert len(connected_crm.calls()) == 1


def test_missing_settings_are_all_named_by_their_labels(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", json.dumps({"conn_type": "socialscrm"}))

    sentence = failure_of(customers())

    assert [label for label in ("Tenant ID", "ApiKey", "User name") if label in sentence] == [
        "Tenant ID",
        "ApiKey",
        "User name",
    ]


def test_an_unavailable_service_leaves_the_rest_to_airflows_retry_and_pushes_the_manifest(crm: Sandbox, monkeypatch):
    monkeypatch.setattr(SocialSCRMImportOperator, "_options", patient_options)
    crm.inject("code", code=517)
    ti = FakeTaskInstance()

    with pytest.raises(RetriableError):
        SocialSCRMImportOperator(task_id="import_customers", data=customers()).execute({"ti": ti})

    ((key, manifest),) = ti.pushed
    assert (key, manifest["rows"]["unknown"], manifest["rows"]["accepted"]) == ("return_value", 5, 0)


@pytest.mark.parametrize("has_welcome", [True, False])
def test_the_last_try_does_not_advise_to_clear_a_task_that_would_welcome_again(crm: Sandbox, monkeypatch, has_welcome):
    monkeypatch.setattr(SocialSCRMImportOperator, "_options", patient_options)
    send, is_up = Client.import_customers, iter([True])

    def once(self, rows, **options):
        if next(is_up, False):
            return send(self, rows, **options)
        raise ServiceError("No connection.")

    monkeypatch.setattr(Client, "import_customers", once)
    both = {"agentAccount": "agent_wang"} | ({"welcome": "Hi"} if has_welcome else {})
    data = [both | {"whatsApp": number} for number in ("8615266667780", "8615266667781")]

    with pytest.raises(RetriableError) as failure:
        SocialSCRMImportOperator(task_id="import_customers", data=data, rows_per_call=1).execute(
            {"ti": FakeTaskInstance(max_tries=0)}
        )

    advice = "do not clear the task, which would send each welcome again," if has_welcome else "clear the task once"
    assert f"so no retry is left: {advice} " in str(failure.value)


class TimedOutError(BaseException):
    """Not an Exception, as Airflow's time-out is."""


@pytest.mark.parametrize("failure", [TimedOutError(), KeyboardInterrupt(), SystemExit(1), TypeError()])
def test_however_a_task_ends_its_manifest_is_pushed_and_logged(crm: Sandbox, monkeypatch, caplog, failure):
    caplog.set_level(logging.INFO)
    ti, send = FakeTaskInstance(), Client.import_customers

    def end(self, rows, **options):
        if len(rows) < 100:
            raise failure
        return send(self, rows, **options)

    monkeypatch.setattr(Client, "import_customers", end)
    with pytest.raises(type(failure)):
        SocialSCRMImportOperator(task_id="import_customers", data=customers(150)).execute({"ti": ti})

    ((key, manifest),) = ti.pushed
    assert (key, manifest["rows"]["accepted"], manifest["rows"]["unknown"]) == ("return_value", 100, 50)
    assert manifest["broke_off"] == {"error": type(failure).__name__, "while": "sending"}
    assert f"The task broke off while sending ({type(failure).__name__})" in caplog.text


def test_a_task_that_pushes_no_xcom_pushes_none_if_it_fails_either(crm: Sandbox):
    ti = FakeTaskInstance()
    operator = SocialSCRMImportOperator(task_id="task", data=[{"whatsApp": "x"}], do_xcom_push=False)
    with pytest.raises(AirflowFailException):
        operator.execute({"ti": ti})
    assert ti.pushed == []


def test_an_xcom_that_cannot_be_pushed_does_not_hide_why_the_task_failed(crm: Sandbox, monkeypatch, caplog):
    monkeypatch.setattr(SocialSCRMImportOperator, "_options", patient_options)
    crm.inject("code", code=517)
    ti = FakeTaskInstance()
    ti.xcom_push = lambda **_: 1 / 0

    with pytest.raises(RetriableError):
        SocialSCRMImportOperator(task_id="import_customers", data=customers()).execute({"ti": ti})
    assert "The manifest could not be pushed to XCom (ZeroDivisionError)" in caplog.text


def patient_options(operator):
    """Return options that never wait."""
    from airflow_provider_socialscrm.importer.options import Options

    return Options(operator.rows_per_call or 100, concurrency=1, clock=FakeClock().as_clock())


@pytest.mark.parametrize("fault", [{}, {"kind": "code", "code": 999, "message": "Xanthippe 8619776600001 is unknown"}])
def test_no_customer_and_no_key_shows_in_the_log_the_exception_or_the_manifest(crm: Sandbox, caplog, fault):
    caplog.set_level(logging.DEBUG)
    if fault:
        crm.inject(**fault)
    ti = FakeTaskInstance()
    frame = customers(3)
    frame.loc[1, "whatsApp"] = "Quarterstaff"

    try:
        SocialSCRMImportOperator(task_id="import_customers", data=frame).execute({"ti": ti})
    except AirflowFailException as failure:
        raised = "".join(traceback.format_exception(failure))

    seen = caplog.text + raised + json.dumps(ti.pushed)
    secrets = ["Xanthippe", "Quarterstaff", "86197766", crm.settings.api_key]
    assert [secret for secret in secrets if secret in seen] == []


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (customers(1200), "<DataFrame of 1,200 rows x 3 columns, not shown>"),
        (pa.table({"whatsApp": ["8619776667780"]}), "<Table of 1 row x 1 column, not shown>"),
        ([{"whatsApp": "8619776667780"}], "<list of 1 item, not shown>"),
    ],
)
def test_a_table_shows_its_shape_only(data, shown):
    operator = SocialSCRMImportOperator(task_id="import_customers", data=data)

    assert (str(operator.data), repr(operator.data)) == (shown, shown)


@pytest.mark.parametrize("data", [None, "s3://bucket/customers.parquet", "/data/{{ ds }}.csv"])
def test_paths_stay_unwrapped_so_that_airflow_can_render_them(data):
    assert SocialSCRMImportOperator(task_id="import_customers", data=data).data == data


def test_the_output_of_another_task_stays_a_reference_and_makes_it_upstream():
    with DAG("references", schedule=None):

        @task
        def read() -> None:
            """Do nothing."""

        output = read()
        operator = SocialSCRMImportOperator(task_id="import_customers", data=output)

    assert operator.data is output
    assert operator.upstream_task_ids == {"read"}


def test_wrapping_twice_wraps_once():
    hidden = wrap(customers())

    assert isinstance(hidden, HiddenTable)
    assert wrap(hidden) is hidden
    assert pickle.loads(pickle.dumps(hidden)).table.equals(hidden.table)


def test_wrong_arguments_are_all_named_before_any_call(crm: Sandbox):
    with pytest.raises(InputError) as caught:  # as the DAG is parsed
        run(customers(), rows_per_call=0, concurrency=-1, max_rejected="none")

    sentence = str(caught.value)
    assert [name for name in ("rows_per_call", "concurrency", "max_rejected") if name in sentence] == [
        "rows_per_call",
        "concurrency",
        "max_rejected",
    ]
    assert crm.calls() == []


def test_columns_are_mapped_filled_and_chosen_by_the_operators_arguments(crm: Sandbox):
    frame = pd.DataFrame(
        {"mobile": ["152 6666 7780"], "full_name": ["Xanthippe"], "born": ["01/02/1990"], "Note": [None], "id": [7]}
    )
    run(
        frame,
        columns={"mobile": "whatsApp", "full_name": "friendName", "born": "birthday", "Note": "desc"},
        defaults={"stage": "New Customer", "agentAccount": "agent_silva"},
        extension_fields=[],
        default_region="CN",
        dayfirst=True,
        empty={"desc": "send"},
    )
    (customer,) = crm.customers()
    assert (customer["whatsApp"], customer["agent"]) == ("8615266667780", "agent_silva")
    assert customer["fields"] == {
        "friendName": "Xanthippe", "birthday": "1990/02/01", "desc": "", "stage": "New Customer",
    }  # fmt: skip


@pytest.mark.parametrize("as_files", [False, True])
def test_small_tables_and_files_share_calls(crm: Sandbox, as_files, tmp_path):
    data = [customers(1).assign(whatsApp=f"86197766{place:05}", friendName=f"N{place}") for place in range(250)]
    if as_files:
        for place, table in enumerate(data):
            table.to_csv(tmp_path / f"part-{place:03}.csv", index=False)
    manifest, _ = run(str(tmp_path / "*.csv") if as_files else data)

    assert (manifest["rows"]["accepted"], manifest["calls"]["sent"]) == (250, 3)
    assert [customer["fields"]["friendName"] for customer in crm.customers()] == [f"N{place}" for place in range(250)]


@pytest.mark.parametrize(("duplicates", "sent"), [("last", "b"), ("first", "a")])
def test_of_two_rows_with_one_number_one_is_sent_and_the_task_succeeds(crm: Sandbox, duplicates, sent, tmp_path):
    frame = customers(2, friendName=["a", "b"])
    frame["whatsApp"] = "8619776600000"
    manifest, _ = run(frame, duplicates=duplicates, rejects_path=str(tmp_path / "rejects.jsonl"))
    assert (manifest["rows"]["accepted"], manifest["rows"]["duplicate"]) == (1, 1)
    assert [customer["fields"]["friendName"] for customer in crm.customers()] == [sent]
    (line,) = [json.loads(line) for line in (tmp_path / "rejects.jsonl").read_text().splitlines()]
    winner, loser = (1, 0) if sent == "b" else (0, 1)
    assert (line["socialscrm_position"], line["socialscrm_bucket"]) == (str(loser), "duplicate")
    assert line["socialscrm_meaning"] == f"Row {winner} has the same whatsApp number and is sent instead."
    assert line["socialscrm_hint"].startswith("Set duplicates=")


def test_a_column_the_crm_does_not_know_fails_the_task_for_good_and_is_named(crm: Sandbox):
    message = failure_of(customers(500, **{"Shoe Size": "42"}), extension_fields="all", max_rejected=500)

    assert "accepted no row with 'Shoe Size'. It does not know this field" in message
    assert "extension_fields" in message
    assert len(crm.calls()) < 150


def test_nothing_is_sent_when_a_row_cannot_be_and_on_invalid_is_fail(crm: Sandbox, tmp_path):
    frame = customers()
    frame.loc[2, "whatsApp"] = "12"
    ti = FakeTaskInstance()
    path = tmp_path / "rejects.jsonl"
    operator = SocialSCRMImportOperator(
        task_id="import_customers", data=frame, on_invalid="fail", max_rejected=5, rejects_path=str(path)
    )
    with pytest.raises(AirflowFailException) as failure:
        operator.execute({"ti": ti})

    assert str(failure.value) == (
        f"1 of 5 rows was refused (1 x bad-number); on_invalid is 'fail', so no call was made. It is in {path}."
    )
    assert crm.calls() == []
    ((_, manifest),) = ti.pushed
    assert {name: rows for name, rows in manifest["rows"].items() if rows} == {"total": 5, "invalid": 1, "not_sent": 4}
    assert [json.loads(line)["socialscrm_position"] for line in path.read_text().splitlines()] == ["2"]


def test_a_pattern_of_files_is_imported_and_the_dead_letter_names_the_file(crm: Sandbox, tmp_path):
    for part in range(3):
        frame = customers(4)
        frame["whatsApp"] = [f"8619776{part}{n:05}" for n in range(4)]
        frame.loc[part, "whatsApp"] = None
        frame.to_csv(tmp_path / f"part-{part}.csv", index=False)
    rejects = tmp_path / "rejects.jsonl"
    manifest, _ = run(str(tmp_path / "part-*.csv"), max_rejected=3, rejects_path=str(rejects))
    assert (manifest["rows"]["accepted"], manifest["rows"]["invalid"]) == (9, 3)
    lines = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(line["socialscrm_file"], line["socialscrm_position"]) for line in lines] == [
        (str(tmp_path / f"part-{part}.csv"), str(4 * part + part)) for part in range(3)
    ]


def test_a_file_in_another_encoding_with_another_delimiter_is_read_when_the_arguments_say_so(crm: Sandbox, tmp_path):
    path = tmp_path / "customers.csv"
    path.write_bytes(
        "whatsApp;agentAccount;friendName\n8619776600000;agent_wang;\u674e\u5c0f\u9f99\n".encode("gb18030")
    )
    assert "gb18030" in failure_of(str(path), delimiter=";")
    assert "delimiter=';'" in failure_of(str(path), encoding="gb18030")
    assert crm.calls() == []
    run(str(path), encoding="gb18030", delimiter=";")
    assert [customer["fields"]["friendName"] for customer in crm.customers()] == ["\u674e\u5c0f\u9f99"]


def test_a_line_that_cannot_be_read_costs_that_row_or_the_import_as_on_invalid_says(crm: Sandbox, tmp_path):
    path = tmp_path / "customers.csv"
    path.write_text("whatsApp,agentAccount\n8619776600000,agent_wang\n8619776600001,agent_wang,Xanthippe\n")
    assert "1 x unreadable" in failure_of(str(path), on_invalid="fail")
    assert crm.calls() == []
    manifest, _ = run(str(path), max_rejected=1)
    assert (manifest["rows"]["accepted"], manifest["rows"]["invalid"]) == (1, 1)


def test_a_dry_run_makes_no_call_and_logs_what_would_be_sent_without_a_customer(crm: Sandbox, caplog, tmp_path):
    frame = customers(250, birthday="1990-03-08")
    frame.loc[7, "whatsApp"] = None
    rejects = tmp_path / "rejects.csv"
    with caplog.at_level(logging.INFO):
        manifest, ti = run(frame, dry_run=True, max_rejected=1, rejects_path=str(rejects))

    assert (manifest["dry_run"], manifest["calls"]) == (True, 3)
    unsent = {"invalid": 1, "duplicate": 0, "blank": 0, "unchanged": 0, "known_bad": 0, "unknown": 0}
    assert manifest["rows"] == {"total": 250, "sendable": 249} | unsent
    assert crm.calls() == []
    assert ti.pushed == []
    assert not rejects.exists()
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert "Dry run: no call is made, and no dead letter is written. Rows: 250 total, 249 sendable, 1 invalid" in logged
    assert "An import needs 3 calls and at least 1 s" in logged
    assert "birthday '9999-99-99' -> '9999/99/99'" in logged
    assert [value for value in ("8619776", "Xanthippe", "1990", "agent_wang") if value in logged] == []


def test_a_dry_run_fails_where_the_import_would(crm: Sandbox):
    frame = customers()
    frame.loc[2, "whatsApp"] = None
    assert "1 of 5 rows was refused (1 x no-number); max_rejected allows 0." in failure_of(frame, dry_run=True)
    assert crm.calls() == []


@pytest.mark.parametrize("pushes", [True, False])
def test_a_dry_run_that_fails_because_of_its_rows_pushes_the_counts(crm: Sandbox, pushes):
    frame, ti = customers(), FakeTaskInstance()
    frame.loc[2, "whatsApp"] = None
    operator = SocialSCRMImportOperator(task_id="task", data=frame, dry_run=True, do_xcom_push=pushes)

    with pytest.raises(AirflowFailException, match="1 of 5 rows was refused"):
        operator.execute({"ti": ti})

    counted = [(key, manifest["dry_run"], manifest["rows"]["invalid"]) for key, manifest in ti.pushed]
    assert counted == ([("return_value", True, 1)] if pushes else [])


@pytest.mark.parametrize(("rows", "advised"), [(50_000, False), (50_001, True)])
def test_a_large_table_is_imported_with_the_advice_to_pass_a_path(rows, advised, caplog):
    with caplog.at_level(logging.WARNING):
        HiddenTable(pd.DataFrame(index=range(rows))).warn_if_large()
    assert [record.levelname for record in caplog.records] == ["WARNING"] * advised
    if advised:
        assert (
            "The input has 50,001 rows. Above 50,000, have the upstream task write Parquet and pass the path"
            in caplog.text
        )


@pytest.mark.parametrize("records", [[], [{"whatsApp": "8619776600000", "agentAccount": "agent_wang"}]])
def test_a_list_of_records_is_a_table(crm: Sandbox, records):
    manifest, _ = run(records)
    assert manifest["rows"]["accepted"] == len(records)
    assert repr(wrap(records)) == f"<list of {len(records)} item{'' if records else 's'}, not shown>"
