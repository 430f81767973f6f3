"""Every fault as a client sees it, and which calls it strikes."""

from __future__ import annotations

from itertools import cycle

import pytest
import requests

from airflow_provider_socialscrm.sandbox.faults import ActiveFaults, FaultError, parse_fault
from airflow_provider_socialscrm.sandbox.server import Sandbox

ROWS = [{"whatsApp": "8610000001"}]


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

    assert "".join("x" if faults.injection("/any").fault else "-" for _call in range(6)) == strikes


def test_latencies_add_up_and_the_first_due_fault_strikes():
    faults = ActiveFaults(lambda: 0.0)
    for rule in (
        {"kind": "latency", "seconds": 1},
        {"kind": "empty", "times": 1},
        {"kind": "latency", "seconds": 2},
        {"kind": "not_json"},
    ):
        faults.add(parse_fault(rule))

    injections = [faults.injection("/any") for _call in range(2)]

    assert [(injection.wait, injection.fault.kind) for injection in injections] == [(3.0, "empty"), (3.0, "not_json")]
    assert [fault["struck"] for fault in faults.listed()] == [2, 1, 2, 1]


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        ({"kind": "fire"}, "unknown kind of fault 'fire'; the kinds are latency, reset_before, reset_after"),
        ({}, "unknown kind of fault None; the kinds are"),
        ({"kind": "latency", "secs": 1}, "fault latency: Object contains unknown field `secs`; its options are"),
        ({"kind": "latency", "seconds": "1"}, "fault latency: Expected `float`, got `str` - at `$.seconds`"),
        ({"kind": "http", "status": 42}, "fault http: Expected `int` >= 200 - at `$.status`"),
        ({"kind": "empty", "rate": 2}, "fault empty: Expected `float` <= 1.0 - at `$.rate`"),
    ],
)
def test_a_wrong_fault_is_explained(rule, sentence):
    with pytest.raises(FaultError) as caught:
        parse_fault(rule)

    assert str(caught.value).startswith(sentence)
