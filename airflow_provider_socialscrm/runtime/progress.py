"""How far a task is, in its log and, where Airflow has that, in its state for the UI."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk.exceptions import AirflowRuntimeError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_socialscrm.importer.results.progress import ProgressCallback, ReadProgress, SendProgress

log = logging.getLogger(__name__)

KEY: Final = "socialscrm_progress"
"""Among the task's state; the checkpoint has another."""


@contextmanager
def telling(context: Context) -> Iterator[ProgressCallback]:
    """Yield what tells how far the task is. What the UI was shown is forgotten in the end, when it holds no more."""
    state = ShownState(context.get("task_state_store"))

    def tell(standing: SendProgress | ReadProgress) -> None:
        log.info("%s", standing)
        state.show(standing.numbers)

    try:
        yield tell
    finally:
        state.forget()


class ShownState:
    """Shows in Airflow's task state how far a task is. When Airflow does not take it, the log alone has it.

    :param store: ``context["task_state_store"]``, which Airflow before 3.3 does not have.
    """

    def __init__(self, store: Any) -> None:
        self._store = store
        self._shown = False

    def show(self, numbers: dict[str, int]) -> None:
        """Show how far the task is."""
        self._try("set", KEY, numbers)
        self._shown = True

    def forget(self) -> None:
        """Show it no longer."""
        if self._shown:
            self._try("delete", KEY)

    def _try(self, what: str, *arguments: Any) -> None:
        if self._store is None:
            return
        try:
            getattr(self._store, what)(*arguments)
        except AirflowRuntimeError as failure:
            log.info("Airflow's task state does not take how far the task is (%s): the log has it", failure)
            self._store = None
