"""The asset events of an import."""

from __future__ import annotations

import pandas as pd
import pytest
from airflow.sdk import Asset, AssetAlias
from airflow.sdk.execution_time.context import OutletEventAccessors

from airflow_provider_socialscrm.assets.socialscrm import customers_asset
from airflow_provider_socialscrm.operators.socialscrm import AirflowFailException, SocialSCRMImportOperator
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance

CUSTOMERS = customers_asset("1")
OTHER = Asset("s3://bucket/key")


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    return connected_crm


def run(outlets: list[object], numbers: list[str], **arguments: object) -> tuple[SocialSCRMImportOperator, object]:
    events = OutletEventAccessors()
    operator = SocialSCRMImportOperator(
        task_id="task",
        data=pd.DataFrame({"whatsApp": numbers, "friendName": "Xanthippe"}),
        outlets=outlets,
        **arguments,
    )
    operator.execute({"ti": FakeTaskInstance(), "outlet_events": events})
    return operator, events


def test_the_event_of_a_tenants_asset_has_the_counts_and_no_customer(crm: Sandbox):
    _, events = run([OTHER, CUSTOMERS, AssetAlias("alias")], ["8699775400000", "8699775400001", "x"], max_rejected=1)

    extra = events[CUSTOMERS].extra
    assert {name: rows for name, rows in extra["rows"].items() if rows} == {"total": 3, "accepted": 2, "invalid": 1}
    assert extra["calls"] == 1
    assert set(extra) == {"rows", "calls"}
    assert list(events) == [CUSTOMERS]  # other assets belong to the user


def test_a_dry_run_ends_without_a_tenants_outlet(crm: Sandbox):
    operator, events = run([OTHER, CUSTOMERS], ["8699775400000"], dry_run=True)

    assert operator.outlets == [OTHER]
    assert list(events) == []


def test_too_many_rejected_rows_make_no_event(crm: Sandbox):
    events = OutletEventAccessors()
    operator = SocialSCRMImportOperator(task_id="task", data=[{"whatsApp": "x"}], outlets=[CUSTOMERS])
    with pytest.raises(AirflowFailException):
        operator.execute({"ti": FakeTaskInstance(), "outlet_events": events})

    assert list(events) == []
