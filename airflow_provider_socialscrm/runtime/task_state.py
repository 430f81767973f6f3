"""Where a task keeps what it has settled: Airflow's task state, a file of the user's, or nowhere."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk.exceptions import AirflowRuntimeError

from airflow_provider_socialscrm.importer.errors import CheckpointError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_socialscrm.importer.results.checkpoint import Checkpoint

log = logging.getLogger(__name__)

KEY: Final = "socialscrm_import"
"""Of the checkpoint among the task's state."""


class TaskStateCheckpointStore:
    """Keeps the state in Airflow's task state store (3.3), which survives retries, and clearing the task as well.

    :param store: ``context["task_state_store"]``.
    :param identity: which run of which task it belongs to; what was kept before the task was cleared is not gone on
        from.
    """

    def __init__(self, store: Any, identity: str) -> None:
        self._store = store
        self._identity = identity

    def load(self) -> dict[str, Any] | None:
        """Return the state of this very run.

        :raises CheckpointError: when Airflow cannot tell.
        """
        try:
            kept = self._store.get(KEY)
        except AirflowRuntimeError as failure:
            message = f"Airflow's task state cannot be read ({failure}), so what is settled is not known. "
            raise CheckpointError(f"{message}No call was made. Run the task again when Airflow answers.") from None
        return dict(kept["state"]) if kept and kept.get("identity") == self._identity else None

    def save(self, state: dict[str, Any]) -> None:
        """Keep the state.

        :raises CheckpointError: when Airflow does not take it.
        """
        try:
            self._store.set(KEY, {"identity": self._identity, "state": state})
        except AirflowRuntimeError as failure:
            message = f"Airflow's task state cannot be written ({failure}), so nothing more is sent. "
            raise CheckpointError(message + "A retry goes on from the last save.") from None

    def clear(self) -> None:
        """Forget the state."""
        self._store.delete(KEY)


def checkpoint_for(context: Context, path: Any) -> Checkpoint | None:
    """Return where this task keeps what it has settled, and say so in the log.

    :param path: ``checkpoint_path`` of the operator, which goes first.
    """
    store = context.get("task_state_store")
    if path is not None:
        from airflow_provider_socialscrm.importer.results.checkpoint import FileCheckpointStore  # noqa: PLC0415 - needs pyarrow

        log.info("What is settled is kept in %s: a retry goes on from there", path)
        return FileCheckpointStore(path, _identity(context))
    if store is not None:
        log.info("What is settled is kept in Airflow's task state: a retry goes on from there, clearing starts over")
        return TaskStateCheckpointStore(store, _identity(context))
    log.info("What is settled is not kept: a retry sends every row again. Set checkpoint_path to let it go on instead")
    return None


def _identity(context: Context) -> str:
    # Clearing a task raises its max_tries, which tells a cleared task, to start over, from one that is retried.
    ti = context["ti"]
    return "/".join(str(part) for part in (ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.max_tries))
