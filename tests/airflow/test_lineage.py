"""The events that OpenLineage's own provider sends of imports that Airflow runs."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.version import Version

pytest.importorskip("airflow.providers.openlineage", reason="OpenLineage's provider is not installed")

pytestmark = pytest.mark.thorough  # Airflow takes long to load


DAGS = Path(__file__).parent / "dags_lineage"

RUNS = ["lineage"] if Version(version("apache-airflow")) >= Version("3.3") and sys.version_info < (3, 14) else []
"""DAGs with an event of their own: OpenLineage's providers for older versions cannot send it from `dags test`, nor can
a process that Python 3.14 starts, which is not forked."""


@pytest.fixture
def customers(tmp_path: Path) -> Path:
    """A file of one customer who is accepted and one who cannot be sent."""
    path = tmp_path / "customers.csv"
    path.write_text("whatsApp,friendName\n8619775300000,Xanthippe\nQuarterstaff,Zebediah\n", encoding="utf-8")
    return path


@pytest.fixture
def events(airflow, connection, customers, tmp_path) -> dict[str, dict]:
    """The last event of each task, by its id."""
    transport = {"type": "file", "log_file_path": str(tmp_path / "events.jsonl"), "append": True}
    settings = {"TEST_FOLDER": str(tmp_path), "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(transport)}
    airflow.run("dags", "test", "lineage", dags=DAGS, **settings, **connection)
    lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    return {event["job"]["name"].removeprefix("lineage."): event for event in map(json.loads, lines)}


def datasets(event, direction):
    return [(dataset["namespace"], dataset["name"]) for dataset in event[direction]]


def accepted(event):
    return [dataset["outputFacets"]["outputStatistics"]["rowCount"] for dataset in event["outputs"]]


def test_each_import_leads_from_its_file_to_the_tenants_customers_and_no_customer_shows(
    events, customers, socialscrm_sandbox
):
    ends = {task: event["eventType"] for task, event in events.items()}
    file = [("file", str(customers))]
    crm = [(socialscrm_sandbox.url.replace("http", "socialscrm"), "1/customers")]

    assert ends == dict.fromkeys(RUNS, "FAIL") | {
        "taken": "COMPLETE", "decorated": "COMPLETE", "table": "COMPLETE", "rehearsed": "COMPLETE",
        "refused": "FAIL", "broken": "FAIL",
    }  # fmt: skip
    found = {task: (datasets(event, "inputs"), datasets(event, "outputs")) for task, event in events.items()}
    assert found == dict.fromkeys(RUNS, ([], [])) | {
        "taken": (file, crm),
        "decorated": (file, crm),
        "table": ([], crm),
        "rehearsed": (file, []),
        "refused": (file, crm),
        "broken": (file, []),
    }
    assert [accepted(events[task]) for task in ("taken", "decorated", "table", "refused")] == [[1]] * 4
    errors = {task: event["run"]["facets"].get("errorMessage", {}).get("message") for task, event in events.items()}
    assert errors["refused"].startswith("1 of 2 rows was refused")
    assert errors["broken"].startswith("columns maps 'mobile', which the data does not have. The input is a file ")
    assert errors["broken"].endswith(" of 2 columns: whatsApp, friendName.")
    assert errors["taken"] is None
    hidden = ["86197753", "Xanthippe", "Zebediah", "Quarterstaff", socialscrm_sandbox.settings.api_key]
    assert [secret for secret in hidden if secret in json.dumps(events)] == []
