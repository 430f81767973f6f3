"""The trigger that waits until messages are sent, delivered or read."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from airflow_provider_socialscrm.api.errors import RetriableError, SocialSCRMError
from airflow_provider_socialscrm.api.send_status import TaskStatus
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.sends.progress import is_finished
from airflow_provider_socialscrm.wording import counted

FINISHED: Final = "finished"
PENDING: Final = "pending"
FAILED: Final = "failed"


class SocialSCRMSendTrigger(BaseTrigger):
    """Ask the CRM how far the messages of tasks are, until they are far enough. It only reads, and sends nothing.

    Airflow stores a trigger in its database. This one holds the ids of tasks, and no number.

    :param task_ids: ids of the CRM's tasks.
    :param until: ``sent``, ``delivered`` or ``read``.
    :param min_share: share of each task's recipients who must have got so far, or never will.
    :param socialscrm_conn_id: the connection's id.
    :param poll_interval: seconds from one question to the next.
    :param deadline: when to stop waiting, seconds since the epoch; ``None`` waits without end.
    """

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
        super().__init__()  # type: ignore[no-untyped-call]
        self.task_ids = list(task_ids)
        self.until = until
        self.min_share = min_share
        self.socialscrm_conn_id = socialscrm_conn_id
        self.poll_interval = poll_interval
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments, which Airflow stores."""
        names = ("task_ids", "until", "min_share", "socialscrm_conn_id", "poll_interval", "deadline")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: all are far enough, some are not in time, or a person has to fix something."""
        hook = SocialSCRMHook(self.socialscrm_conn_id)
        # In a thread, since requests would block the other triggers; thread_sensitive would let them queue for one.
        get_status = sync_to_async(hook.get_send_status, thread_sensitive=False)
        pending = list(self.task_ids)
        while True:
            for task_id in list(pending):
                try:
                    status = await get_status(task_id)
                except RetriableError as failure:  # it may pass while we wait
                    self.log.warning("The state of task %s is not known yet. %s", task_id, failure)
                    break
                except (SocialSCRMError, ValueError) as failure:
                    yield _event(FAILED, message=str(failure))
                    return
                if is_finished(status, self.until, self.min_share):
                    pending.remove(task_id)
                elif status.status == TaskStatus.PAUSED:
                    self.log.warning("Task %s is paused: somebody has to let it go on in the CRM", task_id)
            if not pending:
                yield _event(FINISHED)
                return
            if self.deadline is not None and time.time() >= self.deadline:
                yield _event(PENDING)
                return
            of_all = f"{len(pending):,} of {counted(len(self.task_ids), 'task')}"
            self.log.info("Not %s yet: messages of %s", self.until, of_all)
            await asyncio.sleep(self.poll_interval)


def _event(status: str, **more: Any) -> TriggerEvent:
    return TriggerEvent({"status": status, **more})  # type: ignore[no-untyped-call]
