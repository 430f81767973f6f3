"""The trigger that waits until screening orders are finished."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from airflow_provider_socialscrm.api.errors import RetriableError, SocialSCRMError
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook

FINISHED: Final = "finished"
PENDING: Final = "pending"
FAILED: Final = "failed"


class SocialSCRMScreenTrigger(BaseTrigger):
    """Ask the CRM whether screening orders are finished, until all are. It never orders.

    Airflow stores a trigger in its database. This one holds the ids of orders, and no number.

    :param orders: ids of orders.
    :param socialscrm_conn_id: the connection's id.
    :param poll_interval: seconds from one question to the next.
    :param deadline: when to stop waiting, seconds since the epoch; ``None`` waits without end.
    """

    def __init__(
        self, *, orders: Sequence[str], socialscrm_conn_id: str, poll_interval: float, deadline: float | None = None
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.orders = list(orders)
        self.socialscrm_conn_id = socialscrm_conn_id
        self.poll_interval = poll_interval
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments, which Airflow stores."""
        names = ("orders", "socialscrm_conn_id", "poll_interval", "deadline")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: all are finished, some are not in time, or a person has to fix something."""
        hook = SocialSCRMHook(self.socialscrm_conn_id)
        # In a thread, since requests would block the other triggers; thread_sensitive would let them queue for one.
        is_finished = sync_to_async(hook.screening_finished, thread_sensitive=False)
        pending = list(self.orders)
        while True:
            for order in list(pending):
                try:
                    finished = await is_finished(order)
                except RetriableError as failure:  # it may pass while we wait
                    self.log.warning("Whether order %s is finished is not known yet. %s", order, failure)
                    break
                except (SocialSCRMError, ValueError) as failure:
                    yield self._event(FAILED, message=str(failure))
                    return
                if finished:
                    pending.remove(order)
            if not pending:
                yield self._event(FINISHED)
                return
            if self.deadline is not None and time.time() >= self.deadline:
                yield self._event(PENDING, pending=pending)
                return
            self.log.info("Not finished yet: %s", ", ".join(pending))
            await asyncio.sleep(self.poll_interval)

    def _event(self, status: str, **more: Any) -> TriggerEvent:
        return TriggerEvent({"status": status, "orders": self.orders, **more})  # type: ignore[no-untyped-call]
