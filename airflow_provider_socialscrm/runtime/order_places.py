"""Where a task saves its screening orders: in Airflow's task state, or in a file beside its output."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk.exceptions import AirflowRuntimeError

from airflow_provider_socialscrm._compat import never_expires, task_state_store
from airflow_provider_socialscrm.importer.results.checkpoint_stores import Place
from airflow_provider_socialscrm.runtime.task_identity import identity_of
from airflow_provider_socialscrm.runtime.task_state import read_state
from airflow_provider_socialscrm.screening.order_store import (
    FilePlaces,
    OrderPlaces,
    OrderStore,
    unreadable,
    unwritable,
)

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

KEY: Final = "socialscrm_screening"
"""Key of the orders in the task state."""

_KEYS: Final = {Place.STATE: KEY, Place.OWNER: f"{KEY}_owner"}


class TaskStatePlaces:
    """Airflow's task state store (3.3), which survives retries, and clearing the task as well.

    :param store: ``context["task_state_store"]``.
    """

    name = "Airflow's task state"
    may_be_lost = False

    def __init__(self, store: Any) -> None:
        self._store = store

    def read(self, place: Place) -> Any | None:
        """Return what is saved, or ``None`` if nothing is."""
        try:
            return read_state(self._store, _KEYS[place])
        except AirflowRuntimeError as failure:
            raise unreadable(self.name, failure) from None

    def write(self, place: Place, content: dict[str, Any]) -> None:
        """Save something, as a whole or not at all, and for ever, because an expired order would be placed again."""
        with self._named_errors():
            self._store.set(_KEYS[place], content, retention=never_expires())

    def delete(self, place: Place) -> None:
        """Delete what is saved, if anything is."""
        with self._named_errors():
            self._store.delete(_KEYS[place])

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except AirflowRuntimeError as failure:
            raise unwritable(self.name, failure) from None


def order_store_for(context: Context, output: Any) -> OrderStore:
    """Return the store of a task's orders, in which this try has begun, and log where it is.

    :param output: path of the task's output.
    :raises InputError: if another run waits for orders that are saved there.
    :raises CheckpointError: if it cannot be read or written, or a newer try of the task has begun.
    """
    state = task_state_store(context)
    places: OrderPlaces = FilePlaces(output) if state is None else TaskStatePlaces(state)
    log.info("The orders are saved in %s: neither a retry nor clearing the task orders again", places.name)
    ti = context.get("ti")
    store = OrderStore(places, identity_of(context).owner, ti.try_number if ti else 1)
    store.begin()
    return store
