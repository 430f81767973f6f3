"""Webhooks that the sandbox sends: signed, repeated on the vendor's ladder, and shown with the receiver's responses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from airflow_provider_socialscrm.sandbox.webhooks import LADDER
from airflow_provider_socialscrm.webhooks import ACKNOWLEDGEMENT, BODY_NAMES, HEADER_NAMES, Names, verify
from tests.api.conftest import Server, serving

TAKEN = (200, {}, ACKNOWLEDGEMENT)
FAST = 10_000.0


@pytest.fixture
def receiver() -> Iterator[Callable[[Callable[[int], tuple]], Server]]:
    """Start a receiver whose responses depend on the number of the request, from 1."""
    with ExitStack() as stack:

        def start(answer: Callable[[int], tuple]) -> Server:
            server: Server = stack.enter_context(serving(lambda _: answer(len(server.requests))))
            return server

        yield start


@pytest.fixture
def send(client, sandbox):
    def sent(server: Server, body: dict[str, Any], **settings: Any) -> list[dict[str, Any]]:
        """Send a webhook and return its attempts, once there is no further one."""
        sandbox.configure(**{"webhook_url": server.url, "webhook_speed": FAST, **settings})
        assert client.admin("POST", "webhooks", json=body).json() == {"webhook": 1}
        deadline = time.monotonic() + 10
        while not (attempts := client.admin("GET", "webhooks").json()) or attempts[-1]["next_in"] is not None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return attempts

    return sent


def test_a_webhook_is_verified_by_the_package(receiver, send, sandbox):
    server = receiver(lambda _: TAKEN)

    (attempt,) = send(server, {"eventType": "reply", "id": 1})

    (request,) = server.requests
    verify(request.headers, secret=sandbox.settings.webhook_secret, tenant_id="1", names=HEADER_NAMES)
    assert (request.body, attempt["taken"], attempt["status"]) == (b'{"eventType":"reply","id":1}', True, 200)


def test_the_names_of_the_headers_are_a_setting(receiver, send, sandbox):
    server = receiver(lambda _: TAKEN)

    send(server, {}, webhook_names=["X-T", "X-Time", "X-Sign"])

    names = Names("X-T", "X-Time", "X-Sign")
    verify(server.requests[0].headers, secret=sandbox.settings.webhook_secret, tenant_id="1", names=names)


def test_an_old_integration_is_signed_in_the_body(receiver, send, sandbox):
    from msgspec.json import decode

    server = receiver(lambda _: TAKEN)

    send(server, {"id": 1}, webhook_signature="body")

    verify(decode(server.requests[0].body), secret=sandbox.settings.webhook_secret, tenant_id="1", names=BODY_NAMES)


@pytest.mark.parametrize(
    "answer",
    [(500, {}, b""), (200, {}, b""), (200, {}, b'{"code":500}'), (200, {}, b"[]"), (201, {}, ACKNOWLEDGEMENT)],
)
def test_a_webhook_is_repeated_until_it_is_taken(receiver, send, answer):
    server = receiver(lambda number: TAKEN if number == 3 else answer)

    attempts = send(server, {"id": 1})

    assert [each["taken"] for each in attempts] == [False, False, True]
    assert len({request.headers["Timestamp"] for request in server.requests}) == 3


@pytest.mark.parametrize("code", [200, 0])
def test_the_code_in_the_body_takes_it(receiver, send, code):
    assert len(send(receiver(lambda _: (200, {}, b'{"code":%d}' % code)), {})) == 1


def test_it_is_given_up_after_the_vendors_ladder(receiver, send):
    attempts = send(receiver(lambda _: (404, {}, b"")), {})

    assert [each["next_in"] for each in attempts] == [*(wait / FAST for wait in LADDER), None]
    assert sum(LADDER) == pytest.approx(2 * 3600 + 38 * 60 + 40)


def test_a_receiver_out_of_reach_is_shown(send, client):
    (*_, last) = send(Server("http://127.0.0.1:9", None), {"id": 1})

    assert (last["attempt"], last["status"], last["taken"]) == (7, None, False)
    assert "given up" in client.page()
    assert "no response" in client.page()


@pytest.mark.parametrize(("settings", "body"), [({}, {"id": 1}), ({"webhook_url": "http://127.0.0.1:9"}, [1])])
def test_what_cannot_be_sent_is_explained(client, sandbox, settings, body):
    sandbox.configure(**settings)

    answer = client.admin("POST", "webhooks", json=body)

    assert answer.status_code == 400
    assert "webhook" in answer.json()["error"]


def test_a_reset_ends_the_attempts(client, sandbox, receiver):
    server = receiver(lambda _: (500, {}, b""))
    sandbox.configure(webhook_url=server.url, webhook_speed=50.0)
    client.admin("POST", "webhooks", json={})
    time.sleep(0.1)
    client.admin("POST", "reset")
    time.sleep(0.5)

    assert len(server.requests) == 1
    assert client.admin("GET", "webhooks").json() == []
    assert "None was sent." in client.page()


def test_the_secret_is_never_shown(client, sandbox):
    assert sandbox.settings.webhook_secret not in client.page() + client.admin("GET", "settings").text
