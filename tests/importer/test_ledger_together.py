"""Imports at the same time on one ledger: nobody is welcomed twice, and the ledger is the union."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Lock
from typing import Any

import numpy as np
import pytest

from airflow_provider_socialscrm.importer.changes.compaction import compact
from airflow_provider_socialscrm.importer.changes.forgetting import forget
from airflow_provider_socialscrm.importer.changes.inspection import disagreements
from airflow_provider_socialscrm.importer.changes.storage import LocalStorage
from airflow_provider_socialscrm.importer.changes.store import LedgerStore
from airflow_provider_socialscrm.importer.errors import LedgerError
from tests.importer.test_ledger import people
from tests.support.imports import FIRST_NUMBER, number_of
from tests.support.killed_nights import Night
from tests.support.ledger_imports import RememberingCrm, Syncs, counts

processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["tests.support.killed_nights"])


class SharedCrm(RememberingCrm):
    """Takes the calls of several imports, and does something at one of them."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()
        self.at_call: dict[int, Callable[[], Any]] = {}

    def import_customers(self, rows: Any, *, agent: str | None = None) -> Any:
        with self._lock:
            result = super().import_customers(rows, agent=agent)
            due = self.at_call.pop(len(self.calls), None)
        if due:
            due()
        return result

    def close(self) -> None:
        """Stay open for the other imports."""


@pytest.fixture
def syncs(tmp_path: Path) -> Iterator[Syncs]:
    syncs = Syncs(tmp_path, SharedCrm())
    yield syncs
    assert list(disagreements(store_of(syncs))) == []


def store_of(syncs: Syncs) -> LedgerStore:
    return LedgerStore.found(LocalStorage(syncs.ledger_path), now=lambda: syncs.now)


def run_together(syncs: Syncs, *inputs: list[dict[str, Any]], **options: Any) -> list[dict[str, int]]:
    """Run an import of each input at the same time: all have compared theirs when the first one calls."""
    barrier = Barrier(len(inputs))
    runs = [syncs.made(rows, **options) for rows in inputs]

    def run(one: Any) -> dict[str, int]:
        look = one._ledger.look
        one._ledger.look = lambda *args, **more: (look(*args, **more), barrier.wait())[0]
        one.run()
        return counts(one.manifest())

    with ThreadPoolExecutor(len(runs)) as pool:
        return list(pool.map(run, runs))


def test_the_ledger_has_what_both_imports_had_accepted(syncs):
    rows = people(300)

    found = run_together(syncs, rows[:200], rows[150:])

    assert found == [{"accepted": 200}, {"accepted": 150}]
    assert counts(syncs.sync(rows)) == {"unchanged": 300}


def test_of_two_imports_with_the_same_welcomes_each_number_gets_one(syncs):
    rows = people(40, welcome="Hello")

    found = run_together(syncs, rows, rows, concurrency=4)

    assert sum(each.get("accepted", 0) for each in found) == 40
    assert sum(each.get("not_sent", 0) for each in found) == 40
    assert syncs.crm.welcomes == {number_of(place): 1 for place in range(40)}
    assert counts(syncs.sync(rows)) == {"unchanged": 40}


def test_three_mapped_parts_that_overlap(syncs):
    rows = people(120, welcome="Hello")

    run_together(syncs, rows[:60], rows[30:90], rows[60:], map_index=1, concurrency=2)
    syncs.sync(rows)

    assert counts(syncs.sync(rows)) == {"unchanged": 120}


@pytest.mark.parametrize("call", [1, 3, 6])
def test_the_ledger_is_compacted_while_an_import_runs(syncs, call):
    rows = people(300, welcome="")
    rows[7]["welcome"] = rows[250]["welcome"] = "Hello"
    syncs.sync(rows[:100])
    syncs.crm.at_call[call] = lambda: compact(store_of(syncs), "a shell")

    manifest = syncs.sync(rows, rows_per_call=40)

    assert (syncs.crm.at_call, counts(manifest)) == ({}, {"unchanged": 100, "accepted": 200})
    assert counts(syncs.sync(rows)) == {"unchanged": 300}


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_number_is_forgotten_while_an_import_runs(syncs, call):
    rows = people(300)
    syncs.sync(rows[:100])
    syncs.crm.forget()
    gone = np.array([FIRST_NUMBER + 50])
    run = syncs.made(rows[:50] + rows[51:], rows_per_call=80, concurrency=1)
    syncs.crm.at_call[call] = lambda: forget(store_of(syncs), gone)

    run.run()

    assert counts(run.manifest()) == {"unchanged": 99, "accepted": 200}
    assert counts(syncs.sync(rows)) == {"unchanged": 299, "accepted": 1}


def test_a_number_that_is_forgotten_while_an_import_compares_stops_it_before_a_call_and_a_retry_works(syncs):
    rows = people(300)
    syncs.sync(rows[:100])
    syncs.crm.forget()
    run = syncs.made(rows)
    compared = run._ledger._compared

    def forgetting(*args: Any) -> Any:
        forget(store_of(syncs), np.array([FIRST_NUMBER + 50]))
        return compared(*args)

    run._ledger._compared = forgetting
    with pytest.raises(LedgerError, match="missing or damaged"):
        run.run()

    assert syncs.crm.calls == []
    assert counts(syncs.sync(rows)) == {"unchanged": 99, "accepted": 201}


def test_two_processes_with_the_same_welcomes(crm, tmp_path):
    rows = [row | {"agentAccount": "agent_wang", "welcome": "Hello"} for row in people(24)]
    nights = [Night(crm.url, crm.settings.api_key, tmp_path, name, rows) for name in ("one", "two")]
    both = [processes.Process(target=night.run) for night in nights]
    for process in both:
        process.start()
    for process in both:
        process.join(60)

    stored = {one["whatsApp"]: one for one in crm.customers()}
    assert [process.exitcode for process in both] == [0, 0]
    assert {one["welcomes"] for one in stored.values()} == {1}
    assert len(stored) == 24
    again = Night(crm.url, crm.settings.api_key, tmp_path, "three", rows).run().manifest()
    assert again["changes"]["in_doubt"] == 0
    assert counts(again) == {"unchanged": 24}
