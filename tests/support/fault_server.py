"""A CRM that fails in every way a network can, and knows what it really did.

Written from the vendor's documentation alone, with the standard library only: it shares no code with the package and
none with the package's sandbox, so a mistake of theirs cannot hide in it. It speaks HTTP over plain sockets, because it
has to break off, drip and lie in places where no HTTP library lets it.

The truth is in :attr:`FaultServer.calls`: each call with the rows it carried, those that were stored, and what the
response gave the client to know.
"""

from __future__ import annotations

import gzip
import io
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import formatdate
from functools import lru_cache
from hashlib import md5
from math import inf
from select import select
from typing import Any, Final, NamedTuple, Self
from urllib.parse import quote
from zoneinfo import ZoneInfo

TENANT: Final = "500975"
KEY: Final = "9d1f0c7be24a4c0fa4"
ADMIN: Final = "company_admin"
BODY_PATH: Final = "/wscrm-bus-api/customer/api/import"
HEADER_PATH: Final = "/wscrm-bus-api/customer/api/batchImport"
WINDOW: Final = 60.0
"""Seconds by which the time of a signature may differ from the server's."""

ACCEPTED, REFUSED, DOUBTFUL = "accepted", "refused", "doubtful"
"""What a client can know from a response, whatever really happened."""

BLOCK: Final = b"a" * 2**20

HTML: Final = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Welcome to the hotel</body></html>"
SPELLINGS: Final[dict[str, Callable[[str], Any]]] = {
    "as sent": str,
    "plus": lambda number: f"+{number}",
    "chat id": lambda number: f"{number}@c.us",
    "plus and chat id": lambda number: f"+{number}@s.whatsapp.net",
    "blanks": lambda number: f"+{number[:2]} {number[2:5]} {number[5:]}",
    "dashes": lambda number: f"({number[:2]}) {number[2:5]}-{number[5:]}",
    "integer": int,
}
ECHOES: Final[dict[str, Callable[[Mapping[str, str]], str]]] = {
    "plain": lambda row: " / ".join(map(str, row.values())),
    "words in another order": lambda row: " ".join(reversed(f"{row.get('friendName', '')} {row['whatsApp']}".split())),
    "percent-encoded": lambda row: quote(f"{row.get('friendName', '')}&whatsApp={row['whatsApp']}"),
    "masked in the middle": lambda row: f"{row['whatsApp'][:4]}****{row['whatsApp'][-4:]}",
    "cut": lambda row: f"{row['whatsApp'][:9]}... {row.get('friendName', '')[:-2]}...",
    "last digits": lambda row: f"number ends in {row['whatsApp'][-4:]}",
}
SHAPES: Final = ("whats_ids", "fail_only", "success_fail", "lists")
SUCCESS_CODES: Final = ("200", "200.0", '"200"', "2e2", "2.0E2", '" 200 "', '"200.0"')
"""How JSON may write the code of a success."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one call.

    :param kind: ``status`` (an HTTP status), ``code`` (a code of the envelope), ``reset``, ``drip``, ``bomb``,
        ``page`` (HTTP 200 with a web page), ``empty``, ``success`` (a success in an unusual form) or ``partial``.
    :param late: whether the call is processed before, so that its rows are stored whatever the response says.
    :param number: the status or the code; of a partial success the place of a row that fails beside the bad ones.
    :param retry_after: the header's value.
    :param where: of a reset: ``before`` the request is read, ``after`` it is processed, in the ``middle`` of the
        response; of a drip: in the ``headers`` or the ``body``.
    :param form: of a success: how the code is written, ``bom`` or ``gbk``; of a partial one: how numbers are spelled.
    :param shape: of a partial success: the names of its lists.
    :param seconds: pause between the bytes of a drip.
    :param size: bytes of a bomb after decompression, or of a drip.
    """

    kind: str
    late: bool = False
    number: int = 0
    retry_after: str | None = None
    where: str = ""
    form: str = ""
    shape: str = SHAPES[0]
    seconds: float = 0.05
    size: int = 0

    def __post_init__(self) -> None:
        if self.kind == "bomb":  # now, since it takes longer than a call may
            assert self.bomb

    @property
    def bomb(self) -> bytes:
        return _bomb(self.size, b"200" if self.late else b"517")

    @property
    def takes_the_call(self) -> bool:
        """Whether the CRM processes the call."""
        return self.late or self.kind in {"success", "partial"}


@dataclass(frozen=True)
class Outage:
    """A time in which nothing works.

    :param kind: ``refused`` (nobody listens), ``503`` or ``517``.
    :param first: the call that begins it, counted from 1.
    :param calls: that it lasts.
    :param seconds: that it lasts, by the server's ``now``.
    """

    kind: str
    first: int
    calls: int = 0
    seconds: float = 0.0


@dataclass
class Call:
    """One call that reached the server.

    :param order: from 1, over all calls.
    :param arrived: by the server's ``now``.
    :param read: when its handling began, by the true clock.
    :param rows: what it carried; empty if it was not read.
    :param stored: numbers of the rows that the CRM stored.
    :param failed: numbers of the rows that the CRM refused one by one.
    :param verdict: what the response let the client know; ``doubtful`` until there is one.
    :param is_overdue: whether it was sent so late that nobody knows whether it reached the client in time.
    :param answer: the response in words.
    :param drip_ended: whether the client waited for the whole of a dripping response.
    """

    order: int
    arrived: float
    read: float = field(default_factory=time.monotonic)
    agent: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)
    verdict: str = DOUBTFUL
    is_overdue: bool = False
    answer: str = ""
    drip_ended: bool = False

    @property
    def numbers(self) -> list[str]:
        return [str(row.get("whatsApp")) for row in self.rows]


@dataclass(frozen=True)
class Rules:
    """What the CRM refuses.

    :param bad_rows: the code for a row, by its number; -1 and unknown codes come with a text that names the row.
    :param bad_agents: agents that the CRM does not have (531, or 530 where they sign).
    :param most_rows: rows that a call may carry, and ``most_bytes`` of its body; more is 507, or 413 where
        ``too_large`` says so.
    :param echo: how the text of a refusal repeats the row that caused it.
    :param clock_offset: seconds that the CRM's clock is ahead of the true time.
    :param zone: in which ``createTime`` is read.
    :param is_atomic: whether a refused call stores nothing; else it stores the good rows before the first bad one.
    """

    bad_rows: Mapping[str, int] = field(default_factory=dict)
    bad_agents: frozenset[str] = frozenset()
    most_rows: int = 1_000_000
    most_bytes: int = 1_000_000_000
    too_large: int = 507
    echo: str = "plain"
    clock_offset: float = 0.0
    zone: str = "Asia/Shanghai"
    is_atomic: bool = True


class _Request(NamedTuple):
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class _Result:
    """What processing a call came to."""

    code: int
    text: str = "Success"
    status: int = 200


class FaultServer:
    """Serves on a port of localhost from entering a ``with`` block to leaving it.

    :param rules: what the CRM refuses.
    :param now: seconds of a clock that never goes back; a test may pass its own.
    """

    def __init__(self, rules: Rules | None = None, *, now: Callable[[], float] = time.monotonic) -> None:
        self.rules = rules or Rules()
        self.calls: list[Call] = []
        """Every call, in the order in which they arrived."""
        self.silent = 0
        """Connections that ended before their first byte."""
        self.faults: dict[int, Fault] = {}
        """What goes wrong, by the order of the call."""
        self.outage: Outage | None = None
        self.on_call: Callable[[Call], Any] = lambda _: None
        """Called when a call has been read, before its response."""
        self.patience = inf
        """Seconds after which a response is taken to be too late for the client to see."""
        self._now = now
        self._lock = threading.RLock()
        self._connections: set[socket.socket] = set()
        self._held = _bound(0)  # never listens, but keeps the port during an outage
        self.port: int = self._held.getsockname()[1]
        self._listener: socket.socket | None = _listening(self.port)
        self._outage_began: float | None = None
        self._is_running = True
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._is_running = False
        self._stop_listening()
        self._held.close()
        self._drop_connections()
        for thread in self._threads:
            thread.join(5)

    def commits(self, *, welcome: bool = False) -> Counter[str]:
        """Return how often each row was stored, by number; with ``welcome`` how often its message was sent."""
        counts: Counter[str] = Counter()
        with self._lock:
            for call in self.calls:
                rows = {str(row.get("whatsApp")): row for row in call.rows}
                counts.update(number for number in call.stored if not welcome or rows[number].get("welcome"))
        return counts

    def carrying(self, number: str) -> list[Call]:
        """Return the calls that carried a row."""
        with self._lock:
            return [call for call in self.calls if number in call.numbers]

    def tick(self) -> None:
        """End an outage whose time is over; for those who pass a clock of their own."""
        with self._lock:
            outage = self.outage
            if outage is None or self._outage_began is None or not outage.seconds:
                return
            if self._now() >= self._outage_began + outage.seconds:
                self.end_outage()

    def wait_for_the_last_call(self, seconds: float = 10) -> None:
        """Wait until what clients sent is read, also where they gave up and have closed their connections."""
        end, quiet = time.monotonic() + seconds, 0
        while quiet < 2 and time.monotonic() < end:  # twice, since a connection may be on its way to its thread
            listener = self._listener
            with suppress(OSError, ValueError):  # an outage closed it
                is_waiting = bool(listener and select([listener], [], [], 0)[0])
                quiet = 0 if is_waiting or self._connections else quiet + 1
            time.sleep(0.001)

    # --- sockets ---

    def _spawn(self, work: Callable[..., Any], *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)
        self._threads = [each for each in self._threads if each.is_alive()] + [thread]
        thread.start()

    def _accept(self) -> None:
        while self._is_running:
            self.tick()
            listener = self._listener
            if listener is None:
                time.sleep(0.005)
                continue
            try:
                connection, _ = listener.accept()
            except OSError:  # a time-out, or an outage closed it
                continue
            connection.settimeout(30)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._connections.add(connection)
            self._spawn(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        has_spoken = False
        with suppress(OSError, ValueError), connection:
            while connection.recv(1, socket.MSG_PEEK):
                has_spoken = True
                if not self._answer(connection):
                    break
        if not has_spoken:
            self.silent += 1
        with self._lock:
            self._connections.discard(connection)

    def _drop_connections(self) -> None:
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    # --- outages ---

    def _in_outage(self, call: Call) -> str | None:
        """Return the kind of outage that a call meets."""
        self.tick()
        outage = self.outage
        if outage is None or call.order < outage.first:
            return None
        if self._outage_began is None:
            self._outage_began = call.arrived
            if outage.kind == "refused":
                self._stop_listening()
                self._drop_connections()
        if outage.calls and call.order >= outage.first + outage.calls:
            self.end_outage()
            return None
        return outage.kind

    def _stop_listening(self) -> None:
        listener, self._listener = self._listener, None
        if listener:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # at once, also while another thread waits for a connection
            listener.close()

    def end_outage(self) -> None:
        """Serve calls again."""
        self.outage = self._outage_began = None
        if self._listener is None and self._is_running:
            self._listener = _listening(self.port)

    # --- one call ---

    def _answer(self, connection: socket.socket) -> bool:
        """Answer one call, and return whether the connection can take another one."""
        with self._lock:
            call = Call(len(self.calls) + 1, self._now())
            self.calls.append(call)
            fault = self.faults.get(call.order)
            outage = self._in_outage(call)
        if outage == "refused" or (fault and fault.kind == "reset" and fault.where == "before"):
            call.answer = "reset before it was read"
            self.on_call(call)
            _reset(connection)
            return False
        request = _read_request(connection)
        if outage == "503":
            fault = Fault("status", number=503)
        elif outage == "517":
            fault = Fault("code", number=517)
        with self._lock:
            result = self._receive(call, request, fault)
        self.on_call(call)
        return self._respond(connection, call, result, fault)

    def _receive(self, call: Call, request: _Request, fault: Fault | None) -> _Result:
        path = request.path
        if path not in (BODY_PATH, HEADER_PATH):
            return _Result(0, status=404)
        message = json.loads(request.body)
        call.rows = message.get("data") or []
        call.agent = str(message.get("userName") or "")
        if fault and not fault.takes_the_call:
            return _Result(200)
        refused = self._check(request, message)
        if refused is None:
            refused = self._check_rows(call, path)
            bad = self._bad_rows(call, path)
            if fault and fault.kind == "partial":
                call.failed = {*bad, call.numbers[fault.number % len(call.rows)]}
                refused = None
            self._store(call, bad, is_refused=refused is not None)
        return refused or _Result(200)

    def _store(self, call: Call, bad: Mapping[str, int], *, is_refused: bool) -> None:
        for number in call.numbers:
            if is_refused and (self.rules.is_atomic or number in bad):
                return
            if number not in call.failed:
                call.stored.append(number)

    def _check(self, request: _Request, message: Mapping[str, Any]) -> _Result | None:
        by_body = request.path == BODY_PATH
        if request.method != ("PUT" if by_body else "POST"):
            return _Result(0, status=405)
        if wrong := self._check_body(message) if by_body else self._check_headers(request.headers):
            return wrong
        if len(request.body) > self.rules.most_bytes or len(message["data"]) > self.rules.most_rows:
            too_large = self.rules.too_large
            return _Result(507, "data size big") if too_large == 507 else _Result(0, status=too_large)
        return None if message["data"] else _Result(506, "data is empty")

    def _check_body(self, message: Mapping[str, Any]) -> _Result | None:
        names = {"tenantId": 523, "userName": 524, "token": 525, "createTime": 526}
        for name, code in names.items():
            if not message.get(name):
                return _Result(code, f"{name} is null")
        try:
            moment = datetime.strptime(message["createTime"], "%Y-%m-%d %H:%M:%S").replace(
                tzinfo=ZoneInfo(self.rules.zone)
            )
        except ValueError:
            return _Result(519, "timestamp is error")
        signed = f"{message['tenantId']}{message['userName']}{message['createTime']}{KEY}"
        if str(message["tenantId"]) != TENANT or _md5(signed) != message["token"]:
            return _Result(522, "accessToken is error")
        if message["userName"] == ADMIN:
            return _Result(-1, "Admin Cannot import data")
        return self._check_time(moment.timestamp())

    def _check_headers(self, headers: Mapping[str, str]) -> _Result | None:
        tenant, stamp, token = (headers.get(name, "") for name in ("tenant_id", "timestamp", "token"))
        if not stamp:
            return _Result(518, "timestamp is null")
        if not stamp.isdigit() or len(stamp) != 13:
            return _Result(519, "timestamp is error")
        if tenant != TENANT or _md5(f"{tenant}{stamp}{KEY}") != token:
            return _Result(522, "accessToken is error")
        return self._check_time(int(stamp) / 1000)

    def _check_time(self, moment: float) -> _Result | None:
        difference = abs(self.wall() - moment)
        return _Result(502, "timestamp timeout") if difference > WINDOW else None

    def wall(self) -> float:
        """Return the time by the CRM's clock."""
        return time.time() + self.rules.clock_offset

    def _bad_rows(self, call: Call, path: str) -> dict[str, int]:
        bad = {number: self.rules.bad_rows[number] for number in call.numbers if number in self.rules.bad_rows}
        if path == HEADER_PATH:
            agents = {str(row.get("whatsApp")): row.get("agentAccount") for row in call.rows}
            bad |= {number: 531 for number, agent in agents.items() if agent in self.rules.bad_agents}
        return bad

    def _check_rows(self, call: Call, path: str) -> _Result | None:
        if path == BODY_PATH and call.agent in self.rules.bad_agents:
            return _Result(530, "action username error")
        if bad := self._bad_rows(call, path):
            number, code = next(iter(bad.items()))
            row = next(row for row in call.rows if str(row["whatsApp"]) == number)
            return _Result(code, f"rejected: {ECHOES[self.rules.echo](row)}")
        return None

    # --- responses ---

    def _respond(self, connection: socket.socket, call: Call, result: _Result, fault: Fault | None) -> bool:
        kind = fault.kind if fault else ""
        if kind in ("", "success", "partial"):
            return self._respond_truly(connection, call, result, fault or Fault("success", form="200"))
        call.answer = f"{kind} {fault.number or fault.where}{' late' if fault.late else ''}"
        if kind == "reset":
            return self._respond_and_reset(connection, fault)
        if kind == "drip":
            return self._drip(connection, call, fault)
        refuses = fault.number == 413 or (fault.number in (429, 503) and fault.retry_after is not None)
        with _verdict(call, REFUSED if refuses else DOUBTFUL, self.patience):
            return self._send(connection, *_false_response(fault, self.url))

    def _respond_truly(self, connection: socket.socket, call: Call, result: _Result, fault: Fault) -> bool:
        call.answer = f"{result.status} {result.code}"
        body = b"" if result.status != 200 else _result_body(call, result, fault)
        with _verdict(call, ACCEPTED if (result.status, result.code) == (200, 200) else REFUSED, self.patience):
            return self._send(connection, result.status, body)

    def _respond_and_reset(self, connection: socket.socket, fault: Fault) -> bool:
        if fault.where == "middle":
            content = self._response(200, _envelope("200", "Success"), {})
            connection.sendall(content[: len(content) * 2 // 3])
            time.sleep(0.01)  # so that it arrives before the reset, which would overtake it
        _reset(connection)
        return False

    def _drip(self, connection: socket.socket, call: Call, fault: Fault) -> bool:
        status = 200 if fault.late else 504  # so that whoever waits for all of it learns nothing that is not true
        content = self._response(status, _envelope("200", "x" * fault.size), {})
        start = content.index(b"\r\n\r\n") + 4 if fault.where == "body" else 0
        connection.sendall(content[:start])
        for place in range(start, len(content)):
            if not self._is_running:
                return False
            call.drip_ended = place + 1 == len(content)
            connection.sendall(content[place : place + 1])  # fails when the client has gone
            time.sleep(fault.seconds)
        return True

    def _send(
        self, connection: socket.socket, status: int, body: bytes, headers: Mapping[str, str] | None = None
    ) -> bool:
        connection.sendall(self._response(status, body, headers or {}))
        return True

    def _response(self, status: int, body: bytes, headers: Mapping[str, str]) -> bytes:
        known = {"Date": formatdate(self.wall(), usegmt=True), "Content-Type": "application/json;charset=UTF-8"}
        lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in (known | dict(headers)).items())]
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


@contextmanager
def _verdict(call: Call, verdict: str, patience: float) -> Iterator[None]:
    """Note what a response lets the client know, and whether it may have come too late for that."""
    call.verdict = verdict
    try:
        yield
    except OSError:
        call.verdict = DOUBTFUL
        raise
    call.is_overdue = time.monotonic() - call.read > patience


def _bound(port: int) -> socket.socket:
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _listening(port: int) -> socket.socket:
    listener = _bound(port)
    listener.listen(128)
    listener.settimeout(0.05)
    return listener


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _read_request(connection: socket.socket) -> _Request:
    received = b""
    while b"\r\n\r\n" not in received:
        received += _some(connection)
    head, body = received.split(b"\r\n\r\n", 1)
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.strip().lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += _some(connection)
    return _Request(method, path, headers, body)


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(65536)
    if not received:
        raise ConnectionError
    return received


def _envelope(code: str, text: str) -> bytes:
    return b'{"code":%b,"message":%b,"data":""}' % (code.encode(), json.dumps(text).encode())


def _result_body(call: Call, result: _Result, fault: Fault) -> bytes:
    code, text = str(result.code), result.text.encode()
    data: Any = ""
    if result.code == 200 and fault.form in SUCCESS_CODES:
        code = fault.form
    if fault.kind == "partial" and result.code == 200:
        data = _lists(call, SPELLINGS[fault.form], fault.shape)
    if fault.form == "gbk":
        text = "成功，操作完成".encode("gbk")
    body = b'{"code":%b,"message":%b,"data":%b}' % (
        code.encode(),
        b'"' + text + b'"' if fault.form == "gbk" else json.dumps(text.decode()).encode(),
        json.dumps(data).encode(),
    )
    return b"\xef\xbb\xbf" + body if fault.form == "bom" else body


def _false_response(fault: Fault, url: str) -> tuple[int, bytes, dict[str, str]]:
    """Return status, body and headers of a response that does not depend on the call."""
    if fault.kind == "bomb":
        return 200, fault.bomb, {"Content-Encoding": "gzip"}
    if fault.kind == "code":
        return 200, _envelope(str(fault.number), "database error"), {}
    if fault.kind == "empty":
        return 200, b"", {}
    headers = {"Content-Type": "text/html"}
    if fault.retry_after is not None:
        headers["Retry-After"] = fault.retry_after
    if 300 <= fault.number < 400:
        headers["Location"] = f"{url}/login"
    return fault.number or 200, HTML, headers


@lru_cache
def _bomb(size: int, code: bytes) -> bytes:
    """Return an envelope as gzip whose message has so many bytes."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as file:
        file.write(b'{"code":' + code + b',"message":"')
        for _ in range(-(-size // len(BLOCK))):
            file.write(BLOCK)
        file.write(b'","data":""}')
    return packed.getvalue()


def _lists(call: Call, spelled: Callable[[str], Any], shape: str) -> dict[str, Any]:
    fail = [spelled(number) for number in call.numbers if number in call.failed]
    success = [spelled(number) for number in call.numbers if number not in call.failed]
    if shape == "fail_only":
        return {"failWhatsIds": fail}
    if shape == "success_fail":
        return {"success": success, "fail": fail}
    if shape == "lists":
        return {"successList": success, "failList": fail}
    return {"isAllOk": not fail, "total": len(call.rows), "successWhatsIds": success, "failWhatsIds": fail}


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
