"""Time that passes only while somebody sleeps."""

from __future__ import annotations

from airflow_provider_socialscrm.api.retry import Clock


class FakeClock:
    """Remembers each sleep, and returns from it at once."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds

    def as_clock(self, chance: float = 0.5) -> Clock:
        """Return it as an import takes it.

        :param chance: the random number, each time.
        """
        return Clock(now=lambda: self.now, sleep=self.sleep, chance=lambda: chance)
