from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.reasons import NOT_IN_RESPONSE
from airflow_provider_socialscrm.importer.rows import Row
from airflow_provider_socialscrm.importer.sending.chunks import Chunk
from airflow_provider_socialscrm.importer.sending.queue import ChunkQueue, PendingChunk
from airflow_provider_socialscrm.importer.sources.base import Batch

BATCH = Batch(0, pa.RecordBatch.from_pydict({"whatsApp": ["8613800000000"]}))


def chunk(rows: int = 4, agent: str | None = None) -> Chunk:
    return Chunk(tuple(Row(place, b"{}", agent, BATCH, place) for place in range(rows)), agent)


def test_a_pending_chunk_knows_what_was_tried_with_it():
    pending = PendingChunk(chunk(agent="agent_wang"), origin=7)
    pending.start(100.0)
    pending.re_signed += 1
    pending.start(103.0)
    attempt = pending.attempt(110.0, repeatable=False, budget=5.0)
    assert (attempt.attempts, attempt.re_signed, attempt.elapsed, attempt.rows) == (2, 1, 10.0, 4)
    assert (attempt.repeatable, attempt.agent_from_row, attempt.budget) == (False, True, 5.0)


def test_a_part_of_a_chunk_starts_anew_but_remembers_the_calls_that_carried_its_rows():
    pending = PendingChunk(chunk(), origin=7)
    pending.start(100.0)
    assert not pending.is_fragment
    part = pending.part(chunk(2))
    assert (part.origin, part.calls, part.attempts, part.first_sent, part.is_fragment) == (7, 1, 0, None, True)
    part.start(105.0)
    assert (part.calls, part.attempts, part.first_sent, part.is_fragment) == (2, 1, 105.0, True)
    assert pending.part(chunk(1), asked_again=True).asked_again


def test_a_chunk_that_is_not_due_is_not_taken():
    queue = ChunkQueue()
    assert queue.due_in(0.0) is None
    assert queue.take(0.0) is None
    queue.put(PendingChunk(chunk(), 1), due=10.0)
    assert queue.take(9.0) is None
    assert queue.due_in(9.0) == 1.0
    taken = queue.take(10.0)
    assert taken is not None
    assert taken.origin == 1
    assert len(queue) == 0


def test_what_is_overdue_is_due_now_and_not_before():
    queue = ChunkQueue()
    queue.put(PendingChunk(chunk(), 1), due=10.0)
    assert queue.due_in(20.0) == 0.0


@given(st.lists(st.integers(0, 5)))
def test_chunks_are_taken_by_due_time_and_those_of_one_time_in_the_order_they_came(dues):
    queue, drained = ChunkQueue(), ChunkQueue()
    for origin, due in enumerate(dues):
        queue.put(PendingChunk(chunk(), origin), float(due))
        drained.put(PendingChunk(chunk(), origin), float(due))
    expected = [root for _, root in sorted((due, origin) for origin, due in enumerate(dues))]
    assert len(queue) == len(dues)
    assert [pending.origin for _ in dues if (pending := queue.take(5.0))] == expected
    assert [pending.origin for pending in drained.drain()] == expected
    assert len(drained) == 0


def test_a_doubt_stays_with_the_rows_through_parts_and_what_is_left_of_them():
    pending = PendingChunk(chunk(), origin=7)
    assert pending.part(chunk(2)).doubt is None
    pending.doubt = NOT_IN_RESPONSE
    part = pending.part(chunk(2))
    assert [each.doubt for each in (part, part.narrowed_to(chunk(1)), part.part(chunk(1)))] == [NOT_IN_RESPONSE] * 3
