"""Where imports that tests run save their checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


class MemoryCheckpointStore:
    """Has every state that it was given, as the JSON of a file, in order. It belongs to one try at a time.

    :param on_save: called with each state once it is saved.
    :param counts_calls: whether it has each call, as beside a local file, or only those of the last save.
    """

    def __init__(self, on_save: Callable[[dict[str, Any]], Any] = lambda _: None, *, counts_calls: bool = True) -> None:
        self.texts: list[str] = []
        self.held: str | None = None
        self.counts_calls = counts_calls
        self.calls = 0
        self.is_claimed = False
        self._on_save = on_save

    def begin(self) -> str | None:
        return None if self.texts else self.held

    def claim(self) -> bool:
        is_left, self.is_claimed = self.is_claimed, True
        return is_left

    def check_claim(self) -> None:
        """Do nothing."""

    def release(self, *, is_saved: bool) -> None:
        self.is_claimed = not is_saved

    def count_calls(self, number: int) -> None:
        self.calls = number

    def counted_calls(self) -> int | None:
        return self.calls if self.counts_calls else None

    @property
    def states(self) -> list[dict[str, Any]]:
        """The states."""
        return [json.loads(text) for text in self.texts]

    def load(self) -> dict[str, Any] | None:
        return json.loads(self.texts[-1]) if self.texts else None

    def save(self, state: dict[str, Any]) -> None:
        self.texts.append(json.dumps(state))
        self._on_save(state)

    def clear(self) -> None:
        """Lose the state, as when somebody deletes it before a retry."""
        self.restart("no-checkpoint")
        self.is_claimed = False

    def restart(self, held: str | None) -> None:
        self.texts.clear()
        self.held = held
        self.calls = 0
