"""The example DAGs, each run once by the real Airflow against the sandbox."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pyarrow.parquet as pq
import pytest

from airflow_provider_socialscrm.sandbox.chats import messages_between
from airflow_provider_socialscrm.sandbox.mass_sends import MassSends
from airflow_provider_socialscrm.sandbox.screening import ScreeningOrders
from airflow_provider_socialscrm.sandbox.send_tasks import SendTasks
from airflow_provider_socialscrm.sandbox.server import Sandbox
from airflow_provider_socialscrm.sandbox.store import ImportRow

pytestmark = pytest.mark.thorough  # Airflow takes long to load


COMMAND_TIMEOUT = 240.0
"""Seconds after which a command of Airflow's has ended in any case."""


def succeed(airflow, dag_id: str, **environment: str) -> str:
    """Run a DAG, which has to succeed, and return what was logged."""
    done = airflow.run("dags", "test", dag_id, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "state=failed" not in done.stdout + done.stderr
    return done.stdout + done.stderr


def test_taskflow_imports_what_the_function_returns(airflow, socialscrm_sandbox: Sandbox, connection):
    succeed(airflow, "taskflow", **connection)

    (manifest,) = airflow.xcoms("taskflow", "import_stage")
    assert manifest["rows"]["total"] == 850
    assert {customer["fields"]["stage"] for customer in socialscrm_sandbox.customers()} == {"New Customer"}
    assert len(socialscrm_sandbox.customers()) == manifest["rows"]["accepted"] > 800


def test_a_warehouse_hands_over_a_path(airflow, socialscrm_sandbox: Sandbox, connection, tmp_path):
    succeed(airflow, "warehouse_by_path", SOCIALSCRM_FOLDER=str(tmp_path), **connection)

    (manifest,) = airflow.xcoms("warehouse_by_path", "import_customers")
    assert manifest["rows"]["accepted"] == len(socialscrm_sandbox.customers()) == 1000
    (fields,) = airflow.rendered("warehouse_by_path", "import_customers")
    assert fields["data"] == str(tmp_path / "customers.parquet")


def test_each_partition_is_imported_by_a_task_of_its_own(airflow, socialscrm_sandbox: Sandbox, connection, tmp_path):
    succeed(airflow, "mapped_partitions", SOCIALSCRM_FOLDER=str(tmp_path), **connection)

    manifests = airflow.xcoms("mapped_partitions", "import_partition")
    assert [manifest["rows"]["accepted"] for manifest in manifests] == [50, 50, 50]
    assert len(socialscrm_sandbox.customers()) == 150
    rejects = sorted((tmp_path / "rejects" / "dag_id=mapped_partitions").rglob("map_index=*/rejects.csv"))
    assert len(rejects) == 3
    assert sorted(manifest["rejects_path"] for manifest in manifests) == [str(path) for path in rejects]
    assert links(airflow, "socialscrm_rejects") == [""] * 3  # a browser opens no local file from Airflow
    assert links(airflow, "socialscrm_console") == [socialscrm_sandbox.url] * 3


def test_a_dry_run_goes_before_the_import_and_makes_no_asset_event(airflow, socialscrm_sandbox: Sandbox, connection):
    succeed(airflow, "dry_run_first", **connection)

    (rehearsed,) = airflow.xcoms("dry_run_first", "rehearse")
    (imported,) = airflow.xcoms("dry_run_first", "import_customers")
    assert rehearsed["dry_run"]
    assert rehearsed["rows"]["sendable"] == imported["rows"]["accepted"] + imported["rows"]["rejected"]
    ((task_id, extra),) = asset_events(airflow)
    assert task_id == "import_customers"
    assert extra["rows"] == imported["rows"]


def test_the_dag_after_an_import_reads_the_counts_of_its_event(airflow, socialscrm_sandbox: Sandbox, connection):
    succeed(airflow, "import_with_outlet", **connection)
    succeed(airflow, "after_import", **connection)

    (manifest,) = airflow.xcoms("import_with_outlet", "import_customers")
    assert airflow.xcoms("after_import", "read_counts") == [manifest["rows"]]
    ((_, extra),) = asset_events(airflow)
    assert extra["rows"] == manifest["rows"]
    assert extra["calls"] == manifest["calls"]["sent"]


def test_the_chats_of_each_agent_become_a_file_and_none_of_them_shows(
    airflow, socialscrm_sandbox: Sandbox, connection, tmp_path
):
    socialscrm_sandbox.inject("message_arrives", path="msgPage", times=1)
    logged = succeed(airflow, "chats_to_file", SOCIALSCRM_FOLDER=str(tmp_path), **connection)

    manifests = airflow.xcoms("chats_to_file", "read_chats")
    start, end = (datetime.fromisoformat(manifests[0][name]).timestamp() * 1000 for name in ("start", "end"))
    expected = messages_between(socialscrm_sandbox, int(start), int(end))
    files = sorted((tmp_path / "chats" / "dag_id=chats_to_file").rglob("map_index=*/chats.parquet"))
    assert [list(manifest["by_agent"]) for manifest in manifests] == [
        [a] for a in sorted(socialscrm_sandbox.settings.agents)
    ]
    assert sorted(manifest["path"] for manifest in manifests) == [str(path) for path in files]
    read = [each for path in files for each in pq.read_table(path)["msgId"].to_pylist()]
    assert sorted(read) == sorted(each["msgId"] for each in expected)
    assert [each["sandboxNumber"] for each in expected if each["sandboxNumber"] < 0] == [
        -1
    ]  # the one that arrived late
    assert airflow.xcoms("chats_to_file", "count") == [{"messages": len(read)}]
    assert len(read) > 390  # about 100 a day of each agent
    seen = logged + airflow.everything_stored() + airflow.log_files()
    hidden = {each[name] for each in expected for name in ("msgId", "friendWhatsId", "friendName", "content")}
    assert [value for value in hidden if value in seen] == []
    assert "read_chats" in seen


def test_only_numbers_on_whatsapp_are_imported_and_none_is_stored(
    airflow, socialscrm_sandbox: Sandbox, connection, tmp_path
):
    socialscrm_sandbox.configure(screening_seconds=3)
    output = succeed(airflow, "screen_before_import", SOCIALSCRM_FOLDER=str(tmp_path), **connection)

    (screened,) = airflow.xcoms("screen_before_import", "screen")
    (imported,) = airflow.xcoms("screen_before_import", "import_customers")
    assert screened["verdicts"] == {"yes": 420, "no": 180}
    assert imported["rows"]["accepted"] == screened["written"] == len(socialscrm_sandbox.customers()) == 420
    (order,) = socialscrm_sandbox.memory(ScreeningOrders).all()
    assert screened["orders"] == [order.id]
    (fields,) = airflow.rendered("screen_before_import", "screen")
    assert fields["data"] == str(tmp_path / "customers.csv")
    assert "Not finished yet" in output
    assert "919877660123" not in output + airflow.everything_stored()  # the DAG file has its beginning


CHOSEN = {0: "celebrate", 1: "ask_for_fixes", 5: "raise_alarm"}
"""The task that follows an import of twenty rows, by how many of them are bad."""


@pytest.mark.parametrize("bad", CHOSEN)
def test_the_manifest_decides_which_task_runs_next(airflow, socialscrm_sandbox: Sandbox, connection, tmp_path, bad):
    data = tmp_path / "customers.csv"
    numbers = [f"86152666{n:05}" if n >= bad else f"none-{n}" for n in range(20)]
    data.write_text("\n".join(["whatsApp", *numbers]), encoding="utf-8")
    succeed(airflow, "branch_and_notify", SOCIALSCRM_FOLDER=str(tmp_path), SOCIALSCRM_DATA=str(data), **connection)

    assert [name for name in CHOSEN.values() if airflow.xcoms("branch_and_notify", name)] == [CHOSEN[bad]]
    assert airflow.xcoms("branch_and_notify", "report") == [{"notify": "the run has ended"}]
    assert len(socialscrm_sandbox.customers()) == 20 - bad


def test_a_failed_import_notifies_with_its_counts(airflow, socialscrm_sandbox: Sandbox, connection, tmp_path):
    for _ in range(2):
        socialscrm_sandbox.inject("code", code=516)
    done = airflow.run("dags", "test", "branch_and_notify", SOCIALSCRM_FOLDER=str(tmp_path), **connection)

    assert "NOTIFY import_customers failed: 0 of " in done.stdout + done.stderr
    assert airflow.xcoms("branch_and_notify", "report") == [{"notify": "the run has ended"}]


def test_an_import_waits_for_a_number_and_looks_up_its_agents(airflow, socialscrm_sandbox: Sandbox, connection):
    socialscrm_sandbox.configure(offline=["8613900000001"])
    with ThreadPoolExecutor(1) as pool:
        pool.submit(come_online, socialscrm_sandbox)
        succeed(airflow, "wait_for_agents", **connection)

    assert airflow.xcoms("wait_for_agents", "count_online") == [{"numbers": 2, "online": 2}]
    (manifest,) = airflow.xcoms("wait_for_agents", "customers")
    assert (manifest["rows"]["accepted"], manifest["rows"]["invalid"]) == (2, 1)
    assert [refusal["code"] for refusal in manifest["refusals"]] == ["unknown-agent"]


def come_online(crm: Sandbox) -> None:
    """Let all service numbers be online once the sensor has asked."""
    deadline = monotonic() + COMMAND_TIMEOUT
    while not crm.calls() and monotonic() < deadline:
        sleep(0.5)
    crm.configure(offline=[])


def test_a_mass_send_reaches_the_customers_of_a_stage(airflow, socialscrm_sandbox: Sandbox, connection):
    import_one(socialscrm_sandbox)
    succeed(airflow, "mass_send", **connection)

    (welcome,) = airflow.xcoms("mass_send", "welcome")
    (offer,) = airflow.xcoms("mass_send", "offer")
    assert (welcome["accepted"], offer["accepted"]) == (1, 1)
    first, second = socialscrm_sandbox.memory(MassSends).tasks
    assert (first.group, first.numbers) == ("stage New Customer", (NUMBER,))
    assert (second.group, second.state(socialscrm_sandbox.now())) == ("tag VIP", "not started")
    assert NUMBER not in airflow.everything_stored()


def test_group_links_become_a_file(airflow, socialscrm_sandbox: Sandbox, connection, tmp_path):
    succeed(airflow, "group_links", SOCIALSCRM_FOLDER=str(tmp_path), **connection)

    (manifest,) = airflow.xcoms("group_links", "look")
    assert manifest["parsed"] == 2
    assert Path(manifest["path"]).exists()


def test_owners_are_cleared_before_an_import(airflow, socialscrm_sandbox: Sandbox, connection, tmp_path):
    import_one(socialscrm_sandbox)
    (tmp_path / "leavers.csv").write_text(f"whatsApp\n+{NUMBER}\n", encoding="utf-8")
    succeed(airflow, "clear_owners", SOCIALSCRM_FOLDER=str(tmp_path), **connection)

    (manifest,) = airflow.xcoms("clear_owners", "clear")
    assert manifest["rows"]["accepted"] == 1
    assert [customer["agent"] for customer in socialscrm_sandbox.customers()] == ["agent_silva"]
    assert NUMBER not in airflow.everything_stored()


def test_a_message_is_sent_to_numbers_and_their_statuses_become_a_file(
    airflow, socialscrm_sandbox: Sandbox, connection, tmp_path
):
    socialscrm_sandbox.configure(send_seconds=1, send_interval=0)
    output = succeed(airflow, "send_to_numbers", SOCIALSCRM_FOLDER=str(tmp_path), **connection)

    (rehearsed,) = airflow.xcoms("send_to_numbers", "rehearse")
    (manifest,) = airflow.xcoms("send_to_numbers", "send")
    (waited,) = airflow.xcoms("send_to_numbers", "wait")
    assert rehearsed["to_send"] == manifest["accepted"] == 20
    (task,) = socialscrm_sandbox.memory(SendTasks).all()
    assert manifest["task_ids"] == [task.id]
    assert (waited["reached"], waited["failed"]) == (14, 6)
    # Older versions of pyarrow take the folder's name, task_id=wait, for the column unless told otherwise.
    assert pq.read_table(waited["path"], partitioning=None)["status"].to_pylist().count("failed") == 6
    assert "8613712340" not in output + airflow.everything_stored()  # the DAG file has its beginning


def test_a_whole_round_reaches_those_on_whatsapp_and_reads_their_answers(
    airflow, socialscrm_sandbox: Sandbox, connection, tmp_path
):
    socialscrm_sandbox.configure(screening_seconds=1, send_seconds=1, send_interval=0)
    output = succeed(airflow, "whole_round", SOCIALSCRM_FOLDER=str(tmp_path), **connection)

    (screened,), (imported,), (welcomed,), (followed,), (waited,), (read,) = (
        airflow.xcoms("whole_round", name)
        for name in ("screen", "import_customers", "welcome", "follow_up", "wait_until_sent", "read_answers")
    )
    customers = {customer["whatsApp"] for customer in socialscrm_sandbox.customers()}
    (welcome,) = socialscrm_sandbox.memory(MassSends).tasks
    messages = [message.recipient for message in socialscrm_sandbox.memory(SendTasks).messages()]
    assert screened["verdicts"]["yes"] == imported["rows"]["accepted"] == len(customers) == 350
    assert (welcomed["accepted"], {*welcome.numbers}) == (1, customers)
    assert followed["accepted"] == waited["reached"] == len(messages) == 350
    assert {*messages} == customers
    assert pq.read_table(read["path"]).num_rows == read["rows"] > 0
    assert "9198776601" not in output + airflow.everything_stored()


NUMBER = "8613877777777"


def import_one(crm: Sandbox) -> None:
    """Let the sandbox have a customer in a stage."""
    row = ImportRow(NUMBER, "agent_wang", {"stage": "New Customer"})
    crm.store.commit(crm.settings.tenant_id, [row], crm.now())


def customers_file(folder: Path, *changed: int, count: int = 1_200) -> Path:
    """Write made-up customers, some of them with another name than before."""
    path = folder / "customers.csv"
    rows = [f"86152666{n:05},{'Renamed' if n in changed else 'Customer'} {n}" for n in range(count)]
    path.write_text("\n".join(["whatsApp,friendName", *rows]), encoding="utf-8")
    return path


def test_a_nightly_sync_sends_only_what_changed_and_stops_at_a_guard(
    airflow, socialscrm_sandbox: Sandbox, connection, tmp_path
):
    environment = {"SOCIALSCRM_FOLDER": str(tmp_path / "out"), **connection}
    environment["SOCIALSCRM_DATA"] = str(customers_file(tmp_path))
    succeed(airflow, "only_changes", **environment)
    customers_file(tmp_path, 3, 4, count=1_199)
    output = succeed(airflow, "only_changes", **environment)
    customers_file(tmp_path, *range(500))
    stopped = airflow.run("dags", "test", "only_changes", **environment)

    first, second = airflow.xcoms("only_changes", "sync_customers")[:2]
    assert first["rows"]["accepted"] == len(socialscrm_sandbox.customers()) == 1_200
    assert (second["rows"]["accepted"], second["rows"]["unchanged"], second["calls"]["sent"]) == (2, 1_197, 1)
    assert (second["changes"]["by_field"], second["changes"]["gone"]) == ({"friendName": 2}, 1)
    assert "Against the ledger: 2 changed; by field: friendName 2" in output
    before, gone = sorted((tmp_path / "out" / "gone").rglob("gone.csv"))
    assert len(before.read_text(encoding="utf-8").splitlines()) == 1
    assert gone.read_text(encoding="utf-8").splitlines()[1].startswith('"8615266601199"')
    said = stopped.stdout + stopped.stderr
    assert "and max_changes is 0.2 of 1,200 customers, so no call was made" in said
    assert "up_for_retry" not in said
    assert sum("Renamed" in customer["fields"]["friendName"] for customer in socialscrm_sandbox.customers()) == 2


RESPOND = """
import sys
from airflow.api_fastapi.core_api.datamodels.hitl import UpdateHITLDetailPayload
from airflow.api_fastapi.core_api.routes.public.hitl import update_hitl_detail
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.utils.session import create_session

run_id, choice = sys.argv[1:]
user = SimpleAuthManagerUser(username="novk", role="admin")
with create_session() as session:
    update_hitl_detail(
        "approve_changes", run_id, "approve", UpdateHITLDetailPayload(chosen_options=[choice]), user, session
    )
"""


def asked(airflow) -> tuple[str, str] | None:
    """Return the run whose question waits for a person, and the question."""
    query = (
        "SELECT run_id, body FROM hitl_detail JOIN task_instance ON task_instance.id = ti_id WHERE responded_at IS NULL"
    )
    return next(iter(airflow.query(query)), None)


@pytest.mark.needs_airflow("3.3")  # where the trigger of `dags test` can ask for the answer
@pytest.mark.parametrize("end", ["approved", "rejected", "changed after the dry run"])
def test_a_person_approves_the_difference_and_exactly_that_is_sent(
    airflow, socialscrm_sandbox: Sandbox, connection, tmp_path, end
):
    environment = {"SOCIALSCRM_FOLDER": str(tmp_path / "out"), **connection}
    environment["SOCIALSCRM_DATA"] = str(customers_file(tmp_path, count=20))
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(airflow.run, "dags", "test", "approve_changes", **environment)
        while not (found := asked(airflow)):
            assert not running.done(), running.result().stdout + running.result().stderr
            sleep(0.5)
        assert socialscrm_sandbox.calls() == []
        run_id, question = found
        if end == "changed after the dry run":
            customers_file(tmp_path, 7, count=20)
        choice = "Reject" if end == "rejected" else "Approve"
        done = airflow.python("-c", RESPOND, run_id, choice, **environment)
        assert done.returncode == 0, done.stdout + done.stderr
        output = running.result().stdout + running.result().stderr

    assert "- 20 new customers" in question
    states = airflow.states("approve_changes")
    assert (states["rehearse"], states["approve"]) == ("success", "success"), output
    if end == "approved":
        assert states["send"] == "success", output
        (rehearsed,), (sent,) = (airflow.xcoms("approve_changes", name) for name in ("rehearse", "send"))
        assert sent["rows"]["accepted"] == len(socialscrm_sandbox.customers()) == rehearsed["rows"]["sendable"] == 20
        assert sent["changes"]["digest"] == rehearsed["changes"]["digest"]
    elif end == "rejected":
        assert (states["send"], socialscrm_sandbox.calls()) == ("skipped", [])
    else:
        assert (states["send"], socialscrm_sandbox.calls()) == ("failed", [])
        assert "is not the one in expected_changes, so no call was made" in output


def links(airflow, key: str) -> list[str]:
    """Return what is behind one of the links on a task, by map index."""
    values = airflow.query("SELECT value FROM xcom WHERE key = ? ORDER BY map_index", key)
    return [json.loads(value) for (value,) in values]


def asset_events(airflow) -> list[tuple[str, dict[str, Any]]]:
    """Return who made an event of an asset, and what it says."""
    events = airflow.query("SELECT source_task_id, extra FROM asset_event ORDER BY id")
    return [(task_id, json.loads(extra)) for task_id, extra in events]
