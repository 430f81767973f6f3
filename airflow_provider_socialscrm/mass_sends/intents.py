"""What the tries of a task have sent, saved before each call, so that a repeat knows what code 521 means.

The CRM knows a mass send by its name. A name that is taken says that an earlier call was accepted, but only where there
was one: on a first try the name is somebody else's. So each name is saved before its first call. What is saved outlives
the clearing of the task: a message that was sent is not sent again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from hashlib import blake2b
from typing import Final

import msgspec

from airflow_provider_socialscrm.api.mass_sends import MassSend
from airflow_provider_socialscrm.importer.errors import CheckpointError, InputError
from airflow_provider_socialscrm.importer.results.checkpoint_stores import CheckpointStore
from airflow_provider_socialscrm.importer.results.saved_values import DamagedError, checked

_DIGEST_BYTES: Final = 16


class Sent(StrEnum):
    """How far a mass send is."""

    INTENDED = "intended"  # a call with it was about to start
    DOUBTFUL = "doubtful"  # the response of a call with it was doubtful
    AMBIGUOUS = "ambiguous"  # a call may have created it, and the name may have been somebody else's before
    ACCEPTED = "accepted"


class _Entry(msgspec.Struct, frozen=True):
    digest: str
    sent: Sent


class _State(msgspec.Struct, frozen=True):
    tasks: dict[str, _Entry]


class Intents:
    """The mass sends of a task by name, each saved before its first call.

    :param store: where they are saved; ``None`` saves nothing.
    :param is_retry: whether an earlier try may have sent something.
    :raises CheckpointError: if the store cannot be read or written, or a newer try of the task has begun.
    """

    def __init__(self, store: CheckpointStore | None, *, is_retry: bool = False) -> None:
        self._store = store
        self.are_lost = is_retry
        """Whether an earlier try may have sent something that is not saved."""
        self._entries: dict[str, _Entry] = {}
        if store is None:
            return
        self.are_lost = store.begin() is not None
        store.claim()
        if (state := store.load()) is not None:
            self._entries = _read(state)

    def check(self, tasks: Iterable[MassSend]) -> None:
        """Check that these are the mass sends of earlier tries, as far as those sent any.

        :raises InputError: if one has another content, group or executor than the one that was sent by its name.
        """
        for task in tasks:
            entry = self._entries.get(task.name)
            if entry and entry.digest != _digest(task):
                raise InputError(
                    f"An earlier try has sent, or may have sent, the task '{task.name}' with another content, group or "
                    "executors, so this one was not sent: look it up in the CRM, and give this one another name."
                )

    def sent(self, task: MassSend) -> Sent | None:
        """Return how far a mass send is; ``None`` if no call had it, or each was rejected for certain."""
        entry = self._entries.get(task.name)
        return entry.sent if entry else None

    def intend(
        self, tasks: Sequence[MassSend], ambiguous: Collection[str] = (), doubtful: Collection[str] = ()
    ) -> None:
        """Save that a call with these is about to start, or what became of it.

        :param ambiguous: names that may have been somebody else's before.
        :param doubtful: names whose call had a doubtful response.
        :raises CheckpointError: if that cannot be saved; then nothing may be sent.
        """
        known = dict.fromkeys(doubtful, Sent.DOUBTFUL) | dict.fromkeys(ambiguous, Sent.AMBIGUOUS)
        self._save({task.name: _Entry(_digest(task), known.get(task.name, Sent.INTENDED)) for task in tasks})

    def accept(self, tasks: Sequence[MassSend]) -> None:
        """Save that the CRM has accepted these."""
        self._save({task.name: _Entry(_digest(task), Sent.ACCEPTED) for task in tasks})

    def resolve(self, tasks: Sequence[MassSend]) -> None:
        """Save that the CRM has certainly not accepted these."""
        for task in tasks:
            self._entries.pop(task.name, None)
        self._save({})

    def close(self) -> None:
        """Give up the store, at the end of the try."""
        if self._store:
            self._store.release(is_saved=True)  # each call was saved before it began

    def _save(self, changes: Mapping[str, _Entry]) -> None:
        self._entries |= changes
        if self._store:
            self._store.save(msgspec.to_builtins(_State(self._entries)))


def _read(state: object) -> dict[str, _Entry]:
    try:
        return checked(state, _State).tasks
    except DamagedError as failure:
        raise CheckpointError(
            f"What earlier tries sent cannot be read ({failure}), so nothing was sent. Look the tasks up in the CRM."
        ) from None


def _digest(task: MassSend) -> str:
    kind = type(task.group).__name__
    parts = [kind, task.group, sorted(task.executors), task.content]
    return blake2b(msgspec.json.encode(parts), digest_size=_DIGEST_BYTES).hexdigest()
