"""The pace of each path that single calls go to. Threads may share it."""

from __future__ import annotations

import threading
from contextlib import ExitStack

from airflow_provider_socialscrm.api.pacing import Pace
from airflow_provider_socialscrm.api.retry import Clock
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.api.shared_pacing import open_pace


class Paces:
    """A pace for each path, since the vendor counts calls by path (vendor API 5.1).

    :param settings: the tenant, its calls per second, and the Redis through which its tasks share them, if any.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._open = ExitStack()
        self._by_path: dict[str, Pace] = {}

    def wait(self, path: str, clock: Clock) -> None:
        """Wait until the next call on a path may start, and count it."""
        while (seconds := self._try_start(path, clock)) > 0:
            clock.sleep(seconds)

    def slow_down(self, path: str, clock: Clock) -> None:
        """Halve the rate of a path, once per burst of HTTP 429."""
        with self._lock:
            self._by_path[path].slow_down(clock.now())

    def speed_up(self, path: str) -> None:
        """Restore a step of a path's full rate after a successful call."""
        with self._lock:
            self._by_path[path].speed_up()

    def close(self) -> None:
        """Close the connections to Redis. A later call opens new ones."""
        with self._lock:
            self._by_path.clear()
            self._open.close()

    def _try_start(self, path: str, clock: Clock) -> float:
        with self._lock:
            if path not in self._by_path:
                pace = open_pace(self._settings, path, parallel_tasks=1, clock=clock)
                self._by_path[path] = self._open.enter_context(pace)
            return self._by_path[path].try_start(clock.now())
