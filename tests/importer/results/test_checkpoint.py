"""What is kept between tries: small, whole, and never taken for another import's."""

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
from upath import UPath

from airflow_provider_socialscrm.api.client import Client
from airflow_provider_socialscrm.api.redaction import LONGEST_TEXT
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.importer.errors import CheckpointError
from airflow_provider_socialscrm.importer.options import DEFAULT_CONCURRENCY, Options
from airflow_provider_socialscrm.importer.reasons import Bucket, Reason
from airflow_provider_socialscrm.importer.results.checkpoint import FileCheckpointStore, NoCheckpointStore, Progress
from airflow_provider_socialscrm.importer.results.report import MOST_REASONS, Report
from airflow_provider_socialscrm.importer.rows import Row
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sources.base import Batch
from airflow_provider_socialscrm.importer.sources.open_source import open_source

PLAN = {"target": ["https://crm.example", "1", "body", "agent_wang"], "columns": ["whatsApp", "friendName"]}
BATCH = Batch(0, pa.RecordBatch.from_pylist([{"whatsApp": "8699770000000"}]))


class Kept:
    """A checkpoint that keeps each state as JSON."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)

    def load(self):
        return json.loads(self.texts[-1]) if self.texts else None

    def save(self, state):
        self.texts.append(json.dumps(state))

    def clear(self):
        self.texts.clear()


def row(order: int, name: str = "x", agent: str | None = "agent_wang") -> Row:
    return Row(order, json.dumps({"whatsApp": str(order), "friendName": name}).encode(), agent, BATCH, order)


def progress_of(checkpoint, plan=PLAN) -> Progress:
    progress = Progress(checkpoint, plan)
    progress.load()
    return progress


def many_causes() -> Report:
    """Return the largest report there is: causes as many and as long as they get, in each bucket that is settled."""
    report = Report()
    for number in range(100):
        for bucket in (Bucket.REJECTED, Bucket.UNKNOWN):
            reason = Reason(number, f"This code is in no table of the vendor's. ({'z' * LONGEST_TEXT})", "Ask." * 20)
            report.settle(bucket, range(999_000, 999_999), reason)
    return report


def test_a_million_rows_settled_out_of_order_within_the_open_chunks_stay_under_16_kib():
    chance = random.Random(1)  # noqa: S311 - a repeatable order, no secrets
    kept, report = Kept(), many_causes().state()
    progress = progress_of(kept)
    chunks = iter(range(0, 1_000_000, 100))
    window: list[int] = []
    largest = 0
    for taken in count():
        window += [start for start in (next(chunks, None),) if start is not None]
        if len(window) == 2 * DEFAULT_CONCURRENCY or taken >= 10_000:
            start = window.pop(chance.randrange(len(window)))
            progress.settle(row(order) for order in range(start, start + 100))
        if taken % 500 == 0 or not window:
            progress.keep(progress.state(report))
            largest = max(largest, len(kept.texts[-1]))
        if not window:
            break

    assert progress.resumed_rows == 1_000_000
    assert json.loads(kept.texts[-1])["settled"] == [[0, 1_000_000]]
    assert largest < 16 * 1024
    assert len(many_causes().settled.refusals) <= MOST_REASONS + len(Bucket)


def test_rows_that_cannot_be_sent_leave_no_gaps_in_what_is_settled(socialscrm_sandbox):
    socialscrm_sandbox.configure(calls_per_second=100_000)
    rows = [{"whatsApp": f"86997700{n:05}" if n % 3 else "none", "agentAccount": f"a{n % 2}"} for n in range(25_000)]
    kept = Kept()
    settings = Settings(socialscrm_sandbox.url, "1", "wrong-key", "agent_wang")
    run = Import(open_source(pa.Table.from_pylist(rows)), Client(settings), Options(), None, kept)

    run._input.read()
    places = [row.order for prepared in run._input.prepared_batches() for row in prepared.rows]

    assert places == list(range(sum(n % 3 > 0 for n in range(25_000))))


@given(
    settled=st.lists(st.integers(0, 40), unique=True),
    doubted=st.lists(st.integers(0, 40), unique=True),
    resolved=st.lists(st.integers(0, 40), unique=True),
)
def test_a_later_try_knows_what_was_settled_or_in_doubt_and_that_the_rows_are_the_same(settled, doubted, resolved):
    kept = Kept()
    before = progress_of(kept)
    before.intend([row(order) for order in doubted])
    before.intend([row(order) for order in doubted])
    before.settle([row(order) for order in settled])
    before.resolve([row(order) for order in resolved])
    before.keep(before.state({"settled": {}}))

    after = Progress(kept, PLAN)

    assert after.load()
    assert [order for order in range(50) if after.is_settled(row(order))] == sorted(settled)
    left = sorted(set(doubted) - set(settled) - set(resolved))
    assert [order for order in range(50) if after.is_in_doubt(row(order))] == left
    assert after.end == max([*settled, *left], default=-1) + 1
    assert after.matches(row(order) for order in range(50))
    assert after.report == {"settled": {}}


@pytest.mark.parametrize(
    "changed",
    [
        [row(0), row(1, "y"), row(2)],
        [row(1)._replace(order=0), row(0)._replace(order=1), row(2)],
        [row(0), row(2)],
        [row(0), row(1, agent="agent_silva"), row(2)],
        [row(0), row(1, agent=None), row(2)],
        [row(0), row(1), row(2, "in doubt")],
        [],
    ],
    ids=["a value", "the order", "one is missing", "an agent", "no agent", "one in doubt", "nothing left"],
)
def test_rows_that_were_settled_or_in_doubt_and_changed_do_not_match(changed):
    kept = Kept()
    before = progress_of(kept)
    before.settle([row(0), row(1)])
    before.intend([row(2)])
    before.keep(before.state({}))

    assert progress_of(kept).matches([row(0), row(1), row(2), row(3, "not settled")])
    assert not progress_of(kept).matches(changed)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"columns": ["whatsApp"]}, "columns or the target"),
        ({"target": ["https://other.example"]}, "columns or the target"),
        ({"version": 0}, "provider's version"),
    ],
)
def test_state_of_another_plan_is_refused_with_a_warning(caplog, change, what):
    kept = Kept()
    written = progress_of(kept)
    written.keep(written.state({}))

    assert not Progress(kept, PLAN | change).load()
    assert f"The {what} changed since the last try: the import starts over." in caplog.text


def test_starting_over_forgets_everything():
    kept = Kept()
    progress = progress_of(kept)
    progress.settle([row(0)])
    progress.intend([row(1)])
    progress.keep(progress.state({}))

    progress.start_over()

    assert (progress.resumed_rows, progress.end, progress.report, kept.load()) == (0, 0, {}, None)
    assert progress.matches([row(0, "anything")])


@pytest.mark.parametrize("start", ["", "file://", "memory:/"], ids=["pathlib", "Airflow", "memory"])
def test_a_file_keeps_the_state_for_the_same_run_only(tmp_path, start):
    of_kind = {"": Path, "file://": ObjectStoragePath, "memory:/": UPath}[start]
    path = of_kind(f"{start}{tmp_path}/made/state.json")
    FileCheckpointStore(path, "dag/run/task/-1/2").save({"a": [1]})
    FileCheckpointStore(path, "dag/run/task/-1/2").save({"a": [1, 2]})

    assert FileCheckpointStore(path, "dag/run/task/-1/2").load() == {"a": [1, 2]}
    assert FileCheckpointStore(path, "dag/run/task/-1/3").load() is None  # the task was cleared
    assert FileCheckpointStore(path, "dag/other/task/-1/2").load() is None
    assert [file.name for file in path.parent.iterdir()] == ["state.json"]


def test_a_file_that_was_cleared_is_gone_and_clearing_it_again_does_no_harm(tmp_path):
    checkpoint = FileCheckpointStore(tmp_path / "state.json", "mine")
    checkpoint.save({})
    checkpoint.clear()
    checkpoint.clear()

    assert list(tmp_path.iterdir()) == []
    assert checkpoint.load() is None


@pytest.mark.parametrize("at", ["write_bytes", "replace"])
def test_a_kill_while_the_state_is_written_leaves_the_one_before(tmp_path, monkeypatch, at):
    checkpoint = FileCheckpointStore(tmp_path / "state.json", "mine")
    checkpoint.save({"try": 1})

    def die(path, *_arguments):
        if at == "write_bytes":
            with path.open("wb") as file:
                file.write(b'{"identity": "mi')
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, at, die)
        with pytest.raises(KeyboardInterrupt):
            checkpoint.save({"try": 2})

    assert checkpoint.load() == {"try": 1}
    checkpoint.save({"try": 3})
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
    checkpoint = FileCheckpointStore(tmp_path / "file" / "state.json", "mine")

    with pytest.raises(CheckpointError, match=r"checkpoint_path .*state\.json cannot be written"):
        checkpoint.save({"a": 1})


def test_no_checkpoint_keeps_nothing():
    checkpoint = NoCheckpointStore()
    checkpoint.save({"a": 1})
    checkpoint.clear()

    assert checkpoint.load() is None
