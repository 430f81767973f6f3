"""The script that gives turns, in a real Redis."""

from __future__ import annotations

import pytest
import redis

from airflow_provider_socialscrm.api.redis_slots import RedisTurns
from airflow_provider_socialscrm.api.shared_pacing import NoTurnError

CRM = "https://crm.example.com"
LENGTH = 10.0
"""Seconds of a turn, so long that the time between two commands does not matter."""


@pytest.fixture
def server(redis_server):
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


@pytest.fixture
def turns(redis_server):
    made = [RedisTurns(redis_server.url, CRM, tenant) for tenant in ("1", "1", "2")]
    yield made
    for one in made:
        one.close()


def test_turns_follow_each_other_whoever_draws_them(turns):
    first, second, _ = turns
    waits = [first.draw(LENGTH), second.draw(LENGTH), first.draw(LENGTH / 2), second.draw(LENGTH)]
    assert waits == pytest.approx([0, LENGTH, 2 * LENGTH, 2.5 * LENGTH], abs=1)


def test_another_tenants_turns_are_others(turns):
    first, _, other = turns
    assert (first.draw(LENGTH), other.draw(LENGTH)) == (0, 0)


def test_a_pause_saves_up_no_turns(turns, server):
    first, *_ = turns
    first.draw(0.001)
    first.draw(0.001)
    waits = [first.draw(LENGTH), first.draw(LENGTH)]
    assert waits == pytest.approx([0, LENGTH], abs=1)


def test_nothing_is_kept_longer_than_the_turns_last(turns, server):
    first, *_ = turns
    first.draw(LENGTH)
    (key,) = server.keys("*")
    assert key.decode() == f"socialscrm:turns:{CRM}:1"
    assert server.pttl(key) == pytest.approx(1000 * LENGTH, abs=1000)


def test_a_clock_that_was_set_back_stops_nobody(turns, server):
    first, *_ = turns
    first.draw(LENGTH)
    (key,) = server.keys("*")
    server.set(key, int(server.time()[0] + 3600) * 1_000_000)
    assert first.draw(LENGTH) == 0
    assert first.draw(LENGTH) == pytest.approx(LENGTH, abs=1)


def test_a_redis_that_forgot_the_script_is_told_again(turns, server):
    first, *_ = turns
    first.draw(LENGTH)
    server.script_flush()
    assert first.draw(LENGTH) == pytest.approx(LENGTH, abs=1)


def test_a_wrong_password_is_no_turn(redis_server):
    turns = RedisTurns(f"redis://:hush-hush@127.0.0.1:{redis_server.port}/0", CRM, "1")
    with pytest.raises(NoTurnError, match=r"AuthenticationError") as caught:
        turns.draw(LENGTH)
    turns.close()
    assert "hush" not in str(caught.value)


def test_a_redis_that_came_back_gives_turns_again(turns, redis_server):
    first, *_ = turns
    first.draw(LENGTH)
    redis_server.kill()
    with pytest.raises(NoTurnError):
        first.draw(LENGTH)
    redis_server.start()
    assert first.draw(LENGTH) == 0
