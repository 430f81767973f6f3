"""Time that passes only while somebody sleeps."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_socialscrm.api.retry import Clock


class FakeClock:
    """Remembers each sleep, and returns from it at once."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self._acts: list[tuple[float, Callable[[], object]]] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        for moment, act in self._acts:
            if self.now > moment:
                act()

    def after(self, moment: float, act: Callable[[], object]) -> None:
        """Call a function at the end of each sleep that ends after a moment."""
        self._acts.append((moment, act))

    def as_clock(self, chance: float = 0.5) -> Clock:
        """Return it as an import takes it.

        :param chance: the random number, each time.
        """
        return Clock(now=lambda: self.now, sleep=self.sleep, chance=lambda: chance)
