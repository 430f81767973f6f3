"""Retries with the real Airflow: the CRM fails in the first try, and the second resumes."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from airflow_provider_socialscrm.sandbox.server import Sandbox

DAGS = Path(__file__).parent / "dags_resume"
ROWS = 100
MALFORMED = 3
CALLS = ROWS // 10 + 8
"""Calls of ten rows, and those that find the malformed one among its ten: four halvings of two calls each."""

pytestmark = pytest.mark.thorough  # Airflow takes long to load


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with customers, one of them with an extension field the CRM does not take."""
    path = tmp_path / "given"
    path.mkdir()
    with (path / "customers.csv").open("w", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["whatsApp", "Loyalty Level"])
        writer.writerows([f"86197799{n:05}", "Tin" if n == MALFORMED else "Gold"] for n in range(ROWS))
    return path


def kept(airflow) -> list[tuple[str]]:
    """Return the keys of all task state that Airflow holds; before 3.3 it has no such thing."""
    if not airflow.query("SELECT 1 FROM sqlite_master WHERE name = 'task_state_store'"):
        return []
    return airflow.query("SELECT key FROM task_state_store")


def most_tries(airflow) -> list[int]:
    return [tries for (tries,) in airflow.query("SELECT max_tries FROM task_instance")]


def states(airflow, dag_id: str) -> list[tuple[str, str, int]]:
    query = "SELECT task_id, state, try_number FROM task_instance WHERE dag_id = ? ORDER BY task_id DESC"
    return airflow.query(query, dag_id)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            ("task_state", {"kind": "http", "status": 503, "retry_after": 1}, "is saved in Airflow's task state"),
            id="task state",
            marks=pytest.mark.needs_airflow("3.3"),
        ),
        pytest.param(
            ("state_file", {"kind": "code", "code": 517}, "import_customers.json: a retry resumes from it"),
            id="file",
        ),
    ],
)
def test_the_second_try_sends_only_what_the_first_did_not_settle(
    airflow, socialscrm_sandbox: Sandbox, connection, folder, case
):
    dag_id, illness, where = case
    socialscrm_sandbox.inject(**illness, after=CALLS - 6, times=1)

    done = airflow.run("dags", "test", dag_id, dags=DAGS, TEST_FOLDER=str(folder), **connection)

    output = done.stdout + done.stderr
    assert states(airflow, dag_id) == [("import_customers", "success", 2)], output
    assert where in output
    assert "Resuming: " in output
    (manifest,) = airflow.xcoms(dag_id, "import_customers")
    assert (manifest["rows"]["total"], manifest["rows"]["accepted"], manifest["rows"]["rejected"]) == (ROWS, 99, 1)
    assert manifest["calls"]["sent"] == socialscrm_sandbox.stats()["calls"]
    assert [customer["times_imported"] for customer in socialscrm_sandbox.customers()] == [1] * (ROWS - 1)
    with (folder / "rejects.csv").open(encoding="utf-8") as file:
        assert [row["socialscrm_position"] for row in csv.DictReader(file)] == [str(MALFORMED)]
    left = ["customers.csv", "rejects.csv"]
    assert kept(airflow) == ([("socialscrm_import",)] if dag_id == "task_state" else [])
    assert sorted(path.name for path in folder.rglob("*.csv*")) == left  # no part of the dead letter among them


@pytest.mark.needs_airflow("3.3")
def test_a_task_that_fails_for_good_leaves_its_state_to_airflow(
    airflow, socialscrm_sandbox: Sandbox, connection, folder
):
    socialscrm_sandbox.inject("code", code=517, after=6)

    done = airflow.run("dags", "test", "task_state", dags=DAGS, TEST_FOLDER=str(folder), **connection)

    assert states(airflow, "task_state") == [("import_customers", "failed", 2)], done.stdout + done.stderr
    assert kept(airflow) == [("socialscrm_import",)]
    assert [customer["times_imported"] for customer in socialscrm_sandbox.customers()] == [1] * len(
        socialscrm_sandbox.customers()
    )


@pytest.mark.needs_airflow("3.3")
def test_airflow_tells_a_cleared_task_from_one_that_is_retried(airflow, connection, folder):
    airflow.run("dags", "test", "task_state", dags=DAGS, TEST_FOLDER=str(folder), **connection)
    (before,) = most_tries(airflow)

    done = airflow.run("tasks", "clear", "task_state", "--yes", dags=DAGS, TEST_FOLDER=str(folder))

    assert done.returncode == 0, done.stdout + done.stderr
    assert kept(airflow) == [("socialscrm_import",)]  # so the state itself has to say which run it belongs to
    (after,) = most_tries(airflow)
    assert after > before


@pytest.mark.needs_airflow("3.3")
def test_the_policy_serves_any_task(airflow, connection):
    done = airflow.run("dags", "test", "any_task", dags=DAGS, **connection)

    output = done.stdout + done.stderr
    assert states(airflow, "any_task") == [("wrong_setting", "failed", 1), ("unavailable_once", "success", 2)], output
    assert "SocialsCRM was unavailable; retrying in 0:00:00.100000: The CRM was unavailable." in output
    assert "A retry cannot fix this: ApiKey is wrong." in output
