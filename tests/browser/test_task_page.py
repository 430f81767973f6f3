"""Airflow's own pages of a task: the links of an import, and its progress while it runs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
import requests

from airflow_provider_socialscrm.runtime import progress, task_state

FIRST = "manual__2026-11-16T02:00:00+00:00"
OF_THE_LINKED = f"/dags/linked/runs/{FIRST}/tasks"
CONSOLE = "https://console.aws.amazon.com/s3/object/crm?prefix="


def extra_links(browser, task):
    """Return the links on a task's page, by their labels."""
    browser.open(f"{OF_THE_LINKED}/{task}/details")
    part = browser.find("h2", "Extra Links").find_element("xpath", "..")
    browser.find("a", within=part)
    return {one.text: one.get_attribute("href") for one in part.find_elements("css selector", "a")}


@pytest.mark.parametrize(
    ("task", "prefix"),
    [
        ("to_object_storage", "refused%20rows/2026-11-16.csv"),
        ("mapped/mapped/0", "0.csv"),
        ("mapped/mapped/1", "1.csv"),
    ],
)
def test_a_task_links_to_the_crm_and_to_the_rejected_rows(browser, crm, task, prefix):
    found = extra_links(browser, task)
    browser.picture("links")

    assert found == {"SocialsCRM": f"{crm.url}/", "Rejected rows": CONSOLE + prefix}


@pytest.mark.parametrize("task", ["to_disk", "nowhere"])
def test_a_file_that_no_browser_can_open_has_no_link(browser, crm, task):
    found = extra_links(browser, task)
    browser.picture(f"links-{task}")

    assert found == {"SocialsCRM": f"{crm.url}/"}


@pytest.fixture
def slow_import(airflow, crm) -> Iterator[subprocess.Popen[bytes]]:
    """An import whose calls take two seconds each, until ``speed_up``."""
    crm.inject("latency", seconds=2.0)
    environment = airflow.environment | {"AIRFLOW_CONN_SOCIALSCRM_DEFAULT": crm.connection_json()}
    command = [sys.executable, "-m", "airflow", "dags", "test", "slow"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        speed_up(crm)
        for run_id in runs_of(airflow, "slow"):  # other tests count imports
            ask(airflow, "DELETE", f"dags/slow/dagRuns/{run_id}")


def speed_up(crm):
    requests.delete(f"{crm.url}/_sandbox/faults", timeout=10)


def ask(airflow, method, path):
    authorized = {"Authorization": f"Bearer {airflow.token('admin')}"}
    return requests.request(method, f"{airflow.url}/api/v2/{path}", headers=authorized, timeout=10)


def runs_of(airflow, dag_id):
    answer = ask(airflow, "GET", f"dags/{dag_id}/dagRuns").json()
    return [run["dag_run_id"] for run in answer.get("dag_runs", [])]


def values_in(row):
    return json.loads(row.text[row.text.index("{") : row.text.rindex("}") + 1])


@pytest.mark.needs_airflow("3.3")
def test_progress_shows_while_an_import_runs_and_not_afterwards(browser, airflow, crm, slow_import):
    run_id = browser.wait(lambda: runs_of(airflow, "slow"), "the run")[0]
    task = f"/dags/slow/runs/{run_id}/tasks/import_customers"
    browser.open(f"{task}/task-state-store")
    browser.find("a", "Storage")
    browser.find("a", "Task State Store")

    shown = values_in(browser.find("tr", progress.KEY))
    browser.picture("progress")
    assert (shown["total"], shown["refused"]) == (300, 0)
    assert 10 <= shown["rows"] <= 290
    assert shown["seconds_left"] > 0

    browser.open(f"/socialscrm/?dag_id=slow&run_id={run_id.replace('+', '%2B')}&task_id=import_customers&map_index=-1")
    browser.find("main p", "of 300 rows (")
    browser.find("progress")
    assert "refused so far" in browser.text_of("main")
    browser.picture("progress-report")
    browser.open("/socialscrm/?dag_id=slow")
    browser.find("tbody tr", "of 300 rows (")

    speed_up(crm)
    assert slow_import.wait(60) == 0
    browser.open(f"{task}/task-state-store")
    browser.find("tr", task_state.KEY)
    browser.picture("progress-after")
    assert [row for row in browser.texts("tr") if progress.KEY in row] == []
