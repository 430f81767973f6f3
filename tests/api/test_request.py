from __future__ import annotations

import json

import pytest

from airflow_provider_socialscrm.api.codes import Family
from airflow_provider_socialscrm.api.request import Request, family_of, request_to, signed
from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.api.signing import body_token, header_token

NOW = 1685592732.5
SETTINGS = Settings("https://crm.example", "503516", "key", "agent_wang", time_zone="UTC")


@pytest.mark.parametrize(
    ("path", "family"),
    [
        ("/wscrm-bus-api/customer/api/import", Family.IMPORT),
        ("/wscrm-bus-api/customer/api/batchImport", Family.IMPORT),
        ("/se-api/user/query", Family.USER_QUERY),
        ("/group-dispatch-api/user/queryUserStatus", Family.AGENTS),
        ("/group-dispatch-api/whatsapp/queryWhatsAppStatus", Family.NUMBERS),
        ("/wscrm-bus-api/open/message/msgPage", Family.CHATS),
        ("/wscrm-bus-api/open/scan/queryTaskStatus/123", Family.SCREENING),
        ("/group-dispatch-api/gsTask/assign/moscCreate", Family.SEND),
        ("/group-dispatch-api/gsTask/queryExecuteStatus?taskId=1", Family.SEND_STATUS),
        ("/wscrm-bus-api/open/mark/batchAdd", Family.MASS_SEND),
        ("/wscrm-bus-api/open/group/api/getInfo", Family.GROUP_LINKS),
        ("/wscrm-bus-api/customer/query", Family.OTHER),
        ("/new", Family.OTHER),
    ],
)
def test_the_path_decides_what_a_code_means(path, family):
    assert family_of(path) is family


def test_a_header_signed_call_has_its_body_as_it_is():
    call = signed(request_to("/any?x=1", [{"whatsApp": "1"}], scheme="header"), SETTINGS, NOW)

    assert (call.method, call.path, call.body) == ("POST", "/any?x=1", b'[{"whatsApp":"1"}]')
    assert call.headers["token"] == header_token("503516", 1685592732500, "key")


@pytest.mark.parametrize(("method", "body"), [("GET", b""), ("POST", b"{}"), ("PUT", b"{}"), ("get", b"")])
def test_a_call_without_content_sends_an_empty_object_unless_it_is_a_get(method, body):
    call = signed(request_to("/any", scheme="header", method=method), SETTINGS, NOW)

    assert (call.method, call.body) == (method.upper(), body)


@pytest.mark.parametrize(("tenant", "sent"), [("503516", 503516), ("acme", "acme"), ("9" * 19, "9" * 19)])
def test_a_body_that_names_the_tenant_has_a_number_where_it_fits(tenant, sent):
    settings = Settings("https://crm.example", tenant, "key")
    call = signed(Request("/any", {"info": {}}, names_tenant=True), settings, NOW)

    assert json.loads(call.body) == {"tenantId": sent, "info": {}}


@pytest.mark.parametrize("body", [{"groupLinkList": ["x"]}, {}, None])
@pytest.mark.parametrize("user", [None, "admin"])
def test_a_body_signed_call_has_the_signature_beside_its_fields(body, user):
    call = signed(request_to("/any", body, method="PUT", user_name=user), SETTINGS, NOW)

    name, time = user or "agent_wang", "2023-06-01 04:12:12"
    signature = {
        "tenantId": "503516",
        "userName": name,
        "token": body_token("503516", name, time, "key"),
        "createTime": time,
    }
    assert (call.method, json.loads(call.body)) == ("PUT", signature | (body or {}))
    assert "token" not in call.headers


def test_the_scheme_of_a_call_wins_over_the_connections():
    header = Settings("https://crm.example", "1", "key", "a", AuthScheme.HEADER)

    assert "token" in signed(request_to("/any"), header, NOW).headers
    assert "token" not in signed(request_to("/any", scheme="body"), header, NOW).headers


@pytest.mark.parametrize(
    ("path", "options", "sentence"),
    [
        ("any", {}, "must begin with one slash"),
        ("", {}, "must begin with one slash"),
        ("https://elsewhere.example/any", {}, "must begin with one slash"),
        ("//elsewhere.example/any", {}, "must begin with one slash"),
        ("/any thing", {}, "neither host nor blanks"),
        ("/any\r\nX: y", {}, "neither host nor blanks"),
        ("/客户", {}, "neither host nor blanks"),
        ("/any", {"method": "FETCH"}, "must be one of GET, POST, PUT, DELETE"),
        ("/any", {"scheme": "both"}, "must be body or header"),
        ("/any", {"scheme": "body", "method": "GET"}, "set scheme='header'"),
    ],
)
def test_what_no_call_can_be_made_of_is_one_sentence(path, options, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        request_to(path, **options)
    assert str(caught.value).count(". ") == 0


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (request_to("/any", [1], scheme="body"), "needs a body that is a dict"),
        (request_to("/any", method="GET"), "and not a GET"),  # the connection's scheme is body
        (request_to("/any", {"x": object()}, scheme="header"), "must consist of dicts"),
        (request_to("/any", {"x": {1j: "secret"}}, scheme="body"), "must consist of dicts"),
    ],
)
def test_a_body_that_cannot_be_sent_is_one_sentence_without_its_values(request_, sentence):
    with pytest.raises(ValueError, match=sentence) as caught:
        signed(request_, SETTINGS, NOW)
    assert "secret" not in str(caught.value)


def test_a_request_shows_no_body():
    assert "8615266667779" not in repr(Request("/any", {"whatsApp": "8615266667779"}))


def test_a_call_counts_for_its_path_without_query_and_ids():
    assert Request("/any?id=1").paced_as == "/any"
    assert Request("/any/17", pace_path="/any").paced_as == "/any"
