"""No second sees more calls of all tasks together than the limit, whether they share their turns or divide them."""

from __future__ import annotations

import heapq
import logging
import random
import socket
import sys
from bisect import bisect_left
from itertools import count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.errors import SettingError
from airflow_provider_socialscrm.api.pacing import HEADROOM, Pace, part_of
from airflow_provider_socialscrm.api.redis_slots import RedisTurns
from airflow_provider_socialscrm.api.retry import Clock
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.api.shared_pacing import (
    AWAY_SECONDS,
    GRACE_SECONDS,
    PUNCTUAL,
    REJOIN_SECONDS,
    NoTurnError,
    SharedPace,
    open_pace,
)
from airflow_provider_socialscrm.importer.options import Options

PACE = 45.0
LIMIT = 50


class Turns:
    """Gives turns as the script in Redis does, on a clock of the test's; away at given times."""

    def __init__(self, outages: list[tuple[float, float]] = ()) -> None:
        self.now = 0.0
        self.free = 0.0
        self.outages = outages
        self.asked: list[float] = []

    def clock(self) -> float:
        return self.now

    def draw(self, length: float) -> float:
        self.asked.append(self.now)
        if any(start <= self.now < end for start, end in self.outages):
            raise NoTurnError("Redis gives no turn (ConnectionError).")
        turn = max(self.now, self.free)
        self.free = turn + length
        return turn - self.now


def paces(turns: Turns, tasks: int) -> list[SharedPace]:
    clock = Clock(now=turns.clock, chance=random.Random(tasks).random)  # noqa: S311 - repeatable, no secrets
    return [SharedPace(PACE, Pace(part_of(PACE, tasks)), turns.draw, clock) for _ in range(tasks)]


def starts(turns: Turns, tasks: int, seconds: float, lateness=lambda: 0.0) -> list[float]:
    """Return when calls start, if so many tasks make as many as they may and each sleep ends so late."""
    order = count()
    waiting = [(0.0, next(order), pace) for pace in paces(turns, tasks)]
    started = []
    while waiting[0][0] < seconds:
        turns.now, _, pace = heapq.heappop(waiting)
        wait = pace.turn(turns.now)
        if wait <= 0:
            started.append(turns.now)
        heapq.heappush(waiting, (turns.now + wait + (lateness() if wait else 1e-4), next(order), pace))
    return started


def most_in_a_second(turns: list[float]) -> int:
    return max(bisect_left(turns, turn + 1 - 1e-6) - index for index, turn in enumerate(turns))


@pytest.mark.parametrize("tasks", [1, 2, 8, 40, 200])
def test_tasks_that_share_their_turns_use_the_whole_pace_and_no_more(tasks):
    started = starts(Turns(), tasks, 20.0)

    assert most_in_a_second(started) <= PACE
    assert len(started) == pytest.approx(20 * PACE, abs=2)


def test_sleeps_that_end_a_little_late_cost_nothing_and_exceed_nothing():
    chance = random.Random(8)  # noqa: S311 - repeatable, no secrets
    started = starts(Turns(), 8, 20.0, lambda: 0.02 * chance.random())

    assert most_in_a_second(started) <= LIMIT
    assert len(started) >= 0.98 * 20 * PACE


@given(st.integers(0, 10**6), st.floats(0.06, 0.5))
def test_turns_that_were_missed_are_let_go(seed, stall):
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secrets
    started = starts(Turns(), 8, 10.0, lambda: stall if chance.random() < 0.1 else 0.0)

    assert most_in_a_second(started) <= LIMIT


def test_a_task_that_is_always_late_gets_on_all_the_same():
    started = starts(Turns(), 2, 20.0, lambda: 4 * PUNCTUAL)

    assert len(started) > 20


outages = st.tuples(st.floats(3, 6), st.floats(0.1, 20)).map(lambda times: [(times[0], times[0] + times[1])])


@given(st.sampled_from([1, 3, 8, 10, 16, 25, 40]), outages, st.integers(0, 10**6))
def test_an_outage_neither_stops_the_calls_nor_lets_more_through(tasks, outage, seed):
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secrets
    started = starts(Turns(outage), tasks, 60.0, lambda: 0.002 * chance.random())

    assert most_in_a_second(started) <= LIMIT
    longest_silence = max(after - before for before, after in pairwise(started))
    assert longest_silence <= GRACE_SECONDS + 1.5
    assert len([start for start in started if start > 50]) == pytest.approx(10 * PACE, abs=10)  # as if nothing was


def test_an_outage_is_said_once_and_so_is_its_end(caplog):
    caplog.set_level(logging.INFO)
    turns = Turns([(2.0, 20.0)])
    starts(turns, 1, 40.0)

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "WARNING",
            "Redis gives no turn (ConnectionError). Until it does, this task makes 45 calls a second, its part",
        ),
        ("INFO", "There are turns again: the pace is shared with the tenant's other tasks"),
    ]
    assert len([asked for asked in turns.asked if 2 <= asked < 20]) <= 1 + GRACE_SECONDS + 18 / AWAY_SECONDS


def test_after_an_outage_a_task_keeps_to_its_part_until_the_others_have_noticed():
    turns = Turns([(2.0, 8.0)])  # all went on alone
    pace, _ = paces(turns, 2)

    def calls(start, end):
        turns.now, taken = start, 0
        while turns.now < end:
            wait = pace.turn(turns.now)
            taken += wait == 0
            turns.now += wait
        return taken

    assert calls(0.0, 2.0) == pytest.approx(90, abs=1)
    calls(2.0, 10.0)
    assert calls(12.0, 14.0) <= 46  # there are turns again, but the other may not know
    assert calls(14.0 + REJOIN_SECONDS, 16.0 + REJOIN_SECONDS) == pytest.approx(90, abs=1)


def test_429_makes_turns_longer_and_passed_calls_make_them_short_again():
    turns = Turns()
    (pace,) = paces(turns, 1)
    pace.slow_down(0.0)
    assert pace.turn(0.0) == 0
    halved = turns.free
    for _ in range(50):
        pace.speed_up()
    turns.now = 10.0
    assert pace.turn(10.0) == 0
    assert (halved, turns.free - 10.0) == pytest.approx((2 / PACE, 1 / PACE))


@given(st.sampled_from([1.0, 10.0, 20.0, 45.0, 50.0, 200.0]), st.integers(1, 300))
def test_parts_rounded_up_to_whole_calls_stay_below_the_limit(whole, tasks):
    part = part_of(whole, tasks)
    at_worst = tasks * Pace(part)._starts.maxlen
    assert 0 < part <= whole / tasks
    assert at_worst * HEADROOM <= whole or part < 1


@pytest.mark.parametrize(("tasks", "part"), [(1, 45), (4, 11.25), (8, 5.625), (10, 4.5), (11, 4), (45, 1), (90, 0.5)])
def test_a_pace_is_divided(tasks, part):
    assert part_of(PACE, tasks) == part


TENANT = Settings("https://crm.example.com", "1", "key", "agent")


def test_tasks_without_redis_divide_the_pace_and_say_so_in_one_line(caplog):
    caplog.set_level(logging.INFO)
    clock = Clock(now=lambda: 100.0, chance=lambda: 0.5)
    with open_pace(TENANT, Options(parallel_tasks=8, clock=clock)) as pace:
        assert (type(pace), pace.rate) == (Pace, 5.625)
        assert pace.turn(100.0) == pytest.approx(0.5 / 5.625)  # tasks that start together do not call together
    assert caplog.messages == ["Calls per second: 45 divided by 8 tasks at once = 5.62"]


def test_a_task_alone_says_nothing_of_its_pace(caplog):
    caplog.set_level(logging.INFO)
    with open_pace(TENANT, Options()) as pace:
        assert (type(pace), pace.rate) == (Pace, 45.0)
    assert caplog.messages == []


def test_more_tasks_than_calls_a_second_are_warned_of(caplog):
    with open_pace(TENANT, Options(parallel_tasks=100)) as pace:
        assert pace.rate == 0.45
    assert "100 tasks at once are more than calls a second" in caplog.text


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_a_redis_out_of_reach_is_a_warning_without_its_password(caplog):
    caplog.set_level(logging.INFO)
    tenant = Settings(
        "https://crm.example.com", "1", "key", "agent", pace_url=f"redis://:hush-hush@127.0.0.1:{closed_port()}/0"
    )
    with open_pace(tenant, Options(parallel_tasks=3, clock=Clock(now=lambda: 5.0, chance=lambda: 0.5))) as pace:
        waits = [pace.turn(now) for now in (5.0, 6.0, 7.0, 8.0, 8.04)]
    assert waits == pytest.approx([1, 1, 1, 0.5 / 15, 0])
    assert caplog.messages == [
        "Calls per second: 45, shared through Redis; without it 45 divided by 3 tasks at once = 15",
        "Redis gives no turn (ConnectionError). Until it does, this task makes 15 calls a second, its part",
    ]
    assert "hush-hush" not in f"{caplog.text} {tenant!r}"


def test_a_redis_that_does_not_answer_costs_half_a_second():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        turns = RedisTurns(f"redis://127.0.0.1:{silent.getsockname()[1]}", "https://crm.example.com", "1")
        with pytest.raises(NoTurnError, match=r"TimeoutError"):
            turns.draw(0.1)
        turns.close()


def test_an_address_that_is_none_is_not_repeated():
    with pytest.raises(SettingError, match="no address that the client of Redis takes") as caught:
        RedisTurns("http://:hush-hush@redis:6379/0", "https://crm.example.com", "1")
    assert "hush-hush" not in str(caught.value)


def test_without_the_client_of_redis_the_setting_is_wrong(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(SettingError, match=r"pip install 'airflow-provider-socialscrm\[redis\]'"):
        RedisTurns("redis://redis:6379/0", "https://crm.example.com", "1")
