"""Of all runs on a ledger, one sends a customer a field that goes once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from airflow_provider_socialscrm.importer.changes.compaction import compact
from airflow_provider_socialscrm.importer.changes.entries import Layout, Outcome
from airflow_provider_socialscrm.importer.changes.recording import LedgerWriter
from airflow_provider_socialscrm.importer.changes.storage import LocalStorage, Storage
from airflow_provider_socialscrm.importer.errors import LedgerError
from airflow_provider_socialscrm.importer.rows import LedgerRow as Sent
from tests.support.ledgers import START, World

ANN, BEN, EVE = 8_615_266_667_780, 4_915_112_345_678, 525_512_345_678


def row(number: int = ANN, once: int = 1) -> Sent:
    return Sent(number, 1, once=once)


def run_of(world: World, run: str = "") -> LedgerWriter:
    """Return the writer of a run that has read the ledger."""
    store = world.store()
    store.snapshot()
    return world.writer(run, store)


def may_send(world: World, number: int = ANN) -> bool:
    """Return whether a run that begins now would send the field."""
    difference = world.difference([Sent(number, 9, once=1)])
    _, details = difference.verdicts().of(np.array([number]))
    return bool(details[0])


def test_of_two_runs_that_read_the_same_ledger_the_first_claims(world):
    one, other = run_of(world), run_of(world)

    assert one.claim([row(ANN)]) == []
    assert other.claim([row(ANN), row(BEN)]) == [row(ANN)]
    assert one.claim([row(BEN), row(EVE)]) == [row(BEN)]
    assert world.store().snapshot().claims == 3


def test_a_run_that_reads_the_ledger_after_a_claim_knows_it(world):
    run_of(world).claim([row()])

    assert not may_send(world)


@pytest.mark.parametrize(("one", "other", "held"), [(1, 1, True), (1, 2, False), (1, 3, True), (3, 2, True)])
def test_a_claim_is_for_each_field(tmp_path, one, other, held):
    world = World(tmp_path, Layout((), ("desc", "welcome")))
    first, second = run_of(world), run_of(world)
    first.claim([row(once=one)])

    assert bool(second.claim([row(once=other)])) == held


def test_a_claim_by_another_run_holds_although_it_was_committed_and_compacted_meanwhile(world):
    mine, other = run_of(world), run_of(world)
    other.claim([row()])
    other.record(Outcome.ACCEPTED, [row()])
    other.commit()
    compact(world.store(), "by hand")

    assert mine.claim([row()]) == [row()]
    assert mine.claim([row(BEN)]) == []
    assert world.store().snapshot().claims == 2


def test_numbers_of_claims_go_on_after_all_their_files_are_deleted(world):
    run_of(world).claim([row()])
    writer = run_of(world)
    writer.commit()
    for _ in range(3):
        world.now += 8 * 24 * 3600
        compact(world.store(), "by hand")

    assert world.storage.names("log") == []
    run_of(world).claim([row(BEN)])
    assert world.storage.names("log") == ["log/claims/000000002.parquet"]


def test_a_row_that_was_released_can_be_claimed_again_in_the_same_second(world):
    """Whatever the order in which the files are read."""
    writer = run_of(world)
    for _ in range(3):
        assert writer.claim([row()]) == []
        writer.release([row()])
        writer.flush()
    assert may_send(world)

    assert writer.claim([row()]) == []
    assert not may_send(world)


def test_a_claim_of_another_run_is_not_released_by_who_was_held(world):
    one, other = run_of(world), run_of(world)
    one.claim([row()])
    assert other.claim([row()]) == [row()]
    other.commit()
    one.record(Outcome.ACCEPTED, [row()])
    one.commit()

    assert not may_send(world)


def test_a_late_release_by_a_clock_that_is_ahead_takes_nothing_back_that_was_accepted(world):
    early = run_of(world)
    early.claim([row()])
    world.now += 100  # the clock of this worker
    early.release([row()])
    early.flush()
    world.now -= 90
    late = run_of(world)
    late.claim([row()])
    late.record(Outcome.ACCEPTED, [row()])
    late.commit()

    assert world.entries()[ANN]["once"] == 1


def test_a_request_whose_response_is_lost_is_no_claim_of_another(tmp_path):
    class Losing(LocalStorage):
        is_losing = True

        def create(self, name: str, content: bytes) -> bool:
            created = super().create(name, content)
            if self.is_losing and name.startswith("log/"):
                self.is_losing = False
                raise LedgerError("The ledger's file cannot be written (timeout): check its storage, or retry.")
            return created

    world = World(Losing(tmp_path))
    writer = run_of(world)

    with pytest.raises(LedgerError, match="timeout"):
        writer.claim([row()])
    assert writer.claim([row()]) == []
    writer.record(Outcome.ACCEPTED, [row()])
    writer.commit()
    assert world.entries()[ANN]["once"] == 1
    assert world.store().snapshot().unnamed == ()


def test_a_damaged_claim_of_another_stops_before_the_call(tmp_path):
    world = World(tmp_path)
    one, other = run_of(world), run_of(world)
    one.claim([row()])
    (tmp_path / "log/claims/000000001.parquet").write_bytes(b"PAR1")

    with pytest.raises(LedgerError, match=r"^The ledger's file log/claims/000000001.parquet is missing or damaged"):
        other.claim([row()])


class Paused:
    """Storage that waits at named points of its files, so that a test decides who is next."""

    def __init__(self, storage: Storage, before: dict[str, threading.Barrier]) -> None:
        self._storage = storage
        self._before = before

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def create(self, name: str, content: bytes) -> bool:
        barrier = self._before.pop(name, None)
        if barrier:
            barrier.wait(30)
        return self._storage.create(name, content)


def test_of_two_runs_that_claim_at_the_same_moment_one_gets_each_row(world):
    """Both have read the same ledger, and both wait right before they create the same claim."""
    point = "log/claims/000000001.parquet"
    barrier = threading.Barrier(2)
    rows = [row(ANN + number) for number in range(20)]

    def run(number: int) -> set[int]:
        mine = World(Paused(world.storage, {point: barrier}))
        held = run_of(mine, f"run {number}").claim(rows[number * 5 : number * 5 + 15])
        return {each.key for each in rows[number * 5 : number * 5 + 15] if each not in held}

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(run, range(2))

    assert not one & other
    assert one | other == {each.key for each in rows}


def test_many_runs_claim_each_row_once(tmp_path):
    start = threading.Barrier(8)

    def run(number: int) -> list[int]:
        mine = World(tmp_path)
        writer = run_of(mine, f"run {number}")
        start.wait()
        sent = []
        for turn in range(25):
            rows = [row(ANN + (turn * 2 + step) % 40) for step in range(2)]
            held = writer.claim(rows)
            sent += [each.key for each in rows if each not in held]
            writer.record(Outcome.ACCEPTED, [each for each in rows if each not in held])
        return list(set(sent))

    with ThreadPoolExecutor(8) as pool:
        sent = [key for keys in pool.map(run, range(8)) for key in keys]

    assert sorted(sent) == [ANN + number for number in range(40)]


def test_a_claim_alone_costs_one_request(world):
    requests = []

    class Counting:
        def __getattr__(self, name: str) -> Any:
            requests.append(name)
            return getattr(world.storage, name)

    writer = run_of(World(Counting()))
    writer.claim([row(ANN)])
    requests.clear()
    writer.claim([row(BEN)])

    assert requests == ["create"]
    assert world.now == START
