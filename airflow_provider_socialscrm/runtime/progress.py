"""Progress of a task, in its log and, from Airflow 3.3 on, in its task state for the UI."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk.exceptions import AirflowRuntimeError

from airflow_provider_socialscrm._compat import task_state_store

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_socialscrm.importer.results.progress import ProgressCallback, ReadProgress, SendProgress

log = logging.getLogger(__name__)

KEY: Final = "socialscrm_progress"
"""Key of the progress in the task state; the checkpoint has another one."""


@contextmanager
def report_progress(context: Context) -> Iterator[ProgressCallback]:
    """Yield what reports progress. Delete the progress entry when the task ends."""
    entry = ProgressEntry(task_state_store(context))

    def report(progress: SendProgress | ReadProgress) -> None:
        log.info("%s", progress)
        entry.set(progress.numbers)

    try:
        yield report
    finally:
        entry.delete()


class ProgressEntry:
    """The progress in Airflow's task state. If Airflow cannot store it, only the log has it.

    :param store: ``context["task_state_store"]``, which Airflow before 3.3 does not have.
    """

    def __init__(self, store: Any) -> None:
        self._store = store
        self._exists = False

    def set(self, numbers: dict[str, int]) -> None:
        """Store the progress in place of the one before."""
        self._try("set", KEY, numbers)
        self._exists = True

    def delete(self) -> None:
        """Delete the progress, if it was stored."""
        if self._exists:
            self._try("delete", KEY)

    def _try(self, what: str, *arguments: Any) -> None:
        if self._store is None:
            return
        try:
            getattr(self._store, what)(*arguments)
        except Exception as failure:  # noqa: BLE001 - whatever Airflow raises, showing progress must not fail a task
            what_failed = failure if isinstance(failure, AirflowRuntimeError) else type(failure).__name__
            log.info("Could not store progress in Airflow's task state (%s); see the log instead.", what_failed)
            self._store = None
