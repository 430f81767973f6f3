"""The saved checkpoint: small, whole, and never taken for that of another import."""

from __future__ import annotations

import json
import random
from itertools import count
from pathlib import Path

import pyarrow as pa
import pytest
from airflow.sdk import ObjectStoragePath
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from upath import UPath

from airflow_provider_socialscrm.api.redaction import LONGEST_TEXT
from airflow_provider_socialscrm.importer.errors import CheckpointError, InputError
from airflow_provider_socialscrm.importer.options import DEFAULT_CONCURRENCY
from airflow_provider_socialscrm.importer.reasons import Bucket, Reason
from airflow_provider_socialscrm.importer.results.checkpoint import Checkpoint
from airflow_provider_socialscrm.importer.results.checkpoint_files import FileCheckpointStore
from airflow_provider_socialscrm.importer.results.checkpoint_stores import NoCheckpointStore
from airflow_provider_socialscrm.importer.results.report import MOST_REASONS, Report
from airflow_provider_socialscrm.importer.rows import Row
from airflow_provider_socialscrm.importer.rows_to_send import repeats
from airflow_provider_socialscrm.importer.sources.base import Batch
from tests.support.checkpoints import MemoryCheckpointStore

PLAN = {"target": ["https://crm.example", "1", "body", "agent_wang"], "columns": ["whatsApp", "friendName"]}
BATCH = Batch(0, pa.RecordBatch.from_pylist([{"whatsApp": "8619770000000"}]))


def row(order: int, name: str = "x", agent: str | None = "agent_wang") -> Row:
    return Row(order, json.dumps({"whatsApp": str(order), "friendName": name}).encode(), agent, BATCH, order)


def checkpoint_of(store, plan=PLAN) -> Checkpoint:
    checkpoint = Checkpoint(store, plan)
    checkpoint.load()
    return checkpoint


def many_reasons() -> Report:
    """Return the largest report: as many and as long reasons as possible, in each bucket of rows that are done."""
    report = Report()
    for number in range(100):
        for bucket in (Bucket.REJECTED, Bucket.UNKNOWN):
            reason = Reason(number, f"This code is in no table of the vendor's. ({'z' * LONGEST_TEXT})", "Ask." * 20)
            report.count(bucket, range(999_000, 999_999), reason)
    return report


@pytest.mark.thorough
def test_a_million_rows_done_out_of_order_within_the_open_chunks_stay_under_16_kib():
    chance = random.Random(1)  # noqa: S311 - a repeatable order, no secrets
    store, report = MemoryCheckpointStore(), many_reasons().state()
    checkpoint = checkpoint_of(store)
    chunks = iter(range(0, 1_000_000, 100))
    window: list[int] = []
    largest = 0
    for taken in count():
        window += [start for start in (next(chunks, None),) if start is not None]
        if len(window) == 2 * DEFAULT_CONCURRENCY or taken >= 10_000:
            start = window.pop(chance.randrange(len(window)))
            checkpoint.mark_done(row(order) for order in range(start, start + 100))
        if taken % 500 == 0 or not window:
            checkpoint.save(checkpoint.state(report))
            largest = max(largest, len(store.texts[-1]))
        if not window:
            break

    assert checkpoint.done_rows == 1_000_000
    assert json.loads(store.texts[-1])["done"] == [[0, 1_000_000]]
    assert largest < 16 * 1024
    assert len(many_reasons().done.refusals) <= MOST_REASONS + len(Bucket)


@given(
    done=st.lists(st.integers(0, 40), unique=True),
    doubted=st.lists(st.integers(0, 40), unique=True),
    resolved=st.lists(st.integers(0, 40), unique=True),
)
def test_a_later_try_knows_the_rows_that_are_done_or_in_doubt_and_that_they_are_the_same(done, doubted, resolved):
    store = MemoryCheckpointStore()
    before = checkpoint_of(store)
    before.mark_intended([row(order) for order in doubted])
    before.mark_intended([row(order) for order in doubted])
    before.mark_done([row(order) for order in done])
    before.mark_resolved([row(order) for order in resolved])
    before.save(before.state({"done": {}}))

    after = Checkpoint(store, PLAN)

    assert after.load()
    assert [order for order in range(50) if after.is_done(row(order))] == sorted(done)
    left = sorted(set(doubted) - set(done) - set(resolved))
    assert [order for order in range(50) if after.is_in_doubt(row(order))] == left
    assert after.end == max([*done, *left], default=-1) + 1
    assert after.matches(row(order) for order in range(50))
    assert after.report == {"done": {}}


@pytest.mark.parametrize(
    "changed",
    [
        [row(0), row(1, "y"), row(2)],
        [structs.replace(row(1), order=0), structs.replace(row(0), order=1), row(2)],
        [row(0), row(2)],
        [row(0), row(1, agent="agent_silva"), row(2)],
        [row(0), row(1, agent=None), row(2)],
        [row(0), row(1), row(2, "in doubt")],
        [],
    ],
    ids=["a value", "the order", "one is missing", "an agent", "no agent", "one in doubt", "nothing left"],
)
def test_rows_that_are_done_or_in_doubt_and_changed_do_not_match(changed):
    store = MemoryCheckpointStore()
    before = checkpoint_of(store)
    before.mark_done([row(0), row(1)])
    before.mark_intended([row(2)])
    before.save(before.state({}))

    assert checkpoint_of(store).matches([row(0), row(1), row(2), row(3, "not done")])
    assert not checkpoint_of(store).matches(changed)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"columns": ["whatsApp"]}, "columns or the target have"),
        ({"target": ["https://other.example"]}, "columns or the target have"),
        ({"version": 0}, "provider's version has"),
    ],
)
def test_state_of_another_plan_is_rejected_with_a_warning(caplog, change, what):
    store = MemoryCheckpointStore()
    written = checkpoint_of(store)
    written.save(written.state({}))

    assert not Checkpoint(store, PLAN | change).load()
    assert f"The {what} changed since the last try, so the task starts over." in caplog.text


def test_starting_over_forgets_everything():
    store = MemoryCheckpointStore()
    checkpoint = checkpoint_of(store)
    checkpoint.mark_done([row(0)])
    checkpoint.mark_intended([row(1)])
    checkpoint.save(checkpoint.state({}))

    checkpoint.start_over()

    assert (checkpoint.done_rows, checkpoint.end, checkpoint.report, store.load()) == (0, 0, {}, None)
    assert checkpoint.matches([row(0, "anything")])


@pytest.mark.parametrize("start", ["", "file://", "memory:/"], ids=["pathlib", "Airflow", "memory"])
def test_a_file_has_the_state_for_the_same_run_only(tmp_path, start):
    of_kind = {"": Path, "file://": ObjectStoragePath, "memory:/": UPath}[start]
    path = of_kind(f"{start}{tmp_path}/made/state.json")
    FileCheckpointStore(path, "dag/run/task/-1/2").save({"a": [1]})
    FileCheckpointStore(path, "dag/run/task/-1/2").save({"a": [1, 2]})

    assert FileCheckpointStore(path, "dag/run/task/-1/2").load() == {"a": [1, 2]}
    assert FileCheckpointStore(path, "dag/run/task/-1/3").load() is None  # the task was cleared
    for method in ("begin", "load"):
        with pytest.raises(InputError, match=r"state\.json has the checkpoint of another task \(dag/run/task/-1\), so"):
            getattr(FileCheckpointStore(path, "dag/other/task/-1/2"), method)()
    assert FileCheckpointStore(path, "dag/run/task/-1/2").load() == {"a": [1, 2]}
    assert [file.name for file in path.parent.iterdir()] == ["state.json"]


def test_a_file_that_starts_over_has_a_mere_trace_of_the_try(tmp_path):
    store = FileCheckpointStore(tmp_path / "state.json", "mine")
    store.save({})
    store.restart("started-over")
    store.restart("started-over")

    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]
    assert store.load() is None
    assert FileCheckpointStore(tmp_path / "state.json", "mine", 2, is_retry=True).begin() == "started-over"


@pytest.mark.parametrize("at", ["write_bytes", "replace"])
def test_a_kill_while_the_state_is_written_leaves_the_one_before(tmp_path, monkeypatch, at):
    store = FileCheckpointStore(tmp_path / "state.json", "mine")
    store.save({"try": 1})

    def die(path, *_arguments):
        if at == "write_bytes":
            with path.open("wb") as file:
                file.write(b'{"identity": "mi')
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, at, die)
        with pytest.raises(KeyboardInterrupt):
            store.save({"try": 2})

    assert store.load() == {"try": 1}
    store.save({"try": 3})
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


class Forbidden:
    """A path whose folder, or whose file, the worker may not read."""

    def __init__(self, *, folder: bool) -> None:
        self.folder = folder

    def exists(self):
        if self.folder:
            raise PermissionError(13, "Permission denied")
        return True

    def open(self, _mode):
        raise PermissionError(13, "Permission denied")

    def __str__(self) -> str:
        return "/forbidden/state.json"


@pytest.mark.parametrize("folder", [True, False])
def test_a_file_that_may_not_be_read_is_never_taken_for_no_file(folder):
    with pytest.raises(CheckpointError, match=r"checkpoint_path /forbidden/state\.json cannot be read"):
        FileCheckpointStore(Forbidden(folder=folder), "mine").load()


def test_a_folder_in_place_of_the_file_is_never_taken_for_no_file(tmp_path):
    with pytest.raises(CheckpointError, match="IsADirectoryError"):
        FileCheckpointStore(tmp_path, "mine").load()


def test_a_file_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    store = FileCheckpointStore(tmp_path / "file" / "state.json", "mine")

    with pytest.raises(CheckpointError, match=r"checkpoint_path .*state\.json cannot be written"):
        store.save({"a": 1})


def test_no_store_saves_nothing():
    store = NoCheckpointStore()
    store.save({"a": 1})
    store.restart(None)

    assert store.load() is None


@pytest.mark.parametrize(
    ("is_claimed", "counts_calls", "unsaved"),
    [(True, True, 3), (True, False, None), (False, True, 0), (False, False, 0)],
)
def test_calls_that_an_earlier_try_did_not_save_are_known_by_their_number_or_not_at_all(
    is_claimed, counts_calls, unsaved
):
    store = MemoryCheckpointStore(counts_calls=counts_calls)
    store.is_claimed, store.calls = is_claimed, 5
    checkpoint, report = Checkpoint(store, {}), Report()
    checkpoint.begin()
    report.count_calls(sent=2)

    assert checkpoint.unsaved_calls(report) == unsaved


def test_each_kill_is_counted_though_the_next_try_is_killed_before_it_saves_a_row():
    store = MemoryCheckpointStore(counts_calls=False)
    store.save(Checkpoint(store, PLAN).state(Report().state()))

    for kills in range(4):
        checkpoint = Checkpoint(store, PLAN)
        checkpoint.begin()
        assert checkpoint.load()
        report = checkpoint.resumed_report()
        checkpoint.complete_calls(report)
        assert report.calls.unsaved_ends == kills


@pytest.mark.parametrize(
    ("calls", "said"),
    [(0, ""), (1, ". The rows of 1 call that"), (3, ". The rows of 3 calls that"), (None, ". The rows of calls that")],
)
def test_a_retry_says_what_it_may_send_a_second_time(calls, said):
    assert repeats(calls).startswith(said)
    assert bool(repeats(calls)) == (calls != 0)
