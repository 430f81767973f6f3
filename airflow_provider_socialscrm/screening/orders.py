"""Place a task's orders, each once: the intent is saved before the call, and the id right after it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import msgspec

from airflow_provider_socialscrm.api.errors import (
    ClockError,
    ResponseFormError,
    ServiceError,
    SettingError,
    SocialSCRMError,
    UncertainError,
    UnknownCodeError,
)
from airflow_provider_socialscrm.api.screening import part_sizes
from airflow_provider_socialscrm.importer.errors import CheckpointError, ImporterError
from airflow_provider_socialscrm.screening.order_store import Orders, OrderStore, Part
from airflow_provider_socialscrm.wording import counted, worded

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

HOLD, ORDER = "hold", "order"
ON_UNKNOWN: Final = (HOLD, ORDER)
"""What to do with an order that the CRM may have taken. The first is the default."""

AT_ONCE: Final = 2**16
"""Numbers that are texts of Python's at a time: each then takes four times its bytes."""

_LOOK: Final = (
    "Nothing is ordered twice by itself, because each order costs money. Look in the CRM: if it has the order, clear "
    "the task after setting orders to the list of ids that it shows; if it has not, after setting on_unknown='order'."
)


class HeldOrderError(ImporterError):
    """The CRM may have taken an order whose id is not known, so a person has to look before anything is ordered."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """The screening that a task wants.

    :param numbers: each once, in ascending order.
    :param subject: what is asked about them, and of whom: another text for another screening.
    :param given: ids of orders that the CRM has, as a person says.
    :param on_unknown: one of :data:`ON_UNKNOWN`.
    """

    numbers: pa.Array = field(repr=False)
    subject: str
    given: tuple[str, ...] = ()
    on_unknown: str = HOLD

    @property
    def digest(self) -> str:
        """A text that other numbers, or another subject, do not have."""
        content = sha256(self.subject.encode())
        for start in range(0, len(self.numbers), AT_ONCE):
            for number in self.numbers.slice(start, AT_ONCE).to_pylist():
                content.update(b"\n" + number.encode())
        return content.hexdigest()


def place_orders(wanted: Wanted, store: OrderStore, order: Callable[[Sequence[str]], str]) -> list[str]:
    """Place the orders that earlier tries have not placed, and return the ids of all.

    :param store: the orders of earlier tries; this try has begun there.
    :param order: places one order, and returns its id.
    :raises HeldOrderError: if the CRM may have taken an order whose id is not known.
    :raises SocialSCRMError: if the CRM certainly did not take an order.
    :raises CheckpointError: if the orders cannot be saved, or another try has begun.
    """
    orders = _begun(wanted, store)
    store.save(orders)
    start = 0
    for place, part in enumerate(orders.parts):
        numbers = wanted.numbers.slice(start, part.numbers)
        start += part.numbers
        if part.order is None:
            orders = _placed(orders, place, numbers.to_pylist(), store, order)
    return orders.ids


def check_unchanged(wanted: Wanted, store: OrderStore) -> None:
    """Check that the orders are for the same numbers as when they were placed, as far as that is known.

    :raises HeldOrderError: if they are not.
    """
    saved = store.load()
    if saved is not None and saved.digest != wanted.digest:
        _check_done_with(saved, wanted)


def _placed(
    orders: Orders, place: int, numbers: Sequence[str], store: OrderStore, order: Callable[[Sequence[str]], str]
) -> Orders:
    part = orders.parts[place]
    asked = orders.with_part(place, msgspec.structs.replace(part, asked=True))
    store.save(asked)
    try:
        found = order(numbers)
    except SocialSCRMError as failure:
        if not is_refusal(failure, has_success=bool(orders.ids)):
            raise _held(asked, f"{failure} ") from failure
        store.save(orders)
        raise
    log.info("The CRM has taken order %s of %s", found, counted(len(numbers), "number"))
    placed = asked.with_part(place, replace_order(part, found))
    try:
        store.save(placed)
    except CheckpointError as failure:
        raise HeldOrderError(
            f"The CRM has taken order {found}, and its id could not be saved: {failure} Clear the task after setting "
            f"orders={[*orders.ids, found]!r}, so that it is not ordered again."
        ) from None
    return placed


def replace_order(part: Part, order: str) -> Part:
    """Return a part with the id of its order."""
    return msgspec.structs.replace(part, order=order, asked=True)


def is_refusal(failure: SocialSCRMError, *, has_success: bool) -> bool:
    """Return whether a failure means for certain that the CRM did not take the order.

    :param has_success: whether an earlier order was taken, so that the settings are right, and a page with an HTTP
        status may have come from a server in between, after the CRM took the order.
    """
    match failure:
        case UncertainError() | ResponseFormError() | UnknownCodeError():
            return False
        case ServiceError() | ClockError():
            return True
        case SettingError(code=None, http_status=None):  # an address or a certificate: nothing was sent
            return True
        case _:
            return failure.code is not None or not has_success


def _begun(wanted: Wanted, store: OrderStore) -> Orders:
    """Return the orders as far as they are known, of which each without an id is to be placed."""
    digest, saved = wanted.digest, store.load()
    if saved is not None and saved.digest != digest:
        _check_done_with(saved, wanted)
        saved = None
    if saved is not None:
        return _completed(saved, wanted)
    if wanted.given:
        return Orders(digest, tuple(Part(0, each, asked=True) for each in wanted.given))
    if store.is_lost and wanted.on_unknown == HOLD:
        raise HeldOrderError(
            "An earlier try of this task left no trace here, for example because it ran on another worker, so the CRM "
            f"may have taken its orders. {_LOOK}"
        )
    return Orders(digest, tuple(Part(size) for size in part_sizes(len(wanted.numbers))))


def _check_done_with(saved: Orders, wanted: Wanted) -> None:
    """Raise unless the orders of other numbers are done with, or are given for these."""
    if saved.delivered or (set(saved.ids) <= set(wanted.given) and wanted.given):
        return
    if not saved.ids and (wanted.on_unknown == ORDER or not any(part.asked for part in saved.parts)):
        return
    raise HeldOrderError(
        f"{_known_by(saved.ids)} of an earlier try {worded(len(saved.ids), 'is', 'are')} for other numbers, another "
        "kind, country or connection, and the results were not written. Nothing was ordered, because each order costs "
        "money. Restore what the task had and clear it, or use their results for what it has now by setting orders to "
        "their ids, or start a new run to order again."
    )


def _known_by(ids: Sequence[str]) -> str:
    return f"The {worded(len(ids), 'order')} {', '.join(ids)}" if ids else "The orders in doubt"


def _completed(saved: Orders, wanted: Wanted) -> Orders:
    """Return saved orders with the given ids in place of those in doubt."""
    doubtful = [place for place, part in enumerate(saved.parts) if part.is_doubtful]
    new = [each for each in wanted.given if each not in saved.ids]
    if new and len(new) != len(doubtful):
        doubt = f"{len(doubtful)} of their orders {worded(len(doubtful), 'is', 'are')} in doubt"
        raise HeldOrderError(
            f"orders has {counted(len(new), 'id')} that earlier tries did not save, and {doubt}, "
            "so nothing was ordered: set orders to the ids of those."
        )
    if new:
        for place, order in zip(doubtful, new, strict=True):
            saved = saved.with_part(place, replace_order(saved.parts[place], order))
        return saved
    if doubtful and wanted.on_unknown == HOLD:
        raise _held(saved)
    return replace_parts(saved, [msgspec.structs.replace(part, asked=part.order is not None) for part in saved.parts])


def replace_parts(orders: Orders, parts: Sequence[Part]) -> Orders:
    """Return the orders with other parts."""
    return msgspec.structs.replace(orders, parts=tuple(parts))


def _held(orders: Orders, why: str = "") -> HeldOrderError:
    doubtful = [(place, part) for place, part in enumerate(orders.parts, 1) if part.is_doubtful]
    named = " and ".join(
        f"order {place} of {len(orders.parts)}, of {counted(part.numbers, 'number')}" for place, part in doubtful
    )
    known = f" It has taken {', '.join(orders.ids)}." if orders.ids else ""
    return HeldOrderError(f"{why}The CRM may have taken {named}, and its id is not known.{known} {_LOOK}")
