"""Workers that are killed with SIGKILL, or ended with SIGTERM, at random moments: `make test-kills`."""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.sandbox.server import Sandbox

log = logging.getLogger(__name__)

WORKER = Path(__file__).with_name("kill_worker.py")
KILLS = int(os.environ.get("SOCIALSCRM_KILLS", "3"))
"""Workers that are killed at least: the import that is under way is made to its end, about ten kills."""
ROWS = 20_000
ROWS_PER_CALL = 100
CONCURRENCY = 4
LATENCY = 0.01
"""Seconds a call takes at least, so that calls are in flight whenever the worker is killed."""
SAVE_INTERVAL = 0.02
"""Seconds between two saves of the checkpoint: several calls, and short enough that each worker gets on."""
SLOW = 1.0
"""Seconds a call takes where all connections have to be in use when the worker is killed, on a busy machine too."""
SELDOM = 1e9
"""Seconds between two saves of a worker that saves after its first call only."""
MOST_CALLS = 45
"""Calls after which a worker is killed, at most: a dozen kills an import."""
PROCESS_TIMEOUT = 60.0
"""Seconds after which a worker that neither ends nor calls is a failure."""
POLL = 0.005
"""Seconds between two looks at the calls."""

AGENTS = ("agent_wang", "agent_silva")
KINDS = {"welcome": 400, "stranger": 2_500, "malformed": 1_900, "numberless": 2_100}
"""Kinds of rows that are not plain, and how many rows lie between two of them."""


def kind_of(position: int) -> str:
    return next((kind for kind, every in KINDS.items() if position % every == every // 3), "good")


def row_of(position: int) -> dict[str, str | None]:
    kind = kind_of(position)
    return {
        "whatsApp": "none" if kind == "numberless" else f"86197{position:08}",
        "agentAccount": "agent_gone" if kind == "stranger" else AGENTS[position % len(AGENTS)],
        "friendName": f"Name {position}",
        "Loyalty Level": "Tin" if kind == "malformed" else "Gold",
        "welcome": "Hello" if kind == "welcome" else None,
    }


CUSTOMERS = [row_of(position) for position in range(ROWS)]
REFUSED = [position for position in range(ROWS) if kind_of(position) in {"stranger", "malformed", "numberless"}]
GOOD = {row["whatsApp"]: row for row in CUSTOMERS if kind_of(int(row["friendName"].split()[1])) in {"good", "welcome"}}
WELCOMED = [number for number, row in GOOD.items() if row["welcome"]]


@dataclass(frozen=True)
class ImportJob:
    """One import, in a folder of its own."""

    crm: Sandbox
    folder: Path
    scheme: str
    rejects: str
    save_interval: float = SAVE_INTERVAL

    def start(self) -> subprocess.Popen[bytes]:
        """Start a worker on it."""
        given = {"url": self.crm.url, "key": self.crm.settings.api_key, "scheme": self.scheme}
        given |= {"folder": str(self.folder), "rejects": self.rejects}
        given |= {"rows_per_call": ROWS_PER_CALL, "concurrency": CONCURRENCY, "save_interval": self.save_interval}
        return subprocess.Popen([sys.executable, str(WORKER), json.dumps(given)])

    def calls(self) -> int:
        # Not by stats(), which counts the customers, too: asked for this often, it would slow the sandbox down.
        return sum(self.crm.call_log.totals()["by_path"].values())

    def arrived_calls(self) -> int:
        """Return how many calls have arrived, of which :meth:`calls` has those that the CRM has responded to."""
        return int(self.crm.faults.listed()[0]["struck"])

    def known_calls(self) -> int:
        """Return how many calls the next worker knows of: those of the last save, or those counted since."""
        counter = self.folder / "state.json.calls"
        counted = counter.read_bytes() if counter.exists() else b""
        return max(self.saved_calls(), int(counted) if counted.isdigit() else 0)

    def saved_calls(self) -> int:
        """Return how many calls were sent, by all workers, when the checkpoint was last saved."""
        path = self.folder / "state.json"
        if not path.exists():
            return 0
        state: dict[str, Any] | None = json.loads(path.read_bytes())["state"]  # None until the first save
        return int(state["report"]["calls"]["sent"]) if state else 0

    def manifest(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads((self.folder / "manifest.json").read_text(encoding="utf-8"))
        return loaded

    def dead_letter(self) -> list[tuple[int, str]]:
        """Return the rows of the dead letter, sorted: position and bucket."""
        rows = [row for batch in open_source(self.folder / self.rejects).batches() for row in batch.records.to_pylist()]
        return sorted((int(row["socialscrm_position"]), row["socialscrm_bucket"]) for row in rows)


@pytest.fixture
def crm() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        sandbox.configure(calls_per_second=100_000)
        yield sandbox


@pytest.fixture
def new_job(crm: Sandbox, tmp_path: Path) -> Callable[..., ImportJob]:
    def make(name: str, scheme: str = "body", rejects: str = "rejects.csv") -> ImportJob:
        crm.reset()
        crm.inject("latency", seconds=LATENCY)
        folder = tmp_path / name
        folder.mkdir()
        pq.write_table(pa.Table.from_pylist(CUSTOMERS), folder / "customers.parquet")
        return ImportJob(crm, folder, scheme, rejects)

    return make


def ends_before(
    job: ImportJob, worker: subprocess.Popen[bytes], calls: int, moment: float, number: signal.Signals
) -> bool:
    """Send a signal a moment after so many calls arrived, unless the worker ended before; wait for its end."""
    deadline, start = time.monotonic() + PROCESS_TIMEOUT, job.calls()
    while worker.poll() is None and job.calls() - start < calls:
        assert time.monotonic() < deadline
        time.sleep(POLL)
    time.sleep(moment)
    if worker.poll() is None:
        worker.send_signal(number)
    return worker.wait(PROCESS_TIMEOUT) == 0


def test_kills_lose_no_row_repeat_only_calls_in_flight_or_not_saved_and_welcome_no_customer_twice(new_job):
    chance = random.Random(50)  # noqa: S311 - repeatable moments, no secrets
    kills, repeated_rows, in_doubt = 0, 0, 0
    for name, (scheme, rejects) in enumerate(cycle([("body", "x.csv"), ("header", "x.parquet"), ("body", "x.jsonl")])):
        if kills >= KILLS:
            break
        job, killed, may_repeat = new_job(str(name), scheme, rejects), 0, 0
        while True:
            calls, known_calls = job.calls(), job.known_calls()
            if ends_before(job, job.start(), chance.randint(1, MOST_CALLS), 0.02 * chance.random(), signal.SIGKILL):
                break
            killed += 1
            may_repeat += calls_not_saved(job, calls, known_calls)
        repeated, unknown = check(job, killed, may_repeat)
        kills, repeated_rows, in_doubt = kills + killed, repeated_rows + repeated, in_doubt + unknown
    log.info("%s kills: %s rows were repeated, %s are in doubt", kills, repeated_rows, in_doubt)


def calls_not_saved(job: ImportJob, calls: int, known_calls: int) -> int:
    """Return how many calls of a killed worker may have outcomes that its last save did not have.

    These are the calls that the CRM got after that save, and those in flight at it.

    :param calls: that the CRM had before the worker started.
    :param known_calls: that the worker resumed with.
    """
    return (job.calls() - calls) - max(0, job.saved_calls() - known_calls) + CONCURRENCY


def check(job: ImportJob, killed: int, may_repeat: int) -> tuple[int, int]:
    """Check a complete import, and return how many rows were repeated and are in doubt.

    :param killed: workers that were killed.
    :param may_repeat: calls that may have been repeated.
    """
    stored = {customer["whatsApp"]: customer for customer in job.crm.customers()}
    unknown = [(position, bucket) for position, bucket in job.dead_letter() if bucket == "unknown"]
    unknown_numbers = {CUSTOMERS[position]["whatsApp"] for position, _ in unknown}
    assert unknown_numbers <= set(WELCOMED)
    assert len(unknown) <= killed * CONCURRENCY
    assert GOOD.keys() - unknown_numbers <= stored.keys() <= GOOD.keys()
    assert [number for number in stored if not is_as_sent(stored[number])] == []
    assert [number for number in WELCOMED if number in stored and stored[number]["welcomes"] != 1] == []
    repeated = sum(customer["times_imported"] - 1 for customer in stored.values())
    assert repeated <= may_repeat * ROWS_PER_CALL
    assert [row for row in job.dead_letter() if row[1] != "unknown"] == [(n, bucket_of(n)) for n in REFUSED]
    assert job.manifest()["rows"] == counted(len(unknown))
    sent = job.manifest()["calls"]
    assert sent["unsaved_ends"] == 0
    assert job.calls() <= sent["sent"] <= job.calls() + killed * CONCURRENCY  # some may be counted and not made yet
    assert sorted(path.name for path in job.folder.iterdir()) == sorted(
        ["customers.parquet", "manifest.json", "state.json", job.rejects]
    )
    return repeated, len(unknown)


def is_as_sent(customer: dict[str, Any]) -> bool:
    sent = GOOD[customer["whatsApp"]]
    fields = {name: sent[name] for name in ("friendName", "Loyalty Level", "welcome") if sent[name] is not None}
    return (customer["agent"], customer["fields"]) == (sent["agentAccount"], fields)


def bucket_of(position: int) -> str:
    return "invalid" if kind_of(position) == "numberless" else "rejected"


def counted(unknown: int) -> dict[str, int]:
    buckets = [bucket_of(position) for position in REFUSED]
    counts = {"rejected": buckets.count("rejected"), "invalid": buckets.count("invalid"), "unknown": unknown}
    rest = {"accepted": len(GOOD) - unknown, "duplicate": 0, "blank": 0, "not_sent": 0, "unchanged": 0, "known_bad": 0}
    return {"total": ROWS} | counts | rest


def kill_with_calls_on_all_connections(job: ImportJob) -> None:
    """Start a worker, kill it when all of its connections are in use, and wait until the CRM has responded."""
    arrived = job.arrived_calls()
    worker, deadline = job.start(), time.monotonic() + PROCESS_TIMEOUT
    while job.arrived_calls() - job.calls() < CONCURRENCY:
        assert time.monotonic() < deadline
        time.sleep(POLL)
    worker.kill()
    worker.wait(PROCESS_TIMEOUT)
    assert job.arrived_calls() >= arrived + CONCURRENCY
    while job.calls() < job.arrived_calls():
        assert time.monotonic() < deadline
        time.sleep(POLL)


@pytest.mark.parametrize("has_counter", [True, False], ids=["counter", "no counter"])
def test_calls_in_flight_at_a_kill_are_counted_and_without_a_counter_the_manifest_says_that_some_may_be_missing(
    new_job, has_counter
):
    job, kills = replace(new_job("slow"), save_interval=SELDOM), 2
    job.crm.faults.clear()
    job.crm.inject("latency", seconds=SLOW)
    for _ in range(kills):
        kill_with_calls_on_all_connections(job)
        assert job.saved_calls() < job.known_calls() == job.calls() or not has_counter
        if not has_counter:
            (job.folder / "state.json.calls").write_bytes(b"damaged")
    job.crm.faults.clear()

    assert job.start().wait(PROCESS_TIMEOUT) == 0

    calls, made = job.manifest()["calls"], job.calls()
    if has_counter:
        assert (calls["sent"], calls["unsaved_ends"]) == (made, 0)
    else:
        assert calls["unsaved_ends"] == kills
        assert made - kills * CONCURRENCY <= calls["sent"] <= made


@pytest.mark.thorough
def test_a_worker_that_gets_sigterm_records_its_calls_in_flight_and_the_next_repeats_none(new_job):
    chance = random.Random(15)  # noqa: S311 - repeatable moments, no secrets
    job = new_job("stopped")

    terminated = 0
    while not ends_before(job, job.start(), chance.randint(20, 120), 0.02 * chance.random(), signal.SIGTERM):
        terminated += 1

    assert terminated >= 2
    assert check(job, 0, 0) == (0, 0)
    assert job.manifest()["calls"]["sent"] == job.calls()
