"""Where a task saves its checkpoint: in Airflow's task state, in a file of the user's, or nowhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk.exceptions import AirflowRuntimeError

from airflow_provider_socialscrm._compat import task_state_store
from airflow_provider_socialscrm.importer.errors import CheckpointError, EmptyInputError
from airflow_provider_socialscrm.importer.results.checkpoint_files import FileCheckpointStore
from airflow_provider_socialscrm.importer.results.checkpoint_stores import (
    NOTHING,
    CheckpointStore,
    NoCheckpointStore,
    OwnedCheckpointStore,
    Place,
)
from airflow_provider_socialscrm.runtime.task_identity import identity_of

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

KEY: Final = "socialscrm_import"
"""Key of the checkpoint in the task state."""

_KEYS: Final = {Place.STATE: KEY, Place.OWNER: f"{KEY}_owner"}

_MISSING: Final = "missing"


def read_state(store: Any, key: str) -> Any | None:
    """Return what a task's state has; ``None`` if nothing, and :data:`NOTHING` if ``null``.

    :param store: ``context["task_state_store"]``.
    :raises AirflowRuntimeError: if Airflow does not respond.
    """
    content = store.get(key, _MISSING)
    if content == _MISSING:
        return None
    return NOTHING if content is None else content


class TaskStateCheckpointStore(OwnedCheckpointStore):
    """Saves the state in Airflow's task state store (3.3), which survives retries, and clearing the task as well.

    :param store: ``context["task_state_store"]``.
    :param identity: which import it is of, as in :class:`OwnedCheckpointStore`, like ``number`` and ``is_retry``.
    """

    def __init__(self, store: Any, identity: str, number: int = 1, *, is_retry: bool = False) -> None:
        super().__init__(identity, number, is_retry=is_retry)
        self._store = store

    @property
    def _name(self) -> str:
        return "Airflow's task state"

    @property
    def _remedy(self) -> str:
        return "Run the task again when Airflow responds."

    @property
    def _remedy_if_damaged(self) -> str:
        return f"Delete its key {KEY}, by Airflow's REST API, to start over."

    def _read(self, place: Place) -> Any | None:
        try:
            return read_state(self._store, _KEYS[place])
        except AirflowRuntimeError as failure:
            raise self._unreadable(failure, self._remedy) from None

    def _write(self, place: Place, content: dict[str, Any]) -> None:
        with self._named_errors():
            self._store.set(_KEYS[place], content)

    def _delete(self, place: Place) -> None:
        with self._named_errors():
            self._store.delete(_KEYS[place])

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except AirflowRuntimeError as failure:
            message = f"Airflow's task state cannot be written ({failure}), so the task stops. "
            raise CheckpointError(message + "A retry resumes from the last save.") from None


def checkpoint_store_for(context: Context, path: Any) -> CheckpointStore | None:
    """Return the store of this task's checkpoint, with a trace of this try, and log which it is; ``None`` if none.

    :param path: ``checkpoint_path`` of the operator, which is used if it is given.
    :raises InputError: if the file has the checkpoint of another task.
    :raises CheckpointError: if the checkpoint cannot be read or written, or a newer try of the task has begun.
    """
    number, is_retry = context["ti"].try_number, is_retried(context["ti"])
    store: CheckpointStore
    if path is not None:
        log.info("The checkpoint is saved in %s: a retry resumes from it", path)
        store = FileCheckpointStore(path, identity_of(context).tries, number, is_retry=is_retry)
    elif (state := task_state_store(context)) is not None:
        log.info("The checkpoint is saved in Airflow's task state: a retry resumes from it, clearing starts over")
        store = TaskStateCheckpointStore(state, identity_of(context).tries, number, is_retry=is_retry)
    else:
        log.info(
            "No checkpoint is saved: a retry sends every row again, and holds those with side effects as unknown. Set "
            "checkpoint_path so that it can resume"
        )
        return NoCheckpointStore(is_retry=True) if is_retry else None
    store.begin()
    return store


@contextmanager
def forgotten_if_empty(store: CheckpointStore | None, *, is_skipped: bool) -> Iterator[None]:
    """Leave no trace of a try that finds no rows, if the task is then skipped.

    :param store: of the task's checkpoint, if it has one.
    :param is_skipped: whether Airflow skips a task without rows.
    """
    try:
        yield
    except EmptyInputError:
        if store and is_skipped:
            store.forget()
        raise


def is_retried(ti: Any) -> bool:
    """Return whether a task instance is a retry, rather than the first try of a run or after the task was cleared.

    Clearing sets ``max_tries`` to the number of the last try plus the task's retries.
    """
    return bool(ti.try_number > 1 and ti.try_number != ti.max_tries - (ti.task.retries or 0) + 1)
