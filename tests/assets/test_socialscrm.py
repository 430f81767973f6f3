"""The asset of a tenant's customers: one normal form for every spelling."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from airflow.sdk import Asset

from airflow_provider_socialscrm.assets.socialscrm import (
    customers_asset,
    customers_uri,
    sanitize_uri,
    to_openlineage,
)


@pytest.mark.parametrize(
    "host",
    [
        "crm.example",
        "CRM.Example",
        "https://crm.example",
        "https://crm.example:443",
        "http://CRM.example:80/",
        "crm.example:443",
    ],
)
def test_the_same_tenant_is_the_same_asset_however_its_host_is_written(host):
    assert customers_uri(host, "7") == "socialscrm://crm.example/7/customers"
    assert customers_asset("7", host) == Asset("socialscrm://crm.example/7/customers")


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("socialscrm://crm.example/7/customers/", "socialscrm://crm.example/7/customers"),
        ("SOCIALSCRM://CRM.example:443/7/customers", "socialscrm://crm.example/7/customers"),
        ("socialscrm://crm.example:8443/7/customers", "socialscrm://crm.example:8443/7/customers"),
        ("socialscrm://[::1]:8765/7/customers", "socialscrm://[::1]:8765/7/customers"),
        ("socialscrm://crm.example/7/customers#x", "socialscrm://crm.example/7/customers"),
    ],
)
def test_airflow_brings_a_uri_of_ours_into_its_normal_form(written, normal):
    assert Asset(written).uri == normal


@pytest.mark.parametrize(
    "wrong",
    [
        "socialscrm:///7/customers",
        "socialscrm://crm.example",
        "socialscrm://crm.example/7",
        "socialscrm://crm.example/7/groups",
        "socialscrm://crm.example//customers",
        "socialscrm://crm.example/7/customers/8",
        "socialscrm://crm.example:port/7/customers",
        "socialscrm://agent_wang@crm.example/7/customers",
        "socialscrm://crm.example/7/customers?key=value",
    ],
)
def test_a_uri_of_another_shape_is_refused_with_the_right_shape_and_without_what_it_holds(wrong):
    with pytest.raises(ValueError, match="must be socialscrm://host/tenant/customers") as failure:
        sanitize_uri(urlsplit(wrong))

    assert "agent_wang" not in str(failure.value)


def test_airflow_has_an_asset_of_this_scheme_checked():
    with pytest.raises(ValueError, match="must be socialscrm://host/tenant/customers"):
        Asset("socialscrm://crm.example/7/groups")


@pytest.mark.parametrize(("host", "tenant"), [("", "7"), ("https://", "7"), ("crm.example", "")])
def test_neither_host_nor_tenant_may_be_missing(host, tenant):
    with pytest.raises(ValueError, match="socialscrm://host/tenant/customers"):
        customers_uri(host, tenant)


def test_a_tenant_that_is_no_number_is_quoted():
    assert customers_uri("crm.example", "a/b") == "socialscrm://crm.example/a%2Fb/customers"


def test_a_normal_form_stays():
    uri = urlsplit(customers_uri("crm.example:1", "7"))
    assert sanitize_uri(uri) == uri


@pytest.mark.needs_airflow("3.2")
def test_hooks_can_have_airflow_make_the_asset():
    from airflow.sdk.lineage import HookLineageCollector

    made = HookLineageCollector().create_asset(
        scheme="socialscrm", asset_kwargs={"tenant_id": "7", "host": "crm.example"}
    )

    assert made == customers_asset("7", "crm.example")


def test_without_openlineage_the_converter_says_nothing_and_breaks_nothing():
    pytest.importorskip("airflow.providers.common.compat.openlineage.facet")
    dataset = to_openlineage(customers_asset("7", "crm.example:1"), None)

    assert dataset is None or (dataset.namespace, dataset.name) == ("socialscrm://crm.example:1", "7/customers")
