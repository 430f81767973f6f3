"""How far the messages of tasks are: which are sent, delivered or read, and which will never be. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

import msgspec

from airflow_provider_socialscrm.api.send_status import MessageStatus, SendStatus, TaskStatus, has_reached
from airflow_provider_socialscrm.importer.errors import InputError

UNTIL: Final = {"sent": MessageStatus.SENT, "delivered": MessageStatus.DELIVERED, "read": MessageStatus.READ}
"""What a sensor may wait for."""

COLUMNS: Final = {
    "task_id": "string", "number": "string", "sender": "string", "status": "string", "code": "int64", "raw": "string"
}  # fmt: skip
"""Columns of a result file, with their types."""


class Stage(StrEnum):
    """Where a recipient's message is, compared with what is waited for."""

    REACHED = "reached"
    WAITING = "waiting"
    FAILED = "failed"  # the CRM says so
    STOPPED = "stopped"  # its task was stopped before it was sent


def stage_of(message: MessageStatus | int, task: TaskStatus | int, until: str) -> Stage:
    """Return where a message is.

    :param message: its status.
    :param task: the status of its task.
    :param until: one of :data:`UNTIL`.
    """
    if message == MessageStatus.FAILED:
        return Stage.FAILED
    if has_reached(message, UNTIL[until]):
        return Stage.REACHED
    if task == TaskStatus.STOPPED and not has_reached(message, MessageStatus.SENT):
        return Stage.STOPPED
    return Stage.WAITING


def stages(status: SendStatus, until: str) -> Counter[Stage]:
    """Return how many messages of a task are where."""
    return Counter(stage_of(each.status, status.status, until) for each in status.recipients)


def is_finished(status: SendStatus, until: str, min_share: float = 1.0) -> bool:
    """Return whether a task need not be waited for any more.

    A task whose recipients the CRM does not list yet is waited for, unless it was stopped.

    :param min_share: share of the recipients who must have got so far, or never will.
    """
    if not status.recipients:
        return status.status == TaskStatus.STOPPED
    waiting = stages(status, until)[Stage.WAITING]
    return waiting <= (1 - Fraction(str(min_share))) * len(status.recipients)


def check_waiting(until: Any, min_share: Any, max_failed: Any) -> None:
    """Check what is waited for.

    :raises InputError: in one sentence, naming the argument.
    """
    if not isinstance(until, str) or until not in UNTIL:
        raise InputError(f"until must be one of {', '.join(UNTIL)}.")
    if isinstance(min_share, bool) or not isinstance(min_share, int | float) or not 0 < min_share <= 1:
        raise InputError("min_share must be a number above 0 and at most 1.")
    is_count = type(max_failed) is int and max_failed >= 0
    is_share = isinstance(max_failed, float) and 0 <= max_failed < 1
    if max_failed is not None and not is_count and not is_share:
        raise InputError("max_failed must be a whole number of recipients, a share below 1, or None for no limit.")


def counts_of(statuses: Sequence[SendStatus], until: str) -> dict[str, int]:
    """Return the recipients by stage, and how many there are."""
    total = sum((stages(each, until) for each in statuses), Counter[Stage]())
    return {"recipients": total.total(), **{stage.value: total[stage] for stage in Stage}}


def rows_of(statuses: Sequence[SendStatus]) -> Iterator[dict[str, Any]]:
    """Yield a row of the result file for each recipient."""
    for status in statuses:
        for each in status.recipients:
            yield {
                "task_id": status.task_id,
                "number": each.number,
                "sender": each.sender,
                "status": each.status.name.lower() if isinstance(each.status, MessageStatus) else "",
                "code": int(each.status),
                "raw": msgspec.json.encode(each.raw).decode(),
            }
