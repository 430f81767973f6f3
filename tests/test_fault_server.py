"""The server that fails on purpose does what its faults say, and knows what it did."""

from __future__ import annotations

import ast
import gzip
import http.client
import json
import sys
import time
from datetime import datetime
from hashlib import md5
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support import fault_server
from tests.support.fault_server import (
    ACCEPTED,
    BODY_PATH,
    DOUBTFUL,
    HEADER_PATH,
    KEY,
    REFUSED,
    SHAPES,
    SPELLINGS,
    TENANT,
    Fault,
    FaultServer,
    Outage,
    Rules,
)

ROWS = [{"whatsApp": "8613800000001", "friendName": "A"}, {"whatsApp": "8613800000002", "welcome": "Hi"}]


@pytest.fixture
def server():
    with FaultServer() as running:
        yield running


def send(server, rows=ROWS, *, seconds_off=0.0, key=KEY, user="agent_wang"):
    """Send a call of the body scheme, signed here; return status, headers and body."""
    moment = datetime.fromtimestamp(time.time() + seconds_off, ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%d %H:%M:%S")
    token = md5(f"{TENANT}{user}{moment}{key}".encode()).hexdigest()
    message = {"tenantId": TENANT, "userName": user, "createTime": moment, "token": token, "data": rows}
    return exchange(server, "PUT", BODY_PATH, message, {})


def send_by_headers(server, rows=ROWS, *, seconds_off=0.0, key=KEY):
    stamp = str(int((time.time() + seconds_off) * 1000))
    headers = {"tenant_id": TENANT, "timestamp": stamp, "token": md5(f"{TENANT}{stamp}{key}".encode()).hexdigest()}
    return exchange(server, "POST", HEADER_PATH, {"tenantId": int(TENANT), "data": rows}, headers)


def exchange(server, method, path, message, headers):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request(method, path, json.dumps(message), headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def code_of(answer):
    return json.loads(answer[2])["code"]


def test_it_shares_no_code_with_what_it_tests():
    tree = ast.parse(Path(fault_server.__file__).read_text(encoding="utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert {name.split(".")[0] for name in imported} <= sys.stdlib_module_names


@pytest.mark.parametrize("by", [send, send_by_headers])
def test_it_stores_the_rows_of_a_signed_call(server, by):
    assert code_of(by(server)) == 200
    assert server.commits() == {"8613800000001": 1, "8613800000002": 1}
    assert server.commits(welcome=True) == {"8613800000002": 1}
    assert server.calls[0].verdict == ACCEPTED


@pytest.mark.parametrize("by", [send, send_by_headers])
@pytest.mark.parametrize(("changes", "code"), [({"key": "other"}, 522), ({"seconds_off": 90}, 502)])
def test_it_refuses_a_wrong_signature_and_a_wrong_time(server, by, changes, code):
    assert code_of(by(server, **changes)) == code
    assert not server.commits()
    assert server.calls[0].verdict == REFUSED


def test_it_refuses_administrators_bad_rows_and_calls_that_are_too_large():
    with FaultServer(Rules(bad_rows={"8613800000002": 532})) as server:
        assert code_of(send(server, user="company_admin")) == -1
        assert code_of(send(server)) == 532
        assert not server.commits()
    with FaultServer(Rules(most_rows=1)) as server:
        assert code_of(send(server)) == 507
    with FaultServer(Rules(most_rows=1, too_large=413)) as server:
        assert send(server)[0] == 413
    with FaultServer(Rules(bad_rows={"8613800000002": 532}, is_atomic=False)) as server:
        send(server)
        assert server.commits() == {"8613800000001": 1}


@pytest.mark.parametrize("status", [302, 400, 404, 408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("late", [True, False])
def test_a_status_comes_with_the_rows_stored_or_not(server, status, late):
    server.faults = {1: Fault("status", late, status, "7")}
    answer = send(server)
    assert (answer[0], answer[1]["Retry-After"]) == (status, "7")
    assert sum(server.commits().values()) == (2 if late else 0)


@pytest.mark.parametrize(
    ("where", "late", "stored"), [("before", False, 0), ("after", True, 2), ("middle", True, 2), ("middle", False, 0)]
)
def test_it_breaks_off(server, where, late, stored):
    server.faults = {1: Fault("reset", late, where=where)}
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        send(server)
    assert sum(server.commits().values()) == stored
    assert [call.verdict for call in server.calls] == [DOUBTFUL]
    assert code_of(send(server)) == 200


@pytest.mark.parametrize("where", ["headers", "body"])
def test_it_drips(server, where):
    server.faults = {1: Fault("drip", late=True, where=where, seconds=0.01, size=1)}
    started = time.monotonic()
    assert code_of(send(server)) == 200
    assert time.monotonic() - started > 0.3
    assert server.calls[0].drip_ended


def test_it_sends_a_bomb(server):
    server.faults = {1: Fault("bomb", late=True, size=2 * 2**20)}
    body = send(server)[2]
    assert len(body) < 10_000
    assert len(json.loads(gzip.decompress(body))["message"]) == 2 * 2**20


@pytest.mark.parametrize("form", ["200.0", "2e2", '"200"', "bom", "gbk"])
def test_a_success_has_many_forms(server, form):
    server.faults = {1: Fault("success", form=form)}
    body = send(server)[2]
    assert body.startswith(b"\xef\xbb\xbf") == (form == "bom")
    if form == "gbk":
        assert "成功" in body.decode("gbk")
    else:
        assert float(json.loads(body.decode("utf-8-sig"))["code"]) == 200
    assert server.calls[0].verdict == ACCEPTED


@pytest.mark.parametrize("form", SPELLINGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_partial_success_names_the_row_that_failed(server, form, shape):
    server.faults = {1: Fault("partial", number=1, form=form, shape=shape)}
    data = json.loads(send(server)[2])["data"]
    (failed,) = data.get("failWhatsIds") or data.get("fail") or data.get("failList")
    assert "".join(letter for letter in str(failed) if letter.isdigit()) == "8613800000002"
    assert server.commits() == {"8613800000001": 1}
    assert server.calls[0].failed == {"8613800000002"}


@pytest.mark.parametrize("kind", ["503", "517"])
def test_an_outage_lasts_so_many_calls(server, kind):
    server.outage = Outage(kind, 2, calls=2)
    answers = [send(server) for _ in range(4)]
    assert [status == 503 or code_of(answer) == 517 for answer in answers for status in [answer[0]]] == [
        False,
        True,
        True,
        False,
    ]


def test_an_outage_can_refuse_connections_for_so_many_seconds():
    clock = [0.0]
    with FaultServer(now=lambda: clock[0]) as server:
        server.outage = Outage("refused", 2, seconds=60)
        assert code_of(send(server)) == 200
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            send(server)
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                send(server)
        clock[0] = 60.0
        server.tick()
        assert code_of(send(server)) == 200
        assert len(server.calls) == 3
