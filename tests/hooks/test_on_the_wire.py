from __future__ import annotations

import json
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from airflow_provider_socialscrm.api.errors import ServiceError, SettingError
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from tests.support.fake_proxies import answering_connect, passing_on, read_head, saying
from tests.support.raw_server import ENVELOPE, head, tls

SECRET = "only-the-proxy-knows-this"
ANN = [{"whatsApp": "8613800000000", "friendName": "Ann"}]


@pytest.fixture
def import_by(monkeypatch):
    """Make one import call by a connection with some extras, and return its ``data``."""

    def imported(base_url: str, **extras: object) -> object:
        given = {"conn_type": "socialscrm", "host": base_url, "login": "agent", "password": "key"}
        monkeypatch.setenv(
            "AIRFLOW_CONN_SOCIALSCRM_DEFAULT", json.dumps(given | {"extra": {"tenant_id": "1"} | extras})
        )
        return SocialSCRMHook().import_customers(ANN)

    return imported


def test_proxies_certificates_and_headers_of_a_connection_all_reach_the_wire(
    raw, certificate, other_certificate, monkeypatch, import_by
):
    for name in ("HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", other_certificate)
    requests, connects = [], []

    def crm(connection: socket.socket) -> None:
        requests.append(read_head(connection))
        connection.sendall(head(len(ENVELOPE)) + ENVELOPE)
        with suppress(OSError):
            while connection.recv(65536):
                pass

    alone = str(Path(other_certificate).with_suffix(".crt"))
    server = tls(raw, certificate, crm, asks_for=alone)
    proxy = raw(answering_connect("200 OK", passing_on(server), connects)).replace("//", f"//user:{SECRET}@")
    data = import_by(
        server, proxies=proxy, verify=certificate, cert=[alone, other_certificate], headers={"X-Team": "crm"}
    )
    assert data == ""
    assert len(connects) == len(requests) == 1
    assert b"Proxy-Authorization: Basic " in connects[0]
    assert b"X-Team" not in connects[0]
    assert b"X-Team: crm\r\n" in requests[0]
    assert b"Proxy-Authorization" not in requests[0]


def test_an_error_about_a_proxy_of_the_connection_names_the_connection(raw, import_by):
    proxy = raw(answering_connect("407 Who")).replace("//", f"//user:{SECRET}@")
    with pytest.raises(ServiceError) as caught:
        import_by("https://crm.invalid", proxies=proxy)
    assert f"The proxy {proxy.rpartition('@')[2]} refuses to connect to SocialsCRM (HTTP 407)" in str(caught.value)
    assert "This field is in the connection 'socialscrm_default'" in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_proxy_of_the_environment_is_not_looked_for_in_the_connection(raw, monkeypatch, import_by):
    for name in ("http_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", raw(saying(head(0, status="407 Who"))).replace("//", f"//user:{SECRET}@"))
    with pytest.raises(SettingError) as caught:
        import_by("http://crm.invalid")
    assert "Check user and password in HTTP_PROXY of the worker." in str(caught.value)
    assert "in the connection" not in str(caught.value)
    assert SECRET not in str(caught.value)
