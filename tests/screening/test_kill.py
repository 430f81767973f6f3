"""Workers that are killed with SIGKILL between an order, the save of its id and the wait for it: nobody pays twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from airflow_provider_socialscrm.sandbox.screening import ScreeningOrders
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.killed_tasks import KilledTask

WORKER = Path(__file__).with_name("kill_worker.py")
NUMBERS = [f"9198{n:08}" for n in range(20_400)]
"""Two orders' worth."""


class Job(KilledTask):
    """A task that screens numbers."""

    def __init__(self, crm: Sandbox, folder: Path) -> None:
        super().__init__(
            WORKER, crm, folder, NUMBERS,
            path=str(folder / "out.parquet"), kind="is_whatsapp", country="IN", max_numbers=100_000, deferrable=False,
            poll_interval=0.05,
        )  # fmt: skip

    @property
    def orders(self) -> list[Any]:
        return self.crm.memory(ScreeningOrders).all()

    @property
    def saved(self) -> list[Any]:
        """The parts in the file, as far as they are saved."""
        file = self.folder / "out.parquet.orders.json"
        saved = json.loads(file.read_text())["orders"] if file.exists() else None
        return saved["parts"] if saved else []


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
