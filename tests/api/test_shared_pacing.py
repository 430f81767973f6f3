"""No second sees more calls of all tasks together than the limit, whether they share the rate or divide it."""

from __future__ import annotations

import heapq
import logging
import random
import socket
import sys
from bisect import bisect_left
from itertools import count, pairwise
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_socialscrm.api.errors import SettingError
from airflow_provider_socialscrm.api.pacing import HEADROOM, Pace, part_of
from airflow_provider_socialscrm.api.retry import Clock
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.api.shared_pacing import (
    ALONE_SECONDS,
    PUNCTUAL,
    RedisSlots,
    SharedPace,
    SlotUnavailableError,
    open_pace,
)

PACE = 45.0
LIMIT = 50
KEEPS_TO_ITS_PART = "This task falls back to its own part, {} calls a second, and tries Redis again every 30 s"


class Slots:
    """Reserves slots as the script in Redis does, by a clock of the test; unavailable at given times."""

    def __init__(self, outages: list[tuple[float, float]] = ()) -> None:
        self.now = 0.0
        self.free = 0.0
        self.outages = outages
        self.asked: list[float] = []

    def clock(self) -> float:
        return self.now

    def reserve(self, seconds: float) -> float:
        self.asked.append(self.now)
        if any(start <= self.now < end for start, end in self.outages):
            raise SlotUnavailableError("Redis returned no slot (ConnectionError)")
        slot = max(self.now, self.free)
        self.free = slot + seconds
        return slot - self.now


def paces(slots: Slots, tasks: int) -> list[SharedPace]:
    clock = Clock(now=slots.clock)
    return [SharedPace(PACE, Pace(part_of(PACE, tasks)), slots.reserve, clock) for _ in range(tasks)]


def starts(slots: Slots, tasks: int, seconds: float, lateness=lambda: 0.0) -> list[float]:
    """Return when calls start, if so many tasks make as many as they may and each sleep ends so late."""
    order = count()
    waiting = [(0.0, next(order), pace) for pace in paces(slots, tasks)]
    started = []
    while waiting[0][0] < seconds:
        slots.now, _, pace = heapq.heappop(waiting)
        wait = pace.try_start(slots.now)
        if wait <= 0:
            started.append(slots.now)
        heapq.heappush(waiting, (slots.now + wait + (lateness() if wait else 1e-4), next(order), pace))
    return started


def most_in_a_second(starts: list[float]) -> int:
    return max(bisect_left(starts, start + 1 - 1e-6) - index for index, start in enumerate(starts))


@pytest.mark.parametrize("tasks", [1, 2, 8, 40, 200])
def test_tasks_that_share_their_slots_use_the_whole_rate_and_no_more(tasks):
    started = starts(Slots(), tasks, 20.0)

    assert most_in_a_second(started) <= PACE
    assert len(started) == pytest.approx(20 * PACE, abs=2)


def test_sleeps_that_end_a_little_late_cost_nothing_and_exceed_nothing():
    chance = random.Random(8)  # noqa: S311 - repeatable, no secrets
    started = starts(Slots(), 8, 20.0, lambda: 0.02 * chance.random())

    assert most_in_a_second(started) <= LIMIT
    assert len(started) >= 0.98 * 20 * PACE


@given(st.integers(0, 10**6), st.floats(0.06, 0.5), st.sampled_from([0.1, 0.5, 0.9]), st.sampled_from([8, 40]))
def test_missed_slots_are_not_made_up_for_at_once(seed, stall, share, tasks):
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secrets
    started = starts(Slots(), tasks, 10.0, lambda: stall if chance.random() < share else 0.0)

    assert most_in_a_second(started) <= LIMIT


@pytest.mark.parametrize("tasks", [1, 2, 40])
def test_tasks_that_are_always_late_go_on(tasks):
    started = starts(Slots(), tasks, 20.0, lambda: 4 * PUNCTUAL)

    assert most_in_a_second(started) <= LIMIT
    assert len(started) > 20
    assert max(after - before for before, after in pairwise(started)) <= 2.0


def test_a_machine_that_stood_still_starts_its_missed_slots_one_by_one():
    slots = Slots()
    tasks = paces(slots, 8)
    for pace in tasks:
        pace.try_start(0.0)
    slots.now = 10.0

    waits = sorted(pace.try_start(10.0) for pace in tasks)

    assert waits == pytest.approx([number / PACE for number in range(8)])


outages = st.tuples(st.floats(3, 6), st.floats(0.1, 20)).map(lambda times: [(times[0], times[0] + times[1])])


@given(st.sampled_from([1, 3, 8, 10, 16, 25, 40]), outages, st.integers(0, 10**6))
def test_an_outage_neither_stops_the_calls_nor_lets_more_through_for_long(tasks, outage, seed):
    chance = random.Random(seed)  # noqa: S311 - repeatable, no secrets
    started = starts(Slots(outage), tasks, 60.0, lambda: 0.002 * chance.random())

    [(begin, end)] = outage
    shared_again = begin + ALONE_SECONDS + 3.0
    assert max(after - before for before, after in pairwise(started)) <= 1.5
    assert most_in_a_second([start for start in started if start > shared_again]) <= LIMIT
    assert len([start for start in started if start > 50]) == pytest.approx(10 * PACE, abs=10)  # as if nothing was
    assert most_in_a_second(started) <= 2 * LIMIT  # while some tasks share and others do not know yet, or any more
    if end - begin > 2.0:  # all tasks notice
        assert most_in_a_second([start for start in started if start < begin + ALONE_SECONDS]) <= LIMIT


def test_an_outage_is_logged_once_and_so_is_its_end(caplog):
    caplog.set_level(logging.INFO)
    slots = Slots([(2.0, 80.0)])
    starts(slots, 1, 100.0)

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "WARNING",
            f"Redis returned no slot (ConnectionError). {KEEPS_TO_ITS_PART.format(45)}",
        ),
        ("INFO", "Redis is back: the tasks share the calls per second again"),
    ]
    assert [asked for asked in slots.asked if 2 <= asked < 80] == pytest.approx([2, 32, 62], abs=0.2)


def test_during_an_outage_a_task_keeps_to_its_part():
    slots = Slots([(2.0, 8.0)])
    pace, _ = paces(slots, 2)

    def calls(start, end):
        slots.now, taken = start, 0
        while slots.now < end:
            wait = pace.try_start(slots.now)
            taken += wait == 0
            slots.now += wait
        return taken

    assert calls(0.0, 2.0) == pytest.approx(90, abs=1)
    assert calls(2.0, 4.0) <= 46
    assert calls(4.0, 32.0) <= 28 * PACE / 2 + 1  # Redis responds again, but the task does not ask yet
    assert calls(33.0, 35.0) == pytest.approx(90, abs=1)


def test_429_makes_slots_longer_and_successful_calls_make_them_short_again():
    slots = Slots()
    (pace,) = paces(slots, 1)
    pace.slow_down(0.0)
    assert pace.try_start(0.0) == 0
    halved = slots.free
    for _ in range(50):
        pace.speed_up()
    slots.now = 10.0
    assert pace.try_start(10.0) == 0
    assert (halved, slots.free - 10.0) == pytest.approx((2 / PACE, 1 / PACE))


@given(st.sampled_from([1.0, 10.0, 20.0, 45.0, 50.0, 200.0]), st.integers(1, 300))
def test_parts_rounded_up_to_whole_calls_stay_below_the_limit(whole, tasks):
    part = part_of(whole, tasks)
    at_worst = tasks * ceil(part)
    assert 0 < part <= whole / tasks
    assert at_worst * HEADROOM <= whole or part < 1


@pytest.mark.parametrize(("tasks", "part"), [(1, 45), (4, 11.25), (8, 5.625), (10, 4.5), (11, 4), (45, 1), (90, 0.5)])
def test_a_rate_is_divided(tasks, part):
    assert part_of(PACE, tasks) == part


CRM = "https://crm.example.com"
TENANT = Settings(CRM, "1", "key", "agent")
PATH = "/customer/api/import"
STOPPED_CLOCK = Clock(now=lambda: 100.0, chance=lambda: 0.5)


def test_tasks_without_redis_divide_the_rate_and_log_it_in_one_line(caplog):
    caplog.set_level(logging.INFO)
    with open_pace(TENANT, PATH, parallel_tasks=8, clock=STOPPED_CLOCK) as pace:
        assert (type(pace), pace.rate) == (Pace, 5.625)
        assert pace.try_start(100.0) == pytest.approx(0.5 / 5.625)  # tasks that start together do not call together
    assert caplog.messages == ["Calls per second: 45 divided by 8 tasks at once = 5.62"]


def test_a_single_task_logs_nothing_about_its_rate(caplog):
    caplog.set_level(logging.INFO)
    with open_pace(TENANT, PATH, parallel_tasks=1, clock=STOPPED_CLOCK) as pace:
        assert (type(pace), pace.rate) == (Pace, 45.0)
    assert caplog.messages == []


def test_more_tasks_than_calls_a_second_cause_a_warning(caplog):
    with open_pace(TENANT, PATH, parallel_tasks=100, clock=STOPPED_CLOCK) as pace:
        assert pace.rate == 0.45
    assert "100 tasks at once are more than calls a second" in caplog.text


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_an_unreachable_redis_causes_a_warning_without_its_password(caplog):
    caplog.set_level(logging.INFO)
    tenant = Settings(CRM, "1", "key", "agent", pace_url=f"redis://:hush-hush@127.0.0.1:{closed_port()}/0")
    with open_pace(tenant, PATH, parallel_tasks=3, clock=STOPPED_CLOCK) as pace:
        waits = [pace.try_start(now) for now in (100.0, 100.04, 100.04)]
    assert waits == pytest.approx([0.5 / 15, 0, 1 / 15], abs=0.01)
    assert caplog.messages == [
        "Calls per second: 45, shared through Redis; without it 45 divided by 3 tasks at once = 15",
        f"Redis returned no slot (ConnectionError). {KEEPS_TO_ITS_PART.format(15)}",
    ]
    assert "hush-hush" not in f"{caplog.text} {tenant!r}"


def test_a_redis_that_does_not_respond_is_unavailable():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        slots = RedisSlots(f"redis://127.0.0.1:{silent.getsockname()[1]}", CRM)
        with pytest.raises(SlotUnavailableError, match=r"TimeoutError"):
            slots.reserve(0.1)
        slots.close()


def test_an_invalid_address_is_not_repeated():
    with pytest.raises(SettingError, match="does not give an address that the Redis client accepts") as caught:
        RedisSlots("http://:hush-hush@redis:6379/0", CRM)
    assert "hush-hush" not in str(caught.value)


def test_without_the_client_of_redis_the_setting_is_rejected(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(SettingError, match=r"pip install 'airflow-provider-socialscrm\[redis\]'"):
        RedisSlots("redis://redis:6379/0", CRM)
