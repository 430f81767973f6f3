"""What the tests of the client call: a sandbox, and a server that gives whatever answer a test needs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from airflow_provider_socialscrm.api.settings import AuthScheme, Settings
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.sandbox import as_new


@dataclass
class Request:
    """One request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Server:
    """A server of the tests' own, and what it was asked."""

    url: str
    http: ThreadingHTTPServer
    requests: list[Request] = field(default_factory=list)


@contextmanager
def serving(answer: Callable[[Request], Answer]) -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            request = Request(self.command, self.path, dict(self.headers), body)
            server.requests.append(request)
            status, headers, content = answer(request)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_PUT = do_POST = handle_any  # noqa: N815 - names that http.server calls

        def log_message(self, *_: Any) -> None:
            """Keep the tests' output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server = Server(f"http://127.0.0.1:{http.server_port}", http)
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Request], Answer]], Server]]:
    """Start a server that answers with what a function returns."""
    with ExitStack() as stack:
        yield lambda answer: stack.enter_context(serving(answer))


@pytest.fixture
def crm(running_sandbox: Sandbox) -> Sandbox:
    """The running sandbox as new, with the vendor's limit of calls."""
    return as_new(running_sandbox)


@pytest.fixture(params=list(AuthScheme))
def settings(request: pytest.FixtureRequest, crm: Sandbox) -> Settings:
    """Settings of the sandbox, once for each scheme."""
    return Settings(crm.url, crm.settings.tenant_id, crm.settings.api_key, crm.settings.agents[0], request.param)
