"""The guard against systemic causes: when everything fails alike, no row is to blame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

T = TypeVar("T")

ALIKE: Final = 10
"""Single rows refused alike, with no call taken in between, before a row is no longer blamed. Ten, because while bad
rows are taken out of their chunks about one judged part in four is a bad row alone, so that three in a row are common
and ten are no accident."""

CHUNKS: Final = 3
"""Different chunks these rows come from, once a call was taken: so that a block of bad rows within one chunk, or across
the border of two, is never called systemic."""


@dataclass(slots=True)
class SystemicFailureDetector(Generic[T]):
    """Holds back the verdict on single rows that were refused with a code nobody knows.

    A call that is taken shows that the CRM works, and the rows held back are at fault. When :data:`ALIKE` rows were
    refused alike with no call taken in between, the cause is not in a row.
    """

    _works: bool = False
    _suspects: list[tuple[int, int, T]] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether it holds any verdict back."""
        return bool(self._suspects)

    def suspect(self, root: int, code: int, row: T) -> bool:
        """Hold back the verdict on a row and say whether the cause is systemic.

        :param root: which chunk of the input the row came from.
        :param code: what it was refused with.
        """
        self._suspects.append((root, code, row))
        roots = [root for root, with_code, _ in self._suspects if with_code == code]
        return len(roots) >= ALIKE and (not self._works or len(set(roots)) >= CHUNKS)

    def passed(self) -> Sequence[T]:
        """Note that a call was taken, and release the rows held back: they are at fault."""
        self._works = True
        return self.release()

    def release(self) -> Sequence[T]:
        """Return the rows held back, and hold them no longer."""
        rows = [row for _, _, row in self._suspects]
        self._suspects.clear()
        return rows
