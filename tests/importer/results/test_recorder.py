from __future__ import annotations

from typing import Any

import pyarrow as pa

from airflow_provider_socialscrm.importer.reasons import Bucket, Reason
from airflow_provider_socialscrm.importer.results.checkpoint import NoCheckpointStore, Progress
from airflow_provider_socialscrm.importer.results.recorder import Recorder
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.rows import Row
from airflow_provider_socialscrm.importer.sources.base import Batch


class Kept(NoCheckpointStore):
    """Keeps every state it is given, in order."""

    def __init__(self) -> None:
        self.states: list[dict[str, Any]] = []

    def save(self, state: dict[str, Any]) -> None:
        self.states.append(state)


BATCH = Batch(0, pa.RecordBatch.from_pydict({"whatsApp": ["8699000000000", "8699000000001"]}))
ROWS = [Row(position, b'{"whatsApp":"8699"}', None, BATCH, position) for position in range(2)]
CAUSE = Reason(531, "No such agent.", "Mend it.")


def test_rows_settled_without_a_call_of_their_own_are_kept_with_the_next_save():
    kept = Kept()
    recorder = Recorder(Report(), Progress(kept, {}))

    recorder.record(Bucket.REJECTED, ROWS, CAUSE)
    recorder.save()

    assert [state["settled"] for state in kept.states] == [[[0, 2]]]


def test_nothing_is_saved_where_nothing_happened():
    kept = Kept()
    recorder = Recorder(Report(), Progress(kept, {}))

    recorder.record(Bucket.ACCEPTED, [])
    recorder.record_for_this_try(Bucket.NOT_SENT, ROWS, CAUSE)
    recorder.save()
    recorder.wait()

    assert kept.states == []
