"""The endpoint of mass sends."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import requests

from airflow_provider_socialscrm.sandbox.mass_sends import MassSend
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.body_calls import MASS_SEND, post, task

CUSTOMERS = [
    {"whatsApp": "8613800000001", "stage": "New Customer", "tabName": "VIP,Berlin"},
    {"whatsApp": "8613800000002", "stage": "New Customer"},
    {"whatsApp": "8613800000003", "stage": "Old", "tabName": "VIP"},
]


@pytest.fixture
def crm(sandbox: Sandbox, client) -> Sandbox:
    assert client.send_body(CUSTOMERS).json()["code"] == 200
    return sandbox


def listed(client):
    return client.admin("GET", "mass_sends").json()


@pytest.mark.parametrize(
    ("fields", "numbers"),
    [
        ({"customerGroupKey": 0, "customerGroupValue": "New Customer"}, [1, 2]),
        ({"customerGroupKey": 1, "customerGroupValue": "VIP"}, [1, 3]),
        ({"customerGroupKey": 1, "customerGroupValue": "Berlin"}, [1]),
        ({"customerGroupKey": 2, "customerGroupValue": "Few"}, [2, 3]),
        ({"customerGroupKey": 0, "customerGroupValue": "Nobody's"}, []),
    ],
)
def test_a_task_goes_to_the_customers_of_its_group(crm, client, fields, numbers):
    crm.configure(groups=["VIP=", "Few=8613800000002|8613800000003|8613800000009"], mass_send_speed=1e9)

    assert post(crm, MASS_SEND, {"data": [task(**fields)]}).json() == {"code": 200, "message": "Success", "data": ""}

    (found,) = listed(client)
    assert (found["state"], found["recipients"]) == ("completed", len(numbers))
    assert found["reached"] == [f"861380000000{number}" for number in numbers]


def test_a_task_moves_through_its_states_by_the_clock():
    made = MassSend(1, "a", ("agent_wang",), "stage New", "hi", 1000.0, 10.0, ("1", "2", "3"))

    assert [(made.state(now), made.reached(now)) for now in (999.0, 1000.0, 1010.0, 1019.9, 1020.0, 9999.0)] == [
        ("not started", 0),
        ("processing", 1),
        ("processing", 2),
        ("processing", 2),
        ("completed", 3),
        ("completed", 3),
    ]


def test_a_timed_task_waits_for_its_time(crm, client):
    start = f"{datetime.now(ZoneInfo('Asia/Shanghai')) + timedelta(hours=1):%Y-%m-%d %H:%M:%S}"

    assert post(crm, MASS_SEND, {"data": [task(type=2, startTime=start)]}).json()["code"] == 200

    assert [(each["state"], each["reached"]) for each in listed(client)] == [("not started", [])]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"type": 3}, -1),
        ({"type": 2, "startTime": "2020-01-01 00:00:00"}, 513),
        ({"type": 2}, 513),
        ({"contentType": 9}, -1),
        ({"contentType": 2, "fileUrl": "https://x.example/a.png"}, 515),
        ({"name": "n" * 101}, -1),
        ({"executorList": ["agent_wang", 1]}, 504),
        ({"customerGroupKey": "0"}, 510),
        ({"customerGroupValueId": None}, 511),
    ],
)
def test_a_bad_task_is_rejected(crm, client, fields, code):
    assert post(crm, MASS_SEND, {"data": [task(**fields)]}).json()["code"] == code
    assert listed(client) == []


@pytest.mark.parametrize(("refusal", "kept"), [("atomic", []), ("partial", ["good"])])
def test_whether_good_tasks_stay_beside_a_bad_one_is_a_setting(crm, client, refusal, kept):
    crm.configure(refusal=refusal)

    assert post(crm, MASS_SEND, {"data": [task("good"), task("bad", content="")]}).json()["code"] == 514

    assert [each["name"] for each in listed(client)] == kept


@pytest.mark.parametrize(("mass_send_names", "code"), [("all", 521), ("unfinished", 200)])
def test_whether_finished_tasks_keep_their_names_is_a_setting(crm, mass_send_names, code):
    crm.configure(mass_send_names=mass_send_names, mass_send_speed=1e9)
    post(crm, MASS_SEND, {"data": [task()]})

    assert post(crm, MASS_SEND, {"data": [task()]}).json()["code"] == code


@pytest.mark.parametrize(
    ("executors_as", "fields", "code"),
    [
        ("list", {}, 200),
        ("list", {"executorList": None, "executor": "[agent_wang]"}, 505),
        ("text", {}, 505),
        ("text", {"executorList": None, "executor": "[agent_wang, agent_silva]"}, 200),
        ("text", {"executorList": None, "executor": "agent_wang"}, 504),
        ("both", {}, 200),
        ("both", {"executorList": None, "executor": "[agent_wang]"}, 200),
    ],
)
def test_how_executors_are_written_is_a_setting(crm, executors_as, fields, code):
    crm.configure(executors_as=executors_as)

    assert post(crm, MASS_SEND, {"data": [task(**fields)]}).json()["code"] == code


def test_other_unknowns_are_settings(crm):
    crm.configure(mass_send_data="ids", mass_send_nobody="511", signers="anybody")

    assert post(crm, MASS_SEND, {"data": [task("a"), task("b")]}).json()["data"] == [1, 2]
    assert post(crm, MASS_SEND, {"data": [task("c", customerGroupValue="Nobody's")]}).json()["code"] == 511
    assert post(crm, MASS_SEND, {"data": [task("d")]}, "agent_wang").json()["code"] == 200
    crm.configure(signers="admins")
    assert post(crm, MASS_SEND, {"data": [task("e")]}, "agent_wang").json()["code"] == 530


def test_a_lost_response_leaves_the_task_and_the_page_shows_it(crm, client):
    crm.inject("reset_after", path="open/mark/batchAdd", times=1)
    with pytest.raises(requests.ConnectionError):
        post(crm, MASS_SEND, {"data": [task()]})

    assert post(crm, MASS_SEND, {"data": [task()]}).json()["code"] == 521
    page = client.page()
    assert "Mass sends" in page
    assert "campaign" in page
    crm.reset()
    assert listed(client) == []
