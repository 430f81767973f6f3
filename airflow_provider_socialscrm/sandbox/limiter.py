"""How many calls one path took within any one second (contract 3: 50 a second for each interface)."""

from __future__ import annotations

from collections import Counter, defaultdict, deque

WINDOW_SECONDS = 1.0
"""Length of the sliding window, seconds (contract 3)."""


class SlidingWindow:
    """Counts calls by path over the last second, and remembers the most it has seen.

    Times are handed in: seconds of a clock that never goes back.
    """

    def __init__(self) -> None:
        self.peaks: Counter[str] = Counter()
        self._arrived: defaultdict[str, deque[float]] = defaultdict(deque)
        self._admitted: defaultdict[str, deque[float]] = defaultdict(deque)

    def admit(self, path: str, now: float, limit: int) -> bool:
        """Count one call and tell whether it is within the limit.

        A refused call counts for the peak, but does not use up the limit of later ones.

        :param now: seconds
        :param limit: calls admitted within any one second
        """
        arrived, admitted = self._arrived[path], self._admitted[path]
        _forget_before(arrived, now)
        _forget_before(admitted, now)
        arrived.append(now)
        self.peaks[path] = max(self.peaks[path], len(arrived))
        if len(admitted) >= limit:
            return False
        admitted.append(now)
        return True


def _forget_before(times: deque[float], now: float) -> None:
    while times and times[0] <= now - WINDOW_SECONDS:
        times.popleft()
