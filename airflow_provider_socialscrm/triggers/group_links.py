"""The trigger that waits until the CRM has parsed group links."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from airflow_provider_socialscrm.api.errors import RetriableError, SocialSCRMError
from airflow_provider_socialscrm.api.group_links import NOT_PARSED, GroupInfo
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.wording import out_of

READY: Final = "ready"
PENDING: Final = "pending"
FAILED: Final = "failed"


class SocialSCRMGroupLinksTrigger(BaseTrigger):
    """Ask the CRM about group links until none of them is being parsed. It only reads, and imports nothing.

    Airflow stores a trigger in its database. This one holds the links, which are the tenant's own and no customer's
    data; whoever reads one can join its group. Its event has none of them.

    :param links: addresses of groups.
    :param admin: login of the administrator that signs; ``None`` takes the connection's user.
    :param socialscrm_conn_id: the connection's id.
    :param poll_interval: seconds from one question to the next.
    :param deadline: when to stop waiting, seconds since the epoch; ``None`` waits without end.
    """

    def __init__(
        self,
        *,
        links: Sequence[str],
        admin: str | None,
        socialscrm_conn_id: str,
        poll_interval: float,
        deadline: float | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.links = list(links)
        self.admin = admin
        self.socialscrm_conn_id = socialscrm_conn_id
        self.poll_interval = poll_interval
        self.deadline = deadline

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments, which Airflow stores."""
        names = ("links", "admin", "socialscrm_conn_id", "poll_interval", "deadline")
        return f"{__name__}.{type(self).__name__}", {name: getattr(self, name) for name in names}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: no link is being parsed, some are not in time, or a person has to fix something."""
        hook = SocialSCRMHook(self.socialscrm_conn_id)

        def ask(links: list[str]) -> list[GroupInfo]:
            return hook.group_info(links, admin=self.admin)

        # In a thread, since requests would block the other triggers; thread_sensitive would let them queue for one.
        group_info = sync_to_async(ask, thread_sensitive=False)
        pending = list(self.links)
        while True:
            try:
                pending = [group.link for group in await group_info(pending) if group.code == NOT_PARSED]
            except RetriableError as failure:  # it may pass while we wait
                self.log.warning("Nobody knows yet whether the group links are parsed. %s", failure)
            except (SocialSCRMError, ValueError) as failure:
                yield _event(FAILED, message=str(failure))
                return
            else:
                if not pending:
                    yield _event(READY)
                    return
                parsed = out_of(len(pending), len(self.links), "group link", "is being parsed", "are being parsed")
                self.log.info("%s", parsed)
            if self.deadline is not None and time.time() >= self.deadline:
                yield _event(PENDING, pending=len(pending))
                return
            await asyncio.sleep(self.poll_interval)


def _event(status: str, **more: Any) -> TriggerEvent:
    return TriggerEvent({"status": status, **more})  # type: ignore[no-untyped-call]
