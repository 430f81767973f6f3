"""One pace for all tasks of a tenant: they draw their turns from one place, and divide the pace while it is away."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Final

from airflow_provider_socialscrm.api.pacing import NEVER, SECOND, Pace, part_of
from airflow_provider_socialscrm.api.retry import Clock
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.importer.options import Options

log = logging.getLogger(__name__)

PUNCTUAL: Final = 0.02
"""Seconds a call may start after its turn, about a turn's length: calls of many tasks must not crowd on their way."""

GRACE_SECONDS: Final = 3.0
"""Seconds without a turn before a task goes on alone: by then every task has noticed, and none is left to share."""

AWAY_SECONDS: Final = 5.0
"""Seconds before a task that goes on alone asks again: each time it may stand still for as long as the time-out."""

REJOIN_SECONDS: Final = 2 * AWAY_SECONDS
"""Seconds a task keeps to its part of the pace as well, once there are turns again: by then all tasks draw them."""

Draw = Callable[[float], float]
"""Takes the next free turn, which lasts so many seconds, and returns the seconds until it begins."""


class NoTurnError(Exception):
    """No turn can be drawn at present; the message says why, without any secret."""


class SharedPace(Pace):
    """Draws each turn from a place that all tasks of a tenant share.

    A turn that was missed, because a sleep ended late, is let go and another, longer one drawn: turns that several
    tasks make up for at once would be too many calls in a second.

    When no turn can be drawn for a while, the task goes on alone, with its own part of the pace; it keeps to that part
    until all tasks share their turns again. A task that alone cannot draw, while others can, comes on top of them.

    After HTTP 429 a task draws turns of twice the length, so that its calls leave room.

    :param calls_per_second: pace of all tasks together.
    :param part: this task's own part of it.
    :param draw: takes the next free turn; raises :class:`NoTurnError`.
    :param clock: the clock that :meth:`turn` is told of, and chance.
    """

    def __init__(self, calls_per_second: float, part: Pace, draw: Draw, clock: Clock) -> None:
        super().__init__(calls_per_second)
        self._part = part
        self._draw = draw
        self._timing = clock
        self._due: float | None = None
        self._patience = PUNCTUAL
        self._grace = max(GRACE_SECONDS, 2 * part.interval)
        self._failing_since: float | None = None
        self._alone = False
        self._ask_again = self._keep_to_part_until = NEVER

    def turn(self, now: float) -> float:
        """Return the seconds until the next call may start; 0.0 takes the turn.

        :param now: seconds of a clock that never goes back.
        """
        if self._due is not None and now - self._due > self._patience:
            self._due = None
            self._patience *= 2  # with a longer turn, or a machine too busy to be punctual would never get on
        wait = self._next_turn(now) if self._due is None else self._due - now
        if wait > 0:
            return wait
        self._due, self._patience = None, PUNCTUAL
        self._part.take(now)
        return 0.0

    def slow_down(self, now: float) -> None:
        """Halve the pace, once a burst: the CRM says that calls come too fast (HTTP 429)."""
        super().slow_down(now)
        self._part.slow_down(now)

    def speed_up(self) -> None:
        """Come a step nearer to the full pace: a call passed."""
        super().speed_up()
        self._part.speed_up()

    def _next_turn(self, now: float) -> float:
        keeps_to_part = self._alone or now < self._keep_to_part_until
        if keeps_to_part and (wait := self._part.due_in(now)) > 0:
            return wait
        if now < self._ask_again:
            return 0.0
        try:
            wait = self._draw(self.interval + self._patience - PUNCTUAL)
        except NoTurnError as failure:
            return self._without_turn(now, failure)
        if self._failing_since is not None:
            self._join(now)
        self._due = self._timing.now() + wait
        return wait

    def _without_turn(self, now: float, failure: NoTurnError) -> float:
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since < self._grace:
            return SECOND
        self._ask_again = now + AWAY_SECONDS
        if self._alone:
            return 0.0
        self._alone = True
        log.warning("%s Until it does, this task makes %.3g calls a second, its part", failure, self._part.rate)
        return self._timing.chance() * self._part.interval  # or all tasks, alone at once, would call at once

    def _join(self, now: float) -> None:
        if self._alone:
            log.info("There are turns again: the pace is shared with the tenant's other tasks")
        self._failing_since, self._alone = None, False
        self._keep_to_part_until = now + REJOIN_SECONDS


@contextmanager
def open_pace(settings: Settings, options: Options) -> Iterator[Pace]:
    """Yield the pace of an import, and say in the log what it is.

    :param settings: the tenant's pace, and where its tasks draw their turns, if anywhere.
    :param options: how many tasks run at once, and the clock.
    :raises SettingError: when the turns are in Redis, and its client is not installed.
    """
    whole, tasks = settings.calls_per_second, options.parallel_tasks
    part = _part(whole, tasks, options.clock)
    divided = f"{whole:g} divided by {tasks} tasks at once = {part.rate:.3g}"
    if not settings.pace_url:
        if tasks > 1:
            log.info("Calls per second: %s", divided)
        if tasks > whole:
            log.warning(TOO_MANY_TASKS, tasks)
        yield part
        return
    from airflow_provider_socialscrm.api.redis_slots import RedisTurns  # noqa: PLC0415 - it needs the classes here

    with closing(RedisTurns(settings.pace_url, settings.base_url, settings.tenant_id)) as turns:
        log.info("Calls per second: %g, shared through Redis; without it %s", whole, divided)
        yield SharedPace(whole, part, turns.draw, options.clock)


def _part(calls_per_second: float, tasks: int, clock: Clock) -> Pace:
    if tasks == 1:
        return Pace(calls_per_second)
    rate = part_of(calls_per_second, tasks)
    return Pace(rate, clock.now() + clock.chance() / rate)  # or tasks that start together would call together


TOO_MANY_TASKS: Final = (
    "%s tasks at once are more than calls a second: one second may see a call of each. Let fewer run at once "
    "(max_active_tis_per_dagrun, or a pool), or set Pace connection"
)
"""Without Redis tasks do not know of each other."""
