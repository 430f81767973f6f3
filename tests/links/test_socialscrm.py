"""The links on a task lead to the CRM and to the rejected rows."""

from __future__ import annotations

import pytest
from airflow.sdk.io import attach, store
from fsspec.implementations.dirfs import DirFileSystem
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_socialscrm.links.socialscrm import ConsoleLink, RejectsLink, browsable
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    return connected_crm


def links_of(operator: SocialSCRMImportOperator) -> tuple[str, str]:
    return ConsoleLink().get_link(operator, ti_key=None), RejectsLink().get_link(operator, ti_key=None)


def operator_of(**arguments: object) -> SocialSCRMImportOperator:
    return SocialSCRMImportOperator(task_id="task", data=[{"whatsApp": "8619775100000"}], **arguments)


@pytest.fixture
def s3(monkeypatch, tmp_path):
    monkeypatch.setattr(store, "_STORE_CACHE", {})
    attach("s3", "store", fs=DirFileSystem(str(tmp_path), LocalFileSystem(auto_mkdir=True)))


def test_a_task_that_ran_leads_to_the_crm_and_to_its_dead_letter(crm: Sandbox, s3):
    operator = operator_of(rejects_path="s3://store@crm/rejects/1.csv")
    operator.execute({"ti": FakeTaskInstance()})

    assert links_of(operator) == (crm.url, "https://console.aws.amazon.com/s3/object/crm?prefix=rejects/1.csv")


@pytest.mark.parametrize("arguments", [{"rejects_path": "s3://store@crm/rejects.csv", "dry_run": True}, {}])
def test_a_dry_run_and_a_task_without_dead_letter_lead_to_the_crm_only(crm: Sandbox, s3, arguments):
    operator = operator_of(**arguments)
    operator.execute({"ti": FakeTaskInstance()})

    assert links_of(operator) == (crm.url, "")


def test_a_task_that_did_not_run_has_no_links():
    assert links_of(operator_of(rejects_path="rejects.csv")) == ("", "")


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/data/rejects.csv", ""),
        ("rejects.csv", ""),
        ("file:///data/rejects.csv", ""),
        ("https://www.socialscrm.com", "https://www.socialscrm.com"),
        ("s3://crm/a b/rejects.csv", "https://console.aws.amazon.com/s3/object/crm?prefix=a%20b/rejects.csv"),
        ("s3://aws_default@crm/rejects.csv", "https://console.aws.amazon.com/s3/object/crm?prefix=rejects.csv"),
        ("s3a://crm/a@b&c.csv", "https://console.aws.amazon.com/s3/object/crm?prefix=a%40b%26c.csv"),
        ("gs://crm/rejects.csv", "https://console.cloud.google.com/storage/browser/_details/crm/rejects.csv"),
        ("gcs://crm/rejects.csv", "https://console.cloud.google.com/storage/browser/_details/crm/rejects.csv"),
        ("abfs://crm/rejects.csv", ""),
        ("javascript://crm", ""),
    ],
)
def test_a_path_becomes_a_url_that_a_browser_opens_or_no_link(path, url):
    assert browsable(path) == url
