"""The asset events of an import."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pandas as pd
import pytest
from airflow.sdk import Asset, AssetAlias
from airflow.sdk.exceptions import AirflowRuntimeError, ErrorType
from airflow.sdk.execution_time.comms import ErrorResponse
from airflow.sdk.execution_time.context import OutletEventAccessors

from airflow_provider_socialscrm._compat import AirflowFailException
from airflow_provider_socialscrm.assets.socialscrm import customers_asset
from airflow_provider_socialscrm.operators.socialscrm import SocialSCRMImportOperator
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.airflow import FakeTaskInstance


class Events(OutletEventAccessors):
    """Airflow's events of outlets, with the assets that its database would have."""

    assets: ClassVar[dict[str, Asset]] = {}

    @classmethod
    def _get_asset_from_db(cls, name: str | None = None, uri: str | None = None) -> Asset:
        found = [asset for asset in cls.assets.values() if name in (None, asset.name) and uri in (None, asset.uri)]
        if not found:
            raise AirflowRuntimeError(ErrorResponse(error=ErrorType.ASSET_NOT_FOUND, detail={"name": name}))
        return found[0]


OTHER = Asset("s3://bucket/key")


@pytest.fixture
def crm(connected_crm: Sandbox) -> Sandbox:
    return connected_crm


@pytest.fixture
def customers(crm: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Asset:
    """The customers of the connection's tenant, which Airflow knows by two names, beside another tenant's."""
    own = customers_asset("1", crm.url)
    named = Asset(name="all customers", uri=own.uri)
    stranger = customers_asset("2", crm.url)
    monkeypatch.setattr(Events, "assets", {asset.name: asset for asset in (own, named, stranger)})
    return own


def run(outlets: list[object], numbers: list[str], **arguments: object) -> tuple[SocialSCRMImportOperator, object]:
    events = Events()
    operator = SocialSCRMImportOperator(
        task_id="task",
        data=pd.DataFrame({"whatsApp": numbers, "friendName": "Xanthippe"}),
        outlets=outlets,
        **arguments,
    )
    operator.execute({"ti": FakeTaskInstance(), "outlet_events": events})
    return operator, events


def test_the_event_of_a_tenants_asset_has_the_counts_and_no_customer(customers: Asset):
    _, events = run([OTHER, customers, AssetAlias("alias")], ["8619775400000", "8619775400001", "x"], max_rejected=1)

    extra = events[customers].extra
    assert {name: rows for name, rows in extra["rows"].items() if rows} == {"total": 3, "accepted": 2, "invalid": 1}
    assert extra["calls"] == 1
    assert extra["changes"] is None
    assert set(extra) == {"rows", "calls", "changes"}
    assert list(events) == [customers]  # other assets belong to the user


def test_the_event_of_an_import_with_a_ledger_has_what_changed(customers: Asset, tmp_path: Path):
    numbers = ["8619775400000", "8619775400001"]
    run([customers], numbers[:1], ledger=str(tmp_path / "ledger"))

    _, events = run([customers], numbers, ledger=str(tmp_path / "ledger"))

    extra = events[customers].extra
    assert (extra["rows"]["accepted"], extra["rows"]["unchanged"], extra["changes"]["new"]) == (1, 1, 1)


@pytest.mark.parametrize("by", ["uri", "name", "the uri as the user wrote it"])
def test_a_reference_to_the_tenants_asset_gets_the_counts_too(customers: Asset, by):
    written = customers.uri.replace("socialscrm", "SocialsCRM")
    refs = {"uri": Asset.ref(uri=customers.uri), "name": Asset.ref(name="all customers")}
    ref = refs.get(by) or Asset.ref(uri=customers.uri)
    if by == "the uri as the user wrote it":
        ref.uri = written
        Events.assets[written] = SimpleNamespace(name=written, uri=written, extra={})
    _, events = run([ref], ["8619775400000"])
    assert events[ref].extra["rows"]["accepted"] == 1


def test_an_asset_of_another_tenant_or_host_is_named_in_a_warning(customers: Asset, caplog):
    stranger, elsewhere = (
        customers_asset("2", "https://crm.example.com"),
        customers_asset("1", "https://crm.example.com"),
    )
    unknown = "socialscrm://nobody/1/customers"
    _, events = run([stranger, elsewhere, Asset.ref(name=unknown)], ["8619775400000"])
    assert [events[asset].extra["rows"]["accepted"] for asset in (stranger, elsewhere)] == [1, 1]
    warned = [line for line in caplog.messages if "is not the asset of this connection's tenant" in line]
    assert [stranger.uri in warned[0], elsewhere.uri in warned[1], len(warned)] == [True, True, 2]
    assert f"Airflow does not find the outlet '{unknown}'" in caplog.text


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("by", ["name", "uri"])
def test_an_asset_that_airflow_does_not_know_fails_no_import(customers: Asset, caplog, by, dry_run):
    unknown = "socialscrm://nobody/1/customers"
    outlets = [Asset.ref(**{by: unknown}), customers]
    operator, events = run(outlets, ["8619775400000"], dry_run=dry_run)

    assert dry_run or events[customers].extra["rows"]["accepted"] == 1
    assert (customers in operator.outlets) != dry_run
    is_looked_up = by == "name" or not dry_run
    assert (f"Airflow does not find the outlet '{unknown}'" in caplog.text) == is_looked_up


def test_an_import_whose_event_cannot_be_written_leaves_its_manifest(customers: Asset):
    class Broken:  # as a context of another Airflow could be
        def __getitem__(self, outlet: object) -> object:
            raise RuntimeError("no events today")

    instance = FakeTaskInstance()
    data = pd.DataFrame({"whatsApp": ["8619775400000"], "friendName": "Xanthippe"})
    operator = SocialSCRMImportOperator(task_id="task", data=data, outlets=[customers])
    with pytest.raises(RuntimeError, match="no events today"):
        operator.execute({"ti": instance, "outlet_events": Broken()})

    assert [value["rows"]["accepted"] for key, value in instance.pushed if key == "return_value"] == [1]


class Table:
    """A dataset of lineage: not an asset, though it has a name and a URI."""

    name, uri = "warehouse.customers", "socialscrm://not-an-asset"


@pytest.mark.parametrize("dry_run", [False, True])
def test_an_outlet_that_is_not_an_asset_belongs_to_the_user(customers: Asset, dry_run):
    operator, events = run([Table], ["8619775400000"], dry_run=dry_run)
    assert operator.outlets == [Table]
    assert list(events) == []


@pytest.mark.parametrize("by", ["uri", "name"])
def test_a_dry_run_ends_without_a_reference_to_a_tenants_outlet(customers: Asset, by):
    ref = Asset.ref(uri=customers.uri) if by == "uri" else Asset.ref(name="all customers")
    operator, _ = run([OTHER, ref, Asset.ref(uri="s3://bucket/key")], ["8619775400000"], dry_run=True)
    assert operator.outlets == [OTHER, Asset.ref(uri="s3://bucket/key")]


def test_a_dry_run_ends_without_a_tenants_outlet(customers: Asset):
    operator, events = run([OTHER, customers], ["8619775400000"], dry_run=True)

    assert operator.outlets == [OTHER]
    assert list(events) == []


def test_too_many_rejected_rows_make_no_event(customers: Asset):
    events = Events()
    operator = SocialSCRMImportOperator(task_id="task", data=[{"whatsApp": "x"}], outlets=[customers])
    with pytest.raises(AirflowFailException):
        operator.execute({"ti": FakeTaskInstance(), "outlet_events": events})

    assert list(events) == []
