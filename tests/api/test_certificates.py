from __future__ import annotations

import ssl
from contextlib import closing
from pathlib import Path

import pytest

from airflow_provider_socialscrm.api.errors import SettingError
from tests.support.raw_server import CALL, ENVELOPE, answering, failure_of, reaching, tls

VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@pytest.fixture(autouse=True)
def _no_authorities_of_the_environment(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("verify", [False, "its own authority", True])
def test_the_servers_certificate_is_checked_as_the_connection_says(raw, certificate, verify):
    url = tls(raw, certificate, answering(ENVELOPE))
    transport = reaching(url, 5.0, verify=certificate if isinstance(verify, str) else verify)
    if verify is True:
        failure, _ = failure_of(transport)
        assert type(failure) is SettingError
    else:
        with closing(transport):
            assert transport.exchange(CALL).body == ENVELOPE


@pytest.fixture
def paths(certificate, other_certificate) -> dict[str, str]:
    """Paths of the server's own certificate and of another one."""
    return {"own": certificate, "other": other_certificate}


@pytest.mark.parametrize(("verify", "environment"), [(False, "other"), ("own", "other"), (True, "own")])
def test_verify_lets_a_call_through_whatever_the_environment_says(raw, paths, monkeypatch, verify, environment):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", paths[environment])
    url = tls(raw, paths["own"], answering(ENVELOPE))
    with closing(reaching(url, 5.0, verify=paths.get(verify, verify))) as transport:
        assert transport.exchange(CALL).body == ENVELOPE


@pytest.mark.parametrize(("verify", "environment"), [("other", "own"), (True, "other")])
def test_verify_stops_a_call_whatever_the_environment_says(raw, paths, monkeypatch, verify, environment):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", paths[environment])
    url = tls(raw, paths["own"], answering(ENVELOPE))
    failure, _ = failure_of(reaching(url, 5.0, verify=paths.get(verify, verify)))
    assert type(failure) is SettingError
    assert "certificate is not trusted" in str(failure)


@pytest.mark.parametrize("environment", ["/no/such.pem", __file__])
def test_a_broken_bundle_of_the_environment_does_not_matter_where_verify_names_another(
    raw, certificate, monkeypatch, environment
):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", environment)
    with closing(reaching(tls(raw, certificate, answering(ENVELOPE)), 5.0, verify=certificate)) as transport:
        assert transport.exchange(CALL).body == ENVELOPE


@pytest.mark.parametrize("name", VARIABLES)
def test_broken_authorities_of_the_environment_are_named_before_any_call(tmp_path, monkeypatch, name):
    (tmp_path / "broken.pem").write_text("whatsApp\n", encoding="utf-8")
    monkeypatch.setenv(name, str(tmp_path / "broken.pem"))
    with pytest.raises(SettingError, match=r"REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE of the worker is '.*broken.pem', wh"):
        reaching("https://crm.invalid", 5.0)
    reaching("http://crm.invalid", 5.0).close()
    reaching("https://crm.invalid", 5.0, verify=False).close()


@pytest.mark.parametrize("form", ["one file", "pair"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_certificate_of_the_client_is_sent(raw, certificate, other_certificate, form, version):
    key, alone = other_certificate, str(Path(other_certificate).with_suffix(".crt"))
    url = tls(raw, certificate, answering(ENVELOPE), asks_for=alone, version=version)
    cert = other_certificate if form == "one file" else (alone, key)
    with closing(reaching(url, 5.0, verify=certificate, cert=cert)) as transport:
        assert transport.exchange(CALL).body == ENVELOPE


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_certificate_of_the_client_that_the_server_rejects_is_a_setting(raw, certificate, other_certificate, version):
    url = tls(raw, certificate, answering(ENVELOPE), asks_for=certificate, version=version)
    failure, _ = failure_of(reaching(url, 5.0, verify=certificate, cert=other_certificate))
    assert type(failure) is SettingError
    assert str(failure) == (
        "The server does not accept the client certificate of this worker, or wants one, so it read nothing of the "
        "call. Check Cert."
    )


def test_a_server_that_wants_a_certificate_of_the_client_says_so(raw, certificate):
    url = tls(raw, certificate, answering(ENVELOPE), asks_for=certificate, version=ssl.TLSVersion.TLSv1_3)
    failure, _ = failure_of(reaching(url, 5.0, verify=certificate))
    assert type(failure) is SettingError
    assert "Check Cert" in str(failure)


def test_a_key_of_another_certificate_is_a_setting(raw, certificate, other_certificate):
    url = tls(raw, certificate, answering(ENVELOPE))
    alone = str(Path(certificate).with_suffix(".crt"))
    failure, _ = failure_of(reaching(url, 5.0, verify=certificate, cert=(alone, other_certificate)))
    assert type(failure) is SettingError
    assert "Verify and Cert" in str(failure)


@pytest.mark.parametrize("setting", ["verify", "cert"])
def test_a_certificate_that_does_not_exist_is_a_setting(raw, setting):
    url = raw(answering(ENVELOPE)).replace("http://", "https://")
    failure, _ = failure_of(reaching(url, 5.0, **{setting: "/no/such.pem"}))
    assert type(failure) is SettingError
    assert "Verify and Cert" in str(failure)
