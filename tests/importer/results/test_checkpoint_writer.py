"""The checkpoint is saved once an interval, never twice at a time, and completely in the end."""

from __future__ import annotations

import threading
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from airflow_provider_socialscrm.importer.errors import CheckpointError
from airflow_provider_socialscrm.importer.reasons import Bucket, Reason
from airflow_provider_socialscrm.importer.results.checkpoint import Checkpoint
from airflow_provider_socialscrm.importer.results.checkpoint_writer import CheckpointWriter
from airflow_provider_socialscrm.importer.results.dead_letter import DeadLetter
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.rows import Row
from airflow_provider_socialscrm.importer.sources.base import Batch
from tests.support.checkpoints import MemoryCheckpointStore

INTERVAL = 1.0
BATCH = Batch(0, pa.RecordBatch.from_pydict({"whatsApp": ["8619000000000"] * 10}))
ROWS = [Row(position, b'{"whatsApp":"8699"}', None, BATCH, position) for position in range(10)]


class Store(MemoryCheckpointStore):
    """Has every state that it was given; can fail, or wait for the test."""

    def __init__(self) -> None:
        super().__init__(self._wait_or_fail)
        self.failure: Exception | None = None
        self.may_end = threading.Event()
        self.may_end.set()

    def _wait_or_fail(self, _state: dict[str, Any]) -> None:
        assert self.may_end.wait(30)
        if self.failure:
            raise self.failure

    @property
    def done(self) -> list[int]:
        """How many rows each state has."""
        return [sum(end - start for start, end in state["done"]) for state in self.states]


class World:
    """A writer with a clock that the test sets."""

    def __init__(self, dead_letter: DeadLetter | None = None) -> None:
        self.now = 100.0
        self.store, self.report = Store(), Report()
        self.checkpoint = Checkpoint(self.store, {})
        self.writer = CheckpointWriter(
            self.checkpoint,
            self.report,
            dead_letter,
            elapsed=lambda: self.now - 100.0,
            now=lambda: self.now,
            interval=INTERVAL,
        )

    def record(self, *rows: int) -> None:
        self.checkpoint.mark_done(ROWS[place] for place in rows)
        self.writer.mark_changed()

    def save_if_due(self) -> None:
        """Start a save if it is time, and wait for its end."""
        self.writer.save_if_due()
        wait(self.writer.running)


def test_the_first_change_is_saved_at_once_and_the_others_once_an_interval():
    world = World()
    with world.writer:
        for place in range(10):  # at 100.0, 100.4, ... 103.6
            world.record(place)
            world.save_if_due()
            world.now += 0.4

    assert world.store.done == [1, 4, 7, 10]


def test_without_a_change_nothing_is_saved():
    world = World()
    with world.writer:
        world.now += 10
        world.save_if_due()
        assert world.writer.due_in() is None

    assert world.store.states == []


def test_it_says_when_a_save_is_due():
    world = World()
    with world.writer:
        world.record(0)
        assert world.writer.due_in() == 0.0
        world.save_if_due()
        world.now += 0.25
        world.save_if_due()  # takes note of the end of the first
        world.record(1)
        assert world.writer.due_in() == 0.75
        world.writer.mark_changed(at_once=True)
        assert world.writer.due_in() == 0.0


def test_while_a_slow_save_runs_no_other_one_starts_and_the_next_has_all_changes_since():
    world = World()
    with world.writer:
        world.store.may_end.clear()
        world.record(0)
        world.writer.save_if_due()
        for place in range(1, 9):
            world.now += INTERVAL
            world.record(place)
            world.writer.save_if_due()
            assert world.writer.due_in() is None
        assert len(world.writer.running) == 1
        world.store.may_end.set()
        wait(world.writer.running)
        world.save_if_due()

    assert world.store.done == [1, 9]


def test_save_now_waits_until_the_store_has_it():
    world = World()
    with world.writer:
        world.record(0)
        world.writer.save_now()
        world.record(1)
        world.writer.save_now()
        assert world.store.done == [1, 2]


def test_leaving_the_block_saves_the_rest():
    world = World()
    with world.writer:
        world.record(0)
        world.save_if_due()
        world.record(1)
    assert world.store.done == [1, 2]


def test_after_an_error_the_save_that_runs_ends_and_no_more_rows_are_saved():
    world = World()

    def fail() -> None:
        with world.writer:
            world.record(0)
            world.save_if_due()
            world.record(1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert world.store.done == [1]  # the error may have come between two steps of recording a row


def test_a_failed_save_is_raised_by_the_next_method_and_not_tried_again():
    world = World()
    world.store.failure = CheckpointError("no space left")
    with world.writer:
        world.record(0)
        world.save_if_due()
        world.record(1)
        with pytest.raises(CheckpointError, match="no space left"):
            world.writer.save_if_due()

    assert world.store.done == [1]


def test_a_failure_of_the_last_save_is_raised():
    world = World()
    world.store.failure = CheckpointError("no space left")
    with pytest.raises(CheckpointError, match="no space left"), world.writer:
        world.record(0)

    assert world.store.done == [1]


def test_a_complete_import_is_saved_once_with_all_counts():
    world = World()
    with world.writer:
        world.record(0)
        world.report.count(Bucket.ACCEPTED, [0])
        world.report.count(Bucket.BLANK, [1], for_good=False)
        world.now += 5
        world.writer.save_complete()

    (state,) = world.store.states
    assert state["complete"]
    assert state["report"]["done"]["buckets"] == {"accepted": 1, "blank": 1}
    assert state["report"]["seconds"]["total"] == 5.0


def test_the_dead_letter_is_written_before_the_checkpoint_that_counts_its_rows(tmp_path: Path):
    path, reason = tmp_path / "rejects.csv", Reason(531, "No such agent.", "Fix it.")
    with DeadLetter(path, ["whatsApp"], lambda _: False) as dead_letter:
        world = World(dead_letter)
        written = []
        save = world.store.save

        def compare(state: dict[str, Any]) -> None:
            parts = (tmp_path / "rejects.csv.parts").glob("*")
            written.append(sum(part.read_bytes().count(b"\n") for part in parts))
            save(state)

        world.store.save = compare
        with world.writer:
            for place in range(3):
                dead_letter.add(BATCH, place, Bucket.REJECTED, reason, order=place)
                world.record(place)
                world.save_if_due()
                world.now += INTERVAL

    assert written == world.store.done == [1, 2, 3]
