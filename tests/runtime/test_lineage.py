"""The lineage that is reported to OpenLineage, with fakes where its provider is not installed."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from airflow.providers.common.compat.openlineage import facet
from airflow.sdk import DAG, ObjectStoragePath
from upath import UPath

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.operators.chats import SocialSCRMChatsToFileOperator
from airflow_provider_socialscrm.operators.screening import SocialSCRMScreenOperator
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.runtime.lineage import dataset_of
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance

EXTRACTORS = "airflow.providers.openlineage.extractors"


@dataclass
class FakeLineage:
    """The attributes of OpenLineage's own class."""

    inputs: list[Any] = field(default_factory=list)
    outputs: list[Any] = field(default_factory=list)
    run_facets: dict[str, Any] = field(default_factory=dict)
    job_facets: dict[str, Any] = field(default_factory=dict)


@pytest.fixture
def openlineage(monkeypatch) -> None:
    """Replace OpenLineage's class and facets by simple ones."""
    extractors = ModuleType(EXTRACTORS)
    extractors.OperatorLineage = FakeLineage
    monkeypatch.setitem(sys.modules, "airflow.providers.openlineage", ModuleType("airflow.providers.openlineage"))
    monkeypatch.setitem(sys.modules, EXTRACTORS, extractors)
    for name in ("Dataset", "OutputDataset", "OutputStatisticsOutputDatasetFacet"):
        monkeypatch.setattr(facet, name, dict)


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    return connected_crm


def customers(*numbers: str) -> pd.DataFrame:
    return pd.DataFrame({"whatsApp": numbers, "friendName": "Xanthippe"})


def operator_of(data: Any, **arguments: Any) -> SocialSCRMImportOperator:
    return SocialSCRMImportOperator(task_id="task", data=data, **arguments)


def test_a_completed_import_leads_from_its_file_to_the_tenants_customers(crm: Sandbox, openlineage, tmp_path):
    path = tmp_path / "customers.csv"
    customers("8619775200000", "8619775200001", "x").to_csv(path, index=False)
    operator = operator_of(str(path), max_rejected=1)
    operator.execute({"ti": FakeTaskInstance()})

    lineage = operator.get_openlineage_facets_on_complete(None)

    assert lineage.inputs == [{"namespace": "file", "name": str(path)}]
    assert lineage.outputs == [
        {
            "namespace": crm.url.replace("http", "socialscrm"),
            "name": "1/customers",
            "outputFacets": {"outputStatistics": {"rowCount": 2}},
        }
    ]
    assert (lineage.run_facets, lineage.job_facets) == ({}, {})


@pytest.mark.parametrize("make", [str, Path, UPath, lambda path: ObjectStoragePath(f"file://{path}")])
def test_each_path_of_a_list_is_an_input(crm: Sandbox, openlineage, tmp_path, make):
    for number in (1, 2):
        customers(f"861977520000{number}").to_csv(tmp_path / f"{number}.csv", index=False)
    operator = operator_of([make(tmp_path / "2.csv"), make(tmp_path / "1.csv"), make(tmp_path / "2.csv")])
    operator.execute({"ti": FakeTaskInstance()})

    inputs = operator.get_openlineage_facets_on_complete(None).inputs

    assert inputs == [{"namespace": "file", "name": str(tmp_path / f"{number}.csv")} for number in (2, 1)]


@pytest.mark.parametrize("data", ['[{"friendName": "Xanthippe"}]', b"Xanthippe", [{"friendName": "Xanthippe"}]])
def test_data_that_is_not_a_path_is_no_input(openlineage, data):
    operator = operator_of("a.csv")
    operator.data = data

    assert operator.get_openlineage_facets_on_complete(None).inputs == []


def test_after_a_failure_the_accepted_rows_are_reported_and_no_customer(crm: Sandbox, openlineage):
    operator = operator_of(customers("8619775200000", "Quarterstaff"))
    with pytest.raises(AirflowFailException):
        operator.execute({"ti": FakeTaskInstance()})

    lineage = operator.get_openlineage_facets_on_complete(None)

    assert lineage.inputs == []
    assert lineage.outputs[0]["outputFacets"] == {"outputStatistics": {"rowCount": 1}}
    assert [secret for secret in ("Quarterstaff", "86197752", "Xanthippe") if secret in str(lineage)] == []


def test_a_dry_run_has_no_output(crm: Sandbox, openlineage):
    operator = operator_of(customers("8619775200000"), dry_run=True)
    operator.execute({"ti": FakeTaskInstance()})

    assert operator.get_openlineage_facets_on_complete(None).outputs == []


def test_a_task_that_was_never_run_has_no_output(openlineage):
    lineage = operator_of("/data/customers.csv").get_openlineage_facets_on_complete(None)

    assert (len(lineage.inputs), lineage.outputs, lineage.run_facets) == (1, [], {})


def test_screening_leads_from_the_table_to_the_screened_one(crm: Sandbox, openlineage, tmp_path):
    crm.configure(screening_seconds=0)
    customers(*(f"91987766{n:04}" for n in range(500))).to_csv(tmp_path / "customers.csv", index=False)
    operator = SocialSCRMScreenOperator(
        task_id="task", data=str(tmp_path / "customers.csv"), path=str(tmp_path / "screened.parquet"),
        kind="is_whatsapp", country="IN", max_numbers=500,
    )  # fmt: skip
    assert operator.get_openlineage_facets_on_complete(None).outputs == []
    operator.execute({"ti": FakeTaskInstance()})

    lineage = operator.get_openlineage_facets_on_complete(None)

    assert lineage.inputs == [{"namespace": "file", "name": str(tmp_path / "customers.csv")}]
    assert lineage.outputs == [
        {
            "namespace": "file",
            "name": str(tmp_path / "screened.parquet"),
            "outputFacets": {"outputStatistics": {"rowCount": 500}},
        }
    ]


def test_chats_lead_to_their_file(crm: Sandbox, openlineage, tmp_path):
    day = {"start": "2024-10-04T00:00:00Z", "end": "2024-10-05T00:00:00Z"}
    with DAG("dag", schedule=None):
        operator = SocialSCRMChatsToFileOperator(task_id="task", path=f"{tmp_path}/", agents=["agent_silva"], **day)
    assert operator.get_openlineage_facets_on_complete(None).outputs == []
    manifest = operator.execute({"ti": FakeTaskInstance()})

    lineage = operator.get_openlineage_facets_on_complete(None)

    assert lineage.inputs == []
    (written,) = lineage.outputs
    assert (written["namespace"], written["name"]) == ("file", manifest["path"])
    assert written["outputFacets"] == {"outputStatistics": {"rowCount": manifest["rows"]}}


def test_without_openlineage_no_lineage_is_reported(monkeypatch):
    monkeypatch.setitem(sys.modules, EXTRACTORS, None)

    assert operator_of("/data/customers.csv").get_openlineage_facets_on_complete(None) is None


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (Path("/data/customers.csv"), ("file", "/data/customers.csv")),
        (Path("/data/*.csv"), ("file", "/data/*.csv")),
        (ObjectStoragePath("file:///data/customers.csv"), ("file", "/data/customers.csv")),
        (ObjectStoragePath("s3://bucket/a/customers.csv"), ("s3://bucket", "a/customers.csv")),
        (UPath("s3://bucket/a/customers.csv", anon=True), ("s3://bucket", "a/customers.csv")),
        (UPath("/data/customers.csv"), ("file", "/data/customers.csv")),
    ],
)
def test_a_path_is_named_as_openlineage_names_it(path, named):
    assert dataset_of(path) == named
