from __future__ import annotations

import json
import logging
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk import Connection
from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time import task_runner
from airflow.sdk.execution_time.comms import ErrorResponse, GetConnection

from airflow_provider_socialscrm._compat import AirflowNotFoundException
from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.errors import SettingError
from airflow_provider_socialscrm.api.settings import (
    DEFAULT_BASE_URL,
    DEFAULT_CALLS_PER_SECOND,
    DEFAULT_TIME_ZONE,
    DEFAULT_TIMEOUT,
    AuthScheme,
    Settings,
    Transport,
)
from airflow_provider_socialscrm.get_provider_info import get_provider_info
from airflow_provider_socialscrm.hooks.connection import settings_of
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.sandbox import as_new

try:
    from airflow.sdk.log import redact
except ImportError:  # the first versions of Airflow 3.1
    from airflow.sdk._shared.secrets_masker import redact

(FORM,) = get_provider_info()["connection-types"]
LABELS = FORM["ui-field-behaviour"]["relabeling"] | {
    name: field["label"] for name, field in FORM["conn-fields"].items()
}
DEFAULTS = Settings(
    DEFAULT_BASE_URL,
    "1",
    "key",
    "agent",
    AuthScheme.BODY,
    DEFAULT_TIME_ZONE,
    DEFAULT_CALLS_PER_SECOND,
    DEFAULT_TIMEOUT,
)


@pytest.fixture
def connect(monkeypatch):
    """Set the default connection as Airflow's users do, and return its hook."""

    def connected(value: object) -> SocialSCRMHook:
        text = value if isinstance(value, str) else json.dumps(value)
        monkeypatch.setenv("AIRFLOW_CONN_SOCIALSCRM_DEFAULT", text)
        return SocialSCRMHook()

    return connected


def as_json(**changes: object) -> dict[str, object]:
    """Return a connection's JSON; extras by their names, the other fields by Airflow's."""
    fields = {"conn_type": "socialscrm", "login": "agent", "password": "key", "extra": {"tenant_id": "1"}}
    for name, value in changes.items():
        (fields["extra"] if name in FORM["conn-fields"] else fields)[name] = value
    return fields


@pytest.mark.parametrize(
    ("uri", "base_url"),
    [
        ("socialscrm://agent:key@/?tenant_id=1", DEFAULT_BASE_URL),
        ("socialscrm://agent:key@https%3A%2F%2Fwww.example.com/?tenant_id=1", "https://www.example.com"),
        ("socialscrm://agent:key@https%3A%2F%2Fwww.example.com%3A8443/?tenant_id=1", "https://www.example.com:8443"),
        ("socialscrm://https://agent:key@www.example.com/?tenant_id=1", "https://www.example.com"),
        ("socialscrm://agent:key@www.example.com/?tenant_id=1", "https://www.example.com"),
        ("socialscrm://agent:key@www.example.com:8443/?tenant_id=1", "https://www.example.com:8443"),
        ("socialscrm://agent:key@localhost:8080/http?tenant_id=1", "http://localhost:8080"),
        ("socialscrm://agent:key@http%3A%2F%2F%5B%3A%3A1%5D:8080/?tenant_id=1", "http://[::1]:8080"),
    ],
)
def test_a_connection_given_as_a_uri_becomes_settings(connect, uri, base_url):
    settings = connect(uri).get_settings()
    assert settings == Settings(base_url, "1", "key", "agent")


def test_every_extra_of_a_uri_is_read(connect):
    extras = "tenant_id=503516&auth_scheme=header&time_zone=UTC&calls_per_second=12.5&timeout=30"
    settings = connect(f"socialscrm://a%40b:k%2Fe%3Ay@crm.example.com/?{extras}").get_settings()
    assert settings == Settings(
        "https://crm.example.com", "503516", "k/e:y", "a@b", AuthScheme.HEADER, "UTC", 12.5, 30.0
    )


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"tenant_id": 503516}, {"tenant_id": "503516"}),
        ({"tenant_id": " 1 ", "login": " agent ", "password": " key\n"}, {}),
        ({"host": "https://crm.example.com/"}, {"base_url": "https://crm.example.com"}),
        ({"host": "HTTPS://crm.example.com"}, {"base_url": "https://crm.example.com"}),
        ({"host": "https://CRM.Example.com"}, {"base_url": "https://crm.example.com"}),
        ({"host": "https://crm.example.com:443"}, {"base_url": "https://crm.example.com"}),
        ({"host": "https://crm.example.com:", "port": 443}, {"base_url": "https://crm.example.com"}),
        ({"host": "crm.example.com", "port": 443}, {"base_url": "https://crm.example.com"}),
        ({"port": 443}, {}),
        ({"port": 8443}, {"base_url": "https://www.socialscrm.com:8443"}),
        ({"host": "http://crm.example.com:80"}, {"base_url": "http://crm.example.com"}),
        ({"host": "http://crm.example.com", "port": 443}, {"base_url": "http://crm.example.com:443"}),
        ({"host": "https://crm.example.com:80"}, {"base_url": "https://crm.example.com:80"}),
        ({"host": "https://[2001:DB8::1]:443"}, {"base_url": "https://[2001:db8::1]"}),
        ({"host": "crm.example.com"}, {"base_url": "https://crm.example.com"}),
        ({"host": "crm.example.com", "port": 8443}, {"base_url": "https://crm.example.com:8443"}),
        ({"host": "https://crm.example.com/", "port": 8443}, {"base_url": "https://crm.example.com:8443"}),
        ({"host": "127.0.0.1", "port": 8080, "schema": "http"}, {"base_url": "http://127.0.0.1:8080"}),
        ({"host": "https://crm.example.com:8443", "port": 8443}, {"base_url": "https://crm.example.com:8443"}),
        ({"host": "crm.example.com:8443", "port": 8443}, {"base_url": "https://crm.example.com:8443"}),
        ({"host": "http://[::1]:8080", "port": 8080}, {"base_url": "http://[::1]:8080"}),
        ({"host": "https://münchen.example"}, {"base_url": "https://münchen.example"}),
        ({"host": "  "}, {}),
        ({"auth_scheme": "header"}, {"auth_scheme": AuthScheme.HEADER}),
        ({"auth_scheme": "header", "login": None}, {"auth_scheme": AuthScheme.HEADER, "user_name": ""}),
        ({"time_zone": "America/Sao_Paulo"}, {"time_zone": "America/Sao_Paulo"}),
        ({"calls_per_second": 2, "timeout": "5.5"}, {"calls_per_second": 2.0, "timeout": 5.5}),
        ({"auth_scheme": "", "time_zone": None, "calls_per_second": "", "timeout": None}, {}),
        ({"refusals_are_atomic": True}, {"refusals_are_atomic": True}),
        ({"refusals_are_atomic": "True"}, {"refusals_are_atomic": True}),
        ({"refusals_are_atomic": False}, {}),
        ({"refusals_are_atomic": " false "}, {}),
        ({"refusals_are_atomic": None}, {}),
        ({"refusals_are_atomic": ""}, {}),
    ],
    ids=str,
)
def test_a_connection_given_as_json_becomes_settings(connect, changes, expected):
    settings = connect(as_json(**changes)).get_settings()
    assert settings == Settings(**{name: getattr(DEFAULTS, name) for name in Settings.__slots__} | expected)


def test_an_extra_of_another_name_changes_nothing_and_is_named_in_the_log(connect, monkeypatch):
    extra, lines = (
        {"tenant_id": "1", "team": "x-secret", "owner": "http://x", "clock": 1, "host": "", "login": None},
        [],
    )
    # Airflow's loggers are of another library in each of its versions.
    log = SimpleNamespace(warning=lambda text, *values: lines.append(text % values))
    monkeypatch.setattr(SocialSCRMHook, "log", log)
    assert connect(as_json() | {"extra": extra}).get_settings() == DEFAULTS
    assert lines == ["Connection 'socialscrm_default': the extras clock, host, login, owner, team are not read"]


FIELDS = [
    ("base_url", "Base URL", "host"),
    ("baseUrl", "Base URL", "host"),
    ("host", "Base URL", "host"),
    ("url", "Base URL", "host"),
    ("endpoint_url", "Base URL", "host"),
    ("schema", "Base URL", "host"),
    ("api_key", "ApiKey", "password"),
    ("ApiKey", "ApiKey", "password"),
    ("api-keys", "ApiKey", "password"),
    ("password", "ApiKey", "password"),
    ("extra__socialscrm__api_key", "ApiKey", "password"),
    ("login", "User name", "login"),
    ("userName", "User name", "login"),
    ("user", "User name", "login"),
    ("agentAccount", "User name", "login"),
    ("port", "Port", "port"),
]


@pytest.mark.parametrize(("name", "label", "field"), FIELDS)
def test_an_extra_that_is_a_field_of_its_own_is_an_error_that_names_the_field(connect, name, label, field):
    hook = connect(as_json() | {"extra": {"tenant_id": "1", name: "x-secret"}})
    with pytest.raises(SettingError) as caught:
        hook.get_settings()
    plain = name.removeprefix("extra__socialscrm__")
    assert f"the extra '{plain}' is not read: it is the field {label} ('{field}' in JSON)" in str(caught.value)
    assert "did you mean" not in str(caught.value)
    assert "x-secret" not in str(caught.value)


MISSPELLED = [
    ("tenantId", "tenant_id"),
    ("TENANT_ID", "tenant_id"),
    ("tenant", "tenant_id"),
    ("authScheme", "auth_scheme"),
    ("timezone", "time_zone"),
    ("call_per_second", "calls_per_second"),
    ("proxy", "proxies"),
    ("header", "headers"),
    ("time_out", "timeout"),
    ("refusals_atomic", "refusals_are_atomic"),
]


@pytest.mark.parametrize(("name", "meant"), MISSPELLED)
def test_an_extra_with_nearly_the_right_name_is_an_error_that_says_the_right_one(connect, name, meant):
    hook = connect(as_json() | {"extra": {"tenant_id": "1", name: "x"} if meant != "tenant_id" else {name: "1"}})
    with pytest.raises(SettingError, match=f"the extra '{name}' is not read: did you mean '{meant}'\\?"):
        hook.get_settings()


def test_the_names_that_forms_once_wrote_are_read(connect):
    extra = {"extra__socialscrm__tenant_id": "7", "extra__socialscrm__timeout": 5, "timeout": 5}
    settings = connect(as_json() | {"extra": extra}).get_settings()
    assert (settings.tenant_id, settings.timeout) == ("7", 5.0)


def test_an_extra_with_two_values_is_an_error(connect):
    extra = {"tenant_id": "1", "extra__socialscrm__tenant_id": "2"}
    with pytest.raises(SettingError, match="the extra tenant_id has two values"):
        connect(as_json() | {"extra": extra}).get_settings()


TRANSPORTS = [
    ({"proxies": "http://proxy:3128"}, Transport(proxies={"http": "http://proxy:3128", "https": "http://proxy:3128"})),
    ({"proxies": {"https": "http://proxy:3128"}}, Transport(proxies={"https": "http://proxy:3128"})),
    ({"proxies": '{"https": "socks5://u:p@proxy"}'}, Transport(proxies={"https": "socks5://u:p@proxy"})),
    ({"verify": False}, Transport(verify=False)),
    ({"verify": " False "}, Transport(verify=False)),
    ({"verify": "true"}, Transport()),
    ({"verify": str(Path(__file__).parent)}, Transport(verify=str(Path(__file__).parent))),
    ({"headers": {"X-Team": "crm"}}, Transport(headers={"X-Team": "crm"})),
    ({"headers": '{"X-Team": "crm"}'}, Transport(headers={"X-Team": "crm"})),
    ({"headers": "", "proxies": None, "verify": "", "cert": ""}, Transport()),
]


@pytest.mark.parametrize(("extras", "transport"), TRANSPORTS, ids=str)
def test_proxies_certificates_and_headers_are_read_as_from_airflows_http_connections(connect, extras, transport):
    assert connect(as_json(**extras)).get_settings().transport == transport


def test_certificates_are_read_as_from_airflows_http_connections(connect, certificate):
    for extras, transport in (
        ({"verify": certificate}, Transport(verify=certificate)),
        ({"cert": f" {certificate} "}, Transport(cert=certificate)),
        ({"cert": [certificate, certificate]}, Transport(cert=(certificate, certificate))),
        ({"cert": json.dumps([certificate, certificate])}, Transport(cert=(certificate, certificate))),
    ):
        assert connect(as_json(**extras)).get_settings().transport == transport


def broken(certificate: str) -> dict[str, bytes]:
    """Return the contents of files that are not what Verify and Cert need, by what is wrong with them."""
    whole = Path(certificate).read_bytes()
    begin = whole.index(b"-----BEGIN CERTIFICATE")
    return {
        "nothing": b"",
        "text": b"whatsApp\n",
        "binary": bytes(range(256)),
        "cut": whole[: begin + 200],
        "damaged": whole[: begin + 60] + b"!!!!" + whole[begin + 64 :],
        "the key alone": whole[:begin],
    }


@pytest.mark.parametrize("what", ["nothing", "text", "binary", "cut", "damaged", "the key alone"])
@pytest.mark.parametrize("extra", ["verify", "cert"])
def test_a_file_that_is_not_a_certificate_is_named_before_any_call(connect, certificate, tmp_path, what, extra):
    label = LABELS[extra]
    path = tmp_path / "broken.pem"
    path.write_bytes(broken(certificate)[what])
    with pytest.raises(SettingError, match=rf"{label} is '{path}', which this worker cannot read as .*in PEM format\."):
        connect(as_json(**{extra: str(path)})).get_settings()


def test_a_certificate_needs_its_own_key_which_must_not_be_encrypted(connect, certificate, tmp_path):
    openssl = shutil.which("openssl")
    other = tmp_path / "other.pem"
    subprocess.run([openssl, "genpkey", "-algorithm", "RSA", "-out", str(other)], check=True, capture_output=True)
    alone = str(Path(certificate).with_suffix(".crt"))
    for cert in (alone, [alone, alone], [certificate, str(other)]):
        with pytest.raises(SettingError, match=r"Cert is .* cannot read as a certificate with its key in PEM format"):
            connect(as_json(cert=cert)).get_settings()
    locked = ["pkey", "-in", certificate, "-aes256", "-passout", "pass:x", "-out", str(tmp_path / "locked.pem")]
    subprocess.run([openssl, *locked], check=True, capture_output=True)
    with pytest.raises(SettingError, match="Cert has an encrypted key, for which a call cannot give the password"):
        connect(as_json(cert=[alone, str(tmp_path / "locked.pem")])).get_settings()


def test_verify_false_is_one_warning_of_ours(connect, monkeypatch):
    lines = []
    log = SimpleNamespace(warning=lambda text, *values: lines.append(text % values))
    monkeypatch.setattr(SocialSCRMHook, "log", log)
    connect(as_json(verify=False)).get_settings()
    (line,) = lines
    assert line == (
        "Connection 'socialscrm_default': Verify is false, so calls with customers may reach a server that only claims "
        f"to be {DEFAULT_BASE_URL}"
    )


def test_secrets_of_the_transport_are_masked_and_in_no_repr(connect):
    extras = {"proxies": "http://u:only-this-proxy-knows@proxy", "headers": {"X-Auth": "only-this-header-says"}}
    settings = connect(as_json(**extras)).get_settings()
    transport = settings.transport
    shown = redact(f"{settings!r} {transport.proxies['https']} only-this-proxy-knows {transport.headers['X-Auth']}")
    assert "only-this" not in shown


@pytest.mark.parametrize(
    ("scheme", "missing"),
    [
        ("body", ["tenant_id", "password", "login"]),
        ("header", ["tenant_id", "password"]),
    ],
)
def test_everything_that_is_missing_is_named_at_once(connect, scheme, missing):
    hook = connect({"conn_type": "socialscrm", "extra": {"auth_scheme": scheme}})
    with pytest.raises(SettingError) as caught:
        hook.get_settings()
    named = "; ".join(f"{LABELS[name]} is missing" for name in missing)
    assert str(caught.value) == (
        f"Connection 'socialscrm_default': {named}. Fix it under Admin > Connections, or where it is defined: "
        "AIRFLOW_CONN_SOCIALSCRM_DEFAULT or a secrets backend."
    )


WRONG = [
    ("host", "ftp://crm.example.com", "is not an address"),
    ("host", "https://", "is not an address"),
    ("host", "https://crm example.com", "is not an address"),
    ("host", "https://crm..example.com", "is not an address"),
    ("host", "https://[::1", "is not an address"),
    ("host", "https://crm.example.com:port", "is not an address"),
    ("host", "https://crm.example.com:99999", "is not an address"),
    ("host", "https://crm.example.com/wscrm-bus-api", "has more than scheme, host and port"),
    ("host", "https://crm.example.com?x=1", "has more than scheme, host and port"),
    ("host", "https://somebody@crm.example.com", "has more than scheme, host and port"),
    ("host", "https://:secret@crm.example.com", "has more than scheme, host and port"),
    ("tenant_id", "1\n2", "is a number"),
    ("tenant_id", "１", "is a number"),
    ("tenant_id", "1 2", "is a number"),
    ("tenant_id", {"id": 1}, "is a number"),
    ("auth_scheme", "Body", "must be body or header"),
    ("auth_scheme", ["body"], "must be body or header"),
    ("time_zone", "Asia/Nowhere", "must be a name such as Asia/Shanghai or UTC"),
    ("time_zone", "../etc/passwd", "must be a name such as Asia/Shanghai or UTC"),
    ("time_zone", "Asia", "must be a name such as Asia/Shanghai or UTC"),
    ("time_zone", 8, "must be a name such as Asia/Shanghai or UTC"),
    ("calls_per_second", 0, "must be a number above 0"),
    ("calls_per_second", "many", "must be a number above 0"),
    ("calls_per_second", "nan", "must be a number above 0"),
    ("calls_per_second", [45], "must be a number above 0"),
    ("timeout", -1, "must be a number above 0"),
    ("timeout", "inf", "must be a number above 0"),
    ("proxies", "proxy:3128", "must have an address such as"),
    ("proxies", {"https": "proxy"}, "must have an address such as"),
    ("proxies", {"https": "http://user:12/34@proxy"}, "must have an address such as"),
    ("proxies", {"HTTPS": "http://proxy:3128"}, "has 'HTTPS', which is not read"),
    ("proxies", {"https": 3128}, "must be the address of a proxy"),
    ("proxies", "{https}", "must be the address of a proxy"),
    ("verify", "/no/such/file.pem", "must be true, false, or the path"),
    ("verify", 0, "must be true, false, or the path"),
    ("cert", "/no/such/file.pem", "must be the path of a certificate"),
    ("cert", [__file__], "must be the path of a certificate"),
    ("cert", "[", "must be the path of a certificate"),
    ("headers", "X-Team: crm", "must be names and values"),
    ("headers", {"X-Team": 1}, "must be names and values"),
    ("headers", {"X Team": "crm"}, "that HTTP allows"),
    ("headers", {"X-Team": "crm\r\nX: 1"}, "that HTTP allows"),
    ("headers", {"Token": "x"}, "which the provider sets"),
    ("headers", {"content-TYPE": "x"}, "which the provider sets"),
    *(("refusals_are_atomic", wrong, "must be true or false") for wrong in ("yes", 1, 0, [True], {"on": True})),
]


@pytest.mark.parametrize(("name", "value", "says"), WRONG)
def test_a_wrong_value_is_named_by_its_label(connect, name, value, says):
    with pytest.raises(SettingError) as caught:
        connect(as_json(**{name: value})).get_settings()
    assert str(caught.value).startswith(f"Connection 'socialscrm_default': {LABELS[name]} ")
    assert says in str(caught.value)
    assert [label for label in LABELS.values() if f"{label} " in str(caught.value)] == [LABELS[name]]


def test_everything_that_is_wrong_is_named_at_once(connect):
    wrong = {"host": "ftp://x", "auth_scheme": "x", "time_zone": "x", "calls_per_second": "x", "timeout": "x"}
    hook = connect(as_json(**wrong, password=None, tenant_id="a b"))
    with pytest.raises(SettingError) as caught:
        hook.get_settings()
    labels = {LABELS[name] for name in [*wrong, "password", "tenant_id"]}
    assert {label for label in LABELS.values() if f"{label} " in str(caught.value)} == labels


def test_a_password_in_the_address_is_not_repeated(connect):
    with pytest.raises(SettingError) as caught:
        connect(as_json(host="https://somebody:hunter2@crm.example.com")).get_settings()
    assert "hunter2" not in str(caught.value)


def test_ports_that_differ_are_named(connect):
    with pytest.raises(SettingError, match="Base URL names port 8443, and Port is 443"):
        connect(as_json(host="https://crm.example.com:8443", port=443)).get_settings()


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        ("[1]", "Extra is not a JSON object"),
        ("1", "Extra is not a JSON object"),
        ("null", "Extra is not a JSON object"),
        ("tenant_id=1", "Extra is not JSON"),
        ("{'tenant_id': 1}", "Extra is not JSON"),
    ],
)
def test_an_extra_that_is_not_an_object_is_named(extra, says):
    with pytest.raises(SettingError, match=says):
        settings_of(Connection(conn_id="crm", conn_type="socialscrm", login="agent", password="key", extra=extra))


def test_the_hook_makes_calls_with_dictionaries(connect, crm_to_fill):
    with connect(json.loads(crm_to_fill.connection_json("body"))) as hook:
        hook.import_customers([{"whatsApp": "8613800000000", "friendName": "Ann"}])
    hook.import_customers([{"whatsApp": "8613800000001"}])
    assert [customer["whatsApp"] for customer in crm_to_fill.customers()] == ["8613800000000", "8613800000001"]


def test_a_block_opens_one_client_and_closes_it(connect, monkeypatch):
    closed = []
    monkeypatch.setattr(Client, "close", lambda client: closed.append(client))  # noqa: PLW0108 - a method
    monkeypatch.setattr(Client, "import_customers", lambda client, *_, **__: client)
    with connect(as_json()) as hook:
        first, second = hook.import_customers([{"whatsApp": "1"}]), hook.import_customers([])
    assert first is second
    assert closed == [first]


@pytest.mark.parametrize("value", [8613800000000, 1.5, None, ["a"], True])
def test_a_dictionary_whose_value_is_not_text_is_rejected_without_showing_it(connect, value):
    with pytest.raises(TypeError) as caught:
        connect(as_json()).import_customers([{"whatsApp": "1"}, {"whatsApp": value}])
    assert str(caught.value).startswith(f"Customer 1: the value of 'whatsApp' has the type {type(value).__name__}.")
    assert "8613800000000" not in str(caught.value)


def test_the_connection_is_found_by_its_id(monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_OTHER_CRM", json.dumps(as_json(tenant_id="2")))
    assert SocialSCRMHook("other_crm").get_settings().tenant_id == "2"


def test_get_conn_returns_a_client_of_the_settings(connect):
    client = connect(as_json()).get_conn(connections=3)
    client.close()
    assert type(client) is Client
    assert client.settings == DEFAULTS


def test_the_key_is_in_no_repr(connect):
    hook = connect(as_json(password="quite-a-secret-key"))
    settings = hook.get_settings()
    client = hook.get_conn()
    client.close()
    assert "quite-a-secret-key" not in f"{settings!r} {settings!s} {hook!r} {client!r} {vars(hook)!r}"


def test_the_key_is_masked_once_it_was_read():
    key = "k3y-that-only-this-test-knows"
    assert redact(f"token of {key}") == f"token of {key}"
    mask_by_reading(key)
    assert redact(f"token of {key}") == "token of ***"


REDIS = [
    ("redis://queue", "redis://queue:6379/0"),
    ("redis://:h%3Ash@queue:6380/?db=2", "redis://:h%3Ash@queue:6380/2"),
    ("redis://pace:h%2Fsh@queue:6380", "redis://pace:h%2Fsh@queue:6380/0"),
    ("redis://queue/?ssl=true&ssl_ca_certs=%2Fca.pem", "rediss://queue:6379/0?ssl_ca_certs=%2Fca.pem"),
    ("redis://", "redis://localhost:6379/0"),
]


@pytest.mark.parametrize(("connection", "url"), REDIS)
def test_the_pace_is_shared_through_the_redis_connection_named(connect, monkeypatch, connection, url):
    monkeypatch.setenv("AIRFLOW_CONN_QUEUE", connection)
    assert connect(as_json(pace_conn_id="queue")).get_settings().pace_url == url


class NoConnections:
    """The supervisor of a task, where no connection is known."""

    def send(self, asked: GetConnection) -> ErrorResponse:
        return ErrorResponse(error=ErrorType.CONNECTION_NOT_FOUND, detail={"conn_id": asked.conn_id})


# Airflow 3.1 warns of what it does itself when a task's connection is in the environment.
@pytest.mark.filterwarnings("ignore:Using Connection.from_json:DeprecationWarning")
def test_a_connection_that_does_not_exist_is_named_with_the_setting_that_names_it(connect, monkeypatch):
    monkeypatch.setattr(task_runner, "SUPERVISOR_COMMS", NoConnections(), raising=False)
    with pytest.raises(
        AirflowNotFoundException, match="'nope' isn't defined: create it, or correct socialscrm_conn_id"
    ):
        SocialSCRMHook("nope").get_settings()
    sentence = "'nope' isn't defined: correct Pace connection in 'socialscrm_default', or create it"
    with pytest.raises(AirflowNotFoundException, match=sentence):
        connect(as_json(pace_conn_id="nope")).get_settings()


def test_the_password_of_redis_is_masked_and_in_no_repr(connect, monkeypatch):
    monkeypatch.setenv("AIRFLOW_CONN_QUEUE", "redis://:only-this-test-queues-so@queue")
    settings = connect(as_json(pace_conn_id="queue")).get_settings()
    assert "only-this-test-queues-so" in settings.pace_url
    assert "only-this-test-queues-so" not in redact(f"{settings!r} {settings.pace_url} only-this-test-queues-so")


def mask_by_reading(key: str) -> None:
    class Preset(SocialSCRMHook):
        """Gets its connection without Airflow's help, which masks passwords of its own."""

        @classmethod
        def get_connection(cls, conn_id: str) -> Connection:
            extra = '{"tenant_id": "1"}'
            return Connection(conn_id=conn_id, conn_type="socialscrm", login="agent", password=key, extra=extra)

    assert Preset().get_settings().api_key == key


@pytest.fixture
def crm(running_sandbox: Sandbox) -> Iterator[Sandbox]:
    """The running sandbox as new; no test of a connection may leave a customer in it."""
    yield as_new(running_sandbox)
    assert running_sandbox.customers() == []


@pytest.fixture
def crm_to_fill(running_sandbox: Sandbox) -> Sandbox:
    """The running sandbox as new."""
    return as_new(running_sandbox)


def to_sandbox(crm: Sandbox, scheme: str, **changes: object) -> dict[str, object]:
    fields = json.loads(crm.connection_json(scheme))
    for name, value in changes.items():
        (fields["extra"] if name in FORM["conn-fields"] else fields)[name] = value
    return fields


@pytest.mark.parametrize("scheme", ["body", "header"])
def test_a_working_connection_passes_the_test(connect, crm, scheme):
    works, message = connect(to_sandbox(crm, scheme)).test_connection()
    assert works, message
    assert message == f"{crm.url} accepts the signature of tenant 1, user agent_wang ({scheme} scheme)."
    assert len(crm.calls()) == 1


def test_the_header_scheme_works_without_a_user(connect, crm):
    works, message = connect(to_sandbox(crm, "header", login="")).test_connection()
    assert works, message
    assert message == f"{crm.url} accepts the signature of tenant 1 (header scheme)."


@pytest.mark.parametrize("scheme", ["body", "header"])
@pytest.mark.parametrize("code", [506, 534])
def test_a_crm_that_complains_about_the_lack_of_rows_only_has_accepted_the_signature(connect, crm, scheme, code):
    crm.inject("code", code=code)
    works, message = connect(to_sandbox(crm, scheme)).test_connection()
    assert works, message


@pytest.mark.parametrize("scheme", ["body", "header"])
@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tenant_id": "2"}, 501),
        ({"tenant_id": ""}, None),
        ({"password": "another key"}, 522),
        ({"password": ""}, None),
        ({"login": "nobody"}, 530),
        ({"login": "admin"}, {"body": -1, "header": 530}),
        ({"auth_scheme": "signed"}, None),
        ({"time_zone": "Mars"}, None),
        ({"host": "http://127.0.0.1/api"}, None),
    ],
    ids=str,
)
def test_a_connection_with_a_wrong_setting_is_told_which(connect, crm, scheme, changes, code):
    works, message = connect(to_sandbox(crm, scheme, **changes)).test_connection()
    code = code[scheme] if isinstance(code, dict) else code
    (wrong,) = changes
    assert not works
    assert LABELS[wrong] in message
    assert code is None or f"SocialsCRM answered {code} (" in message
    assert message.endswith(".")


@pytest.mark.parametrize("scheme", ["body", "header"])
@pytest.mark.parametrize("offset", [3600, -3600])
def test_a_clock_that_is_off_is_told_with_the_difference(connect, crm, scheme, offset):
    crm.configure(clock_offset=float(offset))
    works, message = connect(to_sandbox(crm, scheme)).test_connection()
    assert not works
    assert "worker's clock" in message
    assert abs(int(message.split("Its clock is ")[1].split(" s ")[0].replace(",", "")) - offset) < 5


def test_a_wrong_time_zone_is_told_by_clocks_that_agree(connect, crm):
    works, message = connect(to_sandbox(crm, "body", time_zone="UTC")).test_connection()
    assert not works
    assert LABELS["time_zone"] in message
    assert message.endswith("The worker's clock agrees with the CRM's.")


@pytest.mark.parametrize("scheme", ["body", "header"])
def test_a_wrong_address_is_told(connect, crm, scheme):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = f"http://127.0.0.1:{listener.getsockname()[1]}"
    for host in (closed, crm.url.replace("http://", "https://")):
        works, message = connect(to_sandbox(crm, scheme, host=host)).test_connection()
        assert not works
        assert LABELS["host"] in message
    assert crm.calls() == []


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"kind": "html", "status": 200}, "Base URL"),
        ({"kind": "http", "status": 404}, "Base URL"),
        ({"kind": "http", "status": 503}, "Try again later"),
        ({"kind": "code", "code": 529}, "plan"),
        ({"kind": "code", "code": -1, "message": "closed on Sundays"}, "closed on Sundays"),
        ({"kind": "reset_before"}, "network"),
    ],
    ids=str,
)
def test_any_other_trouble_is_told_too(connect, crm, fault, says):
    crm.inject(**fault)
    works, message = connect(to_sandbox(crm, "body")).test_connection()
    assert not works
    assert says in message


def test_the_key_and_the_token_are_in_no_log_of_a_test(connect, crm, caplog):
    with caplog.at_level(logging.DEBUG):
        connect(to_sandbox(crm, "header")).test_connection()
    assert crm.settings.api_key not in caplog.text
    assert "token" not in caplog.text
