"""Webhooks as a receiver verifies and reads them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm import webhooks
from airflow_provider_socialscrm.webhooks import BODY_NAMES, Names, WebhookError, parse, signature_of, verify

SECRET = "f9a40a4780f5e1306c46f1c8daecee3b"
TENANT, TIMESTAMP = "500975", "1666942813620"
VECTOR = "df98eda524132837317c5ea7e4f67ef4224dedc3f01548b6cb211b08eb0328c5"
NOW = 1666942813.62
HEADERS = {"tenant_id": TENANT, "timestamp": TIMESTAMP, "access_token": VECTOR}
PAGE = (Path(__file__).parents[1] / "docs" / "vendor-api.md").read_text(encoding="utf-8")


def check(values: dict, **changes: object) -> None:
    verify(values, **{"secret": SECRET, "tenant_id": TENANT, "now": NOW, **changes})


def test_the_vendors_vector_is_reproduced():
    assert signature_of(SECRET, TENANT, TIMESTAMP) == VECTOR
    check(HEADERS)


@pytest.mark.parametrize("name", [str.upper, str.title, str.lower])
def test_headers_are_found_in_any_case(name):
    check({name(each): value for each, value in HEADERS.items()})


def test_the_names_are_the_callers():
    names = Names("X-Tenant", "X-Time", "X-Signature")
    check({"x-tenant": TENANT, "x-time": TIMESTAMP, "x-signature": VECTOR}, names=names)


def test_older_integrations_sign_in_the_body():
    check({"tenantId": 500975, "timestamp": 1666942813620, "accessToken": VECTOR, "data": []}, names=BODY_NAMES)


@pytest.mark.parametrize(
    "changes",
    [
        {"access_token": VECTOR[:-1] + "6"},
        {"access_token": ""},
        {"access_token": VECTOR.upper()},
        {"access_token": "é"},
        {"timestamp": "1666942813621"},
        {"tenant_id": "500976"},
        {"tenant_id": "5009751", "timestamp": "666942813620"},  # the same text is signed
    ],
    ids=str,
)
def test_another_signature_is_rejected_without_a_hint(changes):
    with pytest.raises(WebhookError, match="not signed with the secret") as caught:
        check(HEADERS | changes)
    assert SECRET not in str(caught.value)
    assert VECTOR not in str(caught.value)


@pytest.mark.parametrize("missing", HEADERS)
def test_a_missing_value_is_rejected(missing):
    with pytest.raises(WebhookError):
        check({name: value for name, value in HEADERS.items() if name != missing})


def test_another_tenants_webhook_is_rejected():
    with pytest.raises(WebhookError):
        check(HEADERS, tenant_id="1")


@pytest.mark.parametrize(("seconds", "passes"), [(0, True), (60, True), (-60, True), (61, False), (-61, False)])
def test_a_signature_may_be_a_minute_off(seconds, passes):
    if passes:
        check(HEADERS, now=NOW + seconds)
    else:
        with pytest.raises(WebhookError, match="may be 60 s off"):
            check(HEADERS, now=NOW + seconds)


@pytest.mark.parametrize("timestamp", ["", "yesterday", "1e3", "-1666942813620", "9" * 400, "1.5", "１２３"])
def test_a_signed_time_that_is_not_one_is_rejected(timestamp):
    with pytest.raises(WebhookError):
        check({"tenant_id": TENANT, "timestamp": timestamp, "access_token": signature_of(SECRET, TENANT, timestamp)})


@pytest.mark.parametrize("changes", [{"secret": ""}, {"tenant_id": ""}])
def test_without_a_secret_nothing_is_verified(changes):
    values = {"tenant_id": "", "timestamp": TIMESTAMP, "access_token": signature_of("", "", TIMESTAMP)}
    with pytest.raises(ValueError, match="anybody could sign"):
        check(values, **changes)


def test_an_event_keeps_every_field_but_the_signature():
    body = {"tenantId": 1, "accessToken": "secret", "timestamp": 5, "eventType": "reply", "new": {"deep": [None]}}
    event = parse(json.dumps(body))

    assert event.data == {"tenantId": 1, "timestamp": 5, "eventType": "reply", "new": {"deep": [None]}}
    assert event.kind == "reply"
    assert "deep" not in repr(event)


@pytest.mark.parametrize("body", [{}, {"type": 3}, {"event": ""}, {"other": "x"}])
def test_an_event_of_a_kind_that_no_known_field_names_is_read(body):
    assert parse(body).kind == ""


def test_each_attempt_at_one_event_has_the_same_key():
    first = parse(b'{"timestamp":1,"accessToken":"a","id":7,"text":"x"}')
    again = parse(b'{"text":"x", "id":7, "accessToken":"b", "timestamp":2}')

    assert first.key == again.key
    assert parse(b'{"id":8,"text":"x"}').key != first.key


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"1", "text", b"[" * 100_000, b'{"a":'])
def test_a_body_that_is_not_an_object_is_rejected(body):
    with pytest.raises(WebhookError, match="not a JSON object"):
        parse(body)


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.integers(-(2**53), 2**53) | st.text(), st.lists)))
def test_any_object_is_read(body):
    names = {name for name in body if name not in ("accessToken", "access_token", "token")}
    assert set(parse(json.dumps(body)).data) == names


def test_the_acknowledgement_ends_the_vendors_retries():
    assert json.loads(webhooks.ACKNOWLEDGEMENT)["code"] == 200


def test_the_codes_of_confirmations_are_those_of_the_page():
    section = PAGE.split("### 4.7 ")[1].split("\n## ")[0]

    assert {int(code) for code in re.findall(r"\b5\d\d\b", section)} == set(webhooks.CONFIRMATION_CODES)


def test_a_receiver_needs_no_airflow():
    script = (
        "import sys; sys.modules['airflow'] = None; import airflow_provider_socialscrm.webhooks;"
        "print(sorted({'requests', 'pandas', 'pyarrow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stdout.strip() == "[]"


RECIPE = (Path(__file__).parents[1] / "docs" / "howto" / "webhooks.md").read_text(encoding="utf-8")
RECEIVER, RECIPES_DAG = re.findall(r"```python\n(.*?)```", RECIPE, re.DOTALL)


class FakeQueue:
    """A Redis that remembers what is saved and published."""

    def __init__(self) -> None:
        self.saved: list[bytes] = []
        self.published: list[str] = []

    def pipeline(self, *, transaction: bool) -> FakeQueue:
        assert transaction
        return self

    async def __aenter__(self) -> FakeQueue:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing is open."""

    def rpush(self, _list: str, body: bytes) -> None:
        self.saved.append(body)

    def publish(self, _channel: str, text: str) -> None:
        self.published.append(text)

    async def execute(self) -> None:
        """What was asked for is done."""


@pytest.fixture
def recipe(monkeypatch):
    """The receiver of the page, with a queue of ours."""
    pytest.importorskip("httpx")
    from starlette.testclient import TestClient

    settings = {"WEBHOOK_SECRET": SECRET, "TENANT_ID": TENANT, "HOOK_PATH": "secret", "REDIS_URL": "redis://localhost"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    module: dict = {}
    exec(compile(RECEIVER, "receiver.py", "exec"), module)  # noqa: S102 - our own page
    module["QUEUE"] = FakeQueue()
    return TestClient(module["app"]), module["QUEUE"]


def signed_now() -> dict[str, str]:
    timestamp = str(int(time.time() * 1000))
    return {"tenant_id": TENANT, "timestamp": timestamp, "access_token": signature_of(SECRET, TENANT, timestamp)}


def test_the_receiver_of_the_page_saves_an_event_and_wakes_without_its_content(recipe):
    client, queue = recipe

    answer = client.post("/secret", content=b'{"text":"Xanthippe"}', headers=signed_now())

    assert (answer.status_code, answer.json()["code"]) == (200, 200)
    assert (queue.saved, queue.published) == ([b'{"text":"Xanthippe"}'], ["wake up"])


@pytest.mark.parametrize(
    ("body", "headers"), [(b"{}", {}), (b"{}", HEADERS), (b"[]", None), (b"{}", {"access_token": "x"})], ids=str
)
def test_the_receiver_of_the_page_saves_nothing_else(recipe, body, headers):
    client, queue = recipe

    answer = client.post("/secret", content=body, headers=signed_now() if headers is None else headers)

    assert (answer.status_code, queue.saved, queue.published) == (403, [], [])


def test_the_dag_of_the_page_is_python():
    compile(RECIPES_DAG, "socialscrm_webhooks.py", "exec")
