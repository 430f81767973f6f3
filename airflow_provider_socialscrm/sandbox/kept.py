"""What the sandbox keeps under ids that it gives, like tasks and orders."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import ClassVar, Generic, TypeVar

from .codes import OTHER, Rejected

T = TypeVar("T")


class Kept(Generic[T]):
    """Things by their ids, oldest first. Safe to use from several threads."""

    id_before: ClassVar[int]
    """The id before the first one's: 19 digits, like the CRM's other ids; any would do."""

    none_text: ClassVar[str]
    """The response's text for an id that nothing has; our assumption, as is its code."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._by_id: dict[str, T] = {}

    def keep(self, make: Callable[[str], T]) -> str:
        """Keep what ``make`` makes of a new id, and return the id."""
        with self._lock:
            new_id = str(self.id_before + len(self._by_id) + 1)
            self._by_id[new_id] = make(new_id)
            return new_id

    def get(self, wanted: str) -> T:
        """Return what has an id.

        :raises Rejected: if nothing has it
        """
        with self._lock:
            found = self._by_id.get(wanted)
        if found is None:
            raise Rejected(OTHER, self.none_text)
        return found

    def all(self) -> list[T]:
        """Return all, oldest first."""
        with self._lock:
            return list(self._by_id.values())
