"""The size of calls is found within few refusals, follows a server that changes, and never costs much."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from math import inf
from random import Random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.codes import Family, look_up
from airflow_provider_socialscrm.api.errors import ServiceError, TooLargeError, UncertainError, refusal
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.importer.options import DEFAULT_ROWS, Options
from airflow_provider_socialscrm.importer.rows import Row
from airflow_provider_socialscrm.importer.sending import call_size
from airflow_provider_socialscrm.importer.sending.call_size import CallSize, learn_from_failure, limits_of
from airflow_provider_socialscrm.importer.sending.chunks import Limits
from airflow_provider_socialscrm.importer.sources.base import Batch

BATCH = Batch(0, pa.RecordBatch.from_pydict({"whatsApp": pa.array([], pa.string())}))
PLAIN = Row(0, b"{}", None, BATCH)
WELCOMED = Row(0, b"{}", None, BATCH, has_side_effects=True)

CONNECTIONS = 16
PACE = 45.0
TIMEOUT = 60.0
MOST_BYTES = 1024 * 1024
MOST_FAILED = 12


def chance(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - not for secrets


def auto(start=DEFAULT_ROWS, timeout=TIMEOUT, connections=CONNECTIONS):
    return CallSize(start, MOST_BYTES, timeout=timeout, connections=connections, calls_per_second=PACE)


@dataclass
class Server:
    """Takes time by a law, and refuses what is above a limit.

    :param overhead: seconds of each call.
    :param per_row: seconds of each row.
    :param most_rows: rows that it takes, by the time.
    :param most_bytes: bytes that it takes.
    :param noise: spread of the times of calls.
    :param power: of the rows that the time rises with.
    :param loses_above: rows above which a response is lost.
    """

    overhead: float = 0.2
    per_row: float = 0.0002
    most_rows: Callable[[float], float] = lambda _now: inf
    most_bytes: float = inf
    noise: float = 0.0
    power: float = 1.0
    loses_above: float = inf
    random: Random = field(default_factory=lambda: chance(1))

    def seconds(self, rows: int) -> float:
        return (self.overhead + self.per_row * rows**self.power) * self.random.lognormvariate(0, self.noise)


@dataclass
class Sent:
    """What became of an import.

    :param seconds: that it took.
    :param failed: calls that were refused or lost, by when they started.
    :param accepted: rows of each call that was accepted, in order.
    """

    seconds: float = 0.0
    failed: list[float] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)


def send(server: Server, limits: Limits, rows: int, width: Callable[[], int] = lambda: 400) -> Sent:
    """Send rows as the engine does: at a pace, over some connections, parts of failed calls first."""
    now, next_start, sent, tie = 0.0, 0.0, Sent(), count()
    in_flight: list = []
    parts: list[list[int]] = []
    widths = [width() for _ in range(rows)]
    taken = 0
    limits.rows_left = rows
    is_proven = False
    while taken < rows or parts or in_flight:
        allowed = 1 if limits.is_in_doubt or not is_proven else CONNECTIONS
        if (taken < rows or parts) and len(in_flight) < allowed:
            if parts:
                chunk = parts.pop(0)
            else:
                end, size = taken, 0
                most = min(rows - taken, limits.rows_for(PLAIN))
                while end < taken + most and (end == taken or size + widths[end] <= limits.bytes):
                    size += widths[end]
                    end += 1
                chunk, taken = widths[taken:end], end
                limits.on_taken(len(chunk))
            if len(chunk) > 1 and (len(chunk) > limits.most_rows or sum(chunk) > limits.bytes):
                parts[:0] = [chunk[: len(chunk) // 2], chunk[len(chunk) // 2 :]]
                continue
            now = next_start = max(now, next_start)
            next_start += 1 / PACE
            is_refused = len(chunk) > server.most_rows(now) or sum(chunk) > server.most_bytes
            took = server.overhead if is_refused else min(TIMEOUT, server.seconds(len(chunk)))
            is_lost = took == TIMEOUT or len(chunk) > server.loses_above
            heapq.heappush(in_flight, (now + took, next(tie), took, chunk, is_refused, is_lost, now))
            continue
        ended, _, took, chunk, is_refused, is_lost, started = heapq.heappop(in_flight)
        now = max(now, ended)
        if is_refused:
            assert len(chunk) > 1
            halves = [chunk[: len(chunk) // 2], chunk[len(chunk) // 2 :]]
            limits.on_too_large(len(chunk), sum(chunk), max(map(sum, halves)))
            parts += halves
            sent.failed.append(started)
        elif is_lost:
            limits.on_lost(len(chunk))
            parts.append(chunk)
            sent.failed.append(started)
            assert len(sent.failed) < rows + 1_000  # else the same call would be repeated without end
        else:
            is_proven = True
            limits.on_accepted(len(chunk), sum(chunk), took)
            sent.accepted.append(len(chunk))
    assert sum(sent.accepted) == rows
    sent.seconds = now
    return sent


def seconds_at_100(server: Server, rows: int) -> float:
    return send(server, Limits(DEFAULT_ROWS, MOST_BYTES), rows).seconds


def test_without_a_limit_a_large_import_is_at_least_four_times_as_fast_as_with_100_rows_a_call():
    limits = auto()
    assert seconds_at_100(Server(), 300_000) / send(Server(), limits, 300_000).seconds > 4
    assert limits.rows > 2_000


@pytest.mark.parametrize("limit", [1, 7, 49, 50, 99, 100, 101, 150, 199, 200, 201, 999, 1_000, 2_000])
def test_a_limit_of_rows_is_found_within_few_refusals(limit):
    limits = auto()
    sent = send(Server(most_rows=lambda _now: limit), limits, limit * 200 + 2_000)
    assert limit / 1.2 < limits.rows <= limit
    assert len(sent.failed) <= MOST_FAILED


laws = st.builds(
    Server,
    overhead=st.floats(0.001, 1.0),
    per_row=st.floats(0.0, 0.02),
    most_rows=st.one_of(st.just(inf), st.integers(100, 5_000)).map(lambda most: lambda _now: most),
    power=st.sampled_from([1.0, 1.0, 1.3, 2.0]),
).filter(lambda server: server.seconds(DEFAULT_ROWS) < TIMEOUT / 4)  # else calls of 100 rows are never answered in time


@settings(max_examples=settings.default.max_examples // 4)  # each sends thousands of rows
@given(laws, st.sampled_from([0.0, 0.1, 0.4]), st.sampled_from([50, 2_000, 20_000]), st.integers(0, 10))
def test_no_law_of_a_server_makes_it_much_slower_than_100_rows_a_call(server, noise, rows, seed):
    server.noise = noise
    server.random = chance(seed)
    ours = send(server, auto(), rows).seconds
    server.random = chance(seed)
    slack = 3 * server.seconds(DEFAULT_ROWS) + 0.5  # some calls are refused or slow, whatever the size of the import
    assert ours < 1.1 * seconds_at_100(server, rows) + slack


@settings(max_examples=settings.default.max_examples // 4)  # each sends thousands of rows
@given(laws, st.floats(0.0, 0.4), st.integers(DEFAULT_ROWS, 5_000), st.integers(0, 10))
def test_few_calls_fail_until_the_size_is_found(server, noise, start, seed):
    server.noise, server.random = noise, chance(seed)
    limits = auto(start)
    assert len(send(server, limits, 20_000).failed) <= MOST_FAILED
    assert limits.rows <= max(start, server.most_rows(0))


@pytest.mark.parametrize("start", [100, 1_250, 2_500, 2_501, 5_000, 100_000])
@pytest.mark.parametrize("rows", [6_000, 20_000])
def test_a_size_of_an_earlier_run_is_given_up_although_the_input_fills_no_call_of_it(start, rows):
    limits = auto(start)
    slow = Server(per_row=0.001, power=2.0)  # 244 rows in a minute

    assert len(send(slow, limits, rows).failed) <= MOST_FAILED
    assert limits.rows <= 244


def test_a_few_rows_that_are_lost_say_nothing_of_the_size():
    limits = auto(5_000)
    limits.on_lost(call_size.LEAST_AFTER_LOSS)

    assert (limits.rows, limits.is_in_doubt) == (5_000, False)


@settings(max_examples=settings.default.max_examples // 4)  # each sends thousands of rows
@given(st.integers(30_000, 200_000), st.integers(0, 10))
def test_a_limit_of_bytes_is_found_although_rows_differ_in_size(most_bytes, seed):
    random = chance(seed)
    limits = auto()
    sent = send(Server(most_bytes=most_bytes), limits, 30_000, lambda: random.choice([150, 200, 800]))
    assert len(sent.failed) <= CONNECTIONS + MOST_FAILED  # a call with small rows was accepted, and all of them follow
    assert sorted(sent.accepted)[len(sent.accepted) // 2] > most_bytes / 800 / 2


@settings(max_examples=settings.default.max_examples // 4)  # each sends thousands of rows
@given(st.integers(150, 900), st.floats(0.5, 4.0), st.integers(0, 10))
def test_a_limit_that_falls_meanwhile_is_followed(later, when, seed):
    limits = auto()
    server = Server(most_rows=lambda now: inf if now < when else later, random=chance(seed))
    sent = send(server, limits, 150_000)
    assert limits.rows <= later
    # The calls in flight are refused, and then one at a time until one is accepted; parts of the former wait meanwhile.
    assert len(sent.failed) <= 2 * CONNECTIONS + MOST_FAILED


def test_responses_lost_above_a_size_lower_it():
    limits = auto()
    sent = send(Server(loses_above=700), limits, 60_000)
    assert 500 <= limits.rows <= 700
    assert len(sent.failed) <= MOST_FAILED


def test_a_larger_size_is_tried_by_one_call_at_a_time():
    limits = auto()
    for _ in range(call_size.SAMPLES):
        assert limits.rows_for(PLAIN) == 100
        limits.on_taken(100)
        limits.on_accepted(100, 40_000, 0.22)
    assert limits.rows_for(PLAIN) == 200
    limits.on_taken(200)
    assert [limits.rows_for(PLAIN) for _ in range(CONNECTIONS)] == [100] * CONNECTIONS
    limits.on_too_large(200, 80_000, 40_000)
    assert limits.rows_for(PLAIN) == 150


def test_rows_with_side_effects_never_share_a_call_with_more_than_without_the_search():
    assert auto(2_000).rows_for(PLAIN) == 2_000
    assert auto(2_000).rows_for(WELCOMED) == DEFAULT_ROWS
    assert auto(50).rows_for(WELCOMED) == 50


def test_a_call_takes_at_most_half_of_the_time_out():
    limits = auto(timeout=10.0)
    sent = send(Server(overhead=0.1, per_row=0.01, noise=0.0), limits, 60_000)
    assert max(sent.accepted) * 0.01 + 0.1 <= 5.0
    assert sent.failed == []


def test_a_service_that_becomes_slow_gets_smaller_calls_but_not_smaller_than_without_the_search():
    limits = auto(2_000)
    for _ in range(call_size.SAMPLES):
        limits.on_accepted(2_000, 800_000, 40.0)
    assert limits.rows == 1_500
    for _ in range(100):
        limits.on_accepted(limits.rows, 800_000, 59.0)
    assert limits.rows == DEFAULT_ROWS


def test_one_lost_response_does_not_lower_a_size_that_works_but_two_in_a_row_do():
    limits = auto(800)
    limits.on_accepted(800, 1, 0.3)
    limits.on_lost(800)
    limits.on_accepted(800, 1, 0.3)
    limits.on_lost(800)
    assert limits.rows == 800
    limits.on_lost(800)
    assert limits.rows == 400
    for _ in range(CONNECTIONS):  # of the calls in flight
        limits.on_lost(800)
    assert limits.rows == 400


def test_a_service_that_is_down_does_not_bring_the_size_down_to_one_row():
    limits = auto()
    for _ in range(1000):
        limits.on_lost(limits.rows)
    assert limits.rows == call_size.LEAST_AFTER_LOSS


def test_many_bad_rows_lower_a_large_size_to_that_without_the_search():
    limits = auto(2_000)
    for _ in range(100):
        limits.on_rejected(limits.rows)
    assert limits.rows == DEFAULT_ROWS


def test_the_last_rows_are_divided_among_the_connections():
    limits = auto(2_000)
    limits.rows_left = 16_000
    assert limits.rows_for(PLAIN) == 1_000
    limits.rows_left = 160
    assert limits.rows_for(PLAIN) == DEFAULT_ROWS


def test_last_calls_that_are_quick_are_not_divided():
    limits = auto(2_000)
    limits.on_accepted(2_000, 1, 0.4)
    limits.rows_left = 4_000
    assert limits.rows_for(PLAIN) == 2_000


def test_bytes_are_at_fault_where_as_many_rows_were_accepted():
    limits = auto(200)
    limits.on_accepted(200, 50_000, 0.2)
    assert limits.on_too_large(180, 90_000, 46_000) == "50,000 bytes"
    assert (limits.rows, limits.bytes) == (200, 50_000)


def test_a_learned_size_that_is_refused_is_halved_one_call_at_a_time():
    limits = auto(2_000)
    limits.on_taken(2_000)
    assert limits.on_too_large(2_000, 800_000, 400_000) == "1,000 rows"
    assert limits.is_in_doubt
    limits.on_accepted(1_000, 400_000, 0.4)
    assert not limits.is_in_doubt
    assert limits.bytes == MOST_BYTES


@pytest.mark.parametrize(
    ("failure", "rows"),
    [
        (UncertainError("lost"), 25),
        (ServiceError("unreachable"), 100),
        (TooLargeError("413"), 100),  # which is heard of with its bytes
        (refusal(look_up(508, family=Family.IMPORT)), 100),
    ],
)
def test_only_a_lost_response_lowers_the_default_size(failure, rows):
    limits = auto()
    for _ in range(10):
        learn_from_failure(limits, failure, limits.rows)
    assert limits.rows == rows


@pytest.mark.parametrize(
    ("rows", "has_ledger", "start", "kind", "first"),
    [
        (None, False, None, Limits, DEFAULT_ROWS),
        (None, True, None, CallSize, DEFAULT_ROWS),
        (None, True, 700, CallSize, 700),
        ("auto", False, None, CallSize, DEFAULT_ROWS),
        (300, True, 700, Limits, 300),
    ],
)
def test_the_size_is_found_where_asked_for_and_begins_where_an_earlier_run_ended(rows, has_ledger, start, kind, first):
    settings = Settings("https://crm.test", "1", "key", "agent")
    limits = limits_of(Options(rows_per_call=rows), settings, has_ledger=has_ledger, start=start)
    assert (type(limits), limits.rows) == (kind, first)
