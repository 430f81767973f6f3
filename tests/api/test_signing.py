from __future__ import annotations

import json
from dataclasses import replace
from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.agents import agent_query
from airflow_provider_socialscrm.api.customers import import_call
from airflow_provider_socialscrm.api.request import signed
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.api.signing import body_token, header_token

NOW = 1685592732.5  # 2023-06-01 04:12:12.5 UTC
SOURCE = Settings("https://www.socialscrm.com", "1", "QOEAcPj6Tb8XRhwFvYih", "WhatsApp")
HEADER = replace(SOURCE, auth_scheme=AuthScheme.HEADER)
ROW = b'{"whatsApp":"8615266667779","friendName":"lee"}'


def hexadecimal(*parts: str) -> str:
    return md5(b"".join(part.encode("utf-8") for part in parts)).hexdigest()


def test_the_source_documents_example_has_its_token():
    token = body_token("1", "WhatsApp", "2023-06-01 12:12:12", "QOEAcPj6Tb8XRhwFvYih")
    assert token == "d5b3aedbd8fad73eb71016d2dc5450eb"


def test_the_source_documents_call_is_made_of_a_time_in_shanghai():
    call = import_call(SOURCE, [ROW], agent=None, now=NOW)
    assert (call.method, call.path) == ("PUT", "/wscrm-bus-api/customer/api/import")
    assert call.headers == {"Content-Type": "application/json"}
    assert json.loads(call.body) == {
        "tenantId": "1",
        "userName": "WhatsApp",
        "token": "d5b3aedbd8fad73eb71016d2dc5450eb",
        "createTime": "2023-06-01 12:12:12",
        "data": [json.loads(ROW)],
    }


def test_the_header_token_joins_tenant_time_and_key():
    assert header_token("1", 1685592732500, "QOEAcPj6Tb8XRhwFvYih") == hexadecimal(
        "1", "1685592732500", "QOEAcPj6Tb8XRhwFvYih"
    )


def test_the_header_scheme_signs_in_headers_and_leaves_the_body_unsigned():
    call = import_call(HEADER, [ROW], agent=None, now=NOW)
    assert (call.method, call.path) == ("POST", "/wscrm-bus-api/customer/api/batchImport")
    assert call.headers == {
        "Content-Type": "application/json",
        "tenant_id": "1",
        "timestamp": "1685592732500",
        "token": hexadecimal("1", "1685592732500", "QOEAcPj6Tb8XRhwFvYih"),
    }
    assert json.loads(call.body) == {"tenantId": 1, "data": [json.loads(ROW)]}


def test_the_user_is_looked_up_by_login_with_signed_headers():
    call = signed(agent_query(HEADER.user_name), HEADER, NOW)
    assert (call.method, call.path, call.body) == ("POST", "/se-api/user/query", b'{"username":"WhatsApp"}')
    assert call.headers == import_call(HEADER, [], agent=None, now=NOW).headers


sendable = st.text(st.characters(exclude_categories=["Cs"]))


@given(user=sendable, key=sendable, now=st.floats(0, 4e9))
def test_what_the_body_scheme_signs_is_what_it_sends(user, key, now):
    body = json.loads(import_call(replace(SOURCE, user_name=user, api_key=key), [], agent=None, now=now).body)
    assert body["userName"] == user
    assert body["token"] == hexadecimal(body["tenantId"], body["userName"], body["createTime"], key)


@given(key=sendable, now=st.floats(0, 4e9))
def test_what_the_header_scheme_signs_is_what_it_sends(key, now):
    headers = import_call(replace(HEADER, api_key=key), [], agent=None, now=now).headers
    assert headers["token"] == hexadecimal(headers["tenant_id"], headers["timestamp"], key)


@pytest.mark.parametrize(("user", "key"), [("王小明", "ключ"), ("joão@example.com", "k€y"), ("👩‍💼", "鍵")])
def test_users_and_keys_of_other_alphabets_are_signed_in_utf_8(user, key):
    expected = md5(b"1" + user.encode("utf-8") + b"2023-06-01 12:12:12" + key.encode("utf-8")).hexdigest()
    assert body_token("1", user, "2023-06-01 12:12:12", key) == expected
    assert header_token("1", 5, key) == md5(b"15" + key.encode("utf-8")).hexdigest()


@pytest.mark.parametrize(
    ("zone", "now", "create_time"),
    [
        ("Asia/Shanghai", NOW, "2023-06-01 12:12:12"),
        ("UTC", NOW, "2023-06-01 04:12:12"),
        ("America/New_York", NOW, "2023-06-01 00:12:12"),
        ("Asia/Jakarta", NOW, "2023-06-01 11:12:12"),
        ("Asia/Kolkata", NOW, "2023-06-01 09:42:12"),
        ("Europe/Berlin", 1672531199.9, "2023-01-01 00:59:59"),
    ],
)
def test_create_time_is_written_in_the_zone_of_the_settings(zone, now, create_time):
    body = json.loads(import_call(replace(SOURCE, time_zone=zone), [], agent=None, now=now).body)
    assert body["createTime"] == create_time


@pytest.mark.parametrize(
    ("tenant_id", "in_json"),
    [("1", 1), ("503516", 503516), ("9" * 18, int("9" * 18)), ("9" * 30, "9" * 30), ("acme-1", "acme-1")],
)
def test_a_tenant_id_is_a_long_where_the_vendor_documents_one_and_the_same_text_where_it_is_signed(tenant_id, in_json):
    in_body = json.loads(import_call(replace(SOURCE, tenant_id=tenant_id), [], agent=None, now=NOW).body)
    call = import_call(replace(HEADER, tenant_id=tenant_id), [], agent=None, now=NOW)
    assert in_body["tenantId"] == call.headers["tenant_id"] == tenant_id
    assert json.loads(call.body)["tenantId"] == in_json


@pytest.mark.parametrize("settings", [SOURCE, HEADER], ids=["body", "header"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_bytes_of_rows_are_embedded_as_they_are(settings, count):
    rows = [b'{ "whatsApp" : "1" }', '{"friendName":"李雷"}'.encode(), b'{"desc":"\\u00e9\\n\\"}]"}'][:count]
    body = import_call(settings, rows, agent=None, now=NOW).body
    assert body.endswith(b'"data":[' + b",".join(rows) + b"]}")
    assert json.loads(body)["data"] == [json.loads(row) for row in rows]


def test_an_agent_of_the_rows_signs_instead_of_the_connections_user():
    body = json.loads(import_call(SOURCE, [], agent="agent_wang", now=NOW).body)
    assert body["userName"] == "agent_wang"
    assert body["token"] == hexadecimal("1", "agent_wang", "2023-06-01 12:12:12", SOURCE.api_key)


def test_the_header_scheme_has_no_use_for_an_agent():
    assert import_call(HEADER, [ROW], agent="agent_wang", now=NOW) == import_call(HEADER, [ROW], agent=None, now=NOW)


@given(now=st.floats(0, 4e9), scheme=st.sampled_from(AuthScheme))
def test_the_envelope_has_the_same_size_at_any_time(now, scheme):
    settings = replace(SOURCE, auth_scheme=scheme)
    assert len(import_call(settings, [], agent=None, now=now).body) == len(
        import_call(settings, [], agent=None, now=NOW).body
    )


@pytest.mark.parametrize(
    ("settings", "shown"),
    [
        (SOURCE, "Call(method='PUT', path='/wscrm-bus-api/customer/api/import')"),
        (HEADER, "Call(method='POST', path='/wscrm-bus-api/customer/api/batchImport')"),
    ],
)
def test_a_calls_repr_shows_neither_token_nor_customers(settings, shown):
    assert repr(import_call(settings, [ROW], agent=None, now=NOW)) == shown
