"""Where the orders of a task are saved between its tries, and which try may order.

What is saved outlives both a kill and the clearing of a task, because an order costs money. A try claims the place
before it reads the orders of the one before, and looks for its claim before and after each save, that is also before
each order. So of two tries at the same time either the older one sees the claim and orders nothing more, or the newer
one reads that an order may have been placed.
"""

from __future__ import annotations

import json
from contextlib import suppress
from secrets import token_hex
from typing import Any, Final, Protocol

import msgspec

from airflow_provider_socialscrm.importer.errors import CheckpointError, InputError, SupersededError
from airflow_provider_socialscrm.importer.paths import OpenablePath, local_path
from airflow_provider_socialscrm.importer.results.checkpoint_files import read_json
from airflow_provider_socialscrm.importer.results.checkpoint_stores import LONGEST_IDENTITY, Place
from airflow_provider_socialscrm.importer.results.saved_values import Count, DamagedError, checked, what
from airflow_provider_socialscrm.importer.whole_files import write_whole

ENDING: Final = ".orders.json"
"""How the name of a file with orders ends, after that of the output."""


class Part(msgspec.Struct, frozen=True):
    """Some of the numbers, which make an order.

    :param numbers: how many; 0 where only the id is known.
    :param order: the order's id, once the CRM has returned it.
    :param asked: whether the order was about to be placed, so that the CRM may have taken it.
    """

    numbers: Count
    order: str | None = None
    asked: bool = False

    @property
    def is_doubtful(self) -> bool:
        """Whether the CRM may have taken an order whose id is not known."""
        return self.asked and self.order is None


class Orders(msgspec.Struct, frozen=True):
    """The orders of a task.

    :param digest: of the numbers, of what is asked about them, and of whom.
    :param parts: the orders, in ascending order of their numbers.
    :param delivered: whether their results were written.
    """

    digest: str
    parts: tuple[Part, ...]
    delivered: bool = False

    @property
    def ids(self) -> list[str]:
        """The ids that are known."""
        return [part.order for part in self.parts if part.order is not None]

    def with_part(self, place: int, part: Part) -> Orders:
        """Return the orders with another part at a place."""
        return msgspec.structs.replace(self, parts=(*self.parts[:place], part, *self.parts[place + 1 :]))


class _Saved(msgspec.Struct, frozen=True):
    identity: str
    orders: Orders | None  # None: a try began, and has ordered nothing
    lost: bool = False  # an earlier try left no trace, so it may have ordered


class _Claim(msgspec.Struct, frozen=True):
    identity: str
    number: Count = msgspec.field(name="try")


class OrderPlaces(Protocol):
    """Saves two small values, the orders and whose they are."""

    name: str
    """Of the place, for sentences."""

    may_be_lost: bool
    """Whether a later try may find nothing although an earlier one has saved something, as on another worker."""

    def read(self, place: Place) -> Any | None:
        """Return what is saved, or ``None`` if nothing is.

        :raises CheckpointError: if it cannot be read, which is never taken for "nothing".
        """

    def write(self, place: Place, content: dict[str, Any]) -> None:
        """Save something, as a whole or not at all.

        :raises CheckpointError: if it cannot be saved.
        """

    def delete(self, place: Place) -> None:
        """Delete what is saved, if anything is."""


class FilePlaces:
    """A small file beside the output, and while a task runs another one.

    :param output: the path of the output.
    """

    def __init__(self, output: OpenablePath) -> None:
        self.may_be_lost = local_path(output) is not None
        self._file: Any = output.parent / f"{output.name}{ENDING}"
        self.name = str(self._file)

    def read(self, place: Place) -> Any | None:
        """Return what is saved, or ``None`` if nothing is."""
        try:
            return read_json(self._place(place))
        except (OSError, ValueError, RecursionError) as failure:
            raise unreadable(self.name, what(failure)) from None

    def write(self, place: Place, content: dict[str, Any]) -> None:
        """Save something, as a whole or not at all."""
        try:
            write_whole(self._place(place), lambda file: file.write(json.dumps(content).encode()))
        except OSError as failure:
            raise unwritable(self.name, failure.strerror or type(failure).__name__) from None

    def delete(self, place: Place) -> None:
        """Delete what is saved, if anything is."""
        with suppress(OSError):
            self._place(place).unlink()

    def _place(self, place: Place) -> Any:
        return self._file if place is Place.STATE else self._file.parent / f"{self._file.name}.{place}"


def unreadable(name: str, reason: object) -> CheckpointError:
    """Return the error for a place that cannot be read."""
    return CheckpointError(
        f"{name} cannot be read ({reason}), so it is not known what earlier tries have ordered, and nothing was "
        "ordered. Run the task again once it can be read."
    )


def unwritable(name: str, reason: object) -> CheckpointError:
    """Return the error for a place that cannot be written."""
    return CheckpointError(
        f"{name} cannot be written ({reason}), so nothing more was ordered. Run the task again once it can be written."
    )


class OrderStore:
    """Saves the orders of one task, and lets one of its tries at a time order.

    :param places: where.
    :param identity: which task of which run it is, the same however often the task is cleared.
    :param number: of this try; a later one has a higher number.
    """

    def __init__(self, places: OrderPlaces, identity: str, number: int = 1) -> None:
        self._places = places
        self._identity = identity
        self._number = number
        self._claim = {"identity": identity, "try": number, "token": token_hex(8)}
        self.is_lost = False
        """Whether an earlier try may have ordered something of which nothing is saved."""

    def begin(self) -> None:
        """Claim the place, and leave a trace of this try.

        :raises InputError: if another run waits for orders that are saved there.
        :raises SupersededError: if a newer try of this task has begun.
        :raises CheckpointError: if it cannot be read or written.
        """
        self._saved()  # so that a place that is another run's is left alone
        with suppress(DamagedError):
            owner = checked(self._places.read(Place.OWNER), _Claim)
            if owner.identity == self._identity and owner.number > self._number:
                raise self._superseded()
        self._places.write(Place.OWNER, self._claim)
        saved = self._saved()
        if saved is None:
            self.is_lost = self._places.may_be_lost and self._number > 1
            self._write(None)
        else:
            self.is_lost = saved.lost

    def load(self) -> Orders | None:
        """Return the orders of this task, or ``None`` if it has not ordered yet."""
        saved = self._saved()
        return saved.orders if saved else None

    def save(self, orders: Orders) -> None:
        """Save the orders.

        :raises SupersededError: if another try has begun, so that this one must not order.
        :raises CheckpointError: if they cannot be saved.
        """
        self._check_claim()
        self.is_lost = False
        self._write(orders)
        self._check_claim()

    def mark_delivered(self) -> None:
        """Save that the results of the orders are written, so that other numbers may be ordered."""
        if (orders := self.load()) is not None:
            self.save(msgspec.structs.replace(orders, delivered=True))

    def release(self) -> None:
        """Give up the claim."""
        with suppress(CheckpointError):  # must not hide how the try ended; the next one claims it anyway
            if self._places.read(Place.OWNER) == self._claim:
                self._places.delete(Place.OWNER)

    def _write(self, orders: Orders | None) -> None:
        saved = _Saved(self._identity, orders, self.is_lost)
        self._places.write(Place.STATE, msgspec.json.decode(msgspec.json.encode(saved)))  # with lists, as in JSON

    def _check_claim(self) -> None:
        if self._places.read(Place.OWNER) != self._claim:
            raise self._superseded()

    def _superseded(self) -> SupersededError:
        return SupersededError(
            f"Another try of this task, or another task with this path, has begun, so this one, try {self._number}, "
            "stops and orders nothing more."
        )

    def _saved(self) -> _Saved | None:
        if (content := self._places.read(Place.STATE)) is None:
            return None
        try:
            saved = checked(content, _Saved)
        except DamagedError as failure:
            raise unreadable(self._places.name, failure) from None
        if saved.identity == self._identity:
            return saved
        if saved.lost or (saved.orders is not None and not saved.orders.delivered):
            raise InputError(
                f"{self._places.name} has the open orders of another run ({saved.identity[:LONGEST_IDENTITY]}), so "
                "nothing was ordered: let path end in / to have a file for each run, or delete the file if nobody "
                "waits for these orders."
            )
        return None
