"""The time that calls are signed with."""

from __future__ import annotations

import time
from collections.abc import Callable


class ServerClock:
    """Our clock, set to the server's time once an answer shows that they differ.

    :param wall: our own time, seconds since the epoch.
    """

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self.wall = wall
        self.offset = 0.0
        """Seconds the server is ahead of us; negative where it is behind."""

    def now(self) -> float:
        """Return the server's time as far as we know it, seconds since the epoch."""
        return self.wall() + self.offset
