"""Every fault as a client sees it, and which calls it strikes."""

from __future__ import annotations

import json
import re
import socket
import tracemalloc
import zlib
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from time import monotonic

import pytest
import requests

from airflow_provider_socialscrm.sandbox.codes import Compressed
from airflow_provider_socialscrm.sandbox.faults import (
    KINDS,
    ActiveFaults,
    Arrival,
    FaultError,
    descriptions,
    parse_fault,
    parse_fault_text,
)
from airflow_provider_socialscrm.sandbox.responses import compressed
from airflow_provider_socialscrm.sandbox.server import Sandbox

ROWS = [{"whatsApp": "8610000001"}]
IMPORT = "/wscrm-bus-api/customer/api/import"


@pytest.mark.parametrize(("kind", "stored"), [("reset_before", 0), ("reset_after", 1)])
def test_a_reset_gives_the_client_no_status_at_all(client, sandbox, kind, stored, caplog):
    sandbox.inject(kind, times=1)

    with pytest.raises(requests.ConnectionError) as caught:
        client.send_body(ROWS)

    assert caught.value.response is None
    assert "reset by peer" in str(caught.value)
    assert len(sandbox.customers()) == stored
    assert [(call["status"], call["code"], call["fault"]) for call in sandbox.calls()] == [(None, None, kind)]
    assert client.send_body(ROWS).json()["code"] == 200
    assert caplog.records == []


def test_a_truncated_answer_promises_more_than_it_sends(client, sandbox, caplog):
    sandbox.inject("truncated", times=1)
    whole = b'{"code":200,"message":"Success","data":""}'

    with pytest.raises(requests.exceptions.ChunkedEncodingError) as caught:
        client.send_body(ROWS)

    incomplete = caught.value.args[0].args[1]
    assert (incomplete.partial, incomplete.expected) == (len(whole) // 2, len(whole) - len(whole) // 2)
    assert len(sandbox.customers()) == 1
    assert caplog.records == []


@pytest.mark.parametrize(
    ("rule", "expected", "text"),
    [
        ({"kind": "not_json"}, (200, "application/json"), "<<< not JSON >>>"),
        ({"kind": "empty"}, (200, "application/json"), ""),
        ({"kind": "no_code"}, (200, "application/json"), '{"message":"Success","data":""}'),
        ({"kind": "html", "commit": True}, (502, "text/html"), "502 Bad Gateway"),
        ({"kind": "html", "commit": True, "status": 200}, (200, "text/html"), "502 Bad Gateway"),
        ({"kind": "http", "commit": True}, (503, "application/json"), ""),
    ],
)
def test_an_unusable_answer_comes_after_the_commit(client, sandbox, rule, expected, text):
    sandbox.inject(**rule)

    answer = client.send_body(ROWS)

    assert (answer.status_code, answer.headers["Content-Type"].split(";")[0]) == expected
    assert text in answer.text
    assert bool(text) == bool(answer.text)
    assert len(sandbox.customers()) == 1


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"kind": "html"}, (502, None)),
        ({"kind": "http", "status": 429, "retry_after": 2}, (429, "2")),
        (
            {"kind": "http", "status": 503, "retry_after": "Wed, 21 Oct 2026 07:28:00 GMT"},
            (503, "Wed, 21 Oct 2026 07:28:00 GMT"),
        ),
        ({"kind": "http", "status": 500}, (500, None)),
    ],
)
def test_a_gateways_error_stores_nothing(client, sandbox, rule, expected):
    sandbox.inject(**rule)

    answer = client.send_body(ROWS)

    assert (answer.status_code, answer.headers.get("Retry-After")) == expected
    assert sandbox.customers() == []


@pytest.mark.parametrize("status", [503, 429, 408, 500])
def test_a_late_status_comes_after_the_commit_without_a_hint_when_to_retry(client, sandbox, status):
    sandbox.inject("http", status=status, commit=True, times=1)

    answer = client.send_body(ROWS)

    assert (answer.status_code, answer.headers.get("Retry-After"), answer.content) == (status, None, b"")
    assert len(sandbox.customers()) == 1


def test_a_late_code_comes_after_the_commit(client, sandbox):
    sandbox.inject("code", commit=True, times=1)

    assert client.send_body(ROWS).json() == {"code": 517, "message": "database error", "data": ""}
    assert len(sandbox.customers()) == 1


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("kind", ["html", "http", "stray"])
def test_a_status_without_a_body_leaves_the_connection_usable(client, sandbox, kind, status, caplog):
    client.send_body(ROWS)
    sandbox.inject(kind, status=status, times=2)

    answers = [client.send_body(ROWS) for _call in range(3)]

    assert [(answer.status_code, len(answer.content) > 0) for answer in answers] == [
        (status, False),
        (status, False),
        (200, True),
    ]
    assert caplog.records == []


@pytest.mark.parametrize(
    ("by", "expected"),
    [("closed", None), ("503", (503, "text/html", None)), ("517", (200, "application/json", 517))],
)
def test_an_outage_strikes_every_call_until_it_is_over(client, sandbox, monkeypatch, by, expected):
    clock = [100.0]
    monkeypatch.setattr(sandbox, "ticks", lambda: clock[0])
    sandbox.inject("outage", by=by, seconds=60, after=1)
    assert client.send_body(ROWS).json()["code"] == 200

    for clock[0] in (110.0, 111.0, 169.9):
        if expected is None:
            with pytest.raises(requests.ConnectionError):
                client.send_body(ROWS)
        else:
            answer = client.send_body(ROWS)
            code = answer.json()["code"] if answer.text.startswith("{") else None
            assert (answer.status_code, answer.headers["Content-Type"].split(";")[0], code) == expected
    clock[0] = 170.0
    assert client.send_body(ROWS).json()["code"] == 200

    assert sandbox.customers()[0]["times_imported"] == 2
    assert [call["fault"] for call in sandbox.calls()] == [None, "outage", "outage", "outage", None]
    assert sandbox.faults.listed()[0]["struck"] == 3


@pytest.mark.parametrize(
    ("rule", "times", "strikes"),
    [
        ({}, [0, 5, 9.9, 10, 11, 30], "xxx---"),
        ({"times": 2}, [0, 5, 9.9, 10, 19, 20], "xxxxx-"),
        ({"after": 2}, [0, 1, 2, 11, 12, 13], "--xx--"),
        ({"rate": 0.5}, [0, 1, 5, 12, 20, 30], "-xx---"),
        ({"seconds": 0}, [0, 1, 2, 3, 4, 5], "x-----"),
    ],
)
def test_times_counts_outages_and_rate_decides_when_one_begins(rule, times, strikes):
    faults = ActiveFaults(cycle([0.9, 0.1]).__next__)
    faults.add(parse_fault({"kind": "outage", "seconds": 10, **rule}))

    assert "".join("x" if faults.injection(Arrival("/any", now)).fault else "-" for now in times) == strikes


def test_an_outage_of_one_path_leaves_the_others_alone(client, sandbox):
    sandbox.inject("outage", by="517", path="batchImport")

    assert client.send_header(ROWS).json()["code"] == 517
    assert client.send_body(ROWS).json()["code"] == 200
    assert client.send_header(ROWS).json()["code"] == 517


@pytest.mark.parametrize(
    ("status", "location", "text"),
    [
        (404, None, "404 Not Found"),
        (401, None, "401 Unauthorized"),
        (302, "/login", "302 Found"),
        (200, None, "Sign in"),
        (400, None, "400 Bad Request"),
        (599, None, "<h1>599</h1>"),
    ],
)
def test_a_stray_page_comes_only_once_a_call_succeeded(client, sandbox, status, location, text):
    sandbox.inject("stray", status=status, times=1)
    assert client.send_body(ROWS, "nobody").json()["code"] == 530
    assert client.send_body(ROWS).json()["code"] == 200

    url = f"{sandbox.url}{IMPORT}"
    answer = client.session.put(url, json={}, allow_redirects=False, timeout=10)

    assert (answer.status_code, answer.headers.get("Location")) == (status, location)
    assert answer.headers["Content-Type"].startswith("text/html")
    assert text in answer.text
    assert client.send_body(ROWS).json()["code"] == 200
    assert sandbox.customers()[0]["times_imported"] == 2


@pytest.mark.parametrize("headers", [False, True])
def test_a_dripping_response_keeps_every_pause_short_and_takes_its_seconds_in_all(client, sandbox, headers, caplog):
    sandbox.inject("drip", seconds=1.5, pause=0.05, headers=headers, times=1)
    client.timeout = 0.8  # between two bytes, which is all that requests can limit

    before = monotonic()
    answer = client.send_body(ROWS)
    seconds = monotonic() - before

    assert answer.json() == {"code": 200, "message": "Success", "data": ""}
    assert 1.4 < seconds < 10
    assert len(sandbox.customers()) == 1
    assert client.send_body(ROWS).json()["code"] == 200
    assert caplog.records == []


def test_headers_drip_too_when_asked_for(client, sandbox):
    sandbox.inject("drip", seconds=60, pause=0.2, headers=True)

    with socket.create_connection((sandbox.host, sandbox.port), timeout=10) as connection:
        request = f"PUT {IMPORT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{{}}"
        connection.sendall(request.encode())
        first, second = connection.recv(1000), connection.recv(1000)

    assert 0 < len(first) < 5
    assert b"HTTP/1.1".startswith((first + second)[:8])


def test_a_client_that_leaves_a_dripping_response_ends_it_and_so_does_the_stop_of_the_sandbox(client_of, caplog):
    before = monotonic()
    with Sandbox() as own:
        own.inject("drip", seconds=3600, pause=0.05)
        client = client_of(own)
        with client.session:
            url = f"{own.url}{IMPORT}"
            with client.session.put(url, json={}, stream=True, timeout=10) as left:
                assert left.raw.read(1) == b" "
            with client.session.put(url, json={}, stream=True, timeout=10) as open_at_the_end:
                assert open_at_the_end.raw.read(1) == b" "
                own.reset()

    assert monotonic() - before < 30
    assert caplog.records == []


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_small_on_the_wire_and_a_usable_response_at_its_end(client, sandbox, encoding):
    sandbox.inject("bomb", mebibytes=3, encoding=encoding)

    with client.session.put(f"{sandbox.url}{IMPORT}", json={}, stream=True, timeout=10) as answer:
        packed = answer.raw.read(decode_content=False)
    unpacked = zlib.decompress(packed, wbits=31 if encoding == "gzip" else 15)

    assert answer.headers["Content-Encoding"] == encoding
    assert len(packed) < 10_000
    assert len(unpacked) == 3 * 2**20 + len(unpacked.lstrip())
    assert json.loads(unpacked)["code"] == 523
    assert client.send_body(ROWS).json()["code"] == 200
    assert len(sandbox.customers()) == 1


def test_a_bomb_is_never_in_memory_and_a_client_may_stop_reading_it(client, sandbox, caplog):
    tracemalloc.start()
    try:
        pieces = compressed(b"{}", Compressed("gzip", 2**40))
        assert sum(len(next(pieces)) for _piece in range(20)) > 0
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()
    sandbox.inject("bomb", mebibytes=2**20, times=1)

    with client.session.put(f"{sandbox.url}{IMPORT}", json={}, stream=True, timeout=10) as answer:
        assert answer.raw.read(100, decode_content=True) == b" " * 100

    assert client.send_body(ROWS).json()["code"] == 200
    assert caplog.records == []


@pytest.mark.parametrize("failures", ["whats_ids", "lists"])
@pytest.mark.parametrize(
    ("spelling", "spelled"),
    [
        ("c.us", ["8610000001@c.us", "8610000002@c.us"]),
        ("plus", ["+8610000001", "+8610000002"]),
        ("integer", [8610000001, 8610000002]),
        ("spaces", ["861 000 000 1", "861 000 000 2"]),
        ("mixed", ["8610000001@c.us", "+8610000002"]),
    ],
)
def test_numbers_in_a_response_are_spelled_in_another_way(client, sandbox, failures, spelling, spelled):
    sandbox.configure(failures=failures, refusal="partial")
    sandbox.inject("number_spelling", spelling=spelling, times=1)
    rows = [ROWS[0], {"whatsApp": "8610000002", "Unknown": "x"}]

    data = client.send_body(rows).json()["data"]

    names = ("successWhatsIds", "failWhatsIds") if failures == "whats_ids" else ("success", "fail")
    assert [data[name] for name in names] == [[number] for number in spelled]
    assert [customer["whatsApp"] for customer in sandbox.customers()] == ["8610000001"]


def test_a_response_that_names_no_row_has_no_number_to_spell(client, sandbox):
    sandbox.inject("number_spelling")

    assert client.send_body(ROWS).content == b'{"code":200,"message":"Success","data":""}'


@pytest.mark.parametrize(
    ("spelling", "user", "beginning"),
    [
        ("float", "agent_wang", b'{"code":200.0,"message":"Success"'),
        ("text", "agent_wang", b'{"code":"200","message":"Success"'),
        ("exponent", "agent_wang", b'{"code":2e2,"message":"Success"'),
        ("float", "admin", b'{"code":-1.0,'),
        ("text", "nobody", b'{"code":"530",'),
        ("exponent", "nobody", b'{"code":5.3e2,'),
        ("exponent", "admin", b'{"code":-1e0,'),
    ],
)
def test_a_code_is_written_in_another_way(client, sandbox, spelling, user, beginning):
    sandbox.inject("code_spelling", spelling=spelling)

    answer = client.send_body(ROWS, user)

    assert answer.content.startswith(beginning)
    assert float(answer.json()["code"]) == sandbox.calls()[-1]["code"]


def test_a_byte_order_mark_is_in_front_of_the_response(client, sandbox):
    sandbox.inject("byte_order_mark")

    answer = client.send_body(ROWS)

    assert answer.content == b'\xef\xbb\xbf{"code":200,"message":"Success","data":""}'
    assert json.loads(answer.content.decode("utf-8-sig"))["code"] == 200


@pytest.mark.parametrize(("user", "code"), [("agent_wang", 200), ("nobody", 530)])
def test_a_message_in_gbk_stands_beside_a_readable_code(client, sandbox, user, code):
    sandbox.inject("gbk")

    answer = client.send_body(ROWS, user)

    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.content.startswith(b'{"code":%d,' % code)
    with pytest.raises(UnicodeDecodeError):
        answer.content.decode()
    assert json.loads(answer.content.decode("gbk"))["message"] == sandbox.calls()[-1]["message"]


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"latency", "outage", "drip"}])
def test_every_fault_can_strike_every_second_call_of_one_path(client, sandbox, kind):
    """As through the command line, the page's form and the endpoint, with nothing but the options of every kind."""
    client.send_body(ROWS)
    size = ",mebibytes=1" if kind == "bomb" else ""
    sandbox.faults.add(parse_fault_text(f"kind={kind},after=1,times=1,rate=1,path=api/import{size}"))

    for _call in range(3):
        with suppress(requests.RequestException):
            client.send_body(ROWS)
    client.send_header(ROWS)

    assert [call["fault"] for call in sandbox.calls()] == [None, None, kind, None, None]


@pytest.mark.parametrize(
    ("options", "envelope"),
    [
        ({}, {"code": 517, "message": "database error", "data": ""}),
        ({"code": 508}, {"code": 508, "message": "no exist userName", "data": ""}),
        ({"code": -1, "message": "a text"}, {"code": -1, "message": "a text", "data": ""}),
        ({"code": 999}, {"code": 999, "message": "", "data": ""}),
    ],
)
def test_a_code_on_request_is_answered_before_the_commit(client, sandbox, options, envelope):
    sandbox.inject("code", **options)

    assert client.send_body(ROWS).json() == envelope
    assert sandbox.customers() == []


def test_a_client_that_gives_up_does_not_stop_its_call_and_stopping_the_sandbox_ends_the_wait(client_of):
    with Sandbox() as own:
        own.inject("latency", seconds=600)
        impatient = client_of(own)
        impatient.timeout = 0.2
        with impatient.session, pytest.raises(requests.ReadTimeout):
            impatient.send_body(ROWS)

    [call] = own.calls()
    assert (call["code"], call["rows"], call["fault"]) == (200, 1, "latency")
    assert call["seconds"] < 60


def test_a_fault_strikes_only_the_paths_with_its_ending(client, sandbox):
    sandbox.inject("code", path="batchImport")

    assert client.send_body(ROWS).json()["code"] == 200
    assert client.send_header(ROWS).json()["code"] == 517


@pytest.mark.parametrize(
    ("rule", "chances", "strikes"),
    [
        ({}, [0.0], "xxxxxx"),
        ({"times": 2}, [0.0], "xx----"),
        ({"after": 2}, [0.0], "--xxxx"),
        ({"after": 1, "times": 2}, [0.0], "-xx---"),
        ({"rate": 0.5}, [0.4, 0.5], "x-x-x-"),
        ({"rate": 0.5, "times": 2}, [0.4, 0.5], "x-x---"),
        ({"rate": 0.0}, [0.0], "------"),
    ],
)
def test_times_rate_and_after_decide_when_a_fault_strikes(rule, chances, strikes):
    faults = ActiveFaults(cycle(chances).__next__)
    faults.add(parse_fault({"kind": "empty", **rule}))

    assert "".join("x" if faults.injection(Arrival("/any")).fault else "-" for _call in range(6)) == strikes


def test_a_latency_adds_more_for_each_row():
    faults = ActiveFaults(lambda: 0.0)
    faults.add(parse_fault({"kind": "latency", "seconds": 0.5, "per_row": 0.25}))
    assert [faults.injection(Arrival("/any", rows=rows)).wait for rows in (0, 1, 100)] == [0.5, 0.75, 25.5]


def test_latencies_add_up_and_the_first_due_fault_strikes():
    faults = ActiveFaults(lambda: 0.0)
    for rule in (
        {"kind": "latency", "seconds": 1},
        {"kind": "empty", "times": 1},
        {"kind": "latency", "seconds": 2},
        {"kind": "not_json"},
    ):
        faults.add(parse_fault(rule))

    injections = [faults.injection(Arrival("/any")) for _call in range(2)]

    assert [(injection.wait, injection.fault.kind) for injection in injections] == [(3.0, "empty"), (3.0, "not_json")]
    assert [fault["struck"] for fault in faults.listed()] == [2, 1, 2, 1]


def test_the_documentation_describes_every_kind_as_the_sandbox_does():
    page = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text(encoding="utf-8")

    assert re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE) == list(descriptions().items())


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"kind": "fire"}, "unknown kind of fault 'fire'; the kinds are latency, reset_before, reset_after"),
        ({}, "unknown kind of fault None; the kinds are"),
        ({"kind": "latency", "secs": 1}, "fault latency: Object contains unknown field `secs`; its options are"),
        ({"kind": "latency", "seconds": "1"}, "fault latency: Expected `float`, got `str` - at `$.seconds`"),
        ({"kind": "http", "status": 42}, "fault http: Expected `int` >= 200 - at `$.status`"),
        ({"kind": "outage", "by": "fire"}, "fault outage: Invalid enum value 'fire' - at `$.by`; its options are"),
        ({"kind": "drip", "pause": 0}, "fault drip: Expected `float` >= 0.01 - at `$.pause`"),
        ({"kind": "bomb", "mebibytes": 0}, "fault bomb: Expected `int` >= 1 - at `$.mebibytes`"),
        ({"kind": "empty", "rate": 2}, "fault empty: Expected `float` <= 1.0 - at `$.rate`"),
    ],
)
def test_a_wrong_fault_is_explained(rule, sentence):
    with pytest.raises(FaultError) as caught:
        parse_fault(rule)

    assert str(caught.value).startswith(sentence)
