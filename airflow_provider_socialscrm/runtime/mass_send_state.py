"""Where a task saves which mass sends it has sent: in Airflow's task state, in a file of the user's, or nowhere."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow_provider_socialscrm._compat import task_state_store
from airflow_provider_socialscrm.importer.results.checkpoint_files import FileCheckpointStore
from airflow_provider_socialscrm.importer.results.checkpoint_stores import CheckpointStore
from airflow_provider_socialscrm.mass_sends.intents import Intents
from airflow_provider_socialscrm.runtime.task_identity import identity_of
from airflow_provider_socialscrm.runtime.task_state import TaskStateCheckpointStore, is_retried

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)


def intents_for(context: Context, path: Any) -> Intents:
    """Return what the tries of a task have sent, in which this try has begun, and log where it is saved.

    :param path: ``checkpoint_path`` of the operator, which is used if it is given.
    :raises InputError: if the file is another task's.
    :raises CheckpointError: if it cannot be read or written, or a newer try of the task has begun.
    """
    ti = context["ti"]
    number, is_retry = ti.try_number, is_retried(ti)
    whose = f"{identity_of(context).owner}/sent"  # without the number of clearings: a message is not sent again
    store: CheckpointStore | None = None
    if path is not None:
        log.info("What was sent is saved in %s", path)
        store = FileCheckpointStore(path, whose, number, is_retry=is_retry)
    elif (state := task_state_store(context)) is not None:
        log.info("What was sent is saved in Airflow's task state")
        store = TaskStateCheckpointStore(state, whose, number, is_retry=is_retry)
    else:
        log.info("What was sent is saved nowhere: set checkpoint_path, so that a retry knows what a taken name means")
    return Intents(store, is_retry=is_retry)
