"""A set of whole numbers as intervals: its size depends on the gaps, not on how many numbers there are."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable


class Intervals:
    """A set of numbers as half-open intervals ``[start, end)``, sorted, with gaps between them.

    :param pairs: intervals to start with.
    """

    def __init__(self, pairs: Iterable[Iterable[int]] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for start, end in pairs:
            self.add(start, end)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._starts, number) - 1
        return at >= 0 and number < self._ends[at]

    def __len__(self) -> int:
        return sum(self._ends) - sum(self._starts)

    @property
    def end(self) -> int:
        """One more than the largest number; 0 if there is none."""
        return self._ends[-1] if self._ends else 0

    @property
    def count(self) -> int:
        """How many intervals there are."""
        return len(self._starts)

    def add(self, start: int, end: int) -> None:
        """Add the numbers from ``start`` up to, not including, ``end``."""
        first = bisect_right(self._ends, start - 1)  # intervals that touch the new one become one with it
        last = bisect_right(self._starts, end)
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last] = [start]
        self._ends[first:last] = [end]

    def add_all(self, numbers: Iterable[int]) -> None:
        """Add single numbers; quick if many follow each other."""
        start = end = None
        for number in numbers:
            if number != end:
                if start is not None and end is not None:
                    self.add(start, end)
                start = number
            end = number + 1
        if start is not None and end is not None:
            self.add(start, end)

    def remove(self, numbers: Iterable[int]) -> None:
        """Remove single numbers."""
        for number in numbers:
            at = bisect_right(self._starts, number) - 1
            if at >= 0 and number < self._ends[at]:
                start, end = self._starts[at], self._ends[at]
                parts = [(a, b) for a, b in ((start, number), (number + 1, end)) if a < b]
                self._starts[at : at + 1] = [a for a, _ in parts]
                self._ends[at : at + 1] = [b for _, b in parts]

    def pairs(self) -> list[list[int]]:
        """Return the intervals as JSON takes them."""
        return [[start, end] for start, end in zip(self._starts, self._ends, strict=True)]
