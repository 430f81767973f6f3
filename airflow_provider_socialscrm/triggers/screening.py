"""The trigger that waits until screening orders are finished."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.triggers.polling import PENDING, PollingTrigger

if TYPE_CHECKING:
    from airflow.triggers.base import TriggerEvent

FINISHED: Final = "finished"


class SocialSCRMScreenTrigger(PollingTrigger):
    """Ask the CRM whether screening orders are finished, until all are. It never orders.

    Airflow stores a trigger in its database. This one holds the ids of orders, and no number.

    :param orders: ids of orders.
    :param socialscrm_conn_id: the connection's id.
    :param poll_interval: seconds from one question to the next.
    :param deadline: when to stop waiting, seconds since the epoch; ``None`` waits without end.
    """

    stored = ("orders", "socialscrm_conn_id", "poll_interval", "deadline")
    done = FINISHED
    not_known = "Whether order {asked} is finished is not known yet."
    one_by_one = True

    def __init__(
        self, *, orders: Sequence[str], socialscrm_conn_id: str, poll_interval: float, deadline: float | None = None
    ) -> None:
        super().__init__(socialscrm_conn_id=socialscrm_conn_id, poll_interval=poll_interval, deadline=deadline)
        self.orders = list(orders)

    @property
    def awaited(self) -> list[str]:
        """The orders."""
        return self.orders

    def ask(self, hook: SocialSCRMHook, asked: list[str]) -> list[str]:
        """Return the orders that are not finished."""
        return [order for order in asked if not hook.screening_finished(order)]

    def progress(self, pending: list[str]) -> str:
        """Return the orders that are not finished, for the log."""
        return f"Not finished yet: {', '.join(pending)}"

    def event(self, status: str, **more: Any) -> TriggerEvent:
        """Return what the task gets: always with the orders, which it has nowhere else."""
        return super().event(status, orders=self.orders, **more)

    def late(self, pending: list[str]) -> TriggerEvent:
        """Return what the task gets when the deadline has come: with the orders that are not finished."""
        return self.event(PENDING, pending=pending)
