"""The loop, with the test's own clock, sleep and chance, and responses made by the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from itertools import pairwise
from queue import SimpleQueue
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from msgspec import structs

from airflow_provider_socialscrm.api.client import ServerClock
from airflow_provider_socialscrm.api.codes import Family, look_up
from airflow_provider_socialscrm.api.errors import ServiceError, SettingError, UncertainError, refusal
from airflow_provider_socialscrm.api.pacing import Pace
from airflow_provider_socialscrm.api.retry import RetryLimits
from airflow_provider_socialscrm.importer.errors import CheckpointError, InputError, StoppedError
from airflow_provider_socialscrm.importer.options import DEFAULT_ROWS, Options
from airflow_provider_socialscrm.importer.reasons import Bucket
from airflow_provider_socialscrm.importer.results.checkpoint import Checkpoint
from airflow_provider_socialscrm.importer.results.checkpoint_stores import CheckpointStore, NoCheckpointStore
from airflow_provider_socialscrm.importer.results.checkpoint_writer import CheckpointWriter
from airflow_provider_socialscrm.importer.results.recorder import Recorder
from airflow_provider_socialscrm.importer.results.report import Report
from airflow_provider_socialscrm.importer.rows import Row
from airflow_provider_socialscrm.importer.sending.chunks import Chunk, Limits
from airflow_provider_socialscrm.importer.sending.engine import OPEN_CHUNKS_PER_CONNECTION, Engine
from airflow_provider_socialscrm.importer.sending.outcome import CallHandler
from airflow_provider_socialscrm.importer.sending.queue import ChunkQueue
from airflow_provider_socialscrm.importer.sources.base import Batch
from tests.support.checkpoints import MemoryCheckpointStore
from tests.support.clock import FakeClock

BATCH = Batch(0, pa.RecordBatch.from_pydict({"whatsApp": ["8613800000000"]}))
DATABASE_ERROR = refusal(look_up(517, family=Family.IMPORT))
WRONG_TOKEN = refusal(look_up(522, family=Family.IMPORT))
LOST = UncertainError("the connection was lost")


class Inline(Executor):
    """Runs what it is given at once."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*args, **kwargs))
        return future


class Answers:
    """A CRM that gives prepared answers, one after the other, then takes everything.

    :param script: failures to raise; ``None`` takes the call.
    """

    def __init__(self, clock: FakeClock, script: Iterable[Exception | None] = ()) -> None:
        self._clock = clock
        self._script = iter(script)
        self.at: list[float] = []

    def __call__(self, _chunk: Chunk) -> str:
        self.at.append(self._clock.now)
        if failure := next(self._script, None):
            raise failure
        return ""


def engine_of(
    send: Callable[[Chunk], Any],
    clock: FakeClock,
    pool: Executor | None = None,
    *,
    rate: float = 1_000_000.0,
    chance: float = 1.0,
    store: CheckpointStore | None = None,
    **options: Any,
) -> tuple[Engine, Report]:
    ticks = clock.as_clock(chance)
    chosen = Options(clock=ticks, **options)
    report, checkpoint = Report(), Checkpoint(store or NoCheckpointStore(), {})
    writer = CheckpointWriter(checkpoint, report, elapsed=lambda: 0.0, now=ticks.now, interval=chosen.save_interval)
    recorder = Recorder(report, checkpoint, writer)
    queue, pace = ChunkQueue(), Pace(rate)
    limits = Limits(DEFAULT_ROWS, chosen.bytes_per_call)
    handler = CallHandler(
        recorder, queue, chosen, limits=limits, pace=pace, clock=ServerClock(lambda: 0.0), envelope=lambda _agent: 100
    )
    engine = Engine(send, recorder, writer, handler, queue, pool=pool or Inline(), pace=pace, options=chosen)
    return engine, report


def chunks(count: int, rows: int = 1, read: list[int] | None = None) -> Iterator[Chunk]:
    """Yield chunks of rows; note the number of each that is read."""
    for number in range(count):
        if read is not None:
            read.append(number)
        places = range(number * rows, (number + 1) * rows)
        bodies = [msgspec.json.encode({"whatsApp": str(8613800000000 + place)}) for place in places]
        yield Chunk(tuple(Row(place, body, None, BATCH, place) for place, body in zip(places, bodies, strict=True)))


def counts(report: Report) -> dict[str, int]:
    return {bucket.value: rows for bucket in Bucket if (rows := report.rows_in(bucket))}


def test_an_import_without_rows_makes_no_call():
    clock = FakeClock()
    send = Answers(clock)
    engine, report = engine_of(send, clock)
    assert engine.run(chunks(0)) is None
    assert (send.at, counts(report)) == ([], {})


def test_calls_start_evenly_spaced():
    clock = FakeClock()
    send = Answers(clock)
    engine, report = engine_of(send, clock, rate=4.0)
    assert engine.run(chunks(9)) is None
    assert [after - before for before, after in pairwise(send.at)] == [0.25] * 8
    assert report.seconds.pacing == 2.0
    assert counts(report) == {"accepted": 9}


def test_retries_keep_to_the_pace_too():
    clock = FakeClock()
    send = Answers(clock, [DATABASE_ERROR] * 5)
    engine, _ = engine_of(send, clock, rate=4.0, chance=0.0)
    assert engine.run(chunks(9)) is None
    assert len(send.at) == 14
    assert min(after - before for before, after in pairwise(send.at)) >= 0.25


def test_probes_keep_to_the_pace_too():
    clock = FakeClock()
    send = Answers(clock, [refusal(look_up(508, family=Family.IMPORT))] * 3)
    engine, _ = engine_of(send, clock, rate=4.0)
    assert engine.run(chunks(1, rows=8)) is None
    assert [after - before for before, after in pairwise(send.at)] == [0.25] * (len(send.at) - 1)


@pytest.mark.parametrize(("chance", "waits"), [(1.0, [1.0, 2.0, 4.0]), (0.5, [0.5, 1.0, 2.0]), (0.0, [0.0, 0.0, 0.0])])
def test_each_failure_doubles_the_wait_before_a_chunk_is_sent_again(chance, waits):
    clock = FakeClock()
    send = Answers(clock, [DATABASE_ERROR] * 3)
    engine, report = engine_of(send, clock, chance=chance)
    assert engine.run(chunks(1)) is None
    assert [after - before for before, after in pairwise(send.at)] == pytest.approx(waits, abs=1e-5)
    assert report.seconds.waiting == pytest.approx(sum(waits))
    assert report.calls.retries == 3


@pytest.mark.parametrize(("asked", "wait"), [(7.0, 7.0), (0.0, 0.0), (3600.0, RetryLimits().longest_wait)])
def test_the_wait_that_the_server_asks_for_is_obeyed_within_bounds(asked, wait):
    clock = FakeClock()
    send = Answers(clock, [ServiceError("busy", http_status=503, retry_after=asked)])
    engine, _ = engine_of(send, clock, chance=0.0)
    assert engine.run(chunks(1)) is None
    assert send.at[1] - send.at[0] == pytest.approx(wait, abs=1e-5)


def test_while_one_chunk_waits_others_go_on():
    clock = FakeClock()
    send = Answers(clock, [None, DATABASE_ERROR])
    engine, report = engine_of(send, clock, concurrency=4)
    assert engine.run(chunks(5)) is None
    assert counts(report) == {"accepted": 5}
    assert [when - 1000.0 for when in send.at] == pytest.approx([0, 0, 0, 0, 0, 1.0], abs=1e-4)


def test_too_many_requests_halve_the_pace_and_each_call_that_passes_brings_some_of_it_back():
    clock = FakeClock()
    too_many = ServiceError("too many", http_status=429)
    send = Answers(clock, [None, None, too_many])
    engine, _ = engine_of(send, clock, rate=10.0, chance=0.0, concurrency=1)
    assert engine.run(chunks(60)) is None
    gaps = [after - before for before, after in pairwise(send.at)]
    assert gaps[:3] == pytest.approx([0.1, 0.1, 0.2])  # the very next call waits longer
    assert gaps[3:-1] == pytest.approx(sorted(gaps[3:-1], reverse=True))
    assert gaps[-1] == pytest.approx(0.1)


def test_a_chunk_is_given_up_after_its_attempts_and_with_it_the_run():
    clock = FakeClock()
    send = Answers(clock, [DATABASE_ERROR] * 100)
    engine, report = engine_of(send, clock, concurrency=1, retry_limits=RetryLimits(attempts=4, outage=0.0))
    assert engine.run(chunks(1)) is DATABASE_ERROR
    assert len(send.at) == 4
    assert counts(report) == {"unknown": 1}


def test_a_chunk_is_given_up_rather_than_waiting_past_its_seconds():
    clock = FakeClock()
    send = Answers(clock, [DATABASE_ERROR] * 100)
    engine, _ = engine_of(send, clock, retry_limits=RetryLimits(attempts=100, seconds=10.0, outage=0.0))
    assert engine.run(chunks(1)) is DATABASE_ERROR
    assert clock.now - 1000.0 == pytest.approx(1 + 2 + 4, abs=1e-4)  # the next wait, of 8, would end after 15


def test_the_runs_budget_of_retries_stops_it_however_many_attempts_a_chunk_has_left():
    clock = FakeClock()
    send = Answers(clock, [DATABASE_ERROR] * 100)
    sent: set[int] = set()

    def note_and_send(chunk: Chunk) -> str:
        sent.add(chunk.rows[0].position)
        return send(chunk)

    limits = RetryLimits(attempts=100, budget=7, outage=0.0)
    engine, report = engine_of(note_and_send, clock, concurrency=2, retry_limits=limits)
    assert engine.run(chunks(50)) is DATABASE_ERROR
    assert report.calls.retries == 7
    assert len(send.at) <= 7 + 2 * OPEN_CHUNKS_PER_CONNECTION
    assert counts(report) == {"unknown": len(sent), "not_sent": 50 - len(sent)}


def test_calls_that_pass_earn_the_budget_back():
    clock = FakeClock()
    send = Answers(clock, [DATABASE_ERROR, None] * 50)
    engine, report = engine_of(send, clock, concurrency=1, retry_limits=RetryLimits(budget=1))
    assert engine.run(chunks(50)) is None
    assert report.calls.retries == 50


@pytest.mark.parametrize("concurrency", [1, 3])
def test_chunks_that_wait_are_few_and_the_rest_is_not_read(concurrency):
    clock = FakeClock()
    read: list[int] = []
    most_read: list[int] = []

    def send(_chunk: Chunk) -> str:
        most_read.append(len(read))
        raise DATABASE_ERROR

    limits = RetryLimits(attempts=5, outage=0.0)
    engine, report = engine_of(send, clock, concurrency=concurrency, retry_limits=limits)
    assert engine.run(chunks(100, read=read)) is DATABASE_ERROR
    tried = concurrency * OPEN_CHUNKS_PER_CONNECTION
    assert max(most_read) == tried
    assert counts(report) == {"unknown": tried, "not_sent": 100 - tried}


def test_a_stopped_run_reads_and_sends_nothing_more():
    clock = FakeClock()
    read: list[int] = []

    def send(chunk: Chunk) -> str:
        if chunk.rows[0].position == 4:
            engine.stop()
        return ""

    engine, report = engine_of(send, clock, concurrency=1)
    failure = engine.run(chunks(100, read=read))
    assert isinstance(failure, StoppedError)
    assert counts(report) == {"accepted": 5}
    assert read == [0, 1, 2, 3, 4]


def test_a_run_that_is_stopped_while_it_waits_does_not_wait_to_the_end():
    clock = FakeClock()
    send = Answers(clock, [ServiceError("busy", http_status=503, retry_after=60.0)])
    clock.after(1003.0, lambda: engine.stop())  # noqa: PLW0108 - the engine is made below
    engine, report = engine_of(send, clock)
    assert isinstance(engine.run(chunks(1)), StoppedError)
    assert clock.now < 1004.0
    assert counts(report) == {"not_sent": 1}


def test_a_run_that_is_stopped_while_it_waits_for_its_slot_starts_no_call_more():
    clock = FakeClock()
    sent: list[int] = []
    clock.after(1003.0, lambda: engine.stop())  # noqa: PLW0108 - the engine is made below
    engine, report = engine_of(lambda chunk: sent.append(chunk.rows[0].position) or "", clock, rate=0.1)
    assert isinstance(engine.run(chunks(5)), StoppedError)
    assert (sent, clock.now < 1004.0) == ([0], True)
    assert counts(report) == {"accepted": 1, "not_sent": 1}
    assert report.seconds.pacing == pytest.approx(clock.now - 1000.0)


def test_a_table_that_breaks_off_is_reported_after_the_rows_before_are_recorded():
    clock = FakeClock()

    def broken() -> Iterator[Chunk]:
        yield from chunks(3)
        raise InputError("row 4 is cut short")

    send = Answers(clock, [None, DATABASE_ERROR])
    engine, report = engine_of(send, clock)
    failure = engine.run(broken())
    assert isinstance(failure, InputError)
    assert counts(report) == {"accepted": 2, "unknown": 1}  # one waited to be sent again


@pytest.mark.parametrize("broken", [InputError("row 4 is cut short"), OSError("the share is gone")])
def test_a_table_that_breaks_off_afterwards_does_not_hide_what_stopped_the_run(broken):
    clock = FakeClock()

    def table() -> Iterator[Chunk]:
        yield from chunks(3)
        raise broken

    engine, report = engine_of(Answers(clock, [WRONG_TOKEN]), clock)
    assert engine.run(table()) is WRONG_TOKEN
    assert counts(report) == {"not_sent": 3}


def test_a_fault_in_our_own_code_is_not_taken_for_the_crms():
    def send(_chunk: Chunk) -> str:
        raise ZeroDivisionError

    engine, _ = engine_of(send, FakeClock())
    with pytest.raises(ZeroDivisionError):
        engine.run(chunks(3))


# With threads: calls that are really in flight together. If the others never come, the barrier breaks.


def test_the_first_call_goes_alone_and_all_connections_open_after_its_answer():
    first_read: list[int] = []
    read: list[int] = []
    together = threading.Barrier(4)

    def send(chunk: Chunk) -> str:
        if chunk.rows[0].position == 0:
            first_read.append(len(read))
        else:
            together.wait(timeout=30)
        return ""

    with ThreadPoolExecutor(4) as pool:
        engine, report = engine_of(send, FakeClock(), pool, concurrency=4)
        assert engine.run(chunks(13, read=read)) is None
    assert first_read == [1]
    assert counts(report) == {"accepted": 13}


def test_calls_in_flight_when_the_run_has_to_stop_are_recorded():
    together = threading.Barrier(4)

    def send(chunk: Chunk) -> str:
        place = chunk.rows[0].position
        if 1 <= place <= 4:
            together.wait(timeout=30)
        if place == 2:
            raise WRONG_TOKEN
        return ""

    with ThreadPoolExecutor(4) as pool:
        engine, report = engine_of(send, FakeClock(), pool, concurrency=4)
        failure = engine.run(chunks(100))
    assert isinstance(failure, SettingError)
    assert report.rows_in(Bucket.ACCEPTED) >= 4  # the first and the three beside the refused one
    assert report.rows == 100


def test_calls_in_flight_when_the_run_is_stopped_are_recorded():
    together = threading.Barrier(4, action=lambda: engine.stop())  # noqa: PLW0108 - the engine is made below

    def send(chunk: Chunk) -> str:
        if chunk.rows[0].position:
            together.wait(timeout=30)
        return ""

    with ThreadPoolExecutor(4) as pool:
        engine, report = engine_of(send, FakeClock(), pool, concurrency=4)
        failure = engine.run(chunks(100))
    assert isinstance(failure, StoppedError)
    assert counts(report) == {"accepted": 5}


def test_if_calls_in_flight_give_several_reasons_to_stop_one_is_returned_and_each_row_counted_once():
    together = threading.Barrier(2)

    def send(chunk: Chunk) -> str:
        if chunk.rows[0].position == 0:
            return ""
        together.wait(timeout=30)
        raise WRONG_TOKEN if chunk.rows[0].position == 1 else LOST

    with ThreadPoolExecutor(2) as pool:
        engine, report = engine_of(send, FakeClock(), pool, concurrency=2, retry_limits=RetryLimits(attempts=1))
        failure = engine.run(chunks(10))
    assert failure in (WRONG_TOKEN, LOST)
    assert counts(report) == {"accepted": 1, "unknown": 1, "not_sent": 8}


# Saving the checkpoint.


@pytest.mark.parametrize("concurrency", [1, 4])
def test_no_call_waits_for_a_save(concurrency):
    last_is_sent = threading.Event()
    saves: SimpleQueue[bool] = SimpleQueue()

    def send(chunk: Chunk) -> str:
        if chunk.rows[0].position == 99:
            last_is_sent.set()
        return ""

    store = MemoryCheckpointStore(lambda _: saves.put(last_is_sent.wait(30)))
    engine, report = engine_of(send, FakeClock(), concurrency=concurrency, store=store)

    assert engine.run(chunks(100)) is None
    assert saves.get(timeout=30)
    assert counts(report) == {"accepted": 100}


def test_calls_are_saved_once_an_interval_at_most():
    clock, store = FakeClock(), MemoryCheckpointStore()
    engine, _ = engine_of(Answers(clock), clock, rate=40.0, store=store, save_interval=1.0)

    assert engine.run(chunks(400)) is None

    assert 1 <= len(store.states) <= 11  # in ten seconds of this clock


def test_a_save_that_is_due_while_a_slow_call_is_in_flight_is_not_delayed_by_it():
    saved = threading.Event()
    store = MemoryCheckpointStore(lambda state: saved.set() if state["done"] == [[0, 2]] else None)

    def send(chunk: Chunk) -> bool:
        return chunk.rows[0].position != 2 or saved.wait(30)

    with ThreadPoolExecutor(2) as pool:
        engine, _ = engine_of(send, FakeClock(), pool, concurrency=2, store=store, save_interval=0.0)
        assert engine.run(chunks(3)) is None
    assert saved.is_set()


def test_a_save_that_fails_stops_the_run():
    def fail(_state: dict[str, Any]) -> None:
        raise CheckpointError("no space left")

    clock = FakeClock()
    send = Answers(clock)
    engine, report = engine_of(send, clock, store=MemoryCheckpointStore(fail))

    failure = engine.run(chunks(20_000))

    assert isinstance(failure, CheckpointError)
    assert "no space left" in str(failure)
    assert len(send.at) < 20_000
    assert counts(report) == {"accepted": len(send.at), "not_sent": 20_000 - len(send.at)}


@pytest.mark.parametrize(("on_unknown", "saved"), [("hold", [[[0, 1]], [[1, 2]], [[2, 3]]]), ("resend", [])])
def test_rows_that_must_not_be_sent_twice_are_saved_as_in_doubt_before_their_call(on_unknown, saved):
    store = MemoryCheckpointStore()
    in_doubt: list[list[list[int]]] = []

    def send(_chunk: Chunk) -> str:
        if on_unknown == "hold":
            in_doubt.append(store.states[-1]["in_doubt"])
        return ""

    harmful = (
        Chunk((structs.replace(row, has_side_effects=True),), chunk.agent) for chunk in chunks(3) for row in chunk.rows
    )
    engine, _ = engine_of(send, FakeClock(), concurrency=1, on_unknown=on_unknown, store=store)

    assert engine.run(harmful) is None
    assert in_doubt == saved
