"""Workers that are killed with SIGKILL between an order, the save of its id and the wait for it: nobody pays twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from airflow_provider_socialscrm.sandbox.screening import ScreeningOrders
from airflow_provider_socialscrm.sandbox.server import Sandbox

WORKER = Path(__file__).with_name("kill_worker.py")
NUMBERS = [f"9198{n:08}" for n in range(20_400)]
"""Two orders' worth."""

PROCESS_TIMEOUT = 120.0
"""Seconds after which a worker that neither ends nor orders is a failure."""

POLL = 0.01
"""Seconds between two looks."""


class Job:
    """The tries of one task, each in a process of its own."""

    def __init__(self, crm: Sandbox, folder: Path) -> None:
        self.crm, self.folder, self.tries = crm, folder, 0
        pd.DataFrame({"whatsApp": NUMBERS}).to_parquet(folder / "in.parquet")

    @property
    def orders(self) -> list[Any]:
        return self.crm.memory(ScreeningOrders).all()

    @property
    def saved(self) -> list[Any]:
        """The parts in the file, as far as they are saved."""
        file = self.folder / "out.parquet.orders.json"
        saved = json.loads(file.read_text())["orders"] if file.exists() else None
        return saved["parts"] if saved else []

    def start(self, **arguments: Any) -> subprocess.Popen[str]:
        self.tries += 1
        given = {
            "data": str(self.folder / "in.parquet"),
            "path": str(self.folder / "out.parquet"),
            "kind": "is_whatsapp",
            "country": "IN",
            "max_numbers": 100_000,
            "deferrable": False,
            "poll_interval": 0.05,
            "try_number": self.tries,
        }
        command = [sys.executable, str(WORKER), json.dumps(given | arguments)]
        environment = os.environ | {
            "AIRFLOW_CONN_SOCIALSCRM_DEFAULT": self.crm.connection_json(),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    def kill_when(self, is_reached: Callable[[], bool], **arguments: Any) -> None:
        worker = self.start(**arguments)
        deadline = time.monotonic() + PROCESS_TIMEOUT
        while not is_reached():
            assert worker.poll() is None, "the worker ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(POLL)
        worker.send_signal(signal.SIGKILL)
        worker.communicate(timeout=PROCESS_TIMEOUT)

    def run(self, **arguments: Any) -> tuple[int, str]:
        worker = self.start(**arguments)
        said, _ = worker.communicate(timeout=PROCESS_TIMEOUT)
        return worker.returncode, said


@pytest.fixture
def job(connected_crm: Sandbox, tmp_path) -> Job:
    connected_crm.configure(screening_seconds=0)
    return Job(connected_crm, tmp_path)


@pytest.mark.thorough
@pytest.mark.parametrize("killed_at", [pytest.param(1, marks=pytest.mark.thorough), 2])
def test_a_worker_killed_before_the_id_arrives_leaves_an_order_in_doubt(job: Job, killed_at):
    job.crm.inject("drip", seconds=60, pause=1, headers=True, path="screenWhatsApp", after=killed_at - 1, times=1)
    job.kill_when(lambda: len(job.orders) == killed_at)

    assert [part["asked"] for part in job.saved] == [True] * killed_at + [False] * (2 - killed_at)
    code, said = job.run()
    assert code == 3
    assert f"order {killed_at} of 2, of 10,200 numbers" in said
    assert len(job.orders) == killed_at
    assert job.run(orders=[job.orders[-1].id])[0] == 0
    assert sorted(number for order in job.orders for number in order.numbers) == NUMBERS
    assert set(pd.read_parquet(job.folder / "out.parquet")["screened"]) == {"yes", "no"}


@pytest.mark.thorough
def test_a_worker_killed_before_the_call_is_in_doubt_too(job: Job):
    job.crm.inject("latency", seconds=5, path="screenWhatsApp", times=1)
    job.kill_when(lambda: any(part["asked"] for part in job.saved))

    code, said = job.run()
    assert (code, "may have taken order 1 of 2" in said) == (3, True)


@pytest.mark.thorough
def test_a_worker_killed_while_it_waits_orders_nothing_again(job: Job):
    job.crm.configure(screening_seconds=3600)
    for _ in range(2):
        calls = len(job.crm.calls())
        job.kill_when(lambda before=calls: len(job.crm.calls()) > before + 2)
    assert [part["order"] for part in job.saved] == [order.id for order in job.orders]

    job.crm.configure(screening_seconds=0)
    assert job.run()[0] == 0
    assert sorted(number for order in job.orders for number in order.numbers) == NUMBERS


@pytest.mark.thorough
def test_a_worker_killed_while_it_writes_leaves_no_half_file(job: Job):
    job.crm.inject("drip", seconds=60, pause=1, path="queryTaskDetails", times=1)
    job.kill_when(lambda: any("queryTaskDetails" in call["path"] for call in job.crm.calls()))

    assert not (job.folder / "out.parquet").exists()
    assert job.run()[0] == 0
    assert len(job.orders) == 2
