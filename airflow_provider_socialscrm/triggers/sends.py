"""The trigger that waits until messages are sent, delivered or read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from airflow_provider_socialscrm.api.send_status import TaskStatus
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.sends.progress import is_finished
from airflow_provider_socialscrm.triggers.polling import PollingTrigger
from airflow_provider_socialscrm.wording import counted

FINISHED: Final = "finished"


class SocialSCRMSendTrigger(PollingTrigger):
    """Ask the CRM how far the messages of tasks are, until they are far enough. It only reads, and sends nothing.

    Airflow stores a trigger in its database. This one holds the ids of tasks, and no number.

    :param task_ids: ids of the CRM's tasks.
    :param until: ``sent``, ``delivered`` or ``read``.
    :param min_share: share of each task's recipients who must have got so far, or never will.
    :param socialscrm_conn_id: the connection's id.
    :param poll_interval: seconds from one question to the next.
    :param deadline: when to stop waiting, seconds since the epoch; ``None`` waits without end.
    """

    stored = ("task_ids", "until", "min_share", "socialscrm_conn_id", "poll_interval", "deadline")
    done = FINISHED
    not_known = "The state of task {asked} is not known yet."
    one_by_one = True

    def __init__(
        self,
        *,
        task_ids: Sequence[str],
        until: str,
        min_share: float,
        socialscrm_conn_id: str,
        poll_interval: float,
        deadline: float | None = None,
    ) -> None:
        super().__init__(socialscrm_conn_id=socialscrm_conn_id, poll_interval=poll_interval, deadline=deadline)
        self.task_ids = list(task_ids)
        self.until = until
        self.min_share = min_share

    @property
    def awaited(self) -> list[str]:
        """The ids of the tasks."""
        return self.task_ids

    def ask(self, hook: SocialSCRMHook, asked: list[str]) -> list[str]:
        """Return the tasks whose messages are not far enough; say so if one of them is paused."""
        return [task_id for task_id in asked if not self._is_finished(hook, task_id)]

    def _is_finished(self, hook: SocialSCRMHook, task_id: str) -> bool:
        status = hook.get_send_status(task_id)
        if is_finished(status, self.until, self.min_share):
            return True
        if status.status == TaskStatus.PAUSED:
            self.log.warning("Task %s is paused: somebody has to let it go on in the CRM", task_id)
        return False

    def progress(self, pending: list[str]) -> str:
        """Return how many tasks are not far enough, for the log."""
        return f"Not {self.until} yet: messages of {len(pending):,} of {counted(len(self.task_ids), 'task')}"
