"""A client for the sandbox's tests. It signs with hashlib, sends with requests, and shares no code with the package."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import requests

from airflow_provider_socialscrm.sandbox.server import Sandbox
from airflow_provider_socialscrm.sandbox.settings import SandboxSettings
from tests.support.sandbox import as_new

KEY = SandboxSettings().api_key
IMPORT = "/wscrm-bus-api/customer/api/import"
BATCH_IMPORT = "/wscrm-bus-api/customer/api/batchImport"
USER_QUERY = "/se-api/user/query"


def md5(*parts: object) -> str:
    return hashlib.md5("".join(map(str, parts)).encode()).hexdigest()


class Client:
    """Calls one sandbox. A keyword that is None leaves its field or header out."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.session = requests.Session()
        self.timeout: float = 10.0

    def now(self) -> float:
        return datetime.now(ZoneInfo("UTC")).timestamp()

    def create_time(self, shift: float = 0.0, zone: str = "Asia/Shanghai") -> str:
        return f"{datetime.fromtimestamp(self.now() + shift, ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"

    def send_body(self, data: Any, user: str = "agent_wang", **changes: Any) -> requests.Response:
        body = {"tenantId": 1, "userName": user, "data": data, "createTime": self.create_time(), **changes}
        body = {"token": md5(body["tenantId"], body["userName"], body["createTime"], KEY), **body}
        kept = {name: value for name, value in body.items() if value is not None}
        return self.session.put(self.sandbox.url + IMPORT, json=kept, timeout=self.timeout)

    def send_header(
        self, data: Any, *, path: str = BATCH_IMPORT, body: Any = None, **changes: Any
    ) -> requests.Response:
        headers = {"tenant_id": "1", "timestamp": str(int(self.now() * 1000)), **changes}
        headers = {"token": md5(headers["tenant_id"], headers["timestamp"], KEY), **headers}
        kept = {name: value for name, value in headers.items() if value is not None}
        sent = {"tenantId": 1, "data": data} if body is None else body
        return self.session.post(self.sandbox.url + path, json=sent, headers=kept, timeout=self.timeout)

    def admin(self, method: str, name: str, **options: Any) -> requests.Response:
        return self.session.request(method, f"{self.sandbox.url}/_sandbox/{name}", timeout=self.timeout, **options)

    def page(self, **query: str) -> str:
        answer = self.session.get(self.sandbox.url, params=query, timeout=self.timeout)
        assert answer.status_code == 200
        return answer.text


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    """The running sandbox as new, with the vendor's limit of calls."""
    return as_new(running_sandbox)


@pytest.fixture
def client_of() -> type[Client]:
    return Client


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[Client]:
    made = Client(sandbox)
    with made.session:
        yield made
