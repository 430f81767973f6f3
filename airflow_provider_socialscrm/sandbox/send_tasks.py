"""Tasks that send to numbers, as they move through their states by the clock.

What becomes of a message depends on the last digit of its number, as a screening's verdict does: 7 to 9 are not on
WhatsApp.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from .codes import OTHER, Rejected
from .kept import Kept

NOT_STARTED, PENDING, PROCESSING, STOPPED, COMPLETED, PAUSED = 1, 2, 3, 4, 5, 6
"""States of a task (vendor API 1.12)."""
TASK_WORDS = {
    NOT_STARTED: "not started",
    PENDING: "pending",
    PROCESSING: "processing",
    STOPPED: "stopped",
    COMPLETED: "completed",
    PAUSED: "paused",
}

FAILED, TO_DISPATCH, TO_SEND, SENDING, SENT, DELIVERED, READ, REPLIED, NO_REPLY = -1, 0, 1, 2, 3, 4, 5, 6, 7
"""States of a message (vendor API 1.12)."""
MESSAGE_WORDS = {
    FAILED: "failed",
    TO_DISPATCH: "to dispatch",
    TO_SEND: "to send",
    SENDING: "sending",
    SENT: "sent",
    DELIVERED: "delivered",
    READ: "read",
    REPLIED: "read and replied",
    NO_REPLY: "read without a reply",
}

WAYS: tuple[tuple[int, ...], ...] = (
    (SENDING, SENT, DELIVERED, READ, REPLIED),
    (SENDING, SENT, DELIVERED, READ, REPLIED),
    (SENDING, SENT, DELIVERED, READ, NO_REPLY),
    (SENDING, SENT, DELIVERED, READ, NO_REPLY),
    (SENDING, SENT, DELIVERED, READ),
    (SENDING, SENT, DELIVERED),
    (SENDING, SENT),
    (SENDING, FAILED),
    (SENDING, FAILED),
    (SENDING, FAILED),
)
"""States that a message passes once it is sent, by the last digit of its number."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast tasks send.

    :param seconds: from one state of a message to the next, and from a task's start to its first message
    :param interval: seconds from one recipient to the next
    """

    seconds: float
    interval: float


@dataclass(frozen=True, slots=True)
class SendTask:
    """A task that sends the same to each of its recipients.

    :param id: what the CRM calls it
    :param name: any; empty if it has none
    :param agent: login of the agent who sends; empty if the call named none
    :param send_type: 1 PC, 2 mobile, 3 cloud PC
    :param target_type: 1 person, 2 group
    :param pairs: sender and recipient of each message
    :param contents: what each recipient gets, as the call had it
    :param starts_at: seconds since the epoch
    :param ends_at: seconds since the epoch, None without an end
    :param halted: state and time of a stop or a pause, None without one
    """

    id: str
    name: str
    agent: str
    send_type: int
    target_type: int
    pairs: tuple[tuple[str, str], ...] = field(repr=False)
    contents: tuple[dict[str, Any], ...] = field(repr=False)
    starts_at: float
    ends_at: float | None = None
    halted: tuple[int, float] | None = None

    @property
    def trans_ids(self) -> set[str]:
        """The ``transId`` of each content that has one."""
        return {str(content["transId"]) for content in self.contents if content.get("transId")}

    def message_states(self, now: float, pace: Pace) -> list[int]:
        """Return the state of each recipient's message."""
        return [self._message_state(place, number, now, pace) for place, (_, number) in enumerate(self.pairs)]

    def state(self, now: float, pace: Pace) -> int:
        """Return the state of the task; one whose end comes before its last message is stopped (our assumption)."""
        if now < self.starts_at:
            return NOT_STARTED
        states = self.message_states(now, pace)
        waits = any(state in {TO_DISPATCH, TO_SEND} for state in states)
        if waits and self.halted and now >= self.halted[1]:
            return self.halted[0]
        if waits and self.ends_at is not None and now >= self.ends_at:
            return STOPPED
        if now < self.starts_at + pace.seconds:
            return PENDING
        return PROCESSING if waits or SENDING in states else COMPLETED

    def _message_state(self, place: int, number: str, now: float, pace: Pace) -> int:
        if now < self.starts_at:
            return TO_DISPATCH
        begins_at = self.starts_at + pace.seconds + place * pace.interval
        if now < begins_at or begins_at >= self._sends_until:
            return TO_SEND
        way = WAYS[int(number[-1])]
        steps = int((now - begins_at) / pace.seconds) if pace.seconds else len(way)
        return way[min(steps, len(way) - 1)]

    @property
    def _sends_until(self) -> float:
        end = float("inf") if self.ends_at is None else self.ends_at
        return min(end, self.halted[1]) if self.halted else end


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that the CRM has accepted: what a person would get.

    :param task_id: the task that sends it
    :param name: of the task
    :param sender: the service number
    :param recipient: the person's number, or the group's id
    :param contents: what the recipient gets, as the call had it
    """

    task_id: str
    name: str
    sender: str
    recipient: str
    contents: tuple[dict[str, Any], ...] = field(repr=False)


class SendTasks(Kept[SendTask]):
    """The tasks of one sandbox."""

    id_before = 1_790_000_000_000_000_000
    none_text = "task is not exist"

    def add(self, task: SendTask, *, trans_ids: str = "ignored") -> str:
        """Keep a task under a new id, and return the id.

        :param trans_ids: the setting: what a ``transId`` that another task has leads to
        :raises Rejected: if that is refused; code and text are our assumption
        """
        with self._lock:
            known = next((each for each in self.all() if each.trans_ids & task.trans_ids), None)
            if known and trans_ids == "refused":
                raise Rejected(OTHER, "transId repetition")
            if known and trans_ids == "same":
                return known.id
            return self.keep(lambda new_id: replace(task, id=new_id))

    def halt(self, task_id: str, state: int | None, now: float) -> None:
        """Stop or pause a task, as a person does in the CRM; None lets it go on as if nothing had happened.

        :raises Rejected: if there is no such task
        """
        with self._lock:
            self._by_id[task_id] = replace(self.get(task_id), halted=None if state is None else (state, now))

    def messages(self) -> list[SentMessage]:
        """Return every message of every task that was accepted, each as often as it was, whatever becomes of it."""
        return [*self._messages(self.all())]

    @staticmethod
    def _messages(tasks: Iterable[SendTask]) -> Iterable[SentMessage]:
        for task in tasks:
            for sender, recipient in task.pairs:
                yield SentMessage(task.id, task.name, sender, recipient, task.contents)
