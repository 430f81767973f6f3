"""Turns drawn from Redis: each call of a tenant gets a time of its own, by the clock of the Redis server."""

from __future__ import annotations

from math import ceil
from typing import Final

from airflow_provider_socialscrm.api.errors import SettingError
from airflow_provider_socialscrm.api.shared_pacing import NoTurnError

ANSWER_SECONDS: Final = 0.5
"""Seconds to wait for Redis, which answers in one millisecond where it is well; the import stands still meanwhile."""

LONGEST_QUEUE: Final = 60.0
"""Seconds of turns ahead that can be true: thousands of tasks. More means that the server's clock was set back."""

MICROSECONDS: Final = 1_000_000

DRAW: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local length, longest_queue = tonumber(ARGV[1]), tonumber(ARGV[2])
local turn = math.max(now, tonumber(redis.call('GET', KEYS[1]) or now))
if turn - now > longest_queue then turn = now end
local free = string.format('%.0f', turn + length)
redis.call('SET', KEYS[1], free, 'PX', math.ceil((free - now) / 1000))
return turn - now
"""
"""Takes the next free turn and returns the microseconds until it. The key holds when the turn after it begins."""


class RedisTurns:
    """Draws the turns of one tenant from Redis.

    :param url: where it is, such as ``redis://:password@host:6379/0``; may hold a secret.
    :param base_url: of the CRM.
    :param tenant_id: the company's id.
    :raises SettingError: when the client of Redis is not installed, or does not take the address.
    """

    def __init__(self, url: str, base_url: str, tenant_id: str) -> None:
        try:
            import redis  # noqa: PLC0415 - an optional library
            from redis.backoff import NoBackoff  # noqa: PLC0415
            from redis.retry import Retry  # noqa: PLC0415
        except ImportError:
            raise SettingError(
                "Pace connection names a Redis, whose client is not installed: "
                "pip install 'airflow-provider-socialscrm[redis]' on the workers, or leave Pace connection empty."
            ) from None
        try:
            self._redis = redis.Redis.from_url(
                url,
                socket_timeout=ANSWER_SECONDS,
                socket_connect_timeout=ANSWER_SECONDS,
                retry=Retry(NoBackoff(), 0),  # the pace goes on without Redis sooner than its client would give up
            )
        except (ValueError, TypeError):  # whose texts repeat parts of the address
            raise SettingError("Pace connection leads to no address that the client of Redis takes.") from None
        self._failures = (redis.RedisError, OSError)
        self._draw = self._redis.register_script(DRAW)
        self._key = f"socialscrm:turns:{base_url}:{tenant_id}"

    def draw(self, length: float) -> float:
        """Take the next free turn and return the seconds until it.

        :param length: seconds before the turn after it.
        :raises NoTurnError: when Redis does not answer, or not with a turn.
        """
        arguments = [ceil(length * MICROSECONDS), ceil(LONGEST_QUEUE * MICROSECONDS)]
        try:
            return int(self._draw(keys=[self._key], args=arguments)) / MICROSECONDS
        except self._failures as failure:
            raise NoTurnError(f"Redis gives no turn ({type(failure).__name__}).") from None

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()
