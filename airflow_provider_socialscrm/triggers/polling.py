"""What the triggers share: they ask the CRM in turns until nothing is pending, and yield one event."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any, ClassVar, Final

from airflow.triggers.base import BaseTrigger, TriggerEvent
from asgiref.sync import sync_to_async

from airflow_provider_socialscrm.api.errors import RetriableError, SocialSCRMError
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook

PENDING: Final = "pending"
FAILED: Final = "failed"


class PollingTrigger(BaseTrigger):
    """Ask the CRM until nothing is pending any more, and yield one event. It only reads.

    Airflow stores a trigger in its database: by the path of its class, and by :attr:`stored`. So neither may change
    while tasks wait, and the values are ids or the tenant's own names, never a customer's.

    :param socialscrm_conn_id: the connection's id.
    :param poll_interval: seconds from one turn to the next.
    :param deadline: when to stop waiting, seconds since the epoch; ``None`` waits without end.
    """

    stored: ClassVar[tuple[str, ...]]
    """Names of the arguments, each an attribute too."""

    done: ClassVar[str]
    """Status of the event when nothing is pending."""

    not_known: ClassVar[str]
    """What to log when the CRM cannot say now; ``{asked}`` is what it was asked about."""

    one_by_one: ClassVar[bool] = False
    """Whether each call asks about one thing; otherwise it asks about all that is pending."""

    def __init__(self, *, socialscrm_conn_id: str, poll_interval: float, deadline: float | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.socialscrm_conn_id = socialscrm_conn_id
        self.poll_interval = poll_interval
        self.deadline = deadline

    @property
    @abstractmethod
    def awaited(self) -> list[str]:
        """All that is waited for."""

    @abstractmethod
    def ask(self, hook: SocialSCRMHook, asked: list[str]) -> list[str]:
        """Ask the CRM once, and return what of ``asked`` is still pending. It runs in a thread."""

    @abstractmethod
    def progress(self, pending: list[str]) -> str:
        """Return a sentence for the log: what is still pending."""

    def event(self, status: str, **more: Any) -> TriggerEvent:
        """Return what the task gets."""
        return TriggerEvent({"status": status, **more})  # type: ignore[no-untyped-call]

    def late(self, pending: list[str]) -> TriggerEvent:  # noqa: ARG002 - subclasses add it
        """Return what the task gets when the deadline has come."""
        return self.event(PENDING)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments, which Airflow stores."""
        path = f"{type(self).__module__}.{type(self).__name__}"
        return path, {name: getattr(self, name) for name in self.stored}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Yield one event: nothing is pending, something is not in time, or a person has to fix something."""
        hook = SocialSCRMHook(self.socialscrm_conn_id)
        pending = self.awaited
        while True:
            try:
                pending = await self._turn(hook, pending)
            except (SocialSCRMError, ValueError) as failure:
                yield self.event(FAILED, message=str(failure))
                return
            if not pending:
                yield self.event(self.done)
                return
            if self.deadline is not None and time.time() >= self.deadline:
                yield self.late(pending)
                return
            await asyncio.sleep(self.poll_interval)

    async def _turn(self, hook: SocialSCRMHook, pending: list[str]) -> list[str]:
        """Ask about all that is pending, or until a call fails, and return what still is."""
        # In a thread, since requests would block the other triggers; thread_sensitive would let them queue for one.
        ask = sync_to_async(self.ask, thread_sensitive=False)
        calls = [[each] for each in pending] if self.one_by_one else [pending]
        left: list[str] = []
        for place, asked in enumerate(calls):
            try:
                left += await ask(hook, asked)
            except RetriableError as failure:  # it may pass while we wait
                self.log.warning("%s %s", self.not_known.format(asked=", ".join(asked)), failure)
                return [*left, *(each for call in calls[place:] for each in call)]
        if left:
            self.log.info("%s", self.progress(left))
        return left
