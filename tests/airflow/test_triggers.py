"""Tasks that wait in Airflow's own triggerer: stored, run from the database in another process, and resumed."""

from __future__ import annotations

import csv
import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any, NamedTuple

import pytest

from airflow_provider_socialscrm.api.sends import SendPair
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.sandbox.screening import ScreeningOrders
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.airflow.dags_triggers.deferred import LINK, NUMBER

DAGS = Path(__file__).parent / "dags_triggers"
CUSTOMERS = 600
CUSTOMER = "91987755"
"""How all numbers of customers begin."""

PATIENCE = 180.0
"""Seconds until Airflow does the next step, on a slow machine."""

SETTINGS = {
    "AIRFLOW__CORE__FERNET_KEY": "",  # so that the test reads what the database has
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "1",
}
NOT_YET = {"screening_seconds": 3600, "group_link_seconds": 3600, "send_seconds": 3600, "offline": [NUMBER]}
"""Settings of the CRM with which every task waits."""

NOW = {"screening_seconds": 0, "group_link_seconds": 0, "send_seconds": 0, "offline": []}
"""Settings of the CRM with which no task has to wait any more."""

pytestmark = pytest.mark.thorough  # starts Airflow and a triggerer


class Waiting(NamedTuple):
    """What Airflow's database has of a task that waits.

    :param trigger: the class, by its name in our package.
    :param stored: the arguments of which a customer's value could be part; all others are names, times and numbers.
    """

    trigger: str
    stored: dict[str, list[str]]


def waiting_tasks(crm: Sandbox, sent: str) -> dict[str, Waiting]:
    """Return the tasks of the DAG, each with what is stored of it; a new trigger gets a line here and a task there.

    :param sent: id of the CRM's task that sends messages.
    """
    orders = [order.id for order in crm.memory(ScreeningOrders).all()]
    return {
        "screen": Waiting("screening.SocialSCRMScreenTrigger", {"orders": orders}),
        "online": Waiting("socialscrm.SocialSCRMOnlineTrigger", {"agents": ["agent_wang"], "numbers": [NUMBER]}),
        "groups": Waiting("group_links.SocialSCRMGroupLinksTrigger", {"links": [LINK]}),
        "send": Waiting("sends.SocialSCRMSendTrigger", {"task_ids": [sent]}),
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a file of customers, enough for an order."""
    with (tmp_path / "customers.csv").open("w", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["whatsApp", "friendName"])
        writer.writerows([f"{CUSTOMER}{n:04}", f"Xanthippe {n}"] for n in range(CUSTOMERS))
    return tmp_path


@pytest.fixture
def sent(socialscrm_sandbox: Sandbox, connection, monkeypatch) -> str:
    """The id of a task of the CRM that sends a message, for which, as for all else, Airflow has to wait."""
    socialscrm_sandbox.configure(send_interval=0, **NOT_YET)
    with monkeypatch.context() as patched:
        patched.setenv(*connection.popitem())
        return SocialSCRMHook().send_many([SendPair(NUMBER, f"{CUSTOMER}0000")], "Quarterstaff")


TRIGGERER = """
import os, sys
from airflow.__main__ import main
with open(sys.argv[1], "w") as file:
    file.write(str(os.getpid()))
sys.argv = ["airflow", "triggerer", "--skip-serve-logs"]
main()
"""


@pytest.fixture
def triggerer(airflow, folder) -> Iterator[Future[CompletedProcess[str]]]:
    """A triggerer that runs until the test ends, in a process of its own."""
    number = folder / "triggerer.pid"
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(airflow.python, "-c", TRIGGERER, str(number), dags=DAGS, **SETTINGS)
        try:
            yield running
        finally:
            os.kill(int(number.read_text()), signal.SIGTERM)


def triggers(home: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the class and the arguments of the trigger that runs for each task, by the task's id."""
    query = (
        "SELECT task_id, classpath, kwargs FROM trigger JOIN task_instance ON trigger_id = trigger.id "
        "WHERE triggerer_id IS NOT NULL"
    )
    stored = {task: (kind, json.loads(kwargs)) for task, kind, kwargs in home.query(query)}
    # Airflow 3.1 stores the type of the arguments, too.
    return {task: (kind, kwargs.get("__var", kwargs)) for task, (kind, kwargs) in stored.items()}


def add_connection(home: Any, crm: Sandbox) -> None:
    """Store the connection in Airflow's database, where the triggerer's child has no access of its own."""
    given = json.loads(crm.connection_json())
    names = ("conn_type", "host", "login", "password", "extra")
    values = [json.dumps(given[name]) if name == "extra" else given[name] for name in names]
    home.execute(
        f"INSERT INTO connection (conn_id, is_encrypted, is_extra_encrypted, {', '.join(names)}) "
        "VALUES ('socialscrm_default', 0, 0, ?, ?, ?, ?, ?)",
        *values,
    )


def seen(home: Any, *outputs: str) -> str:
    """Return all that Airflow keeps and logs, but for its connections."""
    return "\n".join([home.everything_stored(but_for=("connection",)), home.log_files(), *outputs])


def test_tasks_wait_in_a_triggerer_which_holds_ids_only_and_resume(
    airflow, triggerer, socialscrm_sandbox: Sandbox, folder, sent
):
    crm = socialscrm_sandbox
    add_connection(airflow, crm)
    with ThreadPoolExecutor(1) as pool:
        command = ("dags", "test", "deferred", "--use-executor")
        running = pool.submit(airflow.run, *command, dags=DAGS, TEST_FOLDER=str(folder), TEST_TASK=sent, **SETTINGS)
        deadline = time.monotonic() + PATIENCE
        while len(found := triggers(airflow)) < len(waiting_tasks(crm, sent)):
            assert not running.done(), running.result()
            assert not triggerer.done(), triggerer.result()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        calls = len(crm.calls())
        while len(crm.calls()) < calls + 2 * len(found):  # each trigger asks, more than once
            assert time.monotonic() < deadline
            time.sleep(0.2)
        while_waiting, states = seen(airflow), airflow.states("deferred")
        crm.configure(**NOW)
        done = running.result()

    waiting, output = waiting_tasks(crm, sent), done.stdout + done.stderr
    assert states == dict.fromkeys(waiting, "deferred")
    assert airflow.states("deferred") == dict.fromkeys(waiting, "success"), output
    package = "airflow_provider_socialscrm.triggers."
    assert {task: kind for task, (kind, _) in found.items()} == {
        task: package + each.trigger for task, each in waiting.items()
    }
    for task, each in waiting.items():
        lists = {name: value for name, value in found[task][1].items() if isinstance(value, list)}
        assert lists == each.stored
    assert airflow.query("SELECT COUNT(*) FROM trigger") == [(0,)]
    with (folder / "screened.csv").open(encoding="utf-8") as file:
        assert {row["screened"] for row in csv.DictReader(file)} == {"yes", "no"}
    assert crm.memory(ScreeningOrders).paid_numbers == CUSTOMERS  # resumed, and not ordered again
    hidden = [CUSTOMER, "Xanthippe", "Quarterstaff", crm.settings.api_key]
    everything = while_waiting + seen(airflow, output)
    assert [secret for secret in hidden if secret in everything] == []
    assert "SocialSCRMScreenTrigger" in while_waiting  # or nothing would have been looked at
