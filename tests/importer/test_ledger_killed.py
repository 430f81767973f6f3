"""Imports with a ledger that get a signal at a named point: what a retry and the next nights then send."""

from __future__ import annotations

import random
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_socialscrm.importer.changes.entries import Layout, Outcome
from airflow_provider_socialscrm.importer.changes.inspection import disagreements
from airflow_provider_socialscrm.importer.changes.storage import LocalStorage
from airflow_provider_socialscrm.importer.changes.store import LedgerStore
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from airflow_provider_socialscrm.sandbox.server import Sandbox
from tests.support.forks import PROCESS_TIMEOUT, forks
from tests.support.imports import number_of
from tests.support.killed_nights import CONCURRENCY, ROWS_PER_CALL, STOPPED, Night, run_until
from tests.support.ledgers import read

Rows = list[dict[str, Any]]


def row_of(place: int, **fields: Any) -> dict[str, Any]:
    row = {"whatsApp": number_of(place), "agentAccount": ("agent_wang", "agent_silva")[place % 2]}
    return row | {"friendName": f"N{place}", "Loyalty Level": "Gold", "welcome": None} | fields


OLD = [row_of(place, welcome="Hello" if place % 5 == 0 else None) for place in range(30)]
"""The customers before."""

CHANGED = [place for place in range(30) if place % 3 == 0]
WELCOMED = range(30, 38)

NEW: Rows = [
    *(row | {"friendName": "changed"} if place in CHANGED else row for place, row in enumerate(OLD)),
    *(row_of(place, welcome="Hello") for place in WELCOMED),
    *(row_of(place) for place in range(38, 48)),
    row_of(48, **{"Loyalty Level": "Tin"}),
    row_of(49, whatsApp="none"),
]
"""The customers of the night that gets the signal: some changed, some new, one refused and one without a number."""

TO_SEND = {number_of(place) for place in (*CHANGED, *range(30, 48))}


class World:
    """A sync whose two earlier nights were more than a week ago, so that a compaction deletes files."""

    def __init__(self, crm: Sandbox, folder: Path) -> None:
        self.crm, self.folder = crm, folder
        self.night("first", OLD[:20], 9).run()
        self.night("second", OLD, 8).run()
        self.before = self.imported()

    def night(self, name: str, rows: Rows, days_ago: float = 0) -> Night:
        return Night(self.crm.url, self.crm.settings.api_key, self.folder, name, rows, days_ago)

    def killed(self, point: str, times: int, number: signal.Signals) -> int | None:
        process = forks.Process(target=run_until, args=(self.night("killed", NEW), point, times, number))
        process.start()
        process.join(PROCESS_TIMEOUT)
        return process.exitcode

    def imported(self) -> Counter[str]:
        """Return how often the CRM took each number."""
        return Counter({one["whatsApp"]: one["times_imported"] for one in self.crm.customers()})

    def entries(self) -> dict[str, Any]:
        store = LedgerStore.found(LocalStorage(self.folder / "ledger"))
        return {str(entry["key"]): entry for entry in read(store, Layout((), ("welcome",)))}

    def accepted_since(self, before: dict[str, Any]) -> set[str]:
        """Return the numbers of which the ledger has that the CRM accepted them as they are now."""
        return {
            number
            for number, entry in self.entries().items()
            if entry["outcome"] == Outcome.ACCEPTED
            and entry["payload"] != 0
            and (number not in before or entry["payload"] != before[number]["payload"])
        }

    def in_doubt(self) -> set[str]:
        """Return the numbers of which nobody knows whether they were welcomed."""
        return {number for number, entry in self.entries().items() if entry["once"] & ~entry["taken"]}

    def check(self, rows: Rows, but: set[str] = frozenset()) -> None:
        """Check that the CRM has what the input has, but for some numbers, and that nobody was welcomed twice."""
        stored = {one["whatsApp"]: one for one in self.crm.customers()}
        assert [number for number, one in stored.items() if one["welcomes"] > 1] == []
        good = {row["whatsApp"]: row for row in rows if row["Loyalty Level"] == "Gold" and row["whatsApp"] != "none"}
        assert [
            n for n, row in good.items() if n not in but and stored[n]["fields"]["friendName"] != row["friendName"]
        ] == []
        welcomed = {number for number, row in good.items() if row["welcome"]}
        assert {number for number in welcomed - but if stored[number]["welcomes"] != 1} == set()
        store = LedgerStore.found(LocalStorage(self.folder / "ledger"))
        assert list(disagreements(store)) == []


@pytest.fixture
def world(crm, tmp_path) -> World:
    return World(crm, tmp_path)


def unknown_numbers(night: Night) -> set[str]:
    if not night.rejects.exists():
        return set()
    rows = [row for batch in open_source(night.rejects).batches() for row in batch.records.to_pylist()]
    return {row["whatsApp"] for row in rows if row["socialscrm_bucket"] == "unknown"}


POINTS = [
    ("before create claim", 1), ("after create claim", 1), ("before create claim", 2), ("after create claim", 3),
    ("before write log", 1), ("after write log", 1),
    ("before call", 1), ("after call", 1), ("before call", 5), ("after call", 5),
    ("before write log", 3), ("after write log", 3), ("before write log", 6), ("after write log", 6),
    ("before checkpoint", 3), ("after checkpoint", 3), ("before dead letter", 1), ("after dead letter", 1),
    ("before completion", 1), ("after completion", 1),
    ("before create generations", 1), ("after create generations", 1),
    ("before write base", 1), ("after write base", 1),
    ("before create generations", 2), ("after create generations", 2),
    ("before delete base", 1), ("after delete base", 1), ("after delete generations", 1),
]  # fmt: skip


@pytest.mark.one_in(8)
@pytest.mark.parametrize("with_checkpoint", [True, False])  # without one is as before Airflow 3.3
@pytest.mark.parametrize(("point", "times"), POINTS)
def test_a_retry_after_a_kill_sends_what_the_ledger_lacks_and_the_nights_after_it_nothing(
    world, point, times, with_checkpoint
):
    before = world.entries()
    assert world.killed(point, times, signal.SIGKILL) == -signal.SIGKILL

    accepted, taken = world.accepted_since(before), set(world.imported() - world.before)
    doubtful = world.in_doubt()
    assert accepted <= taken <= TO_SEND
    assert len(taken - accepted) <= 2 * CONCURRENCY * ROWS_PER_CALL  # in flight, and answered since the last log
    assert len(doubtful) <= 3 * CONCURRENCY

    killed, at_kill = world.night("killed", NEW), world.imported()
    retry = killed.retry(with_checkpoint=with_checkpoint)
    manifest, sent = retry.manifest(), set(world.imported() - at_kill)
    rows = manifest["rows"]
    assert sent.isdisjoint(accepted)
    assert rows["total"] == len(NEW) == sum(count for name, count in rows.items() if name != "total")
    assert (rows["rejected"] + rows["known_bad"], rows["invalid"], rows["not_sent"]) == (1, 1, 0)
    unknown = unknown_numbers(killed)
    assert unknown <= doubtful
    assert rows["unknown"] == len(unknown)
    world.check(NEW, but=doubtful)

    third = world.imported()
    manifest = world.night("third", NEW).run().manifest()
    assert set(world.imported() - third) == unknown
    assert manifest["changes"]["in_doubt"] == len(world.in_doubt()) == len(doubtful)
    assert (manifest["rows"]["accepted"], manifest["rows"]["known_bad"]) == (len(unknown), 1)
    assert world.night("fourth", NEW).run().manifest()["calls"]["sent"] == 0
    world.check(NEW, but=doubtful)


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("point", "times"), [*POINTS[4:16:3], ("after call", 2), ("after write log", 4)])
def test_what_a_killed_run_may_have_changed_is_as_the_next_nights_input_has_it(world, point, times):
    assert world.killed(point, times, signal.SIGKILL) == -signal.SIGKILL

    world.night("reverted", OLD).run()

    world.check(OLD)
    assert world.night("after", OLD).run().manifest()["calls"]["sent"] == 0


@pytest.mark.one_in(2)
@pytest.mark.parametrize(("point", "times"), [*POINTS[::4], ("after create claim", 2), ("before call", 2)])
def test_sigterm_leaves_nobody_in_doubt_and_the_retry_repeats_nothing(world, point, times):
    ended = world.killed(point, times, signal.SIGTERM)

    assert ended in {0, STOPPED}
    assert world.in_doubt() == set()
    killed = world.night("killed", NEW)
    killed.retry(with_checkpoint=True)
    assert (world.imported() - world.before).keys() == TO_SEND
    assert set((world.imported() - world.before).values()) == {1}
    world.check(NEW)
    assert world.night("third", NEW).run().manifest()["calls"]["sent"] == 0


@pytest.mark.thorough
def test_random_kills_of_many_nights(world):
    chance = random.Random(3)  # noqa: S311 - the same in each run
    steps = sorted({point for point, _ in POINTS})
    doubtful: set[str] = set()
    for _ in range(60):
        world.killed(chance.choice(steps), chance.randrange(1, 12), signal.SIGKILL)
        doubtful |= world.in_doubt()
        world.check(OLD, but={row["whatsApp"] for row in NEW})
        if chance.random() < 0.3:
            world.night("between", chance.choice([OLD, NEW])).run()
    world.night("last", NEW).run()
    world.check(NEW, but=doubtful)
