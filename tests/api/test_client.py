from __future__ import annotations

import gc
import json
import logging
import socket
import ssl
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from hashlib import md5

import msgspec
import pytest
import requests

from airflow_provider_socialscrm.api import client as client_module
from airflow_provider_socialscrm.api.client import Client, ServerClock, warn_if_in_clear
from airflow_provider_socialscrm.api.errors import (
    ClockError,
    RequestError,
    ServiceError,
    SettingError,
    SocialSCRMError,
    TooLargeError,
    UncertainError,
    UnknownCodeError,
)
from airflow_provider_socialscrm.api.settings import CONNECT_TIMEOUT, AuthScheme, Settings

PERSON = {"whatsApp": "8615266667779", "friendName": "Ana Silva", "address": "Rua Augusta"}
SUCCESS = (200, {}, b'{"code":200,"message":"Success","data":""}')


def row(agent: str | None = "agent_wang", **fields: str) -> bytes:
    """Encode a customer; ``agentAccount`` is a field of its own on the header scheme only."""
    return msgspec.json.encode({**PERSON, **({"agentAccount": agent} if agent else {}), **fields})


@pytest.fixture
def client(settings: Settings) -> Iterator[Client]:
    with closing(Client(settings)) as made:
        yield made


@pytest.fixture
def customer(settings: Settings) -> bytes:
    return row("agent_wang" if settings.auth_scheme is AuthScheme.HEADER else None)


def at(settings: Settings, url: str, **changes: object) -> Client:
    return Client(replace(settings, base_url=url, **changes))


def failure_of(client: Client, *rows: bytes) -> SocialSCRMError:
    with closing(client), pytest.raises(SocialSCRMError) as caught:
        client.import_customers(rows)
    return caught.value


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_rows_arrive_in_the_crm(client, customer, crm):
    assert client.import_customers([customer]) == ""
    (stored,) = crm.customers()
    assert (stored["whatsApp"], stored["agent"]) == (PERSON["whatsApp"], "agent_wang")
    assert stored["fields"] == {"friendName": "Ana Silva", "address": "Rua Augusta"}


def test_the_data_of_the_answer_is_handed_on(client, customer, crm):
    crm.configure(failures="whats_ids")
    assert client.import_customers([customer])["successWhatsIds"] == [PERSON["whatsApp"]]


def test_an_agent_of_the_rows_gets_them_on_the_body_scheme(crm):
    settings = Settings(crm.url, "1", crm.settings.api_key, "agent_wang")
    with closing(Client(settings)) as client:
        client.import_customers([row(None)], agent="agent_novak")
    assert [customer["agent"] for customer in crm.customers()] == ["agent_novak"]


@pytest.mark.parametrize("zone", ["UTC", "America/Sao_Paulo"])
def test_a_crm_in_another_zone_takes_calls_signed_for_that_zone(crm, zone):
    crm.configure(time_zone=zone)
    with closing(Client(Settings(crm.url, "1", crm.settings.api_key, "agent_wang", time_zone=zone))) as client:
        client.import_customers([row(None)])
    assert len(crm.customers()) == 1


def test_the_user_can_be_looked_up_without_a_change_on_the_server(crm):
    settings = Settings(crm.url, "1", crm.settings.api_key, "agent_wang", AuthScheme.HEADER)
    with closing(Client(settings)) as client:
        assert client.query_user()["username"] == "agent_wang"
    assert crm.customers() == []


def token_of(request) -> str:
    return request.headers.get("token") or json.loads(request.body)["token"]


def expected_token(request, key: str) -> str:
    if "token" in request.headers:
        parts = (request.headers["tenant_id"], request.headers["timestamp"], key)
    else:
        body = json.loads(request.body)
        parts = (body["tenantId"], body["userName"], body["createTime"], key)
    return md5("".join(parts).encode()).hexdigest()


def test_each_attempt_is_signed_anew_over_what_is_on_the_wire(settings, customer, serve):
    server = serve(lambda _: SUCCESS)
    times = iter([1685592732.0, 1685592732.0, 1685592742.0, 1685592742.0])
    with closing(Client(replace(settings, base_url=server.url), clock=ServerClock(lambda: next(times)))) as client:
        client.import_customers([customer])
        client.import_customers([customer])
    tokens = [token_of(request) for request in server.requests]
    assert tokens == [expected_token(request, settings.api_key) for request in server.requests]
    assert len(set(tokens)) == 2


def test_the_key_is_never_on_the_wire(settings, customer, serve):
    server = serve(lambda _: SUCCESS)
    with closing(at(settings, server.url)) as client:
        client.import_customers([customer])
    (request,) = server.requests
    assert settings.api_key not in f"{request.path}{request.headers}{request.body.decode()}"


def test_the_envelope_size_is_what_a_body_has_around_its_rows(settings, customer, serve):
    server = serve(lambda _: SUCCESS)
    with closing(at(settings, server.url)) as client:
        client.import_customers([customer, customer], agent="agent_novak")
        assert len(server.requests[0].body) == client.envelope_size("agent_novak") + 2 * len(customer) + len(",")


def test_a_skewed_clock_is_told_and_its_offset_mends_the_next_call(client, customer, crm):
    crm.configure(clock_offset=3600.0)
    with pytest.raises(ClockError) as caught:
        client.import_customers([customer])
    assert caught.value.clock_offset == pytest.approx(3600, abs=3)
    client.clock.offset = caught.value.clock_offset
    client.import_customers([customer])
    assert len(crm.customers()) == 1
    crm.configure(clock_offset=7200.0)
    with pytest.raises(ClockError) as caught:
        client.import_customers([customer])
    assert caught.value.clock_offset == pytest.approx(7200, abs=3)  # from our own clock, not from the mended one


def test_every_call_has_time_outs_and_follows_no_redirect(settings, customer, serve, monkeypatch):
    seen = []
    send = requests.adapters.HTTPAdapter.send

    def spy(self, request, **options):
        seen.append(options["timeout"])
        return send(self, request, **options)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", spy)
    with closing(at(settings, serve(lambda _: SUCCESS).url, timeout=7.5)) as client:
        client.import_customers([customer])
        client.query_user()
    assert seen == [(CONNECT_TIMEOUT, 7.5)] * 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["elsewhere", "http://[::1", ""])
def test_a_redirect_is_not_followed(settings, customer, serve, status, location):
    elsewhere = serve(lambda _: SUCCESS)
    headers = {"Location": elsewhere.url if location == "elsewhere" else location}
    failure = failure_of(at(settings, serve(lambda _: (status, headers, b"")).url), customer)
    assert type(failure) is SettingError
    assert "Base URL" in str(failure)
    assert elsewhere.requests == []


def test_a_password_in_netrc_is_not_sent_along(settings, customer, serve, tmp_path, monkeypatch):
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password elses")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(lambda _: SUCCESS)
    with closing(at(settings, server.url)) as client:
        client.import_customers([customer])
    requests.get(server.url, timeout=5)  # a plain call shows that the file would be used
    assert ["Authorization" in request.headers for request in server.requests] == [False, True]


@pytest.mark.parametrize(("fault", "stored"), [("reset_before", 0), ("reset_after", 1), ("truncated", 1)])
def test_a_lost_connection_leaves_the_outcome_unknown_and_a_repeat_is_harmless(client, customer, crm, fault, stored):
    crm.inject(fault, times=1)
    with pytest.raises(UncertainError, match="connection was lost"):
        client.import_customers([customer])
    assert len(crm.customers()) == stored
    client.import_customers([customer])
    assert len(crm.customers()) == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "not_json"}, UncertainError),
        ({"kind": "empty"}, UncertainError),
        ({"kind": "no_code"}, UncertainError),
        ({"kind": "html"}, UncertainError),
        ({"kind": "html", "status": 200}, UncertainError),
        ({"kind": "http", "status": 500}, UncertainError),
        ({"kind": "http", "status": 503}, UncertainError),
        ({"kind": "http", "status": 503, "retry_after": 0}, ServiceError),
        ({"kind": "http", "status": 429}, UncertainError),
        ({"kind": "http", "status": 408}, UncertainError),
        ({"kind": "http", "status": 429, "retry_after": 3}, ServiceError),
        ({"kind": "http", "status": 413}, TooLargeError),
        ({"kind": "http", "status": 400}, RequestError),
        ({"kind": "http", "status": 401}, SettingError),
        ({"kind": "http", "status": 403}, SettingError),
        ({"kind": "http", "status": 404}, SettingError),
        ({"kind": "code", "code": 517}, UncertainError),
        ({"kind": "code", "code": 522}, SettingError),
        ({"kind": "code", "code": -1, "message": "?"}, UnknownCodeError),
    ],
    ids=str,
)
def test_each_trouble_becomes_the_failure_that_says_what_next(client, customer, crm, fault, kind):
    crm.inject(**fault)
    with pytest.raises(SocialSCRMError) as caught:
        client.import_customers([customer])
    assert type(caught.value) is kind
    assert caught.value.retry_after == fault.get("retry_after")


def test_a_closed_port_means_that_nothing_was_sent(settings, customer):
    failure = failure_of(at(settings, f"http://127.0.0.1:{free_port()}"), customer)
    assert type(failure) is ServiceError
    assert "nothing was sent" in str(failure)


def test_an_unknown_host_means_that_nothing_was_sent(settings, customer, monkeypatch):
    def unknown(*_args, **_options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    failure = failure_of(at(settings, "https://crm.invalid"), customer)
    assert type(failure) is ServiceError
    assert "nothing was sent" in str(failure)


def test_a_proxy_out_of_reach_means_that_nothing_was_sent(settings, customer, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{free_port()}")
    failure = failure_of(at(settings, "https://crm.invalid"), customer)
    assert type(failure) is ServiceError
    assert "nothing was sent" in str(failure)


def test_a_server_that_does_not_answer_in_time_leaves_the_outcome_unknown(settings, customer):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system takes the connection, and nobody reads it
        failure = failure_of(at(settings, f"http://127.0.0.1:{silent.getsockname()[1]}", timeout=0.05), customer)
    assert type(failure) is UncertainError
    assert "time-out" in str(failure)
    assert "Timeout" in str(failure)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")  # urllib3 leaves this connection to the collector
def test_a_malformed_header_of_the_answer_is_not_taken_for_a_wrong_setting(settings, customer, serve):
    server = serve(lambda _: (200, {"Content-Length": "5, 6"}, b""))
    failure = failure_of(at(settings, server.url), customer)
    assert type(failure) is UncertainError
    assert str(failure).startswith("The connection was lost")
    del failure
    gc.collect()


@pytest.mark.parametrize(
    ("changes", "label"),
    [
        ({"base_url": "https://a..b"}, "Base URL"),
        ({"base_url": "https://host:port"}, "Base URL"),
        ({"base_url": "ftp://host"}, "Base URL"),
        ({"base_url": ""}, "Base URL"),
        ({"tenant_id": "1\n2", "auth_scheme": AuthScheme.HEADER}, "Tenant ID"),
        ({"tenant_id": "一", "auth_scheme": AuthScheme.HEADER}, "Tenant ID"),
    ],
)
def test_settings_that_no_call_can_be_made_with_are_named(settings, customer, changes, label):
    failure = failure_of(Client(replace(settings, **changes)), customer)
    assert type(failure) is SettingError
    assert label in str(failure)


@pytest.fixture
def tls_server(serve, certificate):
    server = serve(lambda _: SUCCESS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True, do_handshake_on_connect=False)
    server.url = server.url.replace("http://", "https://")
    server.http.handle_error = lambda *_: None  # a client that does not trust us hangs up: that is the point
    return server


def test_an_untrusted_certificate_is_a_setting_and_nothing_is_sent(settings, customer, tls_server, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    failure = failure_of(at(settings, tls_server.url), customer)
    assert type(failure) is SettingError
    assert "certificate is not trusted, so nothing was sent" in str(failure)
    assert tls_server.requests == []


def test_a_certificate_is_trusted_the_way_the_message_says(settings, customer, tls_server, certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
    with closing(at(settings, tls_server.url)) as client:
        assert client.import_customers([customer]) == ""


def test_https_to_a_server_without_tls_is_a_setting(settings, customer, crm):
    failure = failure_of(at(settings, crm.url.replace("http://", "https://")), customer)
    assert type(failure) is SettingError
    assert "Base URL" in str(failure)
    assert crm.calls() == []


def repeating(request) -> bytes:
    """Return all that a server can know of a call, in the worst of texts."""
    text = f"{request.headers} {request.body.decode()} 'Ana Silva' ANA SILVA +86 152-6666-7779 SANDBOXKEY0123456789"
    return text.encode()


def refusing(code: int, text: str) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, msgspec.json.encode({"code": code, "message": text})


INDISCREET_ANSWERS = {
    "unknown code": lambda request: refusing(999, repeating(request).decode()),
    "short text": lambda _: refusing(-1, "Ana Silva 8615266667779 SANDBOXKEY0123456789"),
    "token": lambda request: refusing(-1, f"not {token_of(request)}"),
    "known code": lambda request: refusing(531, repeating(request).decode()),
    "not JSON": lambda request: (200, {}, repeating(request)),
    "HTML": lambda request: (502, {}, b"<html>" + repeating(request)),
    "redirect": lambda request: (302, {"Location": f"http://x/?{token_of(request)}"}, repeating(request)),
    "refused": lambda request: (400, {}, repeating(request)),
    "too large": lambda request: (413, {}, repeating(request)),
    "cut short": lambda request: (200, {"Content-Length": "99999"}, repeating(request)),
}


@pytest.mark.parametrize("answer", INDISCREET_ANSWERS.values(), ids=INDISCREET_ANSWERS)
def test_no_failure_shows_a_key_a_token_or_a_customer_whatever_the_server_repeats(settings, customer, serve, answer):
    server = serve(answer)
    failure = failure_of(at(settings, server.url), customer)
    assert_discreet(failure, settings.api_key, token_of(server.requests[0]))


def test_no_failure_of_the_connection_shows_a_key_a_token_or_a_customer(settings, customer):
    failure = failure_of(at(settings, f"http://127.0.0.1:{free_port()}"), customer)
    assert_discreet(failure, settings.api_key)
    assert "HTTPConnectionPool" not in "".join(traceback.format_exception(failure))


def assert_discreet(failure: BaseException, *secrets: str) -> None:
    shown = [str(failure), repr(failure), repr(vars(failure)), *traceback.format_exception(failure)]
    if failure.__context__ is not None:  # suppressed, and yet some loggers print it
        shown += traceback.format_exception(failure.__context__)
    text = "".join(shown).lower()
    assert [secret for secret in (*secrets, *PERSON.values(), "7779", "augusta") if secret.lower() in text] == []


@pytest.mark.parametrize("host", ["crm.example.com", "192.0.2.7", "localhost.example.com", "[2001:db8::1]:8080"])
def test_plain_http_to_another_machine_is_warned_about_once(host, caplog, monkeypatch):
    monkeypatch.setattr(client_module, "_warned_hosts", set())
    with caplog.at_level(logging.WARNING):
        warn_if_in_clear(f"http://{host}")
        warn_if_in_clear(f"http://{host}")
    (record,) = caplog.records
    assert "unencrypted" in record.getMessage()
    assert "set Base URL to https://" in record.getMessage()


def test_a_client_warns_by_itself(caplog, monkeypatch):
    monkeypatch.setattr(client_module, "_warned_hosts", set())
    Client(Settings("http://crm.example.com", "1", "key")).close()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080",
        "http://LOCALHOST",
        "http://crm.localhost",
        "http://127.0.0.1:8080",
        "http://127.1.2.3",
        "http://[::1]:8080",
        "https://crm.example.com",
    ],
)
def test_this_machine_and_https_are_not_warned_about(url, caplog):
    warn_if_in_clear(url)
    assert caplog.records == []


def test_threads_may_share_a_client(settings, crm):
    agent = "agent_wang" if settings.auth_scheme is AuthScheme.HEADER else None
    rows = [row(agent, whatsApp=f"86152{number:08}") for number in range(40)]
    with closing(Client(settings, connections=4)) as client, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda one: client.import_customers([one]), rows)) == [""] * 40
    assert sorted(stored["whatsApp"] for stored in crm.customers()) == [f"86152{number:08}" for number in range(40)]


def hang_up_after_the_request(listener: socket.socket, times: int) -> None:
    """Read requests to their end, and close each connection without a response."""
    for _ in range(times):
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536)
            head, _, body = head.partition(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            while len(body) < length:
                body += connection.recv(65536)


def test_a_response_that_is_lost_behind_a_proxy_leaves_the_outcome_unknown(settings, customer, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        proxy = pool.submit(hang_up_after_the_request, listener, 1)
        failure = failure_of(at(settings, "http://crm.invalid"), customer)
        proxy.result()
    assert type(failure) is UncertainError


def test_a_proxy_that_refuses_the_tunnel_means_that_nothing_was_sent(settings, customer, monkeypatch, serve):
    proxy = serve(lambda _: SUCCESS)  # it knows no CONNECT
    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    failure = failure_of(at(settings, "https://crm.invalid"), customer)
    assert type(failure) is ServiceError
    assert proxy.requests == []
