"""The trigger that waits until agents or service numbers are online."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from airflow_provider_socialscrm.api.agents import who_is_missing
from airflow_provider_socialscrm.api.errors import RetriableError, SocialSCRMError
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook

ONLINE: Final = "online"
FAILED: Final = "failed"


class SocialSCRMOnlineTrigger(BaseTrigger):
    """Ask the CRM who is online until those that are waited for are. It only reads.

    Airflow stores a trigger in its database. This one holds logins of agents and service numbers, which are the
    tenant's own, and no customer's number.

    :param agents: logins to wait for.
    :param numbers: service numbers to wait for, digits only.
    :param match: whether to wait for ``all`` of them, or for ``any``.
    :param socialscrm_conn_id: the connection's id.
    :param poke_interval: seconds from one question to the next.
    """

    def __init__(
        self,
        *,
        agents: Sequence[str],
        numbers: Sequence[str],
        match: str,
        socialscrm_conn_id: str,
        poke_interval: float,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.agents = list(agents)
        self.numbers = list(numbers)
        self.match = match
        self.socialscrm_conn_id = socialscrm_conn_id
        self.poke_interval = poke_interval

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments, which Airflow stores."""
        names = ("agents", "numbers", "match", "socialscrm_conn_id", "poke_interval")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: they are online, or the CRM cannot be asked and a person has to fix it."""
        hook = SocialSCRMHook(self.socialscrm_conn_id)
        # In a thread, since requests would block the other triggers; thread_sensitive would let them queue for one.
        list_online = sync_to_async(hook.list_online, thread_sensitive=False)
        while True:
            try:
                missing = who_is_missing(await list_online(), self.agents, self.numbers, self.match)
            except RetriableError as failure:  # it may pass while we wait
                self.log.warning("Nobody knows yet who is online. %s", failure)
            except SocialSCRMError as failure:
                yield _event(FAILED, message=str(failure))
                return
            else:
                if not missing:
                    yield _event(ONLINE)
                    return
                self.log.info("Not online yet: %s", ", ".join(missing))
            await asyncio.sleep(self.poke_interval)


def _event(status: str, **more: str) -> TriggerEvent:
    return TriggerEvent({"status": status, **more})  # type: ignore[no-untyped-call]
