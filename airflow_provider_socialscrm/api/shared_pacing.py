"""Calls per second on one path for all tasks of a tenant: shared through Redis, or divided without it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from math import ceil
from typing import Final

from airflow_provider_socialscrm.api.errors import SettingError
from airflow_provider_socialscrm.api.pacing import NEVER, Pace, part_of
from airflow_provider_socialscrm.api.retry import Clock
from airflow_provider_socialscrm.api.settings import Settings

log = logging.getLogger(__name__)

PUNCTUAL: Final = 0.02
"""Seconds a call may start after its slot, about the length of one: late calls must not crowd into later slots."""

ALONE_SECONDS: Final = 30.0
"""Seconds a task keeps to its own part after Redis gave no slot: asking can take :data:`RESPONSE_SECONDS` each time."""

RESPONSE_SECONDS: Final = 0.5
"""Seconds to wait for Redis, which normally responds within a millisecond; the import stands still meanwhile."""

LONGEST_QUEUE: Final = 60.0
"""Seconds of reserved slots that are plausible: thousands of tasks. More means that the server's clock was set back."""

MICROSECONDS: Final = 1_000_000

RESERVE: Final = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local length, longest_queue = tonumber(ARGV[1]), tonumber(ARGV[2])
local slot = math.max(now, tonumber(redis.call('GET', KEYS[1]) or now))
if slot - now > longest_queue then slot = now end
local free = string.format('%.0f', slot + length)
redis.call('SET', KEYS[1], free, 'PX', math.ceil((free - now) / 1000))
return slot - now
"""
"""Reserves the next free slot and returns the microseconds until it begins; the key holds when the slot ends."""

TOO_MANY_TASKS: Final = (
    "%s tasks at once are more than calls a second: one second may see a call of each. Let fewer run at once "
    "(max_active_tis_per_dagrun, or a pool), or set Pace connection"
)
"""Without Redis tasks do not know of each other."""

GOES_ON_ALONE: Final = "%s. This task falls back to its own part, %.3g calls a second, and tries Redis again every %g s"

ReserveSlot = Callable[[float], float]
"""Reserves the next free slot, of so many seconds, and returns the seconds until it begins."""


class SlotUnavailableError(Exception):
    """No slot can be reserved at present; the message gives the reason without any secret."""


class RedisSlots:
    """Reserves slots in Redis, by the clock of its server.

    :param url: the address, such as ``redis://:password@host:6379/0``; may hold a secret.
    :param key: what the tasks that share their slots have in common.
    :raises SettingError: when the client of Redis is not installed, or rejects the address.
    """

    def __init__(self, url: str, key: str) -> None:
        try:
            import redis  # noqa: PLC0415 - an optional library
            from redis.backoff import NoBackoff  # noqa: PLC0415
            from redis.retry import Retry  # noqa: PLC0415
        except ImportError:
            raise SettingError(
                "Pace connection names a Redis server, but the Redis client is not installed: "
                "pip install 'airflow-provider-socialscrm[redis]' on the workers, or leave Pace connection empty."
            ) from None
        try:
            self._redis = redis.Redis.from_url(
                url,
                socket_timeout=RESPONSE_SECONDS,
                socket_connect_timeout=RESPONSE_SECONDS,
                retry=Retry(NoBackoff(), 0),  # the import goes on without Redis sooner than its client would give up
            )
        except (ValueError, TypeError):  # their texts repeat parts of the address
            raise SettingError("Pace connection does not give an address that the Redis client accepts.") from None
        self._failures = (redis.RedisError, OSError)
        self._script = self._redis.register_script(RESERVE)
        self._key = f"socialscrm:slots:{key}"

    def reserve(self, seconds: float) -> float:
        """Reserve the next free slot and return the seconds until it begins.

        :param seconds: length of the slot.
        :raises SlotUnavailableError: when Redis does not respond, or not with a slot.
        """
        arguments = [ceil(seconds * MICROSECONDS), ceil(LONGEST_QUEUE * MICROSECONDS)]
        try:
            return int(self._script(keys=[self._key], args=arguments)) / MICROSECONDS
        except self._failures as failure:
            raise SlotUnavailableError(f"Redis returned no slot ({type(failure).__name__})") from None

    def close(self) -> None:
        """Close the connection."""
        self._redis.close()


class SharedPace(Pace):
    """Starts each call in a slot that no other task of the tenant gets.

    Without slots the task keeps to its own part of the rate for a while, then asks again. Tasks that notice an outage,
    or its end, at different times may together exceed the rate in between.

    After HTTP 429 the task reserves longer slots, so that its calls leave room.

    :param calls_per_second: rate of all tasks together.
    :param part: this task's own part of it.
    :param reserve_slot: reserves the next free slot; raises :class:`SlotUnavailableError`.
    :param clock: the clock that :meth:`try_start` is called with.
    """

    def __init__(self, calls_per_second: float, part: Pace, reserve_slot: ReserveSlot, clock: Clock) -> None:
        super().__init__(calls_per_second)
        self._part = part
        self._reserve_slot = reserve_slot
        self._clock = clock
        self._slot: float | None = None
        self._missed_one = False
        self._alone_until = NEVER

    def try_start(self, now: float) -> float:
        """Start a call and return 0.0, or return the seconds to wait before the next attempt.

        :param now: seconds of a clock that never goes back.
        """
        if now < self._alone_until:
            return self._part.try_start(now)
        # A missed slot is given up: several tasks that make up for theirs at once would be too many calls in a second.
        # The slot after it is used, however late. So a worker that is too busy to be punctual goes on, and the slots
        # it gives up leave room for its late calls.
        missed = self._slot is not None and now - self._slot > PUNCTUAL
        if self._slot is None or (missed and not self._missed_one):
            try:
                wait = self._reserve_slot(self.interval)
            except SlotUnavailableError as failure:
                return self._go_on_alone(now, failure)
            self._share_again()
            now = self._clock.now()  # the response took time
            self._slot, self._missed_one = now + wait, missed
        if (wait := self._slot - now) > 0:
            return wait
        self.take(now)
        return 0.0

    def take(self, now: float) -> None:
        """Count a call that starts now, whether or not one is due."""
        self._slot, self._missed_one = None, False
        self._part.take(now)

    def slow_down(self, now: float) -> None:
        """Halve the rate, once per burst of HTTP 429.

        :param now: seconds of the clock of :meth:`try_start`.
        """
        super().slow_down(now)
        self._part.slow_down(now)

    def speed_up(self) -> None:
        """Restore a step of the full rate after a successful call."""
        super().speed_up()
        self._part.speed_up()

    def _go_on_alone(self, now: float, failure: SlotUnavailableError) -> float:
        self._slot, self._missed_one = None, False
        if self._alone_until == NEVER:
            log.warning(GOES_ON_ALONE, failure, self._part.rate, ALONE_SECONDS)
        self._alone_until = now + ALONE_SECONDS
        return self._part.try_start(now)

    def _share_again(self) -> None:
        if self._alone_until != NEVER:
            self._alone_until = NEVER
            log.info("Redis is back: the tasks share the calls per second again")


@contextmanager
def open_pace(settings: Settings, path: str, *, parallel_tasks: int, clock: Clock) -> Iterator[Pace]:
    """Yield the pace of the calls on one path, and log its rate.

    :param settings: the tenant, its calls per second, and the Redis through which its tasks share them, if any.
    :param path: the endpoint; the vendor counts calls by path (vendor API 5.1).
    :param parallel_tasks: tasks of the tenant that run at once, this one included.
    :param clock: time, and the chance that keeps tasks apart.
    :raises SettingError: when the rate is shared through Redis, and its client is not installed.
    """
    whole = settings.calls_per_second
    part = _part(whole, parallel_tasks, clock)
    divided = f"{whole:g} divided by {parallel_tasks} tasks at once = {part.rate:.3g}"
    if settings.pace_url:
        key = f"{settings.base_url}:{settings.tenant_id}:{path}"
        with closing(RedisSlots(settings.pace_url, key)) as slots:
            log.info("Calls per second: %g, shared through Redis; without it %s", whole, divided)
            yield SharedPace(whole, part, slots.reserve, clock)
        return
    if parallel_tasks > 1:
        log.info("Calls per second: %s", divided)
    if parallel_tasks > whole:
        log.warning(TOO_MANY_TASKS, parallel_tasks)
    yield part


def _part(calls_per_second: float, parallel_tasks: int, clock: Clock) -> Pace:
    if parallel_tasks == 1:
        return Pace(calls_per_second)
    rate = part_of(calls_per_second, parallel_tasks)
    # Tasks that start together must not call together.
    return Pace(rate, clock.now() + clock.chance() / rate)
