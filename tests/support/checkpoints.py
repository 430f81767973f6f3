"""Where imports that tests run save their checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


class MemoryCheckpointStore:
    """Has every state that it was given, as the JSON of a file, in order. It belongs to one try at a time.

    :param on_save: called with each state once it is saved.
    """

    def __init__(self, on_save: Callable[[dict[str, Any]], Any] = lambda _: None) -> None:
        self.texts: list[str] = []
        self.held: str | None = None
        self._on_save = on_save

    def begin(self) -> str | None:
        return None if self.texts else self.held

    def claim(self) -> None:
        """Do nothing."""

    def check_claim(self) -> None:
        """Do nothing."""

    def release(self) -> None:
        """Do nothing."""

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

    def restart(self, held: str | None) -> None:
        self.texts.clear()
        self.held = held
