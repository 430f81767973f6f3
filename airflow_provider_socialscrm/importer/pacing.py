"""Calls a second."""

from __future__ import annotations

from typing import Final

NEVER: Final = float("-inf")


class Pace:
    """Spaces calls evenly, so that no second of anybody's clock sees more than its share.

    :param calls_per_second: at most this many.
    """

    def __init__(self, calls_per_second: float) -> None:
        self.interval = 1 / calls_per_second
        self._last = NEVER

    def turn(self, now: float) -> float:
        """Return the seconds until the next call may start; 0.0 takes the turn.

        :param now: seconds of a clock that never goes back.
        """
        wait = self._last + self.interval - now
        if wait > 0:
            return wait
        self._last = now
        return 0.0
