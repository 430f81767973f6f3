"""After numbers are forgotten no file of the ledger has them, and all else is there."""

from __future__ import annotations

import io
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from airflow_provider_socialscrm.importer.changes.compaction import compact
from airflow_provider_socialscrm.importer.changes.compare import compare
from airflow_provider_socialscrm.importer.changes.difference import Change
from airflow_provider_socialscrm.importer.changes.entries import Outcome
from airflow_provider_socialscrm.importer.changes.forgetting import forget
from airflow_provider_socialscrm.importer.changes.input_rows import InputRows
from airflow_provider_socialscrm.importer.changes.keys import KeyKind
from airflow_provider_socialscrm.importer.changes.options import Ledger
from airflow_provider_socialscrm.importer.changes.storage import LocalStorage
from airflow_provider_socialscrm.importer.changes.store import LedgerStore
from airflow_provider_socialscrm.importer.errors import LedgerError
from airflow_provider_socialscrm.importer.rows import LedgerRow as Sent
from tests.support.ledgers import START, World

ANN, BEN, EVE = 8_615_266_667_780, 4_915_112_345_678, 525_512_345_678
DAY = 24 * 3600


def held(world: World, column: str = "number") -> set[int]:
    """Return all numbers in all Parquet files, also those that no generation names."""
    files = [name for folder in ("base", "log") for name in world.storage.names(folder)]
    contents = [world.storage.read(name) or b"" for name in files]
    return {each for content in contents for each in pq.read_table(io.BytesIO(content))[column].to_pylist()}


def record(world: World, *numbers: int, agent: str | None = None, payload: int = 1, commit: bool = True) -> None:
    """Claim and accept numbers, with the keys that the ledger has for them."""
    store = world.store()
    writer = world.writer(store=store)
    keys = store.keyring.keys(np.array(numbers), [agent] * len(numbers)).tolist()
    rows = [Sent(key, payload, agent, once=1) for key in keys]
    writer.claim(rows[:2])
    writer.record(Outcome.ACCEPTED, rows)
    if commit:
        writer.commit()
    else:
        writer.flush()


def lived(world: World, agent: str | None = None) -> World:
    """Fill old generations, a base, logs, claims and a log that no generation names."""
    for _ in range(2):
        record(world, ANN, BEN, EVE, agent=agent)
        world.now += DAY
    compact(world.store(), "by hand")
    record(world, ANN, agent=agent, payload=2, commit=False)
    return world


def test_a_forgotten_number_is_in_no_file(world):
    lived(world)
    assert held(world) == {ANN, BEN, EVE}

    assert forget(world.store(), np.array([ANN])) == 1

    assert held(world) == {BEN, EVE}
    assert world.changes([Sent(ANN, 2), Sent(BEN, 1), Sent(EVE, 1)]) == [
        Change.NEW,
        Change.UNCHANGED,
        Change.UNCHANGED,
    ]
    assert len(world.store().kept()) == 1


def test_numbers_that_the_ledger_does_not_have_change_nothing(world):
    lived(world)

    assert forget(world.store(), np.array([1_234_567_890])) == 0
    assert forget(world.store(), np.array([], np.int64)) == 0

    assert set(world.entries()) == {ANN, BEN, EVE}


@pytest.mark.parametrize("kind", KeyKind)
@pytest.mark.parametrize("by_agent", [False, True])
def test_numbers_are_forgotten_with_any_kind_of_key_and_agent(tmp_path, kind, by_agent):
    world = World(tmp_path, kind=kind, by_agent=by_agent, secret="the secret" if kind is KeyKind.HMAC else None)
    lived(world, "agent_wang")
    record(world, ANN, BEN, agent="agent_li")
    record(world, ANN, BEN)

    assert forget(world.store(), np.array([ANN])) == (3 if by_agent else 1)

    column = "number" if kind is KeyKind.NUMBER else "number_hash"
    rows = [
        Sent(each, 1, agent) for each in (ANN, BEN) for agent in (["agent_wang", "agent_li"] if by_agent else [None])
    ]
    assert world.changes(rows) == [Change.NEW] * (len(rows) // 2) + [Change.UNCHANGED] * (len(rows) // 2)
    if kind is KeyKind.NUMBER:
        assert held(world, column) == {BEN, EVE}
    else:
        store = world.store()
        agents = ["agent_wang", "agent_li", None] if by_agent else [None]
        hashes = {int(store.keyring.keys(np.array([ANN]), [agent])[0]) for agent in agents}
        assert not hashes & held(world, column)


def test_a_number_that_is_gone_with_its_agent_is_marked_and_forgotten(tmp_path):
    world = World(tmp_path, by_agent=True)
    record(world, ANN, BEN, agent="agent_wang")
    world.now += DAY
    store = world.store()
    pairs = InputRows(store, world.layout)
    pairs.add(store.keyring.keys(np.array([BEN]), ["agent_wang"]), np.array([1], np.uint64))
    difference = compare(store, store.snapshot(), pairs, Ledger("ledger"), world.now)
    writer = world.writer(store=store)
    writer.note_presence(difference)
    writer.commit()
    difference.close()

    gone = {key >> 13: int(entry["gone"]) for key, entry in world.entries().items()}
    assert gone == {ANN: START + DAY, BEN: 0}


def test_hashes_are_not_found_without_their_secret(tmp_path):
    record(World(tmp_path, kind=KeyKind.HMAC, secret="the secret"), ANN)
    store = LedgerStore.found(LocalStorage(tmp_path))

    with pytest.raises(LedgerError, match="finding one needs the ledger_secret"):
        forget(store, np.array([ANN]))
    assert compact(store, "by hand") is not None
    with pytest.raises(LedgerError, match=r"^The ledger was made with another ledger_secret"):
        LedgerStore.found(LocalStorage(tmp_path), "another")
    assert forget(LedgerStore.found(LocalStorage(tmp_path), "the secret"), np.array([ANN])) == 1


class Meanwhile:
    """Storage before whose changes another run does something, one time at each of them."""

    def __init__(self, storage: Any, act: Any) -> None:
        self._storage = storage
        self._act = act
        self.points = 0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._storage, name)
        if name not in {"write", "create", "delete"}:
            return method

        def acting(*args: Any) -> Any:
            self.points += 1
            self._act(self.points)
            return method(*args)

        return acting


@pytest.mark.thorough
@pytest.mark.parametrize("does", ["logs", "commits", "compacts", "claims"])
def test_a_run_at_the_same_time_loses_nothing_whenever_it_saves(tmp_path, does):
    """The other run saves at each point in turn."""
    number, points = 0, 1
    now = lived(World(tmp_path / "before")).now
    while number < points:
        number += 1
        world = World(shutil.copytree(tmp_path / "before", tmp_path / str(number)))
        world.now = now
        other = world.writer("other")
        other.record(Outcome.ACCEPTED, [Sent(EVE + 1, 1)])
        other.flush()

        def act(point: int, number: int = number, other: Any = other, world: World = world) -> None:
            if point != number:
                return
            other.record(Outcome.ACCEPTED, [Sent(EVE + 2, 1)])
            match does:
                case "logs":
                    other.flush()
                case "commits":
                    other.commit(compacting=False)
                case "claims":
                    other.claim([Sent(EVE + 3, 1, once=1)])
                case "compacts":
                    other.commit(compacting=False)
                    compact(world.store(), "other")

        mine = World(watched := Meanwhile(world.storage, act))
        mine.now = world.now
        forget(mine.store(), np.array([ANN]))
        points = watched.points
        other.commit()

        rows = [Sent(each, 1) for each in (BEN, EVE, EVE + 1, EVE + 2)]
        assert world.changes(rows) == [Change.UNCHANGED] * 4, number
        if does == "claims":
            assert world.entries()[EVE + 3]["once"] == 1
        assert held(world).isdisjoint({ANN}), number
        world.close()
    assert points > 10


def test_a_claim_that_was_forgotten_in_part_still_holds_the_others(world):
    store = world.store()
    store.snapshot()
    late = world.writer("late", store)
    world.writer("early").claim([Sent(ANN, 1, once=1), Sent(BEN, 1, once=1)])

    forget(world.store(), np.array([ANN]))

    assert late.claim([Sent(BEN, 1, once=1)]) == [Sent(BEN, 1, once=1)]


def test_a_compaction_that_was_killed_leaves_no_number_and_one_that_runs_keeps_its_files(tmp_path):
    world = lived(World(tmp_path))
    number = world.store().newest().number
    killed = f"base/000/{world.now}-{number + 1:07}-0a0b0c0d.parquet"
    running = f"base/000/{START}-{number + 100:07}-0a0b0c0d.parquet"
    base = world.storage.read(world.store().newest().base[0].name)
    for name in (killed, running):
        world.storage.write(name, base)

    forget(world.store(), np.array([ANN]))

    assert world.storage.read(killed) is None
    assert world.storage.read(running) is not None


def test_unfinished_files_are_deleted_when_they_are_old(tmp_path):
    world = lived(World(tmp_path))

    def leave(seconds: float) -> Path:
        path = tmp_path / f"log/run/{seconds:.0f}.parquet.0a0b0c0d.unfinished"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"hal")
        os.utime(path, (world.now - seconds, world.now - seconds))
        return path

    week, day, second = leave(7 * DAY + 1), leave(DAY), leave(1)

    compact(world.store(), "by hand")
    assert [path.exists() for path in (week, day, second)] == [False, True, True]
    forget(world.store(), np.array([ANN]))
    assert [path.exists() for path in (week, day, second)] == [False, False, True]
