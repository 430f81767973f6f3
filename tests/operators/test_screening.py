"""The task that has numbers screened, over HTTP against the sandbox, without Airflow's server."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from airflow.sdk import DAG

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.api.errors import NotReadyError, RetriableError, ServiceError
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.importer.errors import MissingFileError
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.operators.screening import SocialSCRMScreenOperator
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.sandbox.screening import ScreeningOrders, verdict_of
from airflow_provider_socialscrm.sandbox.server import Sandbox
from airflow_provider_socialscrm.triggers.screening import SocialSCRMScreenTrigger
from tests.support.airflow import FakeTaskInstance, FakeTaskStateStore, TaskDeferred, serialized


@pytest.fixture(params=["body", "header"])
def crm(request, connected_crm: Sandbox, monkeypatch) -> Sandbox:
    """The sandbox behind the default connection, once for each scheme; an order is finished at once."""
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", connected_crm.connection_json(request.param))
    connected_crm.configure(screening_seconds=0)
    return connected_crm


def customers(count: int = 600, **columns: Any) -> pd.DataFrame:
    numbers = [f"91987766{position:04}" for position in range(count)]
    return pd.DataFrame({"whatsApp": numbers, "friendName": "Xanthippe", "visits": range(count)} | columns)


def screen(path: Any, data: Any = None, *, ti: FakeTaskInstance | None = None, **arguments: Any) -> Any:
    """Run the task as Airflow does, its trigger included."""
    given = {"kind": "is_whatsapp", "country": "IN", "max_numbers": 100_000, "poll_interval": 0.02} | arguments
    state = given.pop("state", None)
    operator = SocialSCRMScreenOperator(
        task_id="screen", data=customers() if data is None else data, path=path, **given
    )
    context: Any = {"ti": ti or FakeTaskInstance()} | ({"task_state_store": state} if state else {})
    try:
        return operator.execute(context)
    except TaskDeferred as deferred:
        kind, named = deferred.trigger.serialize()
        assert kind == "airflow_provider_socialscrm.triggers.screening.SocialSCRMScreenTrigger"
        event = asyncio.run(first_event(SocialSCRMScreenTrigger(**json.loads(json.dumps(named)))))
        again = SocialSCRMScreenOperator(
            task_id="screen", data=customers() if data is None else data, path=path, **given
        )
        return getattr(again, deferred.method_name)(context, json.loads(json.dumps(event)))


async def first_event(trigger: SocialSCRMScreenTrigger) -> Any:
    async for event in trigger.run():
        return event.payload
    return None


def paid(crm: Sandbox) -> int:
    return crm.memory(ScreeningOrders).paid_numbers


def read(path: Any) -> pd.DataFrame:
    batches = [batch.records.to_pandas() for batch in open_source(Path(path)).batches()]
    return pd.concat(batches, ignore_index=True)


def failure_of(path: Any, data: Any = None, **arguments: Any) -> str:
    with pytest.raises(AirflowFailException) as failure:
        screen(path, data, **arguments)
    sentence = str(failure.value)
    assert "9198776" not in sentence
    return sentence


@pytest.mark.parametrize("deferrable", [True, False])
@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_the_output_is_the_input_with_a_verdict_in_each_row(crm, tmp_path, suffix, deferrable):
    crm.configure(screening_seconds=0.1)
    path = tmp_path / f"screened.{suffix}"

    ti = FakeTaskInstance()
    manifest = screen(str(path), deferrable=deferrable, ti=ti)

    assert ti.pushed == [("path", str(path))]
    assert manifest == {
        "orders": [order.id for order in crm.memory(ScreeningOrders).all()],
        "numbers": 600,
        "rows": 600,
        "written": 600,
        "verdicts": {"yes": 420, "no": 180},
        "kind": "is_whatsapp",
        "country": "IN",
        "path": str(path),
    }
    found, sent = read(path), customers()
    assert list(found.columns) == ["whatsApp", "friendName", "visits", "screened", "screened_raw"]
    assert list(found["whatsApp"]) == list(sent["whatsApp"])
    assert [int(each) for each in found["visits"]] == list(sent["visits"])
    assert [each == "yes" for each in found["screened"]] == [verdict_of(each, 0) == 1 for each in sent["whatsApp"]]
    assert json.loads(found["screened_raw"][9]) == {"whatsApp": "919877660009", "isWhatsApp": 0}
    assert path.stat().st_mode & 0o777 == 0o600
    assert {file.name for file in tmp_path.iterdir()} == {path.name, f"{path.name}.orders.json"}
    assert paid(crm) == 600


def test_parquet_keeps_types(crm, tmp_path):
    screen(tmp_path / "a.parquet", customers(seen=pd.Timestamp("2026-01-31"), score=0.5, tags=[["a", "b"]] * 600))

    table = pq.read_table(tmp_path / "a.parquet")
    assert {name: str(table.schema.field(name).type) for name in ("visits", "score", "tags", "screened")} == {
        "visits": "int64",
        "score": "double",
        "tags": "string",
        "screened": "string",
    }
    assert str(table.schema.field("seen").type).startswith("timestamp")
    assert table["tags"][0].as_py() == "a,b"


@pytest.mark.parametrize("form", ["objects", "map", "lists"])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_forms_that_the_vendor_does_not_document_are_read(connected_crm, tmp_path, form, method):
    connected_crm.configure(screening_seconds=0, screening_result=form, screening_method=method)

    manifest = screen(tmp_path / "a.parquet")
    assert sorted(manifest["verdicts"].values()) == [180, 420]


def test_a_result_of_an_unknown_form_is_not_lost(connected_crm, tmp_path, caplog):
    connected_crm.configure(screening_seconds=0, screening_result="numbers")
    assert "does not have the form" in failure_of(tmp_path / "a.parquet")

    kept = tmp_path / "a.parquet.results.jsonl"
    assert len(json.loads(kept.read_text())["data"]) == 420
    assert kept.stat().st_mode & 0o777 == 0o600
    assert str(kept) in caplog.text
    assert not (tmp_path / "a.parquet").exists()
    connected_crm.configure(screening_result="objects")
    assert screen(tmp_path / "a.parquet", ti=FakeTaskInstance(try_number=2))["written"] == 600
    assert paid(connected_crm) == 600


def test_a_number_is_ordered_once_and_its_verdict_joined_to_every_row(crm, tmp_path):
    numbers = list(customers()["whatsApp"])
    spelled = [f"+{each[:2]} {each[2:7]}-{each[7:]}" for each in numbers]
    twice = pd.DataFrame({"Whats_App": [*numbers, *spelled]})

    manifest = screen(tmp_path / "a.csv", twice)

    assert (manifest["numbers"], manifest["rows"], paid(crm)) == (600, 1200, 600)
    found = read(tmp_path / "a.csv")
    assert list(found["screened"][:600]) == list(found["screened"][600:])
    assert list(found["Whats_App"]) == [*numbers, *spelled]


def test_many_numbers_become_balanced_orders(crm, tmp_path):
    data = pd.DataFrame({"whatsApp": [f"9198{n:08}" for n in range(20_400)]})

    manifest = screen(tmp_path / "a.parquet", data)

    sizes = [len(order.numbers) for order in crm.memory(ScreeningOrders).all()]
    assert sizes == [10_200, 10_200]
    assert len(manifest["orders"]) == 2
    assert sum(manifest["verdicts"].values()) == 20_400


@pytest.mark.parametrize(
    ("data", "arguments", "sentence"),
    [
        (customers(499), {}, "at least 500 different numbers, and there are 499"),
        (customers(600, whatsApp="919877660001"), {}, "and there are 1"),
        (customers(), {"max_numbers": 599}, "600 different numbers, and max_numbers allows 599"),
        (customers(), {"max_numbers": 0}, "max_numbers must be a whole number"),
        (customers(), {"max_numbers": None}, "max_numbers must be a whole number"),
        (customers(), {"max_numbers": "many"}, "max_numbers must be a whole number"),
        (customers(), {"max_numbers": 0.5}, "max_numbers must be a whole number"),
        (customers(), {"column": "mobile"}, "no column 'mobile'"),
        (customers(), {"column": "whatsAppp"}, "is it 'whatsApp'"),
        (customers().rename(columns={"visits": "screened"}), {}, "has a column 'screened' already"),
        (customers().rename(columns={"visits": "x_raw"}), {"result_column": "x"}, "has a column 'x_raw' already"),
        (customers(), {"kind": "avatar"}, "kind must be one of"),
        (customers(), {"country": "India"}, "two letters"),
        (customers(), {"activity": "recent"}, "activity needs kind='active'"),
        (customers(), {"on_unknown": "resend"}, "on_unknown must be hold or order"),
        (customers(), {"poll_interval": "soon"}, "poll_interval must be a number of seconds"),
        (customers(), {"max_wait": -1}, "max_wait must be a number of seconds"),
        (customers(), {"only": {"yes": 1}}, "only must be a list of texts"),
        (customers(), {"default_region": "India"}, "default_region"),
        (customers(0), {}, "has no rows"),
        (17, {}, "int"),
    ],
)
def test_bad_input_orders_nothing(connected_crm, tmp_path, data, arguments, sentence):
    assert sentence in failure_of(tmp_path / "a.parquet", data, **arguments)
    assert connected_crm.calls() == []


def test_a_late_file_orders_nothing_and_is_left_to_the_retry(connected_crm, tmp_path):
    with pytest.raises(MissingFileError, match="does not exist"):
        screen(tmp_path / "a.parquet", "not/there.parquet")
    assert connected_crm.calls() == []


@pytest.mark.parametrize("path", ["screened.txt", "screened", "screened.csv.gz", "", "None", " ", None, "~/x.csv", 17])
def test_a_path_without_a_known_ending_orders_nothing(connected_crm, tmp_path, path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "path" in failure_of(path)
    assert connected_crm.calls() == []


def test_rows_that_are_not_numbers_are_named_by_position_only(connected_crm, tmp_path):
    frame = customers(1000)
    frame.loc[[3, *range(700, 712)], "whatsApp"] = ["Xanthippe", None, "", "98776", "0049", *["x"] * 8]

    sentence = failure_of(tmp_path / "a.parquet", frame)
    assert "13 of 1,000 rows have no phone number" in sentence
    assert "the rows at 3, 700, 701, 702, 703, 704, 705, 706, 707, 708 and 3 more" in sentence
    assert "Xanthippe" not in sentence
    assert connected_crm.calls() == []


def test_the_output_is_not_the_input(connected_crm, tmp_path):
    path = tmp_path / "a.parquet"
    customers().to_parquet(path)

    assert "one file" in failure_of(str(path), str(path))
    assert connected_crm.calls() == []


def test_a_retry_and_a_cleared_task_do_not_pay_again(crm, tmp_path):
    first = screen(tmp_path / "a.parquet")
    retried = screen(tmp_path / "a.parquet", ti=FakeTaskInstance(try_number=2))
    cleared = screen(tmp_path / "a.parquet", ti=FakeTaskInstance(try_number=3, max_tries=5))

    assert first == retried == cleared
    assert paid(crm) == 600


@pytest.mark.needs_airflow("3.3")
def test_the_task_state_replaces_the_file(crm, tmp_path):
    state = FakeTaskStateStore()
    first = screen(tmp_path / "a.parquet", state=state)
    assert screen(tmp_path / "a.parquet", state=state, ti=FakeTaskInstance(try_number=2, max_tries=9)) == first

    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]
    assert list(state.values) == ["socialscrm_screening"]
    assert state.retention["socialscrm_screening"] == timedelta.max
    assert "9198776" not in str(state.given)
    assert paid(crm) == 600


@pytest.mark.parametrize("fault", ["order_response_lost", "truncated", "not_json", "no_code", "empty"])
def test_an_order_whose_response_is_lost_is_held_and_its_id_goes_on(crm, tmp_path, fault):
    crm.inject(fault, times=1, path="screenWhatsApp")
    sentence = failure_of(tmp_path / "a.parquet")
    assert "may have taken order 1 of 1, of 600 numbers" in sentence
    assert "on_unknown='order'" in sentence
    assert sentence == failure_of(tmp_path / "a.parquet", ti=FakeTaskInstance(try_number=2)) or "clear" in sentence

    (order,) = crm.memory(ScreeningOrders).all()
    manifest = screen(tmp_path / "a.parquet", ti=FakeTaskInstance(try_number=3), orders=[order.id])
    assert manifest["verdicts"] == {"yes": 420, "no": 180}
    assert paid(crm) == 600


def test_an_order_that_was_not_taken_is_placed_again_when_a_person_says_so(crm, tmp_path):
    crm.inject("reset_before", times=1, path="screenWhatsApp")
    failure_of(tmp_path / "a.parquet")

    assert screen(tmp_path / "a.parquet", ti=FakeTaskInstance(try_number=2), on_unknown="order")["written"] == 600
    assert paid(crm) == 600


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "code", "code": 529}, AirflowFailException),
        ({"kind": "http", "status": 404}, AirflowFailException),
        ({"kind": "code", "code": 507}, AirflowFailException),
    ],
)
def test_an_order_that_the_crm_refused_is_placed_by_the_next_try(crm, tmp_path, fault, error):
    crm.inject(**fault, times=1, path="screenWhatsApp")
    with pytest.raises(error):
        screen(tmp_path / "a.parquet")

    assert screen(tmp_path / "a.parquet", ti=FakeTaskInstance(try_number=2))["written"] == 600
    assert paid(crm) == 600


def test_a_busy_crm_is_asked_again_within_the_call(crm, tmp_path):
    crm.inject("http", status=429, retry_after=0, times=1, path="screenWhatsApp")

    assert screen(tmp_path / "a.parquet")["written"] == 600
    assert paid(crm) == 600


@pytest.mark.parametrize("deferrable", [True, False])
def test_an_order_that_never_finishes_ends_the_try_and_not_the_order(connected_crm, tmp_path, deferrable):
    connected_crm.configure(screening_seconds=3600)
    with pytest.raises(NotReadyError, match=r"not finished within max_wait.*does not pay again"):
        screen(tmp_path / "a.parquet", deferrable=deferrable, max_wait=0.1)
    connected_crm.configure(screening_seconds=0)

    assert screen(tmp_path / "a.parquet", ti=FakeTaskInstance(try_number=2))["written"] == 600
    assert paid(connected_crm) == 600


def test_the_trigger_goes_on_after_a_failure_that_may_pass(connected_crm, tmp_path, monkeypatch):
    connected_crm.configure(screening_seconds=3600)
    finished, failures = SocialSCRMHook.screening_finished, [None]

    def failing(hook: Any, order: str) -> bool:
        failures.append(None)
        if len(failures) == 3:
            raise ServiceError("no connection")
        if len(failures) > 3:
            connected_crm.configure(screening_seconds=0)
        return finished(hook, order)

    monkeypatch.setattr(SocialSCRMHook, "screening_finished", failing)
    assert screen(tmp_path / "a.parquet", deferrable=True)["written"] == 600
    assert len(failures) > 3


def test_the_trigger_ends_where_a_person_has_to_fix_something(connected_crm, tmp_path):
    connected_crm.configure(screening_seconds=3600)
    connected_crm.inject("code", code=529, path="queryTaskStatus", after=1)

    assert "plan" in failure_of(tmp_path / "a.parquet", deferrable=True)


def test_only_rows_with_a_verdict_are_written(crm, tmp_path):
    manifest = screen(tmp_path / "a.parquet", only=["yes"])

    assert (manifest["rows"], manifest["written"]) == (600, 420)
    assert set(read(tmp_path / "a.parquet")["screened"]) == {"yes"}


def test_a_verdict_that_nobody_has_writes_nothing_and_orders_nothing_again(crm, tmp_path):
    crm.configure(screening_result="map")
    sentence = failure_of(tmp_path / "a.parquet", only="yes")
    assert "The verdicts are '1' (420), '0' (180)" in sentence

    assert screen(tmp_path / "a.parquet", only="1", ti=FakeTaskInstance(try_number=2))["written"] == 420
    assert paid(crm) == 600


def test_given_orders_about_other_numbers_are_an_error(crm, tmp_path):
    other = screen(tmp_path / "a.parquet", customers(whatsApp=[f"5511{n:09}" for n in range(910_000_000, 910_000_600)]))

    sentence = failure_of(tmp_path / "b.parquet", orders=other["orders"])
    assert "none is about a number of data" in sentence


def test_results_are_read_again_from_a_table_that_has_not_changed(connected_crm, tmp_path):
    connected_crm.configure(screening_seconds=0)
    source = tmp_path / "in.csv"
    customers().to_csv(source, index=False)
    first = screen(tmp_path / "a.csv", str(source))
    customers(700).to_csv(source, index=False)

    assert first["rows"] == 600
    assert screen(tmp_path / "a.csv", str(source), ti=FakeTaskInstance(try_number=2))["rows"] == 700
    assert paid(connected_crm) == 1300  # the first 600 were delivered, and these are other numbers


def test_a_table_that_changes_during_the_wait_is_not_joined_and_not_paid_again(connected_crm, tmp_path, monkeypatch):
    source, path = tmp_path / "in.csv", tmp_path / "a.csv"
    customers().to_csv(source, index=False)
    connected_crm.configure(screening_seconds=0.3)
    run = SocialSCRMScreenTrigger.run

    async def changing(trigger: Any) -> Any:
        customers(700).to_csv(source, index=False)
        async for event in run(trigger):
            yield event

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(SocialSCRMScreenTrigger, "run", changing)
        assert "is for other numbers" in failure_of(path, str(source), deferrable=True)
    customers().to_csv(source, index=False)
    assert screen(path, str(source), ti=FakeTaskInstance(try_number=2))["written"] == 600
    assert paid(connected_crm) == 600


def test_mapped_tasks_and_runs_have_files_of_their_own(crm, tmp_path):
    paths = [
        screen(f"{tmp_path}/out/", ti=FakeTaskInstance(map_index=0))["path"],
        screen(f"{tmp_path}/out/", ti=FakeTaskInstance(map_index=1))["path"],
        screen(f"{tmp_path}/out/", ti=FakeTaskInstance(run_id="other"))["path"],
        screen(f"{tmp_path}/one.csv", ti=FakeTaskInstance(map_index=3))["path"],
    ]
    assert len(set(paths)) == 4
    assert [Path(path).name for path in paths] == ["screened.parquet"] * 3 + ["one-3.csv"]
    assert paid(crm) == 2400


def test_the_output_feeds_an_import_by_its_path(crm, tmp_path):
    manifest = screen(tmp_path / "a.csv", customers(agentAccount="agent_wang"), only=["yes"])

    operator = SocialSCRMImportOperator(task_id="import_customers", data=manifest["path"])
    rows = operator.execute({"ti": FakeTaskInstance()})["rows"]
    assert (rows["total"], rows["accepted"]) == (420, 420)
    assert {verdict_of(customer["whatsApp"], 0) for customer in crm.customers()} == {1}


@pytest.mark.parametrize("kind", ["active", "gender"])
def test_other_kinds_have_their_own_verdicts(crm, tmp_path, kind):
    manifest = screen(tmp_path / "a.parquet", kind=kind)

    assert set(manifest["verdicts"]) == ({"yes", "no"} if kind == "active" else {"male", "female", "unknown"})


@pytest.mark.parametrize("fault", [None, "order_response_lost", "html"])
def test_no_number_is_in_log_manifest_or_error(crm, tmp_path, caplog, fault):
    caplog.set_level(logging.DEBUG)
    if fault:
        crm.inject(fault, path="screenWhatsApp")
        said = failure_of(tmp_path / "a.parquet")
    else:
        said = json.dumps(screen(tmp_path / "a.parquet", deferrable=True))

    assert len(caplog.records) > 2
    assert "9198776" not in said + caplog.text + "".join(map(str, crm.calls()))
    assert "Xanthippe" not in said + caplog.text


def test_numbers_are_hidden_in_every_argument_that_airflow_shows(tmp_path):
    operator = SocialSCRMScreenOperator(
        task_id="screen", data=customers(), kind="gender", country="IN", path=str(tmp_path), max_numbers=1
    )
    shown = {name: str(getattr(operator, name)) for name in operator.template_fields}
    assert shown["data"] == "<DataFrame of 600 rows x 3 columns, not shown>"
    assert "9198776" not in str(shown)


def test_paying_has_no_default():
    with pytest.raises(TypeError, match="max_numbers"):
        SocialSCRMScreenOperator(task_id="screen", data="a.csv", kind="gender", country="IN", path="b.csv")


def test_an_unreachable_crm_is_left_to_airflows_retry(connected_crm, tmp_path, monkeypatch):
    def failing(_hook: Any, _order: str) -> Any:
        raise ServiceError("no connection")

    connected_crm.configure(screening_seconds=0)
    with monkeypatch.context() as unreachable:
        unreachable.setattr(SocialSCRMHook, "screening_data", failing)
        with pytest.raises(RetriableError):
            screen(tmp_path / "a.parquet")

    assert screen(tmp_path / "a.parquet", ti=FakeTaskInstance(try_number=2))["written"] == 600
    assert paid(connected_crm) == 600


@pytest.mark.parametrize("native", [False, True])
def test_rendered_arguments_have_their_types(connected_crm, tmp_path, native):
    connected_crm.configure(screening_seconds=0)
    params = {"max": 700, "orders": None, "only": ["yes"], "country": "IN", "conn": "socialscrm_default"}
    customers().to_csv(tmp_path / "2026.csv", index=False)
    with DAG("dag", schedule=None, render_template_as_native_obj=native, params=dict(params)) as dag:
        task = SocialSCRMScreenOperator(
            task_id="screen",
            data=str(tmp_path / "{{ ds }}.csv"),
            path=tmp_path / "out-{{ ds }}.csv",
            kind="is_whatsapp",
            country="{{ params.country }}",
            max_numbers="{{ params.max }}",
            orders="{{ params.orders }}",
            only="{{ params.only }}",
            socialscrm_conn_id="{{ params.conn }}",
        )
    task = task.prepare_for_execution()
    context: Any = {"ti": FakeTaskInstance(), "dag": dag, "task": task, "params": params, "ds": "2026"}
    task.render_template_fields(context, dag.get_template_env())

    manifest = task.execute(context)
    assert (manifest["written"], manifest["path"]) == (420, str(tmp_path / "out-2026.csv"))


def test_mapped_tables_are_in_no_serialized_dag_and_each_has_its_own_orders(connected_crm, tmp_path):
    connected_crm.configure(screening_seconds=0)
    tables = [
        [{"whatsApp": f"9198776{part}{n:04}", "friendName": "Xanthippe"} for n in range(500 + part)] for part in (1, 2)
    ]
    with DAG("dag", schedule=None) as dag:
        SocialSCRMScreenOperator.partial(
            task_id="screen", kind="gender", country="IN", path=f"{tmp_path}/", max_numbers=600
        ).expand(data=tables)

    stored = serialized(dag)
    assert [secret for secret in ("9198776", "Xanthippe") if secret in stored] == []
    (mapped,) = dag.tasks
    sizes = []
    for index in range(2):
        ti = FakeTaskInstance(task_id="screen", map_index=index, task=None, get_ti_count=lambda *_, **__: 2)
        context: Any = {"ti": ti, "task_instance": ti, "dag": dag, "task": mapped, "run_id": "run", "ds": "x"}
        context["dag_run"] = SimpleNamespace(conf=None)
        mapped.render_template_fields(context, dag.get_template_env())
        assert "9198776" not in str({name: getattr(context["task"], name) for name in mapped.template_fields})
        sizes.append(context["task"].execute(context)["rows"])
    assert sizes == [501, 502]
    assert len({order.id for order in connected_crm.memory(ScreeningOrders).all()}) == 2
