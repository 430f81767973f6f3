"""A recorded row is in the report, the dead letter and the checkpoint."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from airflow_provider_socialscrm.importer.reasons import Bucket, Reason
from airflow_provider_socialscrm.importer.results.checkpoint import Checkpoint
from airflow_provider_socialscrm.importer.results.checkpoint_writer import CheckpointWriter
from airflow_provider_socialscrm.importer.results.dead_letter import DeadLetter
from airflow_provider_socialscrm.importer.results.recorder import Recorder
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.rows import InvalidRow, PreparedBatch, Row, SupersededRow
from airflow_provider_socialscrm.importer.sources.base import Batch
from tests.support.checkpoints import MemoryCheckpointStore

BATCH = Batch(0, pa.RecordBatch.from_pydict({"whatsApp": ["8619000000000", "8619000000001"]}))
ROWS = [Row(position, b'{"whatsApp":"8699"}', None, BATCH, position) for position in range(2)]
REASON = Reason(531, "No such agent.", "Fix it.")


class World:
    """A recorder and all that it writes to."""

    def __init__(self, dead_letter: DeadLetter | None = None) -> None:
        self.store, self.report = MemoryCheckpointStore(), Report()
        self.checkpoint = Checkpoint(self.store, {})
        self.writer = CheckpointWriter(self.checkpoint, self.report, dead_letter, elapsed=lambda: 0.0, interval=1e9)
        self.recorder = Recorder(self.report, self.checkpoint, self.writer, dead_letter=dead_letter)


def test_rows_without_a_call_of_their_own_are_saved_with_the_next_save():
    world = World()

    world.recorder.record(Bucket.REJECTED, ROWS, REASON)
    world.writer.save_now()

    assert [state["done"] for state in world.store.states] == [[[0, 2]]]


def test_nothing_is_saved_where_nothing_happened():
    world = World()

    world.recorder.record(Bucket.ACCEPTED, [])
    world.recorder.record_for_this_try(Bucket.NOT_SENT, ROWS, REASON)
    world.recorder.mark_resolved(ROWS)
    world.writer.save_if_due()
    world.writer.save_now()

    assert world.store.states == []


def test_an_intent_is_saved_before_the_method_returns():
    world = World()

    world.recorder.mark_intended(ROWS[:1])

    assert [(state["in_doubt"], state["done"]) for state in world.store.states] == [([[0, 1]], [])]


@pytest.mark.parametrize("outcome", ["done", "not taken"])
def test_the_outcome_of_a_row_in_doubt_does_not_wait_for_the_interval(outcome):
    world = World()
    world.recorder.mark_intended(ROWS[:1])

    if outcome == "done":
        world.recorder.record(Bucket.ACCEPTED, ROWS)
    else:
        world.recorder.mark_resolved(ROWS)
    world.writer.save_if_due()
    world.writer.save_now()

    assert [state["in_doubt"] for state in world.store.states] == [[[0, 1]], []]


def test_other_outcomes_wait_for_the_interval():
    world = World()
    world.recorder.record(Bucket.ACCEPTED, ROWS[:1])
    world.writer.save_now()

    world.recorder.record(Bucket.ACCEPTED, ROWS[1:])
    world.writer.save_if_due()

    assert [state["done"] for state in world.store.states] == [[[0, 1]]]


def test_calls_seconds_and_the_clock_offset_are_counted_in_the_report():
    world = World()

    world.recorder.count_calls(sent=2, retries=1)
    world.recorder.count_calls(sent=1)
    world.recorder.add_seconds(pacing=0.5)
    world.recorder.record_clock_offset(-3.0)

    manifest = world.report.manifest()
    assert (manifest["calls"]["sent"], manifest["calls"]["retries"]) == (3, 1)
    assert (manifest["seconds"]["pacing"], manifest["clock_offset_seconds"]) == (0.5, -3.0)


def test_rows_that_are_not_sent_are_in_the_report_and_the_dead_letter_and_not_in_the_checkpoint(tmp_path: Path):
    path = tmp_path / "rejects.jsonl"
    prepared = PreparedBatch(BATCH, 3, [], [InvalidRow(0, (REASON,))], [SupersededRow(1, 0)], blank=[2])

    with DeadLetter(path, ["whatsApp"], lambda _: False) as dead_letter:
        world = World(dead_letter)
        world.recorder.record_unsent(prepared)

    counts = {bucket: rows for bucket in Bucket if (rows := world.report.rows_in(bucket))}
    assert counts == {Bucket.INVALID: 1, Bucket.DUPLICATE: 1, Bucket.BLANK: 1}
    assert path.read_text(encoding="utf-8").count("\n") == 2
    assert world.checkpoint.done_rows == 0


def test_a_row_that_an_earlier_try_may_have_sent_is_unknown_and_not_unsent():
    first, second = World(), World()
    with first.writer:
        first.recorder.record_for_this_try(Bucket.UNKNOWN, ROWS[1:], REASON, 1)
    second.store.save(first.store.states[-1])
    assert second.checkpoint.load()
    with second.writer:
        second.recorder.record_for_this_try(Bucket.NOT_SENT, ROWS, REASON)
    assert [second.report.rows_in(bucket) for bucket in (Bucket.UNKNOWN, Bucket.NOT_SENT)] == [1, 1]
