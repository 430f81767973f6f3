"""The trigger that waits until the CRM has parsed group links."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from airflow_provider_socialscrm.api.group_links import NOT_PARSED
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.triggers.polling import PENDING, PollingTrigger
from airflow_provider_socialscrm.wording import out_of

if TYPE_CHECKING:
    from airflow.triggers.base import TriggerEvent

READY: Final = "ready"


class SocialSCRMGroupLinksTrigger(PollingTrigger):
    """Ask the CRM about group links until none of them is being parsed. It only reads, and imports nothing.

    Airflow stores a trigger in its database. This one holds the links, which are the tenant's own and no customer's
    data; whoever reads one can join its group. Its event has none of them.

    :param links: addresses of groups.
    :param admin: login of the administrator that signs; ``None`` takes the connection's user.
    :param socialscrm_conn_id: the connection's id.
    :param poll_interval: seconds from one question to the next.
    :param deadline: when to stop waiting, seconds since the epoch; ``None`` waits without end.
    """

    stored = ("links", "admin", "socialscrm_conn_id", "poll_interval", "deadline")
    done = READY
    not_known = "Nobody knows yet whether the group links are parsed."

    def __init__(
        self,
        *,
        links: Sequence[str],
        admin: str | None,
        socialscrm_conn_id: str,
        poll_interval: float,
        deadline: float | None = None,
    ) -> None:
        super().__init__(socialscrm_conn_id=socialscrm_conn_id, poll_interval=poll_interval, deadline=deadline)
        self.links = list(links)
        self.admin = admin

    @property
    def awaited(self) -> list[str]:
        """The links."""
        return self.links

    def ask(self, hook: SocialSCRMHook, asked: list[str]) -> list[str]:
        """Return the links that are being parsed; those that the CRM has forgotten are the worker's."""
        return [group.link for group in hook.group_info(asked, admin=self.admin) if group.code == NOT_PARSED]

    def progress(self, pending: list[str]) -> str:
        """Return how many links are being parsed, for the log."""
        return out_of(len(pending), len(self.links), "group link", "is being parsed", "are being parsed")

    def late(self, pending: list[str]) -> TriggerEvent:
        """Return what the task gets when the deadline has come: how many links are being parsed."""
        return self.event(PENDING, pending=len(pending))
