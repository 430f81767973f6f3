"""However a run ends, the calls in flight are recorded, and the manifest adds up and says where the run broke."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import msgspec
import pytest

from airflow_provider_socialscrm.api.errors import ServiceError
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.importer.errors import CheckpointError, InputError, StoppedError
from airflow_provider_socialscrm.importer.options import Options
from airflow_provider_socialscrm.importer.results.checkpoint import Checkpoint
from airflow_provider_socialscrm.importer.results.dead_letter import DeadLetter
from airflow_provider_socialscrm.importer.results.dead_letter_parts import Parts
from airflow_provider_socialscrm.importer.results.recorder import Recorder
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.run import Import
from airflow_provider_socialscrm.importer.sending.outcome import CallHandler
from airflow_provider_socialscrm.importer.sources.open_source import open_source
from tests.support.checkpoints import MemoryCheckpointStore
from tests.support.imports import OfflineCrm, counts_of, failure_of, number_of, place_of, table_of

ROWS = 240
BAD = 7  # each seventh row is refused


def refuse(row: dict[str, str]) -> int:
    return 508 if place_of(row) % BAD == BAD - 1 else 0


def rows_of(count: int = ROWS, welcome_every: int = 10**9) -> list[dict[str, Any]]:
    return [
        {"whatsApp": number_of(place), "welcome": None if (place + 1) % welcome_every else "Hello"}
        for place in range(count)
    ]


def importing(
    crm: OfflineCrm, rows: list[dict[str, Any]], rejects: Path | None = None, store: Any = None, **options: Any
) -> Import:
    chosen = {"rows_per_call": 10, "concurrency": 4, "max_rejected": None, "save_interval": 0.0} | options
    return Import(open_source(table_of(rows)), crm, Options(**chosen), rejects, store)


class FailingStore(MemoryCheckpointStore):
    """Fails from one of its saves on, until it is told that there is room again."""

    def __init__(self, at: int, failure: Exception | None = None, times: int = 10**9) -> None:
        super().__init__()
        self.at, self.failure, self.times = at, failure or CheckpointError("no space left"), times
        self.saves = count()

    def save(self, state: dict[str, Any]) -> None:
        if self.at <= next(self.saves) < self.at + self.times:
            raise self.failure
        super().save(state)


def sentence_of(failure: BaseException) -> dict[str, str]:
    """Return what the manifest has of an error's message, which may have a customer's values if it is not ours."""
    return {"sentence": str(failure)} if isinstance(failure, CheckpointError) else {}


def calls_of(crm: OfflineCrm) -> int:
    return len(crm.calls)


# A store that fails.


@pytest.mark.parametrize("failure", [CheckpointError("no space left"), OSError(30, "read-only"), RuntimeError("wrong")])
@pytest.mark.parametrize("at", [0, 1, 3])
@pytest.mark.parametrize("welcome_every", [10**9, 5])
def test_a_checkpoint_that_cannot_be_saved_stops_the_run_and_loses_no_row(tmp_path, at, failure, welcome_every):
    crm, store = OfflineCrm(refuse), FailingStore(at, failure)
    run = importing(crm, rows_of(welcome_every=welcome_every), tmp_path / "dead.jsonl", store)

    assert failure_of(run) is failure

    rows = counts_of(run)
    assert sum(rows.values()) == ROWS
    assert "unknown" not in rows
    assert run.manifest()["calls"]["sent"] == calls_of(crm)
    assert calls_of(crm) < ROWS / 10 * 2 or welcome_every == 5
    assert run.manifest()["broke_off"] == {"error": type(failure).__name__, "while": "sending"} | sentence_of(failure)


def test_a_call_whose_intention_cannot_be_saved_does_not_start(tmp_path):
    crm = OfflineCrm()
    run = importing(crm, rows_of(20, welcome_every=1), store=FailingStore(3), concurrency=1)

    assert isinstance(failure_of(run), CheckpointError)

    assert counts_of(run) == {"accepted": calls_of(crm), "not_sent": 20 - calls_of(crm)}
    assert run.manifest()["calls"]["sent"] == calls_of(crm)


def test_a_store_that_works_again_when_all_is_recorded_has_the_outcomes_of_the_calls_in_flight():
    crm, store = OfflineCrm(), FailingStore(4, times=1)
    assert isinstance(failure_of(importing(crm, rows_of(40, welcome_every=1), store=store)), CheckpointError)
    assert store.load()["in_doubt"] == []

    second = importing(OfflineCrm(), rows_of(40, welcome_every=1), store=store)
    assert failure_of(second) is None
    assert counts_of(second) == {"accepted": 40}


def test_rows_whose_outcome_could_not_be_saved_are_not_said_to_be_a_killed_workers(tmp_path):
    store = FailingStore(3)
    assert failure_of(importing(OfflineCrm(), rows_of(40, welcome_every=1), store=store)) is store.failure
    store.at = 10**9

    second = importing(OfflineCrm(), rows_of(40, welcome_every=1), store=store)
    assert failure_of(second) is None

    reasons = [refusal["meaning"] for refusal in second.manifest()["refusals"]]
    assert all("or a checkpoint that could not be written" in meaning for meaning in reasons)
    assert sum(counts_of(second).values()) == 40


def test_a_checkpoint_that_cannot_be_saved_as_complete_fails_the_task_with_complete_counts(tmp_path):
    store = MemoryCheckpointStore()
    save = store.save

    def fail_if_complete(state: dict[str, Any]) -> None:
        if state["complete"]:
            raise CheckpointError("no space left")
        save(state)

    store.save = fail_if_complete
    run = importing(OfflineCrm(refuse), rows_of(), tmp_path / "dead.jsonl", store)
    assert isinstance(failure_of(run), CheckpointError)
    assert counts_of(run) == {"accepted": ROWS - ROWS // BAD, "rejected": ROWS // BAD}
    assert run.manifest()["broke_off"] == {
        "error": "CheckpointError",
        "while": "finishing",
        "sentence": "no space left",
    }

    store.save = save
    crm = OfflineCrm(refuse)
    second = importing(crm, rows_of(), tmp_path / "dead.jsonl", store)
    assert failure_of(second) is None
    assert calls_of(crm) == 0
    assert counts_of(second) == counts_of(run)


@pytest.mark.parametrize("at", [1, 2, 9])
@pytest.mark.parametrize(("owner", "step"), [(Parts, "write"), (DeadLetter, "_write_file")])
def test_a_dead_letter_that_cannot_be_written_stops_the_run_and_loses_no_row(tmp_path, monkeypatch, owner, step, at):
    store, path, calls, write = MemoryCheckpointStore(), tmp_path / "dead.jsonl", count(), getattr(owner, step)

    def fail_later(self, *arguments):
        if next(calls) >= at:
            raise OSError(28, "No space left on device")
        return write(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(owner, step, fail_later)
        run = importing(OfflineCrm(refuse), rows_of(), path, store)
        failure = failure_of(run)
    assert isinstance(failure, CheckpointError) or next(calls) < at + 1
    assert sum(counts_of(run).values()) == ROWS
    assert "unknown" not in counts_of(run)

    second = importing(OfflineCrm(refuse), rows_of(), path, store)
    assert failure_of(second) is None
    assert counts_of(second) == {"accepted": ROWS - ROWS // BAD, "rejected": ROWS // BAD}
    assert path.read_bytes().count(b"\n") == ROWS // BAD


# An error of ours.


def raises(whole: Callable[..., Any], at: int, failure: BaseException, *, after: bool) -> Callable[..., Any]:
    calls = count()

    def step(*arguments, **options):
        is_due = next(calls) == at
        if is_due and not after:
            raise failure
        result = whole(*arguments, **options)
        if is_due:
            raise failure
        return result

    return step


STEPS = [
    (Report, "count"),
    (Recorder, "record"),
    (Recorder, "count_calls"),
    (Recorder, "maybe_report_progress"),
    (Checkpoint, "mark_done"),
    (CallHandler, "on_success"),
    (CallHandler, "on_failure"),
    (CallHandler, "check_before_send"),
    (DeadLetter, "add"),
]


ERRORS = [
    (*step, failure, at, after)
    for step in STEPS
    for failure in (TypeError("8613800000001"), SystemExit(3))
    for at in (0, 5)
    for after in (False, True)
]
"""Each step with each failure before and after it, at its first and at a later call."""


@pytest.mark.one_in(8)
@pytest.mark.parametrize(
    ("owner", "step", "failure", "at", "after"),
    ERRORS,
    ids=lambda each: getattr(each, "__name__", type(each).__name__ if isinstance(each, BaseException) else each),
)
def test_an_error_of_ours_leaves_each_row_in_one_bucket(tmp_path, monkeypatch, *, owner, step, failure, at, after):
    crm, store = OfflineCrm(refuse), MemoryCheckpointStore()
    accepted: set[int] = set()
    send = crm.import_customers

    def note(rows, **options):
        result = send(rows, **options)
        accepted.update(place_of(msgspec.json.decode(row)) for row in rows)
        return result

    crm.import_customers = note
    run = importing(crm, rows_of(), tmp_path / "dead.jsonl", store)
    with monkeypatch.context() as patched:
        patched.setattr(owner, step, raises(getattr(owner, step), at, failure, after=after))
        with pytest.raises(type(failure)), closing(crm):
            run.run()

    rows = counts_of(run)
    assert sum(rows.values()) == ROWS
    assert rows.get("accepted", 0) <= len(accepted) <= rows.get("accepted", 0) + rows.get("unknown", 0)
    broke_off = run.manifest()["broke_off"]
    assert broke_off == {"error": type(failure).__name__, "while": "sending"} | sentence_of(failure)

    second = importing(OfflineCrm(refuse), rows_of(), tmp_path / "dead.jsonl", store)
    assert failure_of(second) is None
    assert counts_of(second) == {"accepted": ROWS - ROWS // BAD, "rejected": ROWS // BAD}


def test_an_error_in_the_client_leaves_the_row_of_its_call_unknown():
    crm = OfflineCrm()
    send, calls = crm.import_customers, count()

    def fail_once(rows, **options):
        if next(calls) == 6:
            raise TypeError("8613800000001")
        return send(rows, **options)

    crm.import_customers = fail_once
    run = importing(crm, rows_of())
    assert isinstance(failure_of(run), TypeError)
    rows = counts_of(run)
    assert (rows["unknown"], sum(rows.values())) == (10, ROWS)
    assert run.manifest()["broke_off"]["error"] == "TypeError"
    assert "8613800000001" not in str(run.manifest())


# A signal.


class TimedOutError(BaseException):
    """Is raised in the main thread, as Airflow does when a task has run for too long."""


@pytest.fixture
def _time_out() -> Iterator[None]:
    def raise_it(*_):
        raise TimedOutError

    before = signal.signal(signal.SIGALRM, raise_it)
    yield
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("_time_out")
@pytest.mark.parametrize("welcome_every", [10**9, 3])
@pytest.mark.parametrize("at", [0, 4, 11])
def test_a_time_out_has_the_calls_in_flight_recorded_and_saved(tmp_path, at, welcome_every):
    crm, store = OfflineCrm(refuse), MemoryCheckpointStore()
    send, calls, sent = crm.import_customers, count(), []

    def time_out_during_a_call(rows, **options):
        if next(calls) == at:
            signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)
        sent.extend(rows)
        return send(rows, **options)

    crm.import_customers = time_out_during_a_call
    run = importing(crm, rows_of(welcome_every=welcome_every), tmp_path / "dead.jsonl", store)
    with pytest.raises(TimedOutError), closing(crm):
        run.run()

    rows = counts_of(run)
    assert sum(rows.values()) == ROWS
    assert "unknown" not in rows
    assert run.manifest()["broke_off"] == {"error": "TimedOutError", "while": "sending"}
    assert run.manifest()["calls"]["sent"] == calls_of(crm)
    assert store.load()["in_doubt"] == []

    again = OfflineCrm(refuse)
    second = importing(again, rows_of(welcome_every=welcome_every), tmp_path / "dead.jsonl", store)
    assert failure_of(second) is None
    assert counts_of(second) == {"accepted": ROWS - ROWS // BAD, "rejected": ROWS // BAD}
    assert second.manifest()["calls"]["sent"] == calls_of(crm) + calls_of(again)


def test_a_stopped_run_counts_the_rows_that_it_did_not_come_to(tmp_path):
    crm = OfflineCrm()
    run = importing(crm, rows_of(), tmp_path / "dead.jsonl")
    send = crm.import_customers

    def stop(rows, **options):
        run.stop()
        return send(rows, **options)

    crm.import_customers = stop
    assert isinstance(failure := failure_of(run), StoppedError)
    assert counts_of(run) == {"accepted": 10, "not_sent": ROWS - 10}
    assert run.manifest()["broke_off"] == {"error": "StoppedError", "while": "sending", "sentence": str(failure)}


# What a manifest says.


def test_a_run_that_ends_well_did_not_break_off():
    run = importing(OfflineCrm(refuse), rows_of())
    assert failure_of(run) is None
    assert run.manifest()["broke_off"] is None


def test_a_run_that_breaks_off_before_its_first_call_says_so(tmp_path, monkeypatch):
    run = importing(OfflineCrm(), rows_of(), tmp_path / "no" / "such" / "dead.txt")
    assert failure_of(run) is not None
    assert run.manifest()["broke_off"]["while"] == "preparing"
    assert counts_of(run) == {"not_sent": ROWS}


@pytest.mark.parametrize("welcome_every", [1])
def test_the_calls_of_a_killed_worker_are_counted_where_each_has_side_effects(welcome_every):
    """Before each such call there is a save, which has the call already."""
    crm, store = OfflineCrm(), MemoryCheckpointStore()
    send, seen = crm.import_customers, []

    def look(rows, **options):
        seen.append(store.load()["report"]["calls"]["sent"])
        return send(rows, **options)

    crm.import_customers = look
    assert failure_of(importing(crm, rows_of(20, welcome_every), store=store, concurrency=1)) is None
    assert seen == list(range(1, 21))


def test_an_unavailable_crm_is_named_as_what_the_run_broke_off_with():
    def unavailable(*_, **__):
        raise ServiceError("no connection")

    crm = OfflineCrm()
    crm.import_customers = unavailable
    run = importing(crm, rows_of(), retry_limits=RetryLimits(attempts=1, outage=0.0))
    assert isinstance(failure := failure_of(run), ServiceError)
    assert run.manifest()["broke_off"] == {"error": "ServiceError", "while": "sending", "sentence": str(failure)}


@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (InputError("The name is wrong."), "The name is wrong."),
        (InputError("x" * 5000), "x" * 595 + "..."),
        (RuntimeError("8615266667780"), None),
    ],
)
def test_the_sentence_of_an_error_of_ours_is_in_the_manifest_up_to_a_limit(failure, sentence):
    def fail(*_, **__):
        raise failure

    crm = OfflineCrm()
    crm.import_customers = fail
    run = importing(crm, rows_of(20))
    assert failure_of(run) is failure
    assert run.manifest()["broke_off"].get("sentence") == sentence


# Whether there is a file of rejected rows.


def unreadable(rows: list[dict[str, Any]]) -> Any:
    """Return a source that breaks off while it is read."""
    source = open_source(table_of(rows))

    def read(_rows: int) -> Iterator[Any]:
        raise InputError("The table breaks off.")
        yield

    return replace(source, read=read)


@pytest.mark.parametrize("stage", ["reading", "sending", "complete"])
def test_the_manifest_says_whether_the_run_wrote_a_file_of_rejected_rows(tmp_path, stage):
    rejects = tmp_path / "rejects.csv"
    crm = OfflineCrm(refuse if stage == "complete" else lambda _: 522)
    run = importing(crm, rows_of(20), rejects)
    if stage == "reading":
        run = Import(unreadable(rows_of(20)), crm, Options(), rejects)

    failure_of(run)

    manifest = run.manifest()
    assert manifest["rejects_path"] == str(rejects)
    assert manifest["rejects_written"] == rejects.exists() == (stage != "reading")
    assert bool(manifest["broke_off"]) == (stage != "complete")
