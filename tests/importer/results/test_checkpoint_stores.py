"""One try at a time owns a checkpoint, whatever is in it, and a try that went before is never overlooked."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_socialscrm.importer.errors import CheckpointError, InputError, SupersededError
from airflow_provider_socialscrm.importer.reasons import Bucket, Reason
from airflow_provider_socialscrm.importer.results.checkpoint import STATE_VERSION, Checkpoint
from airflow_provider_socialscrm.importer.results.checkpoint_files import FileCheckpointStore
from airflow_provider_socialscrm.importer.results.checkpoint_stores import NoCheckpointStore
from airflow_provider_socialscrm.importer.results.intervals import Intervals
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.runtime.task_state import KEY, TaskStateCheckpointStore
from tests.support.airflow import FakeTaskStateStore
from tests.support.checkpoints import MemoryCheckpointStore

IMPORT = "dag/run/task/-1/2"
PLAN = {"target": ["https://crm.example"], "columns": ["whatsApp"]}


class Stores:
    """Makes stores of the tries of one task, in a file or in Airflow's task state."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.task_state = FakeTaskStateStore()

    def of_try(self, number: int, identity: str = IMPORT) -> Any:
        is_retry = number > 1
        if self.folder:
            return FileCheckpointStore(self.folder / "state.json", identity, number, is_retry=is_retry)
        return TaskStateCheckpointStore(self.task_state, identity, number, is_retry=is_retry)

    def begun(self, number: int, identity: str = IMPORT) -> Any:
        store = self.of_try(number, identity)
        store.begin()
        store.claim()
        return store

    def put(self, content: Any) -> None:
        """Let the place of the state hold something."""
        if self.folder:
            (self.folder / "state.json").write_text(json.dumps(content), encoding="utf-8")
        else:
            self.task_state.values[KEY] = content

    @property
    def places(self) -> list[str]:
        if self.folder:
            return sorted(path.name for path in self.folder.iterdir())
        return sorted(self.task_state.values)


@pytest.fixture(params=["file", "task state"])
def stores(request, tmp_path) -> Stores:
    return Stores(tmp_path if request.param == "file" else None)


def test_a_retry_that_finds_the_trace_of_an_earlier_try_knows_that_nothing_was_sent(stores):
    assert stores.of_try(1).begin() is None
    assert stores.of_try(2).load() is None
    assert stores.of_try(2).begin() is None


def test_a_retry_without_any_trace_holds_rows_with_side_effects_and_so_do_the_tries_after_it(stores):
    assert stores.of_try(2).begin() == "no-checkpoint"
    assert stores.of_try(3).begin() == "no-checkpoint"
    assert stores.of_try(3).load() is None


@pytest.mark.parametrize("is_retry", [True, False])
def test_a_retry_without_a_store_holds_rows_with_side_effects(is_retry):
    assert NoCheckpointStore(is_retry=is_retry).begin() == ("no-checkpoint" if is_retry else None)


def test_a_task_that_was_cleared_starts_over_and_needs_no_trace(stores):
    stores.begun(1).save({"a": 1})
    cleared = stores.of_try(2, "dag/run/task/-1/3")
    cleared._is_retry = False

    assert (cleared.load(), cleared.begin(), cleared.load()) == (None, None, None)


def test_a_try_that_a_newer_one_replaced_saves_nothing_more(stores):
    older = stores.begun(1)
    older.save({"of": 1})
    newer = stores.begun(2)

    assert newer.load() == {"of": 1}
    with pytest.raises(SupersededError, match=r"Another try of this task has begun .* this one, try 1, stops"):
        older.save({"of": 1, "more": True})
    newer.save({"of": 2})
    older.release(is_saved=True)
    newer.save({"of": 2, "more": True})
    assert stores.of_try(3).load() == {"of": 2, "more": True}


def test_a_try_that_ended_is_the_end_of_those_before_it_too(stores):
    older, newer = stores.begun(1), stores.begun(2)
    newer.save({"of": 2})
    newer.release(is_saved=True)

    with pytest.raises(SupersededError):
        older.save({"of": 1})
    assert stores.of_try(3).load() == {"of": 2}


def test_a_try_that_starts_late_leaves_the_checkpoint_to_the_newer_one(stores):
    late = stores.of_try(1)
    late.begin()
    newer = stores.begun(2)
    with pytest.raises(SupersededError, match="Try 2 of this task has begun"):
        late.claim()
    newer.save({"of": 2})
    with pytest.raises(SupersededError, match="Try 2 of this task has begun"):
        stores.of_try(1).begin()
    assert stores.of_try(2).load() == {"of": 2}


@pytest.mark.parametrize("ends", [True, False])
def test_a_try_that_replaced_a_newer_ones_state_leaves_a_trace_that_holds_rows(stores, ends):
    older = stores.begun(1)
    write = older._write

    def write_late(place: Any, content: dict[str, Any]) -> None:
        if not newer:
            newer.append(stores.begun(2))
            newer[0].save({"of": 2})
            if ends:
                newer[0].release(is_saved=True)
        write(place, content)

    newer: list[Any] = []
    older._write = write_late
    with pytest.raises(SupersededError):
        older.save({"of": 1})

    assert (stores.of_try(3).load(), stores.of_try(3).begin()) == (None, "no-checkpoint")
    if not ends:
        newer[0].save({"of": 2, "more": True})
        assert (stores.of_try(3).load(), stores.of_try(3).begin()) == ({"of": 2, "more": True}, None)


def test_nothing_but_the_state_is_left_of_a_try_that_ended(stores):
    store = stores.begun(1)
    store.save({"a": 1})
    during = stores.places
    store.release(is_saved=True)
    store.release(is_saved=True)

    assert during == (["state.json", "state.json.owner"] if stores.folder else [KEY, f"{KEY}_owner"])
    assert stores.places == (["state.json"] if stores.folder else [KEY])


def test_a_try_that_was_killed_or_could_not_save_leaves_its_claim_and_on_a_local_disk_its_number_of_calls(stores):
    number = 3 if stores.folder else None
    for leave in (lambda _: None, lambda store: store.release(is_saved=False)):
        store = stores.begun(1)
        for calls in (1, 2, 3):
            store.count_calls(calls)
        leave(store)

        later = stores.of_try(2)
        later.begin()
        assert (later.claim(), later.counted_calls()) == (True, number)
        later.count_calls(4)
        later.release(is_saved=True)
        assert stores.places == (["state.json"] if stores.folder else [KEY])
        again = stores.of_try(2)
        again.begin()
        assert again.claim() is False
        again.release(is_saved=True)


def test_a_cleared_task_knows_nothing_of_the_calls_before(stores):
    stores.begun(1).count_calls(7)
    cleared = stores.of_try(2, "dag/run/task/-1/3")
    cleared._is_retry = False
    cleared.begin()

    assert cleared.claim() is False
    assert cleared.counted_calls() == (0 if stores.folder else None)


@pytest.mark.parametrize(
    "content", [b"", b"12", b"-000000000000001", b"000000000000000x", b"0" * 17, b"{}", b"\xff" * 16]
)
def test_a_number_of_calls_that_cannot_be_read_is_not_known(tmp_path, content):
    stores = Stores(tmp_path)
    stores.begun(1)
    (tmp_path / "state.json.calls").write_bytes(content)

    assert stores.of_try(2).counted_calls() is None


def test_the_number_of_calls_is_readable_by_its_owner_only_and_never_the_work_of_an_older_try(tmp_path):
    stores = Stores(tmp_path)
    older, newer = stores.begun(1), stores.begun(2)
    newer.count_calls(5)
    with pytest.raises(SupersededError):
        older.count_calls(1)
    older.release(is_saved=True)

    assert (tmp_path / "state.json.calls").stat().st_mode & 0o777 == 0o600
    assert stores.of_try(3).counted_calls() == 5


def test_a_number_of_calls_that_cannot_be_written_stops_the_import_in_one_sentence(tmp_path):
    store = Stores(tmp_path).begun(1)
    (tmp_path / "state.json.calls" / "taken").mkdir(parents=True)

    with pytest.raises(CheckpointError, match=r"state\.json cannot be written \(.*\), so the task stops\. "):
        store.count_calls(1)


def test_two_tries_never_write_to_the_same_new_file_and_the_next_one_deletes_what_a_kill_left(tmp_path, monkeypatch):
    stores, written = Stores(tmp_path), []
    tries = [stores.begun(1), stores.begun(1)]

    def die(path: Path, content: bytes) -> None:
        with path.open("wb") as file:
            file.write(content[:5])
        written.append(path.name)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", die)
        for store in tries:
            with pytest.raises(KeyboardInterrupt):
                store.restart(None)

    assert len(set(written)) == 2
    assert set(written) < set(stores.places)
    stores.begun(2)
    assert stores.places == ["state.json", "state.json.owner"]


@pytest.mark.parametrize("owner", [None, 5, [], {}, {"try": -1}, {"try": "x"}, {"try": 2**70}, [[[[]]]]])
def test_a_claim_that_cannot_be_read_is_replaced(stores, owner):
    store = stores.begun(1)
    store._write("owner", owner)

    newer = stores.begun(2)
    newer.save({"a": 1})

    with pytest.raises(SupersededError):
        store.save({"a": 2})
    assert stores.of_try(3).load() == {"a": 1}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=8,
)


def deep(levels: int) -> Any:
    value: Any = []
    for _ in range(levels):
        value = [value]
    return value


@example(content=None)
@example(content={})
@example(content=[])
@example(content={"identity": IMPORT})
@example(content={"identity": IMPORT, "state": 5})
@example(content={"identity": IMPORT, "state": []})
@example(content={"identity": 1, "state": {}})
@example(content={"identity": IMPORT, "state": {}, "try": True})
@example(content={"identity": IMPORT, "state": {}, "try": 2**64})
@example(content={"identity": IMPORT, "state": {}, "held": 1})
@given(content=VALUES | st.fixed_dictionaries({"identity": st.just(IMPORT) | VALUES, "state": VALUES, "try": VALUES}))
def test_whatever_is_in_the_place_of_the_state_is_a_state_or_an_error_that_says_what_to_do(content):
    stores = Stores(None)
    stores.put(content)

    for method in ("load", "begin"):
        try:
            getattr(stores.of_try(2), method)()
        except CheckpointError as failure:
            assert "No call was made. Delete its key socialscrm_import" in str(failure)  # noqa: PT017 - some are states
        except InputError as failure:
            assert "of another task" in str(failure)  # noqa: PT017
        else:
            assert isinstance(content["state"], dict | None)
            assert content["identity"] == IMPORT


FILES = [b"", b"{", b"null", b"[]", b"{}", b"NaN", b"\xff\xfe", b"1" * 5_000, b"[" * 100_000, b'{"a":' * 100_000]


@pytest.mark.parametrize("content", FILES, ids=range(len(FILES)))
def test_a_file_that_holds_no_state_is_never_taken_for_no_file(tmp_path, content):
    path = tmp_path / "state.json"
    path.write_bytes(content)

    for method in ("load", "begin"):
        with pytest.raises(CheckpointError, match=r"state\.json cannot be read \(.* No call was made\. Let the worker"):
            getattr(FileCheckpointStore(path, IMPORT), method)()
    assert path.read_bytes() == content


def state_of_a_real_import() -> dict[str, Any]:
    """Return a state with everything in it: five rows done, two of them rejected, and one in doubt."""
    report = Report()
    report.count(Bucket.ACCEPTED, [0, 1, 2])
    report.count(Bucket.REJECTED, [3, 4], Reason(533, "A meaning.", "A hint."))
    return {
        "complete": False,
        "plan": {"version": STATE_VERSION, **PLAN},
        "done": [[0, 4], [6, 7]],
        "in_doubt": [[5, 6]],
        "uncertain": [[6, 8]],
        "not_accepted": [[3, 4], [6, 7]],
        "not_accepted_rows": 2,
        "may_have_side_effects": True,
        "held": None,
        "content": "00000000000000ff",
        "input": None,
        "report": report.state(),
    }


def loaded(state: Any) -> tuple[Checkpoint, Report | None]:
    """Return what a try makes of a state; no report if it starts over."""
    store = MemoryCheckpointStore()
    store.texts.append(json.dumps(state))
    checkpoint = Checkpoint(store, PLAN)
    return checkpoint, checkpoint.resumed_report() if checkpoint.load() else None


def test_a_whole_state_is_loaded():
    checkpoint, report = loaded(state_of_a_real_import())

    assert (checkpoint.done_rows, checkpoint.end) == (5, 7)
    assert report.state() == state_of_a_real_import()["report"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("more",), {"of": "a newer version"}),
        (("held",), "for a reason of a newer version"),
        (("report", "calls", "more"), 7),
        (("report", "seconds", "more"), 7.5),
        (("report", "done", "more"), []),
        (("done",), [[0, 2], [2, 4], [6, 7]]),
    ],
    ids=str,
)
def test_what_a_newer_version_may_add_without_losing_a_row_is_ignored(path, value):
    state = state_of_a_real_import()
    changed(state, path, value)

    checkpoint, report = loaded(state)

    assert (checkpoint.done_rows, report.rows) == (5, 5)


DAMAGES = [
    *((("done",), value) for value in (
        None, 5, {}, "x", [5], [[0]], [[0, 1, 2]], [[-1, 4]], [[4, 0]], [[0, 0]], [[0, 4], [3, 6]], [[6, 7], [0, 4]],
        [[0, 2**63]], [[0, 1e300]], [[True, 4]], [["0", "4"]], [[0, 6], [6, 7]], [[0, 3]], [],
    )),
    *((("in_doubt",), value) for value in (None, [[3, 4]], [[5, 5]], [[5, -6]], deep(50))),
    *((("uncertain",), value) for value in (None, [[5, 5]], [[5, -6]], [[7, 8], [6, 7]], deep(50))),
    *((("not_accepted",), value) for value in (None, [[9, 8]], [[3, 4], [3, 4]], [[5, 7]], [[8, 10]])),
    *((("not_accepted_rows",), value) for value in (None, 1, 3, -2, "2", 2**64)),
    *((("content",), value) for value in (None, 255, "", "xyz", "FF", "0" * 17, "0" * 15 + "\n", "-00000000000000f")),
    *((("complete",), value) for value in (None, 0, "true", [], True)),
    *((("may_have_side_effects",), value) for value in (None, 1)),
    *((("plan",), value) for value in (None, [], "x", 4)),
    *((("report",), value) for value in (None, [], {}, {"done": {}})),
    *((("report", "done", "buckets"), value) for value in (
        None, {}, {"accepted": -1}, {"accepted": 2.5}, {"accepted": "3"}, {"forgotten": 5}, {"accepted": 2**64},
        {"accepted": 5}, {"accepted": 4, "rejected": 2},
    )),
    *((("report", "done", "refusals"), value) for value in (None, {}, [5], [{}])),
    *((("report", "done", "refusals", 0, "rows"), value) for value in (-2, 3, 2**64, None, "2")),
    *((("report", "done", "refusals", 0, "first_positions"), value) for value in (None, [-1], ["x"], 3)),
    *((("report", "done", "refusals", 0, "bucket"), value) for value in ("forgotten", None, "accepted")),
    *((("report", "calls"), value) for value in (None, [], {"sent": -1}, {"sent": 1.5}, {"sent": True})),
    *((("report", "seconds"), value) for value in (
        None, {"total": float("nan")}, {"total": float("inf")}, {"total": -1}, {"total": "1"}, {"total": 10**400},
    )),
]  # fmt: skip


def changed(state: dict[str, Any], path: tuple[Any, ...], value: Any) -> None:
    """Put a value into a state."""
    *folders, name = path
    place: Any = state
    for folder in folders:
        place = place[folder]
    place[name] = value


@pytest.mark.parametrize(("path", "value"), DAMAGES, ids=lambda each: str(each)[:40])
def test_a_damaged_state_is_an_error_of_one_kind(path, value):
    state = state_of_a_real_import()
    changed(state, path, value)

    with pytest.raises(CheckpointError, match=r"checkpoint of this task is damaged \(.* No call was made\. Restore it"):
        loaded(state)


@pytest.mark.parametrize("missing", sorted(state_of_a_real_import()))
def test_a_state_that_lacks_a_key_is_an_error(missing):
    state = state_of_a_real_import()
    del state[missing]

    with pytest.raises(CheckpointError, match="is damaged"):
        loaded(state)


PATHS = [path for path, _ in DAMAGES]


@given(path=st.sampled_from(PATHS), value=VALUES, second=st.sampled_from(PATHS), other=VALUES, both=st.booleans())
def test_any_value_in_a_state_gives_a_consistent_checkpoint_or_a_checkpoint_error(path, value, second, other, both):
    state = state_of_a_real_import()
    changed(state, path, value)
    if both:
        with suppress(TypeError, KeyError, IndexError):  # the first one took its place
            changed(state, second, other)

    try:
        checkpoint, report = loaded(state)
    except CheckpointError:
        return
    if report is not None:
        assert checkpoint.is_complete or report.rows == checkpoint.done_rows
        assert report.manifest()["rows"]["total"] == report.rows
        again = Intervals(checkpoint.state({})["done"])
        assert (len(again), again.end) == (checkpoint.done_rows, max((end for _, end in again.pairs()), default=0))


@given(state=VALUES | st.dictionaries(st.sampled_from(sorted(state_of_a_real_import())), VALUES))
def test_any_state_gives_a_consistent_checkpoint_or_a_checkpoint_error(state):
    try:
        checkpoint, report = loaded(
            {"plan": {"version": STATE_VERSION, **PLAN}} | state if isinstance(state, dict) else {}
        )
    except CheckpointError:
        return
    assert report is None or report.rows == checkpoint.done_rows
