"""The trigger that waits until agents or service numbers are online."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from airflow_provider_socialscrm.api.agents import who_is_missing
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.triggers.polling import PollingTrigger

ONLINE: Final = "online"


class SocialSCRMOnlineTrigger(PollingTrigger):
    """Ask the CRM who is online until those that are waited for are. It only reads.

    Airflow stores a trigger in its database. This one holds logins of agents and service numbers, which are the
    tenant's own, and no customer's number.

    :param agents: logins to wait for.
    :param numbers: service numbers to wait for, digits only.
    :param match: whether to wait for ``all`` of them, or for ``any``.
    :param socialscrm_conn_id: the connection's id.
    :param poke_interval: seconds from one question to the next.
    """

    stored = ("agents", "numbers", "match", "socialscrm_conn_id", "poke_interval")
    done = ONLINE
    not_known = "Nobody knows yet who is online."

    def __init__(
        self,
        *,
        agents: Sequence[str],
        numbers: Sequence[str],
        match: str,
        socialscrm_conn_id: str,
        poke_interval: float,
    ) -> None:
        super().__init__(socialscrm_conn_id=socialscrm_conn_id, poll_interval=poke_interval)
        self.agents = list(agents)
        self.numbers = list(numbers)
        self.match = match
        self.poke_interval = poke_interval

    @property
    def awaited(self) -> list[str]:
        """The agents and the numbers."""
        return [*self.agents, *self.numbers]

    def ask(self, hook: SocialSCRMHook, asked: list[str]) -> list[str]:  # noqa: ARG002 - who was online may be no more
        """Return who is missing of all that are waited for."""
        return who_is_missing(hook.list_online(), self.agents, self.numbers, self.match)

    def progress(self, pending: list[str]) -> str:
        """Return who is missing, for the log."""
        return f"Not online yet: {', '.join(pending)}"
