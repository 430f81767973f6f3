"""What the real Airflow does when a task ends in other ways than a plain success, or a run decides its arguments."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from threading import Thread
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from psutil import Process

from airflow_provider_socialscrm._compat import has_retry_policies
from airflow_provider_socialscrm.api.signing import body_token
from airflow_provider_socialscrm.assets.socialscrm import customers_uri
from airflow_provider_socialscrm.sandbox.server import Sandbox

DAGS = Path(__file__).parent / "dags_ends"
ROWS = 40
STOPPED = "The task was stopped. The calls in flight are recorded; a retry resumes."
PATIENCE = 120.0
"""Seconds until a task has started, on a slow machine."""

pytestmark = pytest.mark.thorough  # Airflow takes long to load


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with a file of customers."""
    numbers = (f"1390000{n:04}" for n in range(ROWS))
    (tmp_path / "customers.csv").write_text("\n".join(["whatsApp", *(f"86{n}" for n in numbers)]), encoding="utf-8")
    (tmp_path / "empty.csv").touch()
    return tmp_path


@pytest.fixture
def run(airflow, connection, folder) -> Callable[..., str]:
    """Run one of the DAGs with the file of customers, and return its output."""

    def run_dag(dag_id: str, *options: str, **environment: str) -> str:
        environment = {"TEST_FOLDER": str(folder)} | connection | environment
        done = airflow.run("dags", "test", dag_id, *options, dags=DAGS, **environment)
        return done.stdout + done.stderr

    return run_dag


def tries(airflow, dag_id: str) -> list[int]:
    query = "SELECT try_number FROM task_instance WHERE dag_id = ? AND task_id = 'import_customers'"
    return [tries for (tries,) in airflow.query(query, dag_id)]


def test_execution_timeout_awaits_and_counts_the_calls_in_flight(airflow, socialscrm_sandbox: Sandbox, run):
    socialscrm_sandbox.inject("latency", seconds=1.5)

    output = run("timed_out")

    assert airflow.states("timed_out") == {"import_customers": "failed"}, output
    (manifest,) = airflow.xcoms("timed_out", "import_customers")
    assert manifest["broke_off"] == {"error": "AirflowTaskTimeout", "while": "sending"}
    rows = manifest["rows"]
    assert rows["accepted"] == len(socialscrm_sandbox.customers()) > 0
    assert (rows["unknown"], rows["accepted"] + rows["not_sent"], rows["total"]) == (0, ROWS, ROWS)
    assert [customer["times_imported"] for customer in socialscrm_sandbox.customers()] == [1] * rows["accepted"]


def test_native_rendering_keeps_text_as_text_and_a_rendered_false_is_false(
    airflow, socialscrm_sandbox: Sandbox, connection, run
):
    output = run("native", AIRFLOW_CONN_2024=connection["AIRFLOW_CONN_SOCIALSCRM_DEFAULT"])

    assert airflow.states("native")["import_customers"] == "success", output
    (manifest,) = airflow.xcoms("native", "import_customers")
    assert (manifest["rows"]["accepted"], manifest["calls"]["sent"]) == (ROWS, -(-ROWS // 7))
    assert {customer["fields"]["stage"] for customer in socialscrm_sandbox.customers()} == {"1e5"}


def test_a_rendered_false_is_false_and_what_is_neither_is_an_error(airflow, socialscrm_sandbox: Sandbox, run):
    output = run("rendered")

    states = {"import_customers": "success", "rehearse": "success", "misspelled": "failed"}
    assert airflow.states("rendered") == states, output
    assert "dry_run is 'maybe' (must be true or false)." in output
    manifests = [airflow.xcoms("rendered", task)[0] for task in ("import_customers", "rehearse")]
    assert [manifest.get("dry_run", False) for manifest in manifests] == [False, True]
    assert [customer["times_imported"] for customer in socialscrm_sandbox.customers()] == [1] * ROWS


def test_a_mapped_task_is_retried_by_its_own_delay(airflow, socialscrm_sandbox: Sandbox, run):
    socialscrm_sandbox.inject("http", status=503, times=1)

    output = run("mapped_retry")

    assert airflow.states("mapped_retry") == {"import_customers": "success"}, output
    assert tries(airflow, "mapped_retry") == [2]
    assert ("retrying by the task's own delay" in output) is has_retry_policies()
    assert len(socialscrm_sandbox.customers()) == ROWS


def test_references_to_assets_get_the_counts_and_a_task_that_pushes_nothing_pushes_nothing(
    airflow, socialscrm_sandbox: Sandbox, run
):
    uri = customers_uri(socialscrm_sandbox.url, socialscrm_sandbox.settings.tenant_id)

    output = run("outlets", TEST_ASSET=uri)

    states = {"define": "success", "import_customers": "success", "rehearse": "success"}
    assert airflow.states("outlets") == states, output
    assert airflow.xcoms("outlets", "import_customers") == []
    query = "SELECT source_task_id, uri, asset_event.extra FROM asset_event JOIN asset ON asset.id = asset_id"
    events = {(task, of): json.loads(extra) for task, of, extra in airflow.query(query) if task != "define"}
    other = "socialscrm://localhost/2/customers"
    assert events.keys() == {("import_customers", uri), ("import_customers", other)}  # a dry run has no event
    assert [extra["rows"]["accepted"] for extra in events.values()] == [ROWS, ROWS]
    warnings = re.findall(r"The outlet (\S+) is not the asset of this connection's tenant, (\S+): correct", output)
    assert warnings == [(other, uri)]


def test_a_failed_task_that_pushes_nothing_pushes_nothing(airflow, run):
    output = run("not_pushed")

    assert f"1 of {ROWS} rows was refused" in output
    assert airflow.states("not_pushed") == {"import_customers": "failed"}, output
    assert airflow.xcoms("not_pushed", "import_customers") == []


def test_a_missing_file_system_is_not_retried(airflow, socialscrm_sandbox: Sandbox, run):
    output = run("not_installed")

    assert airflow.states("not_installed") == {"import_customers": "failed"}, output
    assert "No file system for foo:// is installed." in output
    assert tries(airflow, "not_installed") == [1]
    assert socialscrm_sandbox.calls() == []


def test_a_long_import_shows_its_progress_and_saves_its_checkpoint_and_succeeds(
    airflow, socialscrm_sandbox: Sandbox, run
):
    socialscrm_sandbox.inject("latency", seconds=0.3)

    output = run("slow")

    assert airflow.states("slow") == {"import_customers": "success"}, output
    assert re.search(r"Rows: \d+ of 40, ", output)
    assert [customer["times_imported"] for customer in socialscrm_sandbox.customers()] == [1] * ROWS


def test_a_file_is_not_overwritten_an_empty_one_may_skip_and_several_tables_are_one_import(
    airflow, socialscrm_sandbox: Sandbox, run, folder
):
    before = (folder / "customers.csv").read_bytes()

    output = run("inputs")

    states = {"path": "success", "overwrite": "failed", "empty": "skipped", "tables": "success", "cursor": "failed"}
    assert airflow.states("inputs") == states, output
    assert "data and rejects_path are one file" in output
    assert (folder / "customers.csv").read_bytes() == before
    assert "Item 0 of data is a tuple, not a table like others" in output
    assert len(socialscrm_sandbox.customers()) == 2
    assert "Xanthippe" not in output


def test_the_connection_takes_what_users_write_and_names_what_is_wrong(
    airflow, socialscrm_sandbox: Sandbox, run, connection
):
    given = json.loads(connection["AIRFLOW_CONN_SOCIALSCRM_DEFAULT"])
    tenant = given["extra"].pop("tenant_id")

    def run_with(**changes: object) -> str:
        return run("plain", AIRFLOW_CONN_SOCIALSCRM_DEFAULT=json.dumps(given | changes))

    extra = given["extra"] | {"extra__socialscrm__tenant_id": tenant}
    run_with(password=f" {given['password']}\n", port=socialscrm_sandbox.port, extra=extra)
    assert len(socialscrm_sandbox.customers()) == ROWS

    assert "the extra 'tenantId' is not read: did you mean 'tenant_id'?" in run_with(extra={"tenantId": tenant})
    other_port = socialscrm_sandbox.port + 1
    assert re.search(rf"Port.*{other_port}", run_with(port=other_port, extra=extra))
    assert "The proxy 127.0.0.1:1 cannot be reached" in run_with(extra=extra | {"proxies": "http://127.0.0.1:1"})


def test_a_hook_in_a_task_makes_several_calls(airflow, socialscrm_sandbox: Sandbox, run):
    output = run("hook")

    assert airflow.states("hook") == {"call": "success"}, output
    assert len(socialscrm_sandbox.customers()) == 2


def test_a_task_that_is_marked_as_failed_awaits_and_counts_the_calls_in_flight(
    airflow, socialscrm_sandbox: Sandbox, run, folder
):
    socialscrm_sandbox.inject("latency", seconds=1)
    marking = Thread(target=mark_failed, args=(airflow, socialscrm_sandbox))
    marking.start()

    output = run("marked_failed", "--use-executor")
    marking.join()

    assert airflow.states("marked_failed") == {"import_customers": "failed"}, output
    (manifest,) = airflow.xcoms("marked_failed", "import_customers")
    assert manifest["broke_off"] == {"error": "StoppedError", "while": "sending", "sentence": STOPPED}
    rows = manifest["rows"]
    assert rows["accepted"] == len(socialscrm_sandbox.customers()) < ROWS
    assert (rows["unknown"], rows["accepted"] + rows["not_sent"]) == (0, ROWS)
    assert (folder / "checkpoint.json").exists()


def wait_for_customers(crm: Sandbox) -> None:
    """Wait until the CRM has some customers."""
    deadline = time.monotonic() + PATIENCE
    while len(crm.customers()) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)


def mark_failed(home, crm: Sandbox) -> None:
    """Mark the running task as failed, as Airflow's page and its API do, once the CRM has some customers."""
    wait_for_customers(crm)
    home.execute("UPDATE task_instance SET state = 'failed' WHERE dag_id = 'marked_failed'")


@pytest.mark.parametrize("whom", [pytest.param("supervisor", marks=pytest.mark.needs_airflow("3.3")), "task"])
def test_a_drained_worker_records_the_messages_in_flight_and_the_retry_sends_none_twice(
    airflow, socialscrm_sandbox: Sandbox, run, folder, whom
):
    socialscrm_sandbox.inject("latency", seconds=1, times=16)
    stopping = Thread(target=drain, args=(airflow, socialscrm_sandbox, whom))
    stopping.start()

    output = run("drained", "--use-executor")
    stopping.join()

    query = "SELECT state, try_number FROM task_instance WHERE dag_id = 'drained' ORDER BY start_date DESC LIMIT 1"
    assert airflow.query(query) == [("success", 2)], output
    first = json.loads((folder / "try-1.json").read_text(encoding="utf-8"))
    assert first["broke_off"] == {"error": "StoppedError", "while": "sending", "sentence": STOPPED}
    rows = first["rows"]
    assert (rows["unknown"], rows["accepted"] + rows["not_sent"], rows["total"]) == (0, ROWS, ROWS)
    assert 0 < rows["accepted"] < ROWS
    assert f"Resuming: {rows['accepted']} rows are done since an earlier try" in output
    assert [customer["times_imported"] for customer in socialscrm_sandbox.customers()] == [1] * ROWS
    manifest = airflow.xcoms("drained", "import_customers")[-1]
    assert (manifest["rows"]["accepted"], manifest["calls"]["sent"]) == (ROWS, ROWS)


def drain(airflow, crm: Sandbox, whom: str) -> None:
    """End a worker once the CRM has some customers.

    :param whom: who gets the signal: Airflow's ``supervisor``, as on Kubernetes, which passes it on; or the ``task``.
    """
    wait_for_customers(crm)
    query = "SELECT pid FROM task_instance WHERE dag_id = 'drained' AND state = 'running'"
    ((task,),) = airflow.query(query)
    os.kill(task if whom == "task" else Process(task).ppid(), signal.SIGTERM)


@pytest.fixture
def nights(folder) -> Path:
    """A folder with the customers of two nights: one is changed, one is gone, and two cannot be imported."""
    fields = ["whatsApp", "friendName", "welcome", "desc", "Loyalty Level"]
    numbers = [*(f"8615266660{n:03}" for n in range(6)), "no-number-1"]
    levels = ["Tin", *["Gold"] * 6]  # the CRM does not know the first
    for night in ("before", "after"):
        rows = [
            [number, f"Peregrine {night if n == 3 else n}", f"Heliotrope {n}", f"Quarterstaff {n}", levels[n]]
            for n, number in enumerate(numbers)
            if not (night == "after" and n == 5)
        ]
        (folder / f"{night}.csv").write_text("\n".join(map(",".join, [fields, *rows])), encoding="utf-8")
    (folder / "damaged").mkdir()
    (folder / "damaged" / "ledger.json").write_text('{"Peregrine": "8615266660000"', encoding="utf-8")
    return folder


def test_no_customer_and_no_key_shows_where_imports_have_a_ledger(
    airflow, socialscrm_sandbox: Sandbox, connection, run, nights
):
    crm, begun = socialscrm_sandbox, time.time()
    hashed = json.loads(connection["AIRFLOW_CONN_SOCIALSCRM_DEFAULT"])
    hashed["extra"]["ledger_secret"] = "Saxifrage"

    uri = customers_uri(crm.url, crm.settings.tenant_id)

    output = run("ledgers", TEST_ASSET=uri, AIRFLOW_CONN_HASHED=json.dumps(hashed))

    failed = {"changes", "gone", "rows", "approved", "known_bad", "damaged", "gone_of_hashes"}
    states = airflow.states("ledgers")
    assert {task for task, state in states.items() if state == "failed"} == failed, output
    assert {task for task, state in states.items() if state == "success"} == states.keys() - failed
    manifests = {task: airflow.xcoms("ledgers", task) for task in states}
    assert {task for task in states if manifests[task]} >= states.keys() - failed
    first, second = manifests["import_first"][0], manifests["import_second"][0]
    assert (first["rows"]["accepted"], first["rows"]["rejected"], first["rows"]["invalid"]) == (5, 1, 1)
    assert (second["rows"]["accepted"], second["rows"]["unchanged"], second["rows"]["known_bad"]) == (1, 3, 1)
    assert pq.read_table(nights / "gone" / "second.parquet")["whatsApp"].to_pylist() == ["8615266660005"]
    sentences = ["max_changes is 0", "max_gone is 0", "min_rows is 1,000", "expected_changes", "ledger_secret"]
    assert [sentence for sentence in sentences if sentence not in output] == []

    seen = output + airflow.everything_stored() + airflow.log_files()
    hidden = ["Peregrine", "Heliotrope", "Quarterstaff", "8615266660", "no-number-1", "Saxifrage", crm.settings.api_key]
    assert [secret for secret in [*hidden, *tokens(crm, begun)] if secret in seen] == []
    assert "import_second" in seen  # or nothing would have been looked at


def tokens(crm: Sandbox, begun: float) -> list[str]:
    """Return the token of each second since a time."""
    settings, zone = crm.settings, ZoneInfo(crm.settings.time_zone)
    moments = [datetime.fromtimestamp(second, zone) for second in range(int(begun), int(time.time()) + 1)]
    user = next(iter(settings.agents))
    return [body_token(settings.tenant_id, user, f"{moment:%Y-%m-%d %H:%M:%S}", settings.api_key) for moment in moments]
