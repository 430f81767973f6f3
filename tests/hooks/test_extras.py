from __future__ import annotations

import json

import pytest
from airflow.sdk import Connection

from airflow_provider_socialscrm.api.errors import SettingError
from airflow_provider_socialscrm.hooks.connection import settings_of
from airflow_provider_socialscrm.hooks.extras import EXTRAS, unknown_extras

VALUE = "only-this-value"


def connection(extra: dict[str, object], **fields: str | None) -> Connection:
    given = {"login": "agent", "password": "key"} | fields
    return Connection(conn_id="crm", conn_type="socialscrm", extra=json.dumps(extra), **given)


def refusal(extra: dict[str, object], **fields: str | None) -> str:
    with pytest.raises(SettingError) as caught:
        settings_of(connection(extra, **fields))
    said = str(caught.value)
    assert VALUE not in said
    return said


MEANT = [
    ("tz", "time_zone"),
    ("timezone", "time_zone"),
    ("TZ", "time_zone"),
    ("ca_bundle", "verify"),
    ("ssl_verify", "verify"),
    ("verify_ssl", "verify"),
    ("ca", "verify"),
    ("cacert", "verify"),
    ("ca_cert", "verify"),
    ("REQUESTS_CA_BUNDLE", "verify"),
    ("insecure", "verify"),
    ("client_cert", "cert"),
    ("ssl_cert", "cert"),
    ("clientKey", "cert"),
    ("rate", "calls_per_second"),
    ("rps", "calls_per_second"),
    ("qps", "calls_per_second"),
    ("rate_limit", "calls_per_second"),
    ("calls_per_sec", "calls_per_second"),
    ("max-calls-per-second", "calls_per_second"),
    ("read_timeout", "timeout"),
    ("timeout_seconds", "timeout"),
    ("http_proxy", "proxies"),
    ("HTTPS_PROXY", "proxies"),
    ("proxy_url", "proxies"),
    ("no_proxy", "proxies"),
    ("auth_type", "auth_scheme"),
    ("authentication", "auth_scheme"),
    ("redis_conn_id", "pace_conn_id"),
    ("http_headers", "headers"),
    ("atomic", "refusals_are_atomic"),
    ("ledger_key", "ledger_secret"),
    ("extra__socialscrm__tz", "time_zone"),
]


@pytest.mark.parametrize(("name", "meant"), MEANT)
def test_a_common_word_for_an_extra_is_an_error_that_says_the_name(name, meant):
    said = refusal({"tenant_id": "1", name: VALUE})
    assert f"the extra {name.removeprefix('extra__socialscrm__')!r} is not read: did you mean {meant!r}?" in said


@pytest.mark.parametrize(
    ("name", "caution"),
    [
        ("timeout_ms", "It is in seconds."),
        ("insecure", "It says the opposite."),
        ("sslNoVerify", "It says the opposite."),
    ],
)
def test_a_word_whose_value_means_something_else_there_says_so(name, caution):
    assert f"? {caution} Fix it under " in refusal({"tenant_id": "1", name: VALUE})


def test_a_word_that_may_be_the_key_is_not_taken_for_the_tenant():
    assert "did you mean" not in refusal({"tenant_key": VALUE})


@pytest.mark.parametrize(
    "name", ["company", "companyId", "company_id", "org", "organization_id", "enterprise_id", "corp_id", "merchantId"]
)
def test_a_word_for_the_tenant_is_named_where_the_tenant_is_missing_and_ignored_where_it_is_given(name):
    said = refusal({name: VALUE})
    assert said.startswith(
        f"Connection 'crm': Tenant ID is missing; the extra {name!r} is not read: did you mean 'tenant_id'? Fix it"
    )
    assert settings_of(connection({name: VALUE, "tenant_id": "1"})).tenant_id == "1"


HARMLESS = [
    *("region", "owner", "team", "env", "description", "project", "department", "country", "stage", "notes", "clock"),
    *("locale", "retries", "max_retries", "batch_size", "debug", "trust_env", "check_response", "allow_redirects"),
    *("stream", "session", "zone", "site", "ticket", "contact", "channel", "queue", "role_arn", "kms_key", "version"),
    *("rate_card", "time_limit", "tcp_keep_alive", "cost_center", "source", "tags", "firma", "", "企业"),
]


@pytest.mark.parametrize("name", HARMLESS)
def test_a_name_with_another_meaning_is_left_alone_while_nothing_is_missing(name):
    with_it = connection({"tenant_id": "1", name: VALUE})
    assert settings_of(with_it) == settings_of(connection({"tenant_id": "1"}))
    assert unknown_extras(with_it) == [name]


@pytest.mark.parametrize("name", HARMLESS)
@pytest.mark.parametrize(
    ("extra", "fields", "missing"),
    [
        ({}, {}, "Tenant ID is missing"),
        ({"tenant_id": "1"}, {"password": None}, "ApiKey is missing"),
        ({"tenant_id": "1"}, {"login": None}, "User name is missing"),
    ],
)
def test_any_name_that_is_not_read_is_named_where_something_is_missing(name, extra, fields, missing):
    said = refusal(extra | {name: VALUE}, **fields)
    assert f"{missing}; the extra {name!r} is not read: the extras are {', '.join(EXTRAS)}; and the fields are " in said
    assert "host (Base URL), login (User name), password (ApiKey), port (Port). Fix it" in said


def test_all_names_that_are_not_read_are_in_one_sentence():
    said = refusal({"firma": VALUE, "owner": VALUE, "qps": 3, "api_key": VALUE, "empty": "", "none": None})
    assert "the extras 'firma', 'owner' are not read: the extras are tenant_id" in said
    assert "the extra 'qps' is not read: did you mean 'calls_per_second'?" in said
    assert "the extra 'api_key' is not read: it is the field ApiKey" in said
    assert "empty" not in said
    assert "none" not in said


@pytest.mark.parametrize(
    "extra", [{"tz": VALUE, "time_zone": "UTC"}, {"ca_cert": VALUE, "verify": True}, {"rate": 1, "calls_per_second": 2}]
)
def test_a_word_for_an_extra_that_is_given_changes_nothing(extra):
    extra |= {"tenant_id": "1"}
    ours = {name: value for name, value in extra.items() if name in EXTRAS}
    assert settings_of(connection(extra)) == settings_of(connection(ours))
