"""Logs are written about once a second, claims before their call, and all of it is committed."""

from __future__ import annotations

import re

import numpy as np
import pytest

from airflow_provider_socialscrm.importer.changes import recording
from airflow_provider_socialscrm.importer.changes.compaction import MOST_LOGS
from airflow_provider_socialscrm.importer.changes.difference import Change
from airflow_provider_socialscrm.importer.changes.entries import Outcome
from airflow_provider_socialscrm.importer.changes.storage import LocalStorage
from airflow_provider_socialscrm.importer.errors import LedgerError
from airflow_provider_socialscrm.importer.rows import LedgerRow as Sent
from tests.support.ledgers import LAYOUT, World

ANN, BEN = 8_615_266_667_780, 4_915_112_345_678


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.close()


def logs(world: World) -> list[str]:
    return world.storage.names("log")


def test_logs_are_written_once_an_interval(world):
    writer = world.writer()
    for number in range(10):  # at 0.0, 0.4, ... 3.6
        writer.record(Outcome.ACCEPTED, [Sent(ANN + number, 1)])
        writer.flush_if_due()
        world.now += 0.4

    assert len(logs(world)) == 4
    writer.record(Outcome.ACCEPTED, [Sent(BEN, 1)])
    writer.flush()
    writer.flush()
    assert len(logs(world)) == 5
    assert len(world.entries()) == 11


def test_a_claim_is_written_before_the_call_and_only_for_rows_that_have_one(world):
    writer = world.writer()

    writer.claim([Sent(ANN, 1, once=1), Sent(BEN, 1)])
    assert world.entries().keys() == {ANN}

    writer.claim([Sent(BEN, 1)])
    assert len(logs(world)) == 1


def test_many_rows_do_not_wait_in_memory(world, monkeypatch):
    monkeypatch.setattr(recording, "_AT_ONCE", 100)
    writer = world.writer()

    for number in range(250):
        writer.record(Outcome.ACCEPTED, [Sent(ANN + number, 1)])

    assert len(logs(world)) == 2


def test_a_commit_can_be_repeated_and_go_on(world):
    writer = world.writer()
    writer.record(Outcome.ACCEPTED, [Sent(ANN, 1)])

    first = writer.commit()
    assert writer.commit() == first
    writer.record(Outcome.ACCEPTED, [Sent(BEN, 1)])
    assert writer.commit().number > first.number
    assert world.changes([Sent(ANN, 1), Sent(BEN, 1)]) == [Change.UNCHANGED] * 2


def test_a_run_that_had_nothing_to_say_leaves_a_ledger(world):
    committed = world.writer().commit()

    assert committed.number == 1
    assert world.store().snapshot().is_empty


def test_a_log_that_cannot_be_written_is_tried_again(tmp_path):
    class Full(LocalStorage):
        is_full = False

        def write(self, name: str, content: bytes) -> None:
            if self.is_full:
                raise LedgerError("The ledger's file cannot be written (No space left on device): check its storage.")
            super().write(name, content)

    world = World(storage := Full(tmp_path))
    writer = world.writer()
    writer.record(Outcome.ACCEPTED, [Sent(ANN, 1)])
    storage.is_full = True
    with pytest.raises(LedgerError, match="No space left"):
        writer.flush()
    storage.is_full = False
    writer.commit()

    assert world.changes([Sent(ANN, 1)]) == [Change.UNCHANGED]
    world.close()


def test_a_folder_that_cannot_be_written_shows_before_the_first_call(tmp_path):
    (tmp_path / "ledger").write_text("a file")

    with pytest.raises(LedgerError, match="cannot be written"):
        World(tmp_path / "ledger").writer()


def test_what_is_adopted_is_accepted_without_a_call(world):
    entries = np.zeros(2, LAYOUT.dtype)
    entries["key"], entries["payload"], entries["once"] = [ANN, BEN], [1, 2], [1, 0]
    writer = world.writer()
    writer.adopt(entries)
    writer.commit()

    assert world.changes([Sent(ANN, 1, once=1), Sent(BEN, 2)]) == [Change.UNCHANGED] * 2
    assert world.changes([Sent(BEN, 2, once=1)]) == [Change.CHANGED]
    store = world.store()
    store.snapshot()
    assert "adopted" in duck(world)


def duck(world: World) -> str:
    import duckdb

    return str(duckdb.sql(f"select code from '{world.storage._folder}/base/*/*.parquet'").fetchall())


def test_a_ledger_with_many_logs_is_compacted_by_the_commit(world):
    world.record(*(Sent(ANN + number, 1) for number in range(2_000)))
    writer = world.writer()
    for number in range(MOST_LOGS + 1):
        writer.record(Outcome.ACCEPTED, [Sent(BEN + number, 1)])
        writer.flush()

    waits = writer.commit(compacting=False)
    assert len(waits.logs) == MOST_LOGS + 1
    committed = writer.commit()

    assert (len(committed.logs), committed.base_rows) == (0, 2_000 + MOST_LOGS + 1)


@pytest.mark.parametrize(
    "run", ["manual__2026-01-01T00:00:00+00:00", "../../etc", "a" * 300, "ünïcödé / run", "", "..", "a\\b"]
)
def test_any_run_has_a_folder_of_its_own_within_the_ledger(world, run):
    writer = world.writer(run or " ", part="2-0")
    writer.record(Outcome.ACCEPTED, [Sent(ANN, 1)])
    writer.flush()

    assert re.fullmatch(r"log/[\w.-]{1,100}/2-0-000000-[0-9a-f]{8}\.parquet", logs(world)[0], re.ASCII)


def test_runs_whose_names_differ_in_other_characters_only_have_different_folders():
    assert recording._folder("a:b") != recording._folder("a+b")


def test_two_tries_of_one_run_write_different_files(world):
    for _ in range(2):
        writer = world.writer("the run")
        writer.record(Outcome.ACCEPTED, [Sent(ANN, 1)])
        writer.flush()

    assert len(logs(world)) == 2
