"""Where a task saves its checkpoint: in Airflow's task state, in a file of the user's, or nowhere."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk.exceptions import AirflowRuntimeError

from airflow_provider_socialscrm._compat import task_state_store
from airflow_provider_socialscrm.importer.errors import CheckpointError
from airflow_provider_socialscrm.runtime.task_identity import identity_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_socialscrm.importer.results.checkpoint import CheckpointStore

log = logging.getLogger(__name__)

KEY: Final = "socialscrm_import"
"""Key of the checkpoint in the task state."""


class TaskStateCheckpointStore:
    """Saves the state in Airflow's task state store (3.3), which survives retries, and clearing the task as well.

    :param store: ``context["task_state_store"]``.
    :param identity: which run of which task the state is of; a state from before the task was cleared counts as none.
    """

    def __init__(self, store: Any, identity: str) -> None:
        self._store = store
        self._identity = identity

    def load(self) -> dict[str, Any] | None:
        """Return the state of this run, or ``None`` if there is none.

        :raises CheckpointError: if Airflow cannot read it.
        """
        try:
            saved = self._store.get(KEY)
        except AirflowRuntimeError as failure:
            message = f"Airflow's task state cannot be read ({failure}), so it is not known which rows are done. "
            raise CheckpointError(f"{message}No call was made. Run the task again when Airflow responds.") from None
        return dict(saved["state"]) if saved and saved.get("identity") == self._identity else None

    def save(self, state: dict[str, Any]) -> None:
        """Save the state in place of the one before.

        :raises CheckpointError: if Airflow cannot save it.
        """
        try:
            self._store.set(KEY, {"identity": self._identity, "state": state})
        except AirflowRuntimeError as failure:
            message = f"Airflow's task state cannot be written ({failure}), so the import stops. "
            raise CheckpointError(message + "A retry resumes from the last save.") from None

    def clear(self) -> None:
        """Delete the state."""
        self._store.delete(KEY)


def checkpoint_store_for(context: Context, path: Any) -> CheckpointStore | None:
    """Return the store of this task's checkpoint, and log which it is; ``None`` if there is none.

    :param path: ``checkpoint_path`` of the operator, which is used if it is given.
    """
    store = task_state_store(context)
    if path is not None:
        from airflow_provider_socialscrm.importer.results.checkpoint import FileCheckpointStore  # noqa: PLC0415 - needs pyarrow

        log.info("The checkpoint is saved in %s: a retry resumes from it", path)
        return FileCheckpointStore(path, identity_of(context).tries)
    if store is not None:
        log.info("The checkpoint is saved in Airflow's task state: a retry resumes from it, clearing starts over")
        return TaskStateCheckpointStore(store, identity_of(context).tries)
    log.info("No checkpoint is saved: a retry sends every row again. Set checkpoint_path so that it can resume")
    return None
