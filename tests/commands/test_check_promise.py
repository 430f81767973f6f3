"""What a check promises is what an import does: its task, pasted, ends with the rows that the page counts."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance

DEMO = Path(__file__).parents[2] / "dags" / "data" / "customers.csv"

OPTIONS = {
    "a number of rows": ["--max-rejected", "20"],
    "a share of rows": ["--max-rejected", "0.02"],
    "all rows": ["--max-rejected", "1.0"],
    "no limit": ["--max-rejected", "none"],
    "bad values omitted": ["--bad-values", "omit", "--max-rejected", "none"],
    "extension fields": [
        *("--extension-fields", "Loyalty Level", "--extension-fields", "Last Order", "--date-fields", "Last Order"),
        *("--dayfirst", "--max-rejected", "none"),
    ],
    "all extension fields": ["--extension-fields", "all", "--date-fields", "Last Order", "--max-rejected", "none"],
    "values": ["--values", "sex:male=female", "--values", "stage:Won=", "--max-rejected", "none"],
    "null values": ["--null-values", "Bronze", "--null-values", "System", "--max-rejected", "none"],
    "numbers of a region": ["--default-region", "CN", "--max-rejected", "none"],
    "national numbers": ["--default-region", "BR", "--ambiguous-numbers", "national", "--max-rejected", "none"],
    "international numbers": [
        "--default-region",
        "BR",
        "--ambiguous-numbers",
        "international",
        "--max-rejected",
        "none",
    ],
    "everything": [
        *("--extension-fields", "Loyalty Level", "--extension-fields", "Last Order", "--date-fields", "Last Order"),
        *("--values", "sex:male=female", "--values", "Loyalty Level:Gold=Silver", "--values", "stage:Won="),
        *(
            "--null-values",
            "System",
            "--null-values",
            "Auto",
            "--default-region",
            "CN",
            "--ambiguous-numbers",
            "national",
        ),
        *("--bad-values", "omit", "--columns", "income=", "--columns", "profession=desc", "--columns", "desc="),
        *("--defaults", "stage=New", "--empty", "desc=send", "--duplicates", "first", "--no-dayfirst"),
        *("--rejects-path", "rejects.csv", "--rows-per-call", "37", "--max-rejected", "0.5"),
    ],
}


def pasted(page: str) -> Any:
    """Return the operator that a page ends with, in a DAG."""
    found: dict[str, Any] = {}
    with DAG("pasted", schedule=None) as dag:
        exec(page[page.index("from airflow_provider_socialscrm") :], found)  # noqa: S102
    (task,) = dag.tasks
    return task


def counts_of(lines: list[str]) -> dict[str, int]:
    """Return the rows that a page counts, by the word behind the number."""
    rows = [line.split(maxsplit=2) for line in lines[2 : lines.index("", 2)]]
    counts = {word.rstrip(":"): int(number.replace(",", "")) for number, word, _ in rows}
    return {"accepted": counts.pop("can")} | counts


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    """A CRM that has every agent of the file, and takes any text in its extension fields."""
    with DEMO.open(encoding="utf-8", newline="") as file:
        agents = {row["agentAccount"].strip() for row in csv.DictReader(file)} - {""}
    fields = {"Loyalty Level": "text", "Last Order": "text"}
    connected_crm.configure(agents=["agent_wang", *sorted(agents - {"agent_wang"})], extension_fields=fields)
    return connected_crm


QUICK = {"national numbers", "everything"}
"""Whose promise `make test` holds; the others take as long."""


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(options, id=name, marks=[] if name in QUICK else pytest.mark.thorough)
        for name, options in OPTIONS.items()
    ],
)
def test_the_printed_task_ends_with_the_rows_that_were_promised(check, crm: Sandbox, options):
    page = check(str(DEMO), *options)

    rows = pasted(page.out).execute({"ti": FakeTaskInstance()})["rows"]

    assert page.code == 0
    assert {bucket: count for bucket, count in rows.items() if count} == counts_of(page.lines) | {"total": 2400}
    assert len(crm.customers()) == rows["accepted"] > 2000


@pytest.mark.thorough
def test_the_promise_holds_for_the_header_scheme(check, crm: Sandbox, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", crm.connection_json("header"))
    page = check(str(DEMO), "--auth-scheme", "header", *OPTIONS["everything"])

    rows = pasted(page.out).execute({"ti": FakeTaskInstance()})["rows"]

    assert {bucket: count for bucket, count in rows.items() if count} == counts_of(page.lines) | {"total": 2400}


def test_the_printed_task_fails_where_the_page_says_so(check, crm: Sandbox):
    page = check(str(DEMO), "--max-rejected", "0.001")
    ti = FakeTaskInstance()

    with pytest.raises(AirflowFailException, match=r"max_rejected allows 0\.001"):
        pasted(page.out).execute({"ti": ti})

    assert page.code == 1
    assert dict(ti.pushed)["return_value"]["rows"]["accepted"] == counts_of(page.lines)["accepted"]


@pytest.mark.usefixtures("connected_crm")
def test_the_page_says_what_the_crm_alone_can_tell(check):
    page = check(str(DEMO), "--max-rejected", "0.02")

    rows = pasted(page.out).execute({"ti": FakeTaskInstance()})["rows"]

    assert rows["rejected"] > 0
    assert rows["accepted"] + rows["rejected"] == counts_of(page.lines)["accepted"]
    assert page.section("What next")[-2:] == [
        "  - A check makes no call: the CRM may still reject rows, for an agent or an",
        "    extension field that it does not know.",
    ]
