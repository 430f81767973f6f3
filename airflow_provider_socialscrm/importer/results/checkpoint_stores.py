"""Where the checkpoint is between the tries of a task, whose it is, and which try may write it.

A try claims the checkpoint before it reads the state of the one before. A try that finds another claim than its own
stops. It looks before and after each save, that is also before rows in doubt are sent. So of two tries at the same time
either the older one sees the claim and does not send such a row, or the newer one, which reads the state after its
claim, sees that the row is in doubt and holds it. No store can compare and write in one step, so the older one may have
replaced the newer one's state. Then it leaves a mere trace there, with which a later try holds rows with side effects.

A try that has saved all of its calls gives up its claim at its end. A claim that is left says that its try was killed,
or could not save: the state then lacks the calls since the last save. A local file has a counter beside it that has
them; elsewhere a write for each call would take too long, and the report says that it may lack some.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from enum import StrEnum
from secrets import token_hex
from typing import Any, Final, Protocol

import msgspec

from airflow_provider_socialscrm.importer.errors import CheckpointError, InputError, SupersededError
from airflow_provider_socialscrm.importer.reasons import NO_CHECKPOINT
from airflow_provider_socialscrm.importer.results.saved_values import Count, DamagedError, checked


class CheckpointStore(Protocol):
    """Saves the state of a checkpoint between the tries of a task."""

    def begin(self) -> str | None:
        """Leave a trace of this try, so that a later one knows that there was one. Safe to repeat.

        :return: the code of the reason why rows with side effects are held; ``None`` if they are not.
        :raises InputError: if the state is that of another import.
        :raises CheckpointError: if it cannot be read, which is never taken for "there is none".
        """

    def claim(self) -> bool:
        """Let this try own the checkpoint, and no other one save it any more.

        :return: whether the state may lack calls that an earlier try started.
        :raises SupersededError: if a newer try owns it.
        """

    def check_claim(self) -> None:
        """Raise unless this try still owns the checkpoint, or never claimed it.

        :raises SupersededError: if another try owns it.
        """

    def release(self, *, is_saved: bool) -> None:
        """Give up the claim, at the end of the try.

        :param is_saved: whether the state has all calls that were started; else a later try has to know.
        """

    def count_calls(self, number: int) -> None:
        """Note how many calls this try and the earlier ones have started, if the store can do so for each call.

        :raises SupersededError: if another try owns the checkpoint by now.
        :raises CheckpointError: if it cannot be written.
        """

    def counted_calls(self) -> int | None:
        """Return what :meth:`count_calls` noted last, in an earlier try; ``None`` if it is not known."""

    def load(self) -> dict[str, Any] | None:
        """Return the state, or ``None`` if no try of this import has saved one.

        :raises CheckpointError: if it cannot be read, which is never taken for "there is none".
        """

    def save(self, state: dict[str, Any]) -> None:
        """Save the state in place of the one before.

        :raises SupersededError: if another try owns the checkpoint by now.
        :raises CheckpointError: if it cannot be saved.
        """

    def restart(self, held: str | None) -> None:
        """Put a mere trace of this try in place of the state.

        :param held: the code of the reason why rows with side effects are held.
        """

    def forget(self) -> None:
        """Delete the trace of the tries, if none of them has sent a row."""


class NoCheckpointStore:
    """Saves nothing: a retry sends every row again, and holds those with side effects.

    :param is_retry: whether an earlier try may have sent rows.
    """

    def __init__(self, *, is_retry: bool = False) -> None:
        self._is_retry = is_retry

    def begin(self) -> str | None:
        """Return why rows with side effects are held, if they are."""
        return str(NO_CHECKPOINT.code) if self._is_retry else None

    def claim(self) -> bool:
        """Return that no state lacks calls: there is none."""
        return False

    def check_claim(self) -> None:
        """Do nothing."""

    def release(self, *, is_saved: bool) -> None:
        """Do nothing."""

    def count_calls(self, number: int) -> None:
        """Do nothing."""

    def counted_calls(self) -> int | None:
        """Return that it is not known."""

    def load(self) -> None:
        """Return that there is no state."""

    def save(self, state: dict[str, Any]) -> None:
        """Do nothing."""

    def restart(self, held: str | None) -> None:
        """Do nothing."""

    def forget(self) -> None:
        """Do nothing."""


LONGEST_IDENTITY: Final = 200
"""Characters of another import's identity that a sentence has."""

NOTHING: Final = "null"
"""What a place holds that has the word ``null``, which is not the same as an empty place."""


class Place(StrEnum):
    """Name the two values that a store saves, each in a place of its own."""

    STATE = "state"
    OWNER = "owner"


class _Saved(msgspec.Struct, frozen=True, kw_only=True):
    identity: str
    state: dict[str, Any] | None  # None: a try began, and has sent nothing
    number: Count = msgspec.field(default=0, name="try")
    held: str | None = None


class _Claim(msgspec.Struct, frozen=True):
    number: Count = msgspec.field(name="try")


class OwnedCheckpointStore(ABC):
    """Saves the state with the import that it is of, and lets one try at a time do so.

    :param identity: which import it is of, up to the last slash, and behind that how often its task was cleared.
    :param number: of this try; a later one has a higher number.
    :param is_retry: whether an earlier try of the import must have left a trace.
    """

    def __init__(self, identity: str, number: int = 1, *, is_retry: bool = False) -> None:
        self._identity = identity
        self._number = number
        self._is_retry = is_retry
        self._claim = {"try": number, "token": token_hex(8)}
        self._is_claimed = self._is_new = False

    @property
    @abstractmethod
    def _name(self) -> str:
        """Return the name of the place, for sentences."""

    @property
    @abstractmethod
    def _remedy_if_damaged(self) -> str:
        """Return a sentence on what to do if the content cannot be used."""

    @abstractmethod
    def _read(self, place: Place) -> Any | None:
        """Return what is saved, or ``None`` if nothing is."""

    @abstractmethod
    def _write(self, place: Place, content: dict[str, Any]) -> None:
        """Save something, as a whole or not at all."""

    @abstractmethod
    def _delete(self, place: Place) -> None:
        """Delete what is saved, if anything is."""

    def begin(self) -> str | None:
        """Leave a trace of this try; return why rows with side effects are held, if they are."""
        saved = self._saved()
        if saved is None:
            held = str(NO_CHECKPOINT.code) if self._is_retry else None
            self.restart(held)
            return held
        return saved.held if saved.state is None else None

    def claim(self) -> bool:
        """Let this try own the checkpoint; return whether an earlier try of the same import has left its claim."""
        left = self._read(Place.OWNER)
        with suppress(DamagedError):  # whatever else is there, it is not this try's claim
            self._check_is_newest(checked(left, _Claim).number)
        self._write(Place.OWNER, self._claim)
        self._is_claimed = True
        return left is not None and not self._is_new

    def check_claim(self) -> None:
        """Raise unless this try still owns the checkpoint, or never claimed it."""
        if self._is_claimed and self._read(Place.OWNER) != self._claim:
            raise SupersededError(
                f"Another try of this task has begun and owns the checkpoint, so this one, try {self._number}, stops: "
                "the other one sends what is left."
            )

    def release(self, *, is_saved: bool) -> None:
        """Give up the claim, if this try still has it and has saved its calls."""
        if self._is_claimed:
            self._is_claimed = False
            with suppress(CheckpointError):  # must not hide how the try ended; the next one claims it anyway
                if is_saved and self._read(Place.OWNER) == self._claim:
                    self._delete(Place.OWNER)

    def count_calls(self, number: int) -> None:  # noqa: B027 - a store may do so
        """Do nothing: a write for each call would take too long."""

    def counted_calls(self) -> int | None:  # noqa: B027 - as above
        """Return that it is not known."""

    def load(self) -> dict[str, Any] | None:
        """Return the state of this import, or ``None`` if there is none."""
        saved = self._saved()
        return saved.state if saved else None

    def save(self, state: dict[str, Any]) -> None:
        """Save the state, unless another try owns the checkpoint."""
        self.check_claim()
        self._write(Place.STATE, {"identity": self._identity, "try": self._number, "state": state})
        try:
            self.check_claim()
        except SupersededError:
            self.restart(str(NO_CHECKPOINT.code))
            raise

    def restart(self, held: str | None) -> None:
        """Put a mere trace of this try in place of the state."""
        trace = {"identity": self._identity, "try": self._number, "state": None, "held": held}
        self._write(Place.STATE, trace)
        self._is_new = True

    def forget(self) -> None:
        """Delete the trace of the tries, if none of them has sent a row."""
        with suppress(CheckpointError):  # the trace says of nothing that it was done, so it does no harm
            saved = self._saved()
            if saved is not None and saved.state is None and saved.held is None:
                self._delete(Place.STATE)

    def _saved(self) -> _Saved | None:
        if (content := self._read(Place.STATE)) is None:
            return None
        try:
            saved = checked(content, _Saved)
        except DamagedError as failure:
            raise self._unreadable(failure, self._remedy_if_damaged) from None
        if _import_of(saved.identity) != _import_of(self._identity):
            raise InputError(
                f"{self._name} has the checkpoint of another task ({_import_of(saved.identity)[:LONGEST_IDENTITY]}), "
                "so no call was made: let checkpoint_path end in / to have a file for each task, or delete the file "
                "if that task is over."
            )
        self._check_is_newest(saved.number)
        return saved if saved.identity == self._identity else None  # or it is from before the task was cleared

    def _check_is_newest(self, number: int) -> None:
        if number > self._number:
            raise SupersededError(
                f"Try {number} of this task has begun, so this one, try {self._number}, stops: the newer one sends "
                f"what is left."
            )

    def _unreadable(self, reason: object, remedy: str) -> CheckpointError:
        message = f"{self._name} cannot be read ({reason}), so it is not known which rows are done."
        return CheckpointError(f"{message} No call was made. {remedy}")


def _import_of(identity: str) -> str:
    """Return an identity without how often its task was cleared."""
    return identity.rpartition("/")[0] or identity
