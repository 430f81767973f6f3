"""The script that reserves slots, in a real Redis."""

from __future__ import annotations

import pytest
import redis

from airflow_provider_socialscrm.api.shared_pacing import RedisSlots, SlotUnavailableError

KEY = "https://crm.example.com:1:/customer/api/import"
OTHER_KEY = "https://crm.example.com:1:/user/query"
LENGTH = 10.0
"""Seconds of a slot, so long that the time between two commands does not matter."""


@pytest.fixture
def server(redis_server):
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


@pytest.fixture
def slots(redis_server):
    made = [RedisSlots(redis_server.url, key) for key in (KEY, KEY, OTHER_KEY)]
    yield made
    for one in made:
        one.close()


def test_slots_follow_each_other_whoever_reserves_them(slots):
    first, second, _ = slots
    waits = [first.reserve(LENGTH), second.reserve(LENGTH), first.reserve(LENGTH / 2), second.reserve(LENGTH)]
    assert waits == pytest.approx([0, LENGTH, 2 * LENGTH, 2.5 * LENGTH], abs=1)


def test_every_key_has_slots_of_its_own(slots):
    first, _, other = slots
    assert (first.reserve(LENGTH), other.reserve(LENGTH)) == (0, 0)


def test_a_pause_saves_up_no_slots(slots, server):
    first, *_ = slots
    first.reserve(0.001)
    first.reserve(0.001)
    waits = [first.reserve(LENGTH), first.reserve(LENGTH)]
    assert waits == pytest.approx([0, LENGTH], abs=1)


def test_the_key_expires_when_the_slots_end(slots, server):
    first, *_ = slots
    first.reserve(LENGTH)
    (key,) = server.keys("*")
    assert key.decode() == f"socialscrm:slots:{KEY}"
    assert server.pttl(key) == pytest.approx(1000 * LENGTH, abs=1000)


def test_a_clock_that_was_set_back_stops_nobody(slots, server):
    first, *_ = slots
    first.reserve(LENGTH)
    (key,) = server.keys("*")
    server.set(key, int(server.time()[0] + 3600) * 1_000_000)
    assert first.reserve(LENGTH) == 0
    assert first.reserve(LENGTH) == pytest.approx(LENGTH, abs=1)


def test_a_redis_that_forgot_the_script_gets_it_again(slots, server):
    first, *_ = slots
    first.reserve(LENGTH)
    server.script_flush()
    assert first.reserve(LENGTH) == pytest.approx(LENGTH, abs=1)


def test_a_wrong_password_gives_no_slot(redis_server):
    slots = RedisSlots(f"redis://:hush-hush@127.0.0.1:{redis_server.port}/0", KEY)
    with pytest.raises(SlotUnavailableError, match=r"AuthenticationError") as caught:
        slots.reserve(LENGTH)
    slots.close()
    assert "hush" not in str(caught.value)


def test_a_redis_that_came_back_gives_slots_again(slots, redis_server):
    first, *_ = slots
    first.reserve(LENGTH)
    redis_server.kill()
    with pytest.raises(SlotUnavailableError):
        first.reserve(LENGTH)
    redis_server.start()
    assert first.reserve(LENGTH) == 0
