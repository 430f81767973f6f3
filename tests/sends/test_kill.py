"""Workers that are killed with SIGKILL between a claim, its call and the response: nobody gets a message twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_socialscrm.sandbox.send_tasks import SendTasks
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.killed_tasks import PROCESS_TIMEOUT, KilledTask

WORKER = Path(__file__).with_name("kill_worker.py")
NUMBERS = [f"86138{n:08}" for n in range(60)]
PATH = "moscCreate"


class Job(KilledTask):
    """A task that sends to numbers."""

    def __init__(self, crm: Sandbox, folder: Path) -> None:
        super().__init__(
            WORKER, crm, folder, NUMBERS,
            ledger=str(folder / "sends"), sender="8613900000001", content="Hello", confirm_recipients=60,
            recipients_per_task=20,
        )  # fmt: skip

    @property
    def reached(self) -> list[str]:
        return [message.recipient for message in self.crm.memory(SendTasks).messages()]

    @property
    def events(self) -> int:
        """The claims and outcomes that are saved."""
        return sum(1 for _ in (self.folder / "sends" / "campaigns").rglob("*.json"))

    def manifest(self, **arguments: Any) -> tuple[int, dict[str, Any]]:
        """Run a try to its end, and return its code and its manifest."""
        code, said = self.run(**arguments)
        return code, manifest_of(said)


def manifest_of(said: str) -> dict[str, Any]:
    return json.loads(said.splitlines()[-1])


@pytest.fixture
def job(connected_crm: Sandbox, tmp_path: Path) -> Job:
    connected_crm.configure(send_seconds=0, send_interval=0)
    return Job(connected_crm, tmp_path)


MOMENTS: dict[str, tuple[dict[str, Any], Callable[[Job], bool]]] = {
    "after the claim, before the CRM has the call": ({"kind": "latency", "seconds": 60}, lambda job: job.events == 3),
    "after the CRM has the call, before its response": (
        {"kind": "drip", "seconds": 60, "pause": 1, "headers": True},
        lambda job: len(job.reached) == 40,
    ),
}


@pytest.mark.thorough
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_worker_killed_in_a_call_leaves_its_recipients_in_doubt_and_nobody_gets_two(job: Job, moment):
    fault, is_reached = MOMENTS[moment]
    job.crm.inject(**fault, path=PATH, after=1, times=1)
    job.kill_when(lambda: is_reached(job))
    job.crm.faults.clear()
    before = len(job.reached)
    claim = max((job.folder / "sends" / "campaigns").rglob("*.json"))
    assert '"claimed"' in claim.read_text()

    code, manifest = job.manifest(recipients_per_task=20)
    assert (code, manifest["accepted"], manifest["in_doubt"], manifest["not_sent"]) == (3, 40, 20, 0)
    assert len(job.reached) == before + 20
    call = manifest["doubts"][0]["call"]
    if before == 40:
        name = manifest["doubts"][0]["name"]
        task_id = next(task.id for task in job.crm.memory(SendTasks).all() if task.name == name)
        code, manifest = job.manifest(doubts={call: task_id})
    else:
        code, manifest = job.manifest(doubts={call: "not_sent"})
    assert (code, manifest["accepted"]) == (0, 60)
    assert Counter(job.reached) == dict.fromkeys(NUMBERS, 1)


@pytest.mark.thorough
def test_a_worker_killed_before_any_claim_holds_nobody(job: Job):
    job.crm.inject("latency", seconds=60, path="queryWhatsAppStatus", times=1)
    job.kill_when((job.folder / "sends" / "sends.json").exists)
    job.crm.faults.clear()

    assert job.run()[0] == 0
    assert Counter(job.reached) == dict.fromkeys(NUMBERS, 1)


@pytest.mark.thorough
def test_workers_of_two_tasks_with_one_campaign_at_once_reach_each_number_once(job: Job):
    workers = [job.start(campaign="autumn", recipients_per_task=3, task=name) for name in ("a", "b")]
    manifests = [manifest_of(worker.communicate(timeout=PROCESS_TIMEOUT)[0]) for worker in workers]

    assert Counter(job.reached) == dict.fromkeys(NUMBERS, 1)
    assert all(manifest["accepted"] + manifest["sent_before"] == 60 for manifest in manifests)
