from __future__ import annotations

import logging
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

import pytest

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.errors import ServiceError, SettingError, SocialSCRMError, UncertainError
from airflow_provider_socialscrm.api.proxies import check_proxies, find_proxy
from airflow_provider_socialscrm.api.settings import Settings, Transport
from tests.support.fake_proxies import (
    answering_connect,
    hanging,
    hanging_up,
    passing_on,
    resetting,
    saying,
    socks,
)
from tests.support.raw_server import CALL, ENVELOPE, Speak, answering, failure_of, head, reaching, read_request, tls

TIMEOUT = 0.5
USER, SECRET = "only-the-proxys-user", "only-the-proxys-secret"
CONNECTION = "Proxies in the connection"
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
TLS_ALERT = b"\x15\x03\x01\x00\x02\x02\x16"
REACH = "Proxies in the connection, and whether the proxy may connect to crm.invalid:443"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    for name in (*VARIABLES, *map(str.lower, VARIABLES), "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)


@dataclass(frozen=True)
class Case:
    """What a proxy does, and what is said then.

    :param what: in words.
    :param base_url: that is called.
    :param scheme: of the proxy's address.
    :param speak: what the proxy does.
    :param kind: of the error; only an uncertain one lets the call have been sent.
    :param says: the whole sentence, with ``{proxy}`` for host and port.
    """

    what: str
    base_url: str
    scheme: str
    speak: Speak
    kind: type[SocialSCRMError]
    says: str


def refusing(why: str, check: str = REACH) -> tuple[type[SocialSCRMError], str]:
    return ServiceError, (
        f"The proxy {{proxy}} refuses to connect to SocialsCRM ({why}), so nothing was sent. Check {check}."
    )


def failing(why: str, check: str = REACH) -> tuple[type[SocialSCRMError], str]:
    return ServiceError, (
        f"The proxy {{proxy}} does not connect to SocialsCRM ({why}), so nothing was sent. Check {check}."
    )


def out_of_reach(why: str, more: str = "") -> tuple[type[SocialSCRMError], str]:
    return ServiceError, (
        f"The proxy {{proxy}} cannot be reached ({why}), so nothing was sent. Check {CONNECTION}, and the worker's "
        f"network.{more}"
    )


LOGIN = f"user and password in {CONNECTION}"
MAY_BE_PLAIN = " Most proxies have an address that begins with http://."
BEHIND = f" The proxy on the way is {{proxy}} ({CONNECTION})."
LATE, RESET = "no connection within the time-out", "Connection reset by peer"
TLS, PLAIN = "https://crm.invalid", "http://crm.invalid"
OPEN = "200 Connection established"
LOST = (
    UncertainError,
    "The connection was lost during the call: whether it was taken is not known. If this repeats, check the worker's "
    "network and proxy." + BEHIND,
)
NO_ANSWER = (
    UncertainError,
    "No complete response came within the time-out: it is not known whether the call was processed. If this repeats, "
    "raise Timeout or lower rows_per_call." + BEHIND,
)
READ_NOTHING = "The proxy {proxy} speaks TLS, so it read nothing of the call. Let its address begin with https://"
SPEAKS_TLS = (SettingError, f"{READ_NOTHING} ({CONNECTION}).")
SPEAKS_NO_TLS = (
    SettingError,
    f"The proxy {{proxy}} does not speak TLS, so nothing was sent. Let its address begin with http:// ({CONNECTION}).",
)
SERVER_LATE = (
    ServiceError,
    f"SocialsCRM cannot be reached (crm.invalid:443: {LATE}), so nothing was sent. Check Base URL, and the worker's "
    "network and firewall." + BEHIND,
)
SERVER_RESET = (
    ServiceError,
    "SocialsCRM cannot be reached (crm.invalid:443: Connection reset by peer), so nothing was sent. Check Base URL, "
    "and the worker's network and DNS." + BEHIND,
)
ENDS = "it closed the connection"
SERVER_ENDS = (
    ServiceError,
    f"TLS with the server failed (crm.invalid:443: {ENDS}), so nothing was sent. Check Base URL and Cert, and any "
    "proxy between." + BEHIND,
)
SERVER_PLAIN = (
    SettingError,
    "The server does not speak TLS at this address, so nothing was sent. Check host and port of Base URL; write "
    "http:// only where the server has no https." + BEHIND,
)
NO_SOCKS = "SOCKS5 proxy server sent invalid data"
BAD_REQUEST = saying(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

CASES = [
    Case("407 to CONNECT", TLS, "http", answering_connect("407 Who"), *refusing("HTTP 407", LOGIN)),
    Case("403 to CONNECT", TLS, "http", answering_connect("403 No"), *refusing("HTTP 403")),
    Case("502 to CONNECT", TLS, "http", answering_connect("502 Bad"), *refusing("HTTP 502")),
    Case("reset during CONNECT", TLS, "http", resetting, *failing(RESET)),
    Case("end during CONNECT", TLS, "http", hanging_up, *failing("it closed the connection")),
    Case("hang during CONNECT", TLS, "http", hanging, *failing(LATE)),
    Case(
        "no HTTP at CONNECT",
        TLS,
        "http",
        saying(b"SSH-2.0-OpenSSH\r\n"),
        *failing("its response is not HTTP", f"scheme, host and port in {CONNECTION}"),
    ),
    Case("TLS at CONNECT", TLS, "http", saying(TLS_ALERT), *SPEAKS_TLS),
    Case("reset in TLS with the server", TLS, "http", answering_connect(OPEN, resetting), *SERVER_RESET),
    Case("hang in TLS with the server", TLS, "http", answering_connect(OPEN, hanging), *SERVER_LATE),
    Case("end in TLS with the server", TLS, "http", answering_connect(OPEN, hanging_up), *SERVER_ENDS),
    Case("end in TLS with the proxy", TLS, "https", hanging_up, *out_of_reach(ENDS, MAY_BE_PLAIN)),
    Case("end in TLS through SOCKS", TLS, "socks5h", socks(0, hanging_up), *SERVER_ENDS),
    Case("no TLS of the server", TLS, "http", answering_connect(OPEN, BAD_REQUEST), *SERVER_PLAIN),
    Case("https:// of a plain proxy", TLS, "https", BAD_REQUEST, *SPEAKS_NO_TLS),
    Case(
        "reset in TLS with the proxy", TLS, "https", resetting, *out_of_reach("Connection reset by peer", MAY_BE_PLAIN)
    ),
    Case("hang in TLS with the proxy", TLS, "https", hanging, *out_of_reach(LATE, MAY_BE_PLAIN)),
    Case("SOCKS refuses", TLS, "socks5h", socks(5), *refusing("0x05: Connection refused")),
    Case("SOCKS forbids", TLS, "socks5h", socks(2), *refusing("0x02: Connection not allowed by ruleset")),
    Case(
        "SOCKS rejects the password",
        TLS,
        "socks5h",
        socks(method=2, verdict=1),
        *refusing("SOCKS5 authentication failed", LOGIN),
    ),
    Case(
        "SOCKS takes no password",
        TLS,
        "socks5h",
        socks(method=255),
        *refusing("All offered SOCKS5 authentication methods were rejected", LOGIN),
    ),
    Case("SOCKS resets", TLS, "socks5h", resetting, *failing(RESET)),
    Case("SOCKS hangs up", TLS, "socks5h", hanging_up, *failing("Connection closed unexpectedly")),
    Case("SOCKS hangs", TLS, "socks5h", hanging, *failing(LATE)),
    Case("no SOCKS", TLS, "socks5h", BAD_REQUEST, *failing(NO_SOCKS)),
    Case("reset in TLS through SOCKS", TLS, "socks5h", socks(0, resetting), *SERVER_RESET),
    Case("hang in TLS through SOCKS", TLS, "socks5h", socks(0, hanging), *SERVER_LATE),
    Case(
        "407 to a plain call",
        PLAIN,
        "http",
        answering(b"", status="407 Who"),
        SettingError,
        "The proxy {proxy} refuses the call (HTTP 407), so SocialsCRM did not get it. Check user and password in "
        f"{CONNECTION}.",
    ),
    Case("reset of a plain call", PLAIN, "http", resetting, *LOST),
    Case("end of a plain call", PLAIN, "http", hanging_up, *LOST),
    Case("hang of a plain call", PLAIN, "http", hanging, *NO_ANSWER),
    Case("TLS as the answer to a plain call", PLAIN, "http", saying(TLS_ALERT), *SPEAKS_TLS),
    Case("plain call, https:// of a plain proxy", PLAIN, "https", BAD_REQUEST, *SPEAKS_NO_TLS),
    Case("plain call, hang in TLS with the proxy", PLAIN, "https", hanging, *out_of_reach(LATE, MAY_BE_PLAIN)),
    Case(
        "plain call, SOCKS refuses",
        PLAIN,
        "socks5h",
        socks(1),
        *refusing("0x01: General SOCKS server failure", REACH.replace("443", "80")),
    ),
    Case("plain call, reset behind SOCKS", PLAIN, "socks5h", socks(0, resetting), *LOST),
    Case("plain call, hang behind SOCKS", PLAIN, "socks5h", socks(0, hanging), *NO_ANSWER),
]


def with_login(url: str, scheme: str) -> str:
    return f"{scheme}://{USER}:{SECRET}@{url.rpartition('/')[2]}"


def needs(scheme: str) -> None:
    if scheme.startswith("socks"):
        pytest.importorskip("socks", reason="PySocks is optional")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.what)
def test_each_failure_through_a_proxy_says_where_it_ended_and_whether_anything_was_sent(raw, caplog, case):
    caplog.set_level(logging.DEBUG)
    needs(case.scheme)
    address = with_login(raw(case.speak), case.scheme)
    failure, seconds = failure_of(reaching(case.base_url, TIMEOUT, proxies={"all": address}))
    assert type(failure) is case.kind
    assert str(failure) == case.says.format(proxy=address.rpartition("@")[2])
    assert seconds < 3 * TIMEOUT
    seen = f"{failure!r} {failure.args} {''.join(traceback.format_exception(failure))} {caplog.text}"
    assert USER not in seen
    assert SECRET not in seen


@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h", "socks4", "socks4a"])
@pytest.mark.parametrize("base_url", [TLS, PLAIN])
def test_a_proxy_at_a_closed_port_is_named(scheme, base_url):
    needs(scheme)
    failure, _ = failure_of(reaching(base_url, 5.0, proxies={"all": with_login("127.0.0.1:1", scheme)}))
    assert type(failure) is ServiceError
    assert str(failure).startswith(
        f"The proxy 127.0.0.1:1 cannot be reached (Connection refused), so nothing was sent. Check {CONNECTION}, and "
        "whether the proxy runs."
    )


@pytest.mark.parametrize("scheme", ["http", "https", "socks5", "socks5h", "socks4", "socks4a"])
@pytest.mark.parametrize("base_url", [TLS, PLAIN])
def test_a_proxy_whose_name_is_not_known_is_named(monkeypatch, scheme, base_url):
    needs(scheme)

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "the resolver's words")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    failure, _ = failure_of(reaching(base_url, 5.0, proxies={"all": with_login("proxy.invalid:3128", scheme)}))
    assert type(failure) is ServiceError
    assert str(failure).startswith(
        "The proxy proxy.invalid:3128 cannot be reached (name not known), so nothing was sent. Check "
        f"{CONNECTION}, and the worker's DNS."
    )


def test_a_server_whose_name_the_worker_must_find_for_socks_is_not_blamed_on_the_proxy(raw, monkeypatch):
    needs("socks5")
    find = socket.getaddrinfo

    def unknown(host: str, *rest: object, **options: object) -> object:
        if host == "crm.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "the resolver's words")
        return find(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    address = raw(socks()).replace("http", "socks5")
    failure, _ = failure_of(reaching(TLS, 5.0, proxies={"all": address}))
    assert type(failure) is ServiceError
    assert "(name not known), so nothing was sent. Check the host of Base URL" in str(failure)
    assert "with socks5h://" in str(failure)


def test_the_certificate_of_a_proxy_is_not_taken_for_the_servers(raw, certificate):
    address = tls(raw, certificate, answering_connect("407 Who"))
    untrusted, _ = failure_of(reaching(TLS, 5.0, proxies={"all": address}))
    assert type(untrusted) is SettingError
    assert str(untrusted).startswith(f"The certificate of the proxy {address[8:]} is not trusted, so nothing was sent.")
    trusted, _ = failure_of(reaching(TLS, 5.0, proxies={"all": address}, verify=certificate))
    assert str(trusted).startswith(f"The proxy {address[8:]} refuses to connect to SocialsCRM (HTTP 407)")


@pytest.mark.parametrize("status", ["403 No", "404 No", "502 Bad", "503 Bad"])
def test_a_proxy_that_may_have_answered_a_plain_call_itself_is_named(raw, status):
    proxy = raw(saying(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()))
    settings = Settings(PLAIN, "1", "key", "agent_wang", transport=Transport(proxies={"all": proxy}))
    with closing(Client(settings)) as client, pytest.raises(SocialSCRMError) as caught:
        client.import_customers([b'{"whatsApp": "8613900000001"}'])

    assert f"HTTP {status[:3]}" in str(caught.value)
    assert str(caught.value).endswith(f" The proxy on the way is {proxy[7:]} ({CONNECTION}).")


def test_a_407_of_the_server_behind_socks_is_not_the_proxys(raw):
    needs("socks5h")
    address = raw(socks(0, answering(b"", status="407 Who"))).replace("http", "socks5h")
    with closing(reaching(PLAIN, 5.0, proxies={"all": address})) as transport:
        assert transport.exchange(CALL).status == 407


def test_a_call_goes_through_a_proxy_that_speaks_tls_itself(raw, certificate):
    server = tls(raw, certificate, answering(ENVELOPE))
    proxy = tls(raw, certificate, answering_connect(OPEN, passing_on(server)))
    with closing(reaching(server, 5.0, proxies={"all": proxy}, verify=certificate)) as transport:
        assert transport.exchange(CALL).body == ENVELOPE


def test_an_empty_variable_hides_its_other_spelling_and_is_not_named(monkeypatch):
    monkeypatch.setenv("https_proxy", "")
    monkeypatch.setenv("HTTPS_PROXY", "http://hidden:1")
    monkeypatch.setenv("ALL_PROXY", "http://its:1")
    found = find_proxy(TLS, {})
    assert found
    assert (found.place, found.source) == ("its:1", "ALL_PROXY of the worker")


@pytest.mark.parametrize("scheme", ["http", "socks5", "socks5h"])
def test_a_call_goes_through_a_proxy_that_lets_it(raw, certificate, scheme):
    needs(scheme)
    server, seen = tls(raw, certificate, answering(ENVELOPE)), []
    through = passing_on(server)
    address = with_login(
        raw(socks(0, through, method=2) if scheme != "http" else answering_connect(OPEN, through, seen)), scheme
    )
    with closing(reaching(server, 5.0, proxies={"all": address}, verify=certificate)) as transport:
        assert transport.exchange(CALL).body == ENVELOPE
    assert all(b"Proxy-Authorization: Basic " in request for request in seen)
    assert bool(seen) is (scheme == "http")


def test_a_response_that_drips_behind_socks_ends_at_the_time_out(raw):
    needs("socks5h")

    def dripping(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head(1000))
        for _ in range(1000):
            connection.sendall(b" ")
            time.sleep(0.05)

    address = raw(socks(0, dripping)).replace("http", "socks5h")
    failure, seconds = failure_of(reaching(PLAIN, TIMEOUT, proxies={"all": address}))
    assert type(failure) is UncertainError
    assert TIMEOUT <= seconds < 2 * TIMEOUT


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("variable", ["{}_PROXY", "{}_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_of_the_environment_is_named_with_its_variable(monkeypatch, scheme, variable):
    name = variable.format(scheme if variable.islower() else scheme.upper())
    monkeypatch.setenv(name, f"{USER}:{SECRET}@127.0.0.1:1")  # without a scheme, as curl reads it, too
    failure, _ = failure_of(reaching(f"{scheme}://crm.invalid", 5.0))
    assert type(failure) is ServiceError
    assert str(failure) == (
        f"The proxy 127.0.0.1:1 cannot be reached (Connection refused), so nothing was sent. Check {name} of the "
        "worker, and whether the proxy runs."
    )


WINNERS = [
    ({"https": "http://mine:1"}, {"HTTPS_PROXY": "http://its:1"}, "mine:1"),
    ({"https": "http://mine:1"}, {"ALL_PROXY": "http://its:1"}, "mine:1"),
    ({"all": "http://mine:1"}, {"HTTPS_PROXY": "http://its:1"}, "mine:1"),
    ({"all": "http://mine:1"}, {"https_proxy": "http://its:1", "ALL_PROXY": "http://its:1"}, "mine:1"),
    ({"https": "http://mine:1"}, {"NO_PROXY": "crm.invalid"}, "mine:1"),
    ({"all": "http://mine:1"}, {"NO_PROXY": "*", "HTTPS_PROXY": "http://its:1"}, "mine:1"),
    ({"https://crm.invalid": "http://mine:1", "https": "http://other:1"}, {}, "mine:1"),
    ({"https://other.invalid": "http://mine:1"}, {"HTTPS_PROXY": "http://its:1"}, "its:1"),
    ({"http": "http://mine:1"}, {"HTTPS_PROXY": "http://its:1"}, "its:1"),
    ({"http": "http://mine:1"}, {}, None),
    ({}, {"HTTPS_PROXY": "http://its:1", "ALL_PROXY": "http://other:1"}, "its:1"),
    ({}, {"HTTPS_PROXY": "http://its:1", "NO_PROXY": "crm.invalid"}, None),
    ({}, {"HTTP_PROXY": "http://its:1"}, None),
    ({}, {}, None),
]


@pytest.mark.parametrize(("given", "environment", "place"), WINNERS, ids=str)
def test_the_proxies_of_the_connection_win_over_those_of_the_environment(monkeypatch, given, environment, place):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = find_proxy(TLS, given)
    assert (found and found.place) == place


def test_the_proxy_that_the_connection_has_for_all_reads_the_calls(raw, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "crm.invalid")
    with closing(reaching(PLAIN, 5.0, proxies={"all": raw(answering(ENVELOPE))})) as transport:
        assert transport.exchange(CALL).body == ENVELOPE


@pytest.mark.parametrize("given", ["connection", "environment"])
def test_a_socks_proxy_without_pysocks_fails_at_once_and_names_the_package(monkeypatch, given):
    monkeypatch.setitem(sys.modules, "socks", None)
    address = with_login("proxy.invalid:1080", "socks5h")
    monkeypatch.setenv("HTTPS_PROXY", address if given == "environment" else "")
    with pytest.raises(SettingError) as caught:
        reaching(TLS, 5.0, proxies={"https": address} if given == "connection" else {})
    source = CONNECTION if given == "connection" else "HTTPS_PROXY of the worker"
    assert str(caught.value) == (
        f"{source} leads to the SOCKS proxy proxy.invalid:1080, which needs the package PySocks, so nothing was sent. "
        "Install PySocks on the workers, or give the address of an HTTP proxy."
    )


ADDRESSES = [
    "http://proxy",
    "http://proxy:3128/",
    "HTTPS://Proxy.Example.com:443",
    "http://user:pass@proxy:3128",
    "http://user:p@ss@proxy:3128",
    "http://user:p%2Fss@proxy:3128",
    "http://user@proxy",
    "http://[::1]:3128",
    "socks4://proxy:1080",
    "socks5h://user:pass@proxy",
]
UNREADABLE = [
    "proxy:3128",
    "://proxy",
    "http://",
    "http://:3128",
    "http://proxy:",
    "http://proxy:0",
    "http://proxy:65536",
    "http://proxy:port",
    "http://proxy 2:3128",
    "http://proxy:3128/path",
    "http://proxy:3128?x=1",
    "http://user:12/34@proxy:3128",
    "http://user:12#34@proxy:3128",
    "http://user:12?34@proxy:3128",
    "http://user:12\\34@proxy:3128",
    "http://user:12[34@proxy:3128",
    "http://user:12\n34@proxy:3128",
    "http://user:1234@[:::]:3128",
    "http://user:1234@[1.2]:3128",
    "http://user:1234@proxy..example:3128",
    f"http://{'p' * 64}:3128",
    "socks://proxy:1080",
    "ftp://proxy:21",
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_all_libraries_read_alike_is_taken(address):
    check_proxies({"https": address})


def refused(act: Callable[[], object], kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        act()
    return str(caught.value)


@pytest.mark.parametrize("address", UNREADABLE)
def test_an_address_that_a_library_could_read_in_another_way_is_refused_and_not_repeated(monkeypatch, address):
    said = refused(lambda: check_proxies({"https": address}), ValueError)
    assert said.startswith("must have an address such as http://proxy.example.com:3128")
    assert "user" not in said
    assert "34" not in said


@pytest.mark.parametrize("address", [each for each in UNREADABLE if each != "proxy:3128"])
def test_such_an_address_of_the_environment_is_named_by_its_variable(monkeypatch, address):
    monkeypatch.setenv("ALL_PROXY", address)
    said = refused(lambda: find_proxy(TLS, {}), SettingError)
    assert said.startswith("ALL_PROXY of the worker must have an address such as")
    assert "user" not in said
    assert "34" not in said


@pytest.mark.parametrize("key", ["HTTPS", "https:", "socks5", "no_proxy", "", "*", "user:hunter2@proxy:3128"])
def test_a_proxy_that_would_never_be_looked_for_is_refused_and_named_only_if_it_is_a_word(key):
    said = refused(lambda: check_proxies({key: "http://proxy:3128"}), ValueError)
    named = "'HTTPS', which" if key == "HTTPS" else "a key that"
    assert said == f"has {named} is not read: give proxies for http, https or all"
