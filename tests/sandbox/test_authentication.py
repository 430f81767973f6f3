"""The codes of a call that is rejected as a whole, and the order of the checks."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime

import pytest
import requests

from airflow_provider_socialscrm.sandbox.authentication import create_time_seconds, timestamp_seconds, token_of

SOURCE_KEY = "QOEAcPj6Tb8XRhwFvYih"
"""The ApiKey of the source document's example."""

GOOD = [{"whatsApp": "8615266667780"}]
GOOD_BATCH = [{"whatsApp": "8615266667780", "agentAccount": "agent_wang"}]
LONG_AGO = "2001-01-01 00:00:00"


def rejection(answer):
    assert answer.status_code == 200
    assert answer.json()["data"] == ""
    return answer.json()["code"], answer.json()["message"]


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        (
            {"tenantId": None, "userName": None, "token": None, "createTime": None},
            523,
            "tenantId is null",
        ),
        ({"userName": "", "token": None, "createTime": None}, 524, "userName is null"),
        ({"token": None, "createTime": None}, 525, "token is null"),
        ({"tenantId": 2, "token": "wrong", "createTime": None}, 526, "createTime is null"),
        ({"tenantId": 2, "token": "wrong", "createTime": "yesterday"}, 519, "timestamp is error"),
        ({"tenantId": 2, "token": "wrong", "createTime": LONG_AGO}, 501, "appSecret error"),
        ({"token": "wrong", "createTime": LONG_AGO}, 522, "accessToken is error"),
        ({"token": "\N{SNOWMAN}"}, 522, "accessToken is error"),
        ({"userName": "nobody", "createTime": LONG_AGO}, 502, "timestamp timeout"),
        ({"userName": "admin"}, -1, "Admin Cannot import data"),
        ({"userName": "nobody"}, 530, "action username error"),
    ],
)
def test_a_body_signed_call_is_answered_the_code_of_its_first_failed_check(client, changes, code, message):
    assert rejection(client.send_body(GOOD, **changes)) == (code, message)


@pytest.mark.parametrize(
    ("headers", "code", "message"),
    [
        ({"tenant_id": None, "timestamp": None, "token": None}, 523, "tenantId is null"),
        ({"timestamp": None, "token": None}, 518, "timestamp is null"),
        ({"timestamp": "soon", "token": None}, 519, "timestamp is error"),
        ({"tenant_id": "2", "token": None}, 525, "token is null"),
        ({"tenant_id": "2", "token": "wrong"}, 501, "appSecret error"),
        ({"timestamp": "1000000000000", "token": "wrong"}, 522, "accessToken is error"),
        ({"timestamp": "1000000000000"}, 502, "timestamp timeout"),
    ],
)
def test_a_header_signed_call_is_answered_the_code_of_its_first_failed_check(client, headers, code, message):
    assert rejection(client.send_header(GOOD_BATCH, **headers)) == (code, message)


@pytest.mark.parametrize(
    ("body", "code"),
    [({"data": GOOD_BATCH}, 523), ({"tenantId": 2, "data": GOOD_BATCH}, 501), ({"tenantId": "1", "data": []}, 506)],
)
def test_a_header_signed_body_repeats_the_tenant(client, body, code):
    assert rejection(client.send_header(None, body=body))[0] == code


@pytest.mark.parametrize("user", ["admin", "nobody"])
def test_a_plan_without_the_api_is_found_before_the_account(client, sandbox, user):
    sandbox.configure(plan="basic")

    assert rejection(client.send_body(GOOD, user)) == (529, "Non-professional Edition")
    assert rejection(client.send_header(GOOD_BATCH)) == (529, "Non-professional Edition")


@pytest.mark.parametrize("tenant_id", [1, "1"])
def test_the_tenant_may_be_a_number_or_a_text(client, tenant_id):
    assert client.send_body(GOOD, tenantId=tenant_id).json() == {"code": 200, "message": "Success", "data": ""}


def test_an_upper_case_token_is_wrong(client):
    create_time = client.create_time()
    answer = client.send_body(GOOD, createTime=create_time)
    assert answer.json()["code"] == 200
    token = json.loads(answer.request.body)["token"]

    assert rejection(client.send_body(GOOD, createTime=create_time, token=token.upper()))[0] == 522


@pytest.mark.parametrize(("shift", "code"), [(-55, 200), (55, 200), (-65, 502), (65, 502)])
def test_a_signature_holds_for_the_window_either_way(client, shift, code):
    assert client.send_body(GOOD, createTime=client.create_time(shift)).json()["code"] == code
    timestamp = str(int((client.now() + shift) * 1000))
    assert client.send_header(GOOD_BATCH, timestamp=timestamp).json()["code"] == code


def test_create_time_is_read_in_the_configured_zone(client, sandbox):
    in_utc = client.create_time(zone="UTC")
    assert rejection(client.send_body(GOOD, createTime=in_utc))[0] == 502

    sandbox.configure(time_zone="UTC")

    assert client.send_body(GOOD, createTime=in_utc).json()["code"] == 200


def test_a_skewed_clock_rejects_good_signatures_and_shows_its_time_in_the_date_header(client, sandbox):
    sandbox.configure(clock_offset=300)

    answer = client.send_body(GOOD)

    assert rejection(answer)[0] == 502
    shown = parsedate_to_datetime(answer.headers["Date"]).timestamp()
    assert shown - client.now() == pytest.approx(300, abs=3)
    assert client.send_body(GOOD, createTime=client.create_time(shown - client.now())).json()["code"] == 200


@pytest.mark.parametrize("content", [b"", b"[]", b"not JSON", b'"\xff"'])
def test_a_body_that_is_not_a_json_object_is_rejected(client, sandbox, content):
    answer = client.session.put(f"{sandbox.url}/wscrm-bus-api/customer/api/import", data=content, timeout=10)

    assert rejection(answer) == (-1, "body is not a JSON object")


def test_the_body_token_of_the_source_documents_example():
    assert token_of("1", "WhatsApp", "2023-06-01 12:12:12", SOURCE_KEY) == "d5b3aedbd8fad73eb71016d2dc5450eb"


def send_as_the_source_documents_program(sandbox):
    """Send what the Go program of the source document sends, byte for byte but for the host."""
    row = (
        '{"whatsApp":"15266667779","friendName":"lee","sex":"male","birthday":"2020/03/08","address":"beijing",'
        '"email":"223@gmail.com","profession":"good day","income":"100$","desc":"","tabName":"GoodMan",'
        '"stage":"New Customer","source":"System","languageTag":"Auto","welcome":"hello"}'
    )
    content = (
        f'{{"tenantId":"1","userName":"WhatsApp","data":[{row}],"token":"d5b3aedbd8fad73eb71016d2dc5450eb",'
        '"createTime":"2023-06-01 12:12:12"}'
    )
    headers = {"Content-Type": "application/json"}
    url = f"{sandbox.url}/wscrm-bus-api/customer/api/import"
    return requests.put(url, data=content, headers=headers, timeout=10)


@pytest.mark.parametrize(
    "changes",
    [{"create_time_expires": False}, {"check_order": ["tenant", "token", "role", "time", "plan"]}],
    ids=["the time is not checked", "the role is checked first"],
)
def test_the_source_documents_example_gets_its_response(sandbox, changes):
    sandbox.configure(api_key=SOURCE_KEY, admins=["WhatsApp"], **changes)

    answer = send_as_the_source_documents_program(sandbox)

    assert (answer.status_code, answer.content) == (200, b'{"code":-1,"message":"Admin Cannot import data","data":""}')
    assert sandbox.customers() == []


def test_the_source_documents_example_is_too_old_without_a_setting(sandbox):
    sandbox.configure(api_key=SOURCE_KEY, admins=["WhatsApp"])

    assert rejection(send_as_the_source_documents_program(sandbox)) == (502, "timestamp timeout")


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (["tenant", "token", "time", "plan", "role"], 501),
        (["token", "tenant", "time", "plan", "role"], 522),
        (["time", "tenant", "token", "plan", "role"], 502),
        (["plan", "tenant", "token", "time", "role"], 529),
        (["role", "plan", "time", "token", "tenant"], -1),
    ],
)
def test_of_all_that_is_wrong_the_first_check_decides(client, sandbox, order, code):
    sandbox.configure(check_order=order, plan="basic")

    wrong = {"tenantId": 2, "userName": "admin", "token": "wrong", "createTime": LONG_AGO}
    assert rejection(client.send_body(GOOD, **wrong))[0] == code
    in_headers = {"tenant_id": "2", "token": "wrong", "timestamp": "1000000000000"}
    assert rejection(client.send_header(GOOD_BATCH, **in_headers))[0] == (529 if code == -1 else code)


def test_only_create_time_may_be_of_any_age(client, sandbox):
    sandbox.configure(create_time_expires=False)

    assert client.send_body(GOOD, createTime=LONG_AGO).json()["code"] == 200
    assert rejection(client.send_header(GOOD_BATCH, timestamp="1000000000000"))[0] == 502


def test_the_header_token_is_the_md5_of_tenant_timestamp_and_key():
    assert token_of("1", "1685592732000", SOURCE_KEY) == "b1604a93937a8d1252ca4e79d0505035"


@pytest.mark.parametrize(
    ("text", "zone", "seconds"),
    [
        ("2023-06-01 12:12:12", "Asia/Shanghai", 1685592732.0),
        ("2023-06-01 12:12:12", "UTC", 1685621532.0),
        ("2023-6-1 12:12:12", "UTC", None),
        ("2023-06-01T12:12:12", "UTC", None),
        ("2023-06-31 12:12:12", "UTC", None),
        ("", "UTC", None),
    ],
)
def test_create_time_is_read_in_its_zone_and_only_in_its_one_format(text, zone, seconds):
    assert create_time_seconds(text, zone) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1685592732000", 1685592732.0),
        ("1685592732.0", None),
        ("-1", None),
        ("", None),
        ("\N{ARABIC-INDIC DIGIT ONE}", None),
        ("9" * 5000, None),
    ],
)
def test_a_timestamp_is_whole_milliseconds(text, seconds):
    assert timestamp_seconds(text) == seconds
