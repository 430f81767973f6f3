"""Detects systemic causes: when all rows fail alike, no row is at fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

T = TypeVar("T")

ALIKE: Final = 10
"""Single rows rejected alike, with no call accepted in between, before the cause is systemic. While bad rows are taken
out of their chunks, about one decided part in four is a bad row alone: three in a row are common, ten are not."""

CHUNKS: Final = 3
"""Different chunks that these rows come from, once a call was accepted. A block of bad rows within one chunk, or across
the border of two, is never systemic."""


@dataclass(slots=True)
class SystemicFailureDetector(Generic[T]):
    """Delays the verdict on single rows that were rejected with an unknown code.

    An accepted call shows that the CRM works, so the undecided rows are at fault. When :data:`ALIKE` rows were rejected
    alike with no call accepted in between, the cause is not in a row.
    """

    _works: bool = False
    _undecided: list[tuple[int, int, T]] = field(default_factory=list)

    @property
    def has_undecided(self) -> bool:
        """Whether any row waits for its verdict."""
        return bool(self._undecided)

    def on_rejected(self, origin: int, code: int, row: T) -> bool:
        """Delay the verdict on a row and return whether the cause is systemic.

        :param origin: number of the chunk of the input that the row came from.
        :param code: which the CRM rejected it with.
        """
        self._undecided.append((origin, code, row))
        origins = [origin for origin, with_code, _ in self._undecided if with_code == code]
        return len(origins) >= ALIKE and (not self._works or len(set(origins)) >= CHUNKS)

    def on_success(self) -> Sequence[T]:
        """Note an accepted call, and release the undecided rows: they are at fault."""
        self._works = True
        return self.release()

    def release(self) -> Sequence[T]:
        """Remove and return the undecided rows."""
        rows = [row for _, _, row in self._undecided]
        self._undecided.clear()
        return rows
