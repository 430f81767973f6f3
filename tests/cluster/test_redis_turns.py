"""The script that gives turns, in a real Redis."""

from __future__ import annotations

import pytest
import redis

from airflow_provider_socialscrm.api.redis_slots import RedisTurns
from airflow_provider_socialscrm.api.shared_pacing import NoTurnError

CRM = "https://crm.example.com"
LENGTH = 10.0
"""Seconds of a turn, long enough for the time between two commands not to matter."""


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


def test_turns_follow_each_other_across_clients(turns):
    first, second, _ = turns
    waits = [first.draw(LENGTH), second.draw(LENGTH), first.draw(LENGTH / 2), second.draw(LENGTH)]
    assert waits == pytest.approx([0, LENGTH, 2 * LENGTH, 2.5 * LENGTH], abs=1)


def test_each_tenant_has_its_own_turns(turns):
    first, _, other = turns
    assert (first.draw(LENGTH), other.draw(LENGTH)) == (0, 0)


def test_unused_turns_are_not_saved_up(turns, server):
    first, *_ = turns
    first.draw(0.001)
    first.draw(0.001)
    waits = [first.draw(LENGTH), first.draw(LENGTH)]
    assert waits == pytest.approx([0, LENGTH], abs=1)


def test_the_key_expires_with_its_turns(turns, server):
    first, *_ = turns
    first.draw(LENGTH)
    (key,) = server.keys("*")
    assert key.decode() == f"socialscrm:turns:{CRM}:1"
    assert server.pttl(key) == pytest.approx(1000 * LENGTH, abs=1000)


def test_a_clock_that_was_set_back_blocks_no_client(turns, server):
    first, *_ = turns
    first.draw(LENGTH)
    (key,) = server.keys("*")
    server.set(key, int(server.time()[0] + 3600) * 1_000_000)
    assert first.draw(LENGTH) == 0
    assert first.draw(LENGTH) == pytest.approx(LENGTH, abs=1)


def test_a_redis_that_lost_the_script_gets_it_again(turns, server):
    first, *_ = turns
    first.draw(LENGTH)
    server.script_flush()
    assert first.draw(LENGTH) == pytest.approx(LENGTH, abs=1)


def test_a_wrong_password_gives_no_turn(redis_server):
    turns = RedisTurns(f"redis://:hush-hush@127.0.0.1:{redis_server.port}/0", CRM, "1")
    with pytest.raises(NoTurnError, match=r"AuthenticationError") as caught:
        turns.draw(LENGTH)
    turns.close()
    assert "hush" not in str(caught.value)


def test_a_restarted_redis_gives_turns_again(turns, redis_server):
    first, *_ = turns
    first.draw(LENGTH)
    redis_server.kill()
    with pytest.raises(NoTurnError):
        first.draw(LENGTH)
    redis_server.start()
    assert first.draw(LENGTH) == 0
