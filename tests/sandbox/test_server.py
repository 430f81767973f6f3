"""A sandbox in the process of a test or a script."""

from __future__ import annotations

import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from airflow_provider_socialscrm.sandbox.faults import FaultError
from airflow_provider_socialscrm.sandbox.server import Sandbox
from airflow_provider_socialscrm.sandbox.settings import SandboxSettings, SettingsError


def test_the_fixture_gives_a_running_sandbox(socialscrm_sandbox, client_of):
    client = client_of(socialscrm_sandbox)
    with client.session:
        assert client.send_body([{"whatsApp": "8610000001"}]).json()["code"] == 200
    assert [customer["whatsApp"] for customer in socialscrm_sandbox.customers()] == ["8610000001"]


def test_two_sandboxes_run_side_by_side_and_leave_nothing_behind():
    before = threading.active_count()
    with Sandbox(SandboxSettings(agents=("agent_li",))) as one, Sandbox() as other:
        assert one.port != other.port
        assert one.settings.agents == ("agent_li",)
        assert [requests.get(crm.url, timeout=10).status_code for crm in (one, other)] == [200, 200]

    assert threading.active_count() == before
    with pytest.raises(requests.ConnectionError):
        requests.get(one.url, timeout=10)


def test_a_port_in_use_is_an_error_and_leaves_nothing_behind():
    before = threading.active_count()
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        Sandbox(port=taken.getsockname()[1]).__enter__()
    assert threading.active_count() == before


def test_it_listens_on_ipv6_too():
    with Sandbox(host="::1") as crm:
        assert crm.url == f"http://[::1]:{crm.port}"
        assert requests.get(crm.url, timeout=10).status_code == 200


def test_a_wrong_setting_or_fault_raises(sandbox):
    with pytest.raises(SettingsError, match="unknown setting colour"):
        sandbox.configure(colour="red")
    with pytest.raises(FaultError, match="unknown kind of fault 'fire'"):
        sandbox.inject("fire")


@pytest.mark.parametrize(
    ("options", "login", "password", "auth_scheme"),
    [
        ({}, "agent_wang", SandboxSettings().api_key, "body"),
        ({"auth_scheme": "header"}, "agent_wang", SandboxSettings().api_key, "header"),
        ({"login": "agent_novak", "password": "<ApiKey>"}, "agent_novak", "<ApiKey>", "body"),
    ],
)
def test_the_connection_is_what_airflow_reads_from_its_environment(sandbox, options, login, password, auth_scheme):
    assert json.loads(sandbox.connection_json(**options)) == {
        "conn_type": "socialscrm",
        "host": sandbox.url,
        "login": login,
        "password": password,
        "extra": {"tenant_id": "1", "auth_scheme": auth_scheme, "time_zone": "Asia/Shanghai"},
    }


@pytest.mark.one_in(2)
@pytest.mark.parametrize("database", [":memory:", "crm.sqlite"])
def test_many_calls_at_once_lose_no_customer(tmp_path, client_of, database):
    settings = SandboxSettings(calls_per_second=10_000)
    where = database if database == ":memory:" else str(tmp_path / database)
    numbers = [str(8_610_000_000_000 + n) for n in range(20_000)]
    chunks = [[{"whatsApp": number} for number in numbers[n : n + 100]] for n in range(0, len(numbers), 100)]

    with Sandbox(settings, database=where) as crm:
        client = client_of(crm)
        with client.session, ThreadPoolExecutor(8) as pool:
            codes = [answer.json()["code"] for answer in pool.map(client.send_body, chunks)]
        stored = crm.customers()

    assert codes == [200] * len(chunks)
    assert sorted(customer["whatsApp"] for customer in stored) == numbers
    assert {customer["times_imported"] for customer in stored} == {1}
