"""Many processes share one rate: through Redis, without it, and during an outage of it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from bisect import bisect_left
from pathlib import Path

import pytest

from airflow_provider_socialscrm.api.shared_pacing import ALONE_SECONDS

log = logging.getLogger(__name__)

WORKER = Path(__file__).with_name("pace_worker.py")
TASKS = 8
PACE = 45
LIMIT = 50
ROWS_PER_CALL = 10
WORKER_SECONDS = 120.0
SECONDS_BEFORE = 3
"""Of an import before Redis is killed."""
NOTICED_SECONDS = 3.0
"""After which every task has noticed that Redis is killed, or back."""


@pytest.fixture
def started(crm, processes, wait_until):
    """Begins an import of so many calls in each of several processes, all at the same time."""

    def start(calls: int, pace_url: str = "") -> list[subprocess.Popen[bytes]]:
        arguments = {"url": crm.url, "key": crm.key, "pace_url": pace_url, "tasks": TASKS, "calls": calls}
        workers = []
        for number in range(TASKS):
            command = [
                sys.executable,
                str(WORKER),
                json.dumps(arguments | {"number": number, "rows_per_call": ROWS_PER_CALL}),
            ]
            workers.append(processes.start(f"import-{number}", *command, stdin=subprocess.PIPE))
        for number in range(TASKS):
            wait_until(lambda name=f"import-{number}": "ready" in processes.log(name), WORKER_SECONDS, "not ready")
        for worker in workers:
            worker.stdin.close()
        return workers

    return start


@pytest.mark.parametrize("shared", [True, False], ids=["through Redis", "divided"])
def test_processes_use_the_whole_rate_and_exceed_it_in_no_second(crm, redis_server, started, shared):
    calls = 15 * PACE // TASKS
    workers = started(calls, redis_server.url if shared else "")
    assert [worker.wait(WORKER_SECONDS) for worker in workers] == [0] * TASKS

    arrivals = sorted(crm.arrivals())
    pace = (len(arrivals) - 1) / (arrivals[-1] - arrivals[0])
    log.info("%.1f calls a second, peak %s", pace, crm.peak())
    assert crm.rows() == (TASKS * calls * ROWS_PER_CALL,) * 2
    assert crm.peak() <= LIMIT
    assert pace >= 0.9 * PACE


def most_in_a_second(arrivals, begin, end):
    """Return the most calls that arrived within a second, of those between two times."""
    within = sorted(arrival for arrival in arrivals if begin <= arrival < end)
    return max(bisect_left(within, arrival + 1) - index for index, arrival in enumerate(within))


def test_imports_go_on_without_redis_and_share_again_when_it_is_back(crm, processes, redis_server, started):
    calls = (SECONDS_BEFORE + int(ALONE_SECONDS) + 10) * PACE // TASKS
    workers = started(calls, redis_server.url)
    time.sleep(SECONDS_BEFORE)
    redis_server.kill()
    killed = time.time()
    time.sleep(7.0)
    before = crm.stats()["calls"]
    time.sleep(2.0)
    alone = (crm.stats()["calls"] - before) / 2
    peak_alone = most_in_a_second(crm.arrivals(), killed + NOTICED_SECONDS, time.time())
    redis_server.start()
    assert [worker.wait(WORKER_SECONDS) for worker in workers] == [0] * TASKS

    shared_again = killed + ALONE_SECONDS + NOTICED_SECONDS
    peak_shared = most_in_a_second(crm.arrivals(), shared_again, time.time())
    peaks = {"alone": peak_alone, "shared again": peak_shared, "in between": crm.peak()}
    log.info("%.1f calls a second without Redis, peaks %s", alone, peaks)
    assert crm.rows() == (TASKS * calls * ROWS_PER_CALL,) * 2
    assert max(peak_alone, peak_shared) <= LIMIT
    assert crm.peak() <= 2 * PACE  # while some tasks share the rate, and others keep to their parts
    assert alone == pytest.approx(PACE, rel=0.15)
    for number in range(TASKS):
        lines = processes.log(f"import-{number}").splitlines()
        changes = [line.split(":", 2)[0] for line in lines if "no slot" in line or "is back" in line]
        assert changes == ["WARNING", "INFO"], lines
        assert "quite-a-secret-of-redis" not in "".join(lines)
