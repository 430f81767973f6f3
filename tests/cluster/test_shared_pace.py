"""Many processes share one rate: through Redis, without it, and while it is unavailable."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import time
from pathlib import Path

import pytest

log = logging.getLogger(__name__)

WORKER = Path(__file__).with_name("pace_worker.py")
TASKS = 8
PACE = 45
LIMIT = 50
ROWS_PER_CALL = 10
WORKER_SECONDS = 120.0


@pytest.fixture
def started(crm, processes, wait_until):
    """Starts an import of the given number of calls in each of several processes, all at the same time."""

    def start(calls: int, pace_url: str = "") -> list[subprocess.Popen[bytes]]:
        given = {"url": crm.url, "key": crm.key, "pace_url": pace_url, "tasks": TASKS, "calls": calls}
        workers = []
        for number in range(TASKS):
            command = [
                sys.executable,
                str(WORKER),
                json.dumps(given | {"number": number, "rows_per_call": ROWS_PER_CALL}),
            ]
            workers.append(processes.start(f"import-{number}", *command, stdin=subprocess.PIPE))
        for number in range(TASKS):
            wait_until(lambda name=f"import-{number}": "ready" in processes.log(name), WORKER_SECONDS, "not ready")
        for worker in workers:
            worker.stdin.close()
        return workers

    return start


@pytest.mark.parametrize("shared", [True, False], ids=["through Redis", "divided"])
def test_processes_reach_the_rate_together_and_never_exceed_it(crm, redis_server, started, shared):
    calls = 15 * PACE // TASKS
    workers = started(calls, redis_server.url if shared else "")
    assert [worker.wait(WORKER_SECONDS) for worker in workers] == [0] * TASKS

    arrivals = sorted(crm.arrivals())
    pace = (len(arrivals) - 1) / (arrivals[-1] - arrivals[0])
    log.info("%.1f calls a second, peak %s", pace, crm.peak())
    assert crm.rows() == (TASKS * calls * ROWS_PER_CALL,) * 2
    assert crm.peak() <= LIMIT
    assert pace >= 0.9 * PACE


def test_imports_continue_without_redis_and_share_again_when_it_is_back(crm, processes, redis_server, started):
    calls = 30 * PACE // TASKS
    workers = started(calls, redis_server.url)
    time.sleep(3.0)
    redis_server.kill()
    time.sleep(7.0)
    before = crm.stats()["calls"]
    time.sleep(2.0)
    alone = (crm.stats()["calls"] - before) / 2
    redis_server.start()
    assert [worker.wait(WORKER_SECONDS) for worker in workers] == [0] * TASKS

    log.info("%.1f calls a second without Redis, peak %s", alone, crm.peak())
    assert crm.rows() == (TASKS * calls * ROWS_PER_CALL,) * 2
    assert crm.peak() <= LIMIT
    assert alone == pytest.approx(PACE, rel=0.15)
    for number in range(TASKS):
        lines = processes.log(f"import-{number}").splitlines()
        changes = [line.split(":", 2)[0] for line in lines if "turn" in line]
        assert changes == ["WARNING", "INFO"], lines
        assert "quite-a-secret-of-redis" not in "".join(lines)
