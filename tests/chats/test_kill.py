"""Workers that are killed with SIGKILL between two pages, while saving, and while writing the file."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_provider_socialscrm.sandbox.chats import DAY, messages_between
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.chats.test_export import ids_of

WORKER = Path(__file__).with_name("kill_worker.py")
START = 20_000 * DAY
PAGES = 81
"""Pages of the interval, the empty one at the end included."""

LATENCY = 0.01
"""Seconds a call takes at least, so that the worker is killed between pages and within a call."""
PROCESS_TIMEOUT = 60.0
"""Seconds after which a worker that neither ends nor calls is a failure."""
POLL = 0.002
"""Seconds between two looks at the calls."""


@pytest.fixture
def crm() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        sandbox.configure(calls_per_second=100_000, chats_per_day=400)
        sandbox.inject("latency", seconds=LATENCY)
        yield sandbox


def pages_asked(crm: Sandbox) -> int:
    return sum(crm.call_log.totals()["by_path"].values())


def start(crm: Sandbox, path: Path, save_interval: float) -> subprocess.Popen[bytes]:
    given = {"url": crm.url, "key": crm.settings.api_key, "path": str(path), "page_size": 20}
    given |= {"start": iso(START), "end": iso(START + DAY), "save_interval": save_interval}
    return subprocess.Popen([sys.executable, str(WORKER), json.dumps(given)])


def iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat()


def ends_before(crm: Sandbox, worker: subprocess.Popen[bytes], calls: int, moment: float) -> bool:
    """Kill a worker a moment after so many calls, unless it ended before; wait for its end."""
    deadline, begin = time.monotonic() + PROCESS_TIMEOUT, pages_asked(crm)
    while worker.poll() is None and pages_asked(crm) - begin < calls:
        assert time.monotonic() < deadline
        time.sleep(POLL)
    time.sleep(moment)
    if worker.poll() is None:
        worker.send_signal(signal.SIGKILL)
    return worker.wait(PROCESS_TIMEOUT) == 0


@pytest.mark.thorough
def test_a_killed_worker_loses_no_message_and_the_next_one_resumes_at_its_page(crm: Sandbox, tmp_path):
    chance = random.Random(14)  # noqa: S311 - repeatable moments, no secrets
    path = tmp_path / "chats.jsonl"
    kills = 0
    while not ends_before(crm, start(crm, path, 0.0), chance.randint(10, 30), 0.02 * chance.random()):
        kills += 1
        assert not path.exists()

    assert kills >= 2
    assert pages_asked(crm) <= PAGES + 2 * kills  # the page in flight, and the one that was being saved
    assert_complete(crm, path, 1600)


@pytest.mark.thorough
def test_a_message_that_arrives_between_kills_is_read(crm: Sandbox, tmp_path):
    path = tmp_path / "chats.jsonl"
    for calls in (20, 20):
        assert not ends_before(crm, start(crm, path, 0.05), calls, 0.01)
        crm.inject("message_arrives", path="msgPage", times=1, at="newest")

    assert start(crm, path, 0.05).wait(PROCESS_TIMEOUT) == 0

    assert_complete(crm, path, 1602)


def assert_complete(crm: Sandbox, path: Path, messages: int) -> None:
    expected = sorted(each["msgId"] for each in messages_between(crm, START, START + DAY))
    assert ids_of(path) == expected
    assert len(expected) == messages
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.thorough
def test_a_worker_that_is_killed_while_it_writes_the_file_leaves_none(crm: Sandbox, tmp_path):
    path = tmp_path / "chats.jsonl"
    path.write_text("of yesterday", encoding="utf-8")
    chance = random.Random(15)  # noqa: S311 - repeatable moments, no secrets
    for _ in range(3):
        has_ended = ends_before(crm, start(crm, path, 0.0), PAGES - pages_asked(crm), 0.05 * chance.random())
        assert has_ended or path.read_text(encoding="utf-8") == "of yesterday" or len(ids_of(path)) == 1600
    assert start(crm, path, 0.0).wait(PROCESS_TIMEOUT) == 0

    assert_complete(crm, path, 1600)
