from __future__ import annotations

import gzip
import socket
import struct
import threading
import time
import tracemalloc
import warnings
import zlib
from contextlib import closing, suppress

import pytest
from urllib3.exceptions import InsecureRequestWarning

from airflow_provider_socialscrm.api.bodies import LARGEST_BODY
from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.errors import ServiceError, SettingError, UncertainError
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.api.signing import Call
from airflow_provider_socialscrm.api.transport import HttpTransport
from tests.support.raw_server import (
    CALL,
    ENVELOPE,
    answering,
    failure_of,
    head,
    reaching,
    read_request,
    tls,
)

TIMEOUT = 0.5
SLACK = 0.4
"""Seconds that a busy machine may take on top of the time-out."""


def drip(connection: socket.socket, text: bytes) -> None:
    for byte in text:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def dripping_status(connection: socket.socket) -> None:
    read_request(connection)
    drip(connection, head(len(ENVELOPE)) + ENVELOPE)


def dripping_header(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        drip(connection, b"X-Pad: 1\r\n")


def dripping_body(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(head(1000))
    drip(connection, b" " * 1000)


def dripping_chunks(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        drip(connection, b"1\r\n \r\n")


def dripping_chunk_extension(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;")
    drip(connection, b"x" * 1000)


def dripping_trailer(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n \r\n0\r\n")
    while True:
        drip(connection, b"X-Pad: 1\r\n")


def endless_continue(connection: socket.socket) -> None:
    read_request(connection)
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        time.sleep(0.05)


def dripping_packed_body(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(head(1000, "Content-Encoding: gzip"))
    drip(connection, gzip.compress(ENVELOPE))


def dripping_until_close(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    drip(connection, b" " * 1000)


DRIPPING = [
    dripping_status,
    dripping_header,
    dripping_body,
    dripping_chunks,
    dripping_chunk_extension,
    dripping_trailer,
    endless_continue,
    dripping_packed_body,
    dripping_until_close,
]


@pytest.mark.parametrize("speak", DRIPPING)
def test_a_response_that_drips_ends_at_the_time_out(raw, speak):
    failure, seconds = failure_of(reaching(raw(speak), TIMEOUT))
    assert type(failure) is UncertainError
    assert "within the time-out" in str(failure)
    assert TIMEOUT <= seconds < TIMEOUT + SLACK


def test_a_server_that_reads_slowly_ends_at_the_time_out(raw):
    def read_slowly(connection: socket.socket) -> None:
        for _ in range(40):
            connection.recv(1000)
            time.sleep(0.05)

    large = Call("PUT", "/path", {}, b"x" * 2**24)  # more than the buffers of both sides hold
    failure, seconds = failure_of(reaching(raw(read_slowly), TIMEOUT), large)
    assert type(failure) is UncertainError
    assert "within the time-out" in str(failure)
    assert TIMEOUT <= seconds < TIMEOUT + SLACK


def test_the_time_out_bounds_all_phases_together(raw):
    def slow_in_each(connection: socket.socket) -> None:
        read_request(connection)
        time.sleep(0.3)
        connection.sendall(head(len(ENVELOPE)))
        time.sleep(0.3)
        connection.sendall(ENVELOPE)

    failure, seconds = failure_of(reaching(raw(slow_in_each), TIMEOUT))
    assert "within the time-out" in str(failure)
    assert TIMEOUT <= seconds < TIMEOUT + SLACK


def test_a_tls_handshake_that_hangs_means_that_nothing_was_sent(raw):
    url = raw(lambda connection: connection.recv(1) and drip(connection, b"\x16\x03\x03\x40\x00" + b"\x02" * 1000))
    failure, seconds = failure_of(reaching(url.replace("http://", "https://"), TIMEOUT))
    assert type(failure) is ServiceError
    assert "nothing was sent" in str(failure)
    assert seconds < TIMEOUT + SLACK


def test_a_proxy_that_drips_means_that_nothing_was_sent(raw, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", raw(lambda connection: connection.recv(9999) and drip(connection, b"H" * 1000)))
    failure, seconds = failure_of(reaching("https://crm.invalid", TIMEOUT))
    assert type(failure) is ServiceError
    assert "nothing was sent" in str(failure)
    assert seconds < TIMEOUT + SLACK


def test_a_response_that_drips_inside_of_tls_ends_at_the_time_out(raw, certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificate)
    failure, seconds = failure_of(reaching(tls(raw, certificate, dripping_body), TIMEOUT))
    assert type(failure) is UncertainError
    assert "within the time-out" in str(failure)
    assert TIMEOUT <= seconds < TIMEOUT + SLACK


def test_addresses_that_do_not_respond_share_the_time_of_the_call(monkeypatch):
    unreachable = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"192.0.2.{last}", 80)) for last in range(1, 9)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: unreachable)

    def never(address, timeout, *_):
        time.sleep(min(timeout, 0.2))
        raise TimeoutError

    monkeypatch.setattr("airflow_provider_socialscrm.api.deadlines.create_connection", never)
    failure, seconds = failure_of(reaching("http://crm.invalid", TIMEOUT))
    assert type(failure) is ServiceError
    assert seconds < TIMEOUT + SLACK


def test_the_next_address_of_a_host_is_tried(raw, monkeypatch):
    url = raw(answering(ENVELOPE))
    port = int(url.rpartition(":")[2])
    find = socket.getaddrinfo

    def two(host, *rest, **options):
        found = find("127.0.0.1", port, 0, socket.SOCK_STREAM)
        return [(*found[0][:4], ("127.0.0.1", 1)), *found] if host == "crm.invalid" else find(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", two)
    with closing(reaching(f"http://crm.invalid:{port}", 5.0)) as transport:
        assert transport.exchange(CALL).body == ENVELOPE


def packed(text: bytes, *, gzip_header: bool = True) -> bytes:
    packer = zlib.compressobj(wbits=31 if gzip_header else 15)
    return packer.compress(text) + packer.flush()


def bomb(size: int, layers: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    content = b"".join([*(packer.compress(bytes(2**20)) for _ in range(size >> 20)), packer.flush()])
    for _ in range(layers - 1):
        content = packed(content)
    return content


@pytest.mark.parametrize("layers", [1, 2])
def test_a_decompression_bomb_ends_at_the_limit(raw, layers):
    content = bomb(2**26, layers)
    url = raw(answering(content, lines=(f"Content-Encoding: {', '.join(['gzip'] * layers)}",)))
    tracemalloc.start()
    try:
        failure, _ = failure_of(reaching(url, 30.0))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert type(failure) is UncertainError
    assert "larger than 16 MiB" in str(failure)
    assert peak < LARGEST_BODY + 2**21


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_without_end_is_read_to_the_limit_only(raw, chunked):
    piece = b"%x\r\n%b\r\n" % (2**16, b" " * 2**16) if chunked else b" " * 2**16
    start = b"HTTP/1.1 200 OK\r\n" + (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"\r\n")

    def speak(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(start)
        while True:
            connection.sendall(piece)

    failure, _ = failure_of(reaching(raw(speak), 30.0))
    assert "larger than 16 MiB" in str(failure)


def test_a_chunk_size_without_end_is_not_kept_in_memory(raw):
    def speak(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;")
        while True:
            connection.sendall(b"x" * 2**16)

    failure, seconds = failure_of(reaching(raw(speak), 30.0))
    assert type(failure) is UncertainError
    assert seconds < 5


@pytest.mark.parametrize("status", ["302 Found", "503 Unavailable", "404 Not Found"])
def test_a_body_that_nobody_needs_is_neither_kept_nor_waited_for(raw, status):
    hung_up = threading.Event()

    def speak(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head(2**30, "Location: http://127.0.0.1:1/", "Content-Encoding: gzip", status=status) + b" ")
        connection.settimeout(15.0)  # half of the time that the transport would wait for the body
        if not connection.recv(1):
            hung_up.set()

    with closing(reaching(raw(speak), 30.0)) as transport:
        response = transport.exchange(CALL)
        assert (response.status, response.body) == (int(status[:3]), b"")
        assert hung_up.wait(15.0)


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip, gzip, gzip", "gzip, br", "no/such"])
def test_an_encoding_that_was_not_asked_for_leaves_the_outcome_unknown(raw, encoding):
    url = raw(answering(ENVELOPE, lines=(f"Content-Encoding: {encoding}",)))
    failure, _ = failure_of(reaching(url, 5.0))
    assert type(failure) is UncertainError
    assert "cannot be decompressed" in str(failure)


def test_a_connection_is_used_again_after_a_whole_response_of_any_status(raw):
    accepted = []

    def speak(connection: socket.socket) -> None:
        accepted.append(connection)
        for status in ("200 OK", "503 Unavailable", "302 Found", "200 OK"):
            read_request(connection)
            connection.sendall(head(len(ENVELOPE), "Location: /", status=status) + ENVELOPE)
        read_request(connection)
        connection.sendall(head(len(packed(ENVELOPE)), "Content-Encoding: gzip") + packed(ENVELOPE))
        connection.recv(1)

    with closing(reaching(raw(speak), 5.0)) as transport:
        responses = [transport.exchange(CALL) for _ in range(5)]
    assert [response.status for response in responses] == [200, 503, 302, 200, 200]
    assert [response.body for response in responses] == [ENVELOPE, b"", b"", ENVELOPE, ENVELOPE]
    assert len(accepted) == 1


def test_a_late_second_response_is_not_read_as_that_of_the_next_call(raw):
    calls = iter(range(10))

    def speak(connection: socket.socket) -> None:
        read_request(connection)
        number = next(calls)
        if number == 0:
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")
            time.sleep(0.1)
        connection.sendall(head(1) + b"%d" % number)
        connection.recv(1)

    with closing(reaching(raw(speak), 5.0)) as transport:
        assert transport.exchange(CALL).status == 103
        assert transport.exchange(CALL).body == b"1"


def test_a_connection_is_free_again_after_each_kind_of_failure(raw):
    def reset(connection: socket.socket) -> None:
        read_request(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    behaviours = iter(
        [
            answering(bytes(2 * LARGEST_BODY)),
            dripping_body,
            answering(ENVELOPE, lines=("Content-Encoding: br",)),
            reset,
            answering(ENVELOPE),
        ]
    )

    def speak(connection: socket.socket) -> None:
        with suppress(OSError), closing(connection):
            next(behaviours)(connection)

    with closing(reaching(raw(speak), TIMEOUT)) as transport:
        for _ in range(4):
            with pytest.raises(UncertainError):
                transport.exchange(CALL)
        assert transport.exchange(CALL).body == ENVELOPE


def test_the_deadline_is_taken_from_the_clock_that_is_passed_in(raw):
    times = iter([0.0, *[1.0] * 3])
    transport = reaching(raw(answering(ENVELOPE)), 5.0, now=lambda: next(times, 6.0))
    failure, seconds = failure_of(transport)
    assert "within the time-out" in str(failure) or "nothing was sent" in str(failure)
    assert seconds < 1


def test_a_call_of_the_client_is_bounded_as_well(raw):
    with (
        closing(Client(Settings(raw(dripping_body), "1", "key", "agent_wang", timeout=TIMEOUT))) as client,
        pytest.raises(UncertainError, match="within the time-out"),
    ):
        client.import_customers([])


def test_headers_of_the_connection_are_sent_beside_our_own(raw):
    requests = []

    def speak(connection: socket.socket) -> None:
        requests.append(read_request(connection).decode().lower())
        connection.sendall(head(len(ENVELOPE)) + ENVELOPE)

    with closing(reaching(raw(speak), 5.0, headers={"X-Team": "crm", "Accept-Encoding": "br"})) as transport:
        transport.exchange(CALL)
    assert "x-team: crm" in requests[0]
    assert "accept-encoding: gzip, deflate" in requests[0]
    assert "content-type: application/json" in requests[0]


def test_a_port_that_nobody_listens_at_is_named_with_the_systems_reason():
    failure, _ = failure_of(reaching("http://user:hunter2@127.0.0.1:1/secret?key=secret", 5.0))

    assert type(failure) is ServiceError
    assert str(failure) == (
        "SocialsCRM cannot be reached (127.0.0.1:1: Connection refused), so nothing was sent. Check host and port of "
        "Base URL, and whether the server runs."
    )


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (socket.EAI_NONAME, "crm.nosuch.invalid: name not known"),
        (socket.EAI_AGAIN, "crm.nosuch.invalid: the resolver's words"),
    ],
)
def test_a_name_that_cannot_be_resolved_is_named(monkeypatch, number, reason):
    def resolve(*_: object, **__: object) -> None:
        raise socket.gaierror(number, "the resolver's words")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    failure, _ = failure_of(reaching("https://crm.nosuch.invalid", 5.0))

    assert type(failure) is ServiceError
    assert str(failure) == (
        f"SocialsCRM cannot be reached ({reason}), so nothing was sent. Check the host of Base URL, and the worker's "
        "DNS."
    )


def closing_after_a_request(connection: socket.socket) -> None:
    read_request(connection)
    connection.close()


@pytest.mark.parametrize("record", [b"\x15\x03\x01\x00\x02\x02\x16", b"\x16\x03\x03\x00\x2a\x02\x00"])
def test_a_server_that_speaks_tls_to_a_plain_call_is_a_setting(raw, record):
    def speak(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(record)
        connection.close()

    failure, _ = failure_of(reaching(raw(speak), 5.0))

    assert type(failure) is SettingError
    assert "Let Base URL begin with https://" in str(failure)


def test_a_plain_call_whose_first_connection_is_closed_may_want_tls(raw):
    failure, _ = failure_of(reaching(raw(closing_after_a_request), 5.0))

    assert type(failure) is UncertainError
    assert str(failure).endswith("If the server has https, let Base URL begin with https://.")


def test_a_plain_address_that_has_responded_is_not_suspected(raw):
    speaks = iter([answering(ENVELOPE), closing_after_a_request])

    def speak(connection: socket.socket) -> None:
        next(speaks)(connection)

    with closing(reaching(raw(speak), 5.0)) as transport:
        transport.exchange(CALL)
        with pytest.raises(UncertainError) as caught:
            transport.exchange(CALL)

    assert "https" not in str(caught.value)


def test_urllib3s_warnings_of_other_hosts_stay():
    reaching("https://crm.invalid", 5.0, verify=False).close()
    with pytest.warns(InsecureRequestWarning):
        warnings.warn("Unverified HTTPS request is being made to host 'x.invalid'", InsecureRequestWarning, 2)


def test_a_closed_client_leaves_no_connection_open_while_an_error_of_its_calls_is_kept(raw):
    ended = threading.Event()
    calls = iter(range(2))

    def speak(connection: socket.socket) -> None:
        read_request(connection)  # whole: what would be left of its body is not the end of the connection
        if next(calls) == 0:
            connection.close()
            return
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(ENVELOPE), ENVELOPE))
        if connection.recv(1) == b"":
            ended.set()

    transport = HttpTransport(Settings(raw(speak), "1", "KEY", "agent"), connections=1)
    with pytest.raises(UncertainError) as kept:
        transport.exchange(CALL)
    transport.exchange(CALL)

    transport.close()

    assert ended.wait(5)
    assert kept.value
