"""The state of a send to numbers: of the task, and of each recipient's message. Pure.

The numbers of both states come from a public client of the vendor's (vendor API 1.12). One that is not among them stays
the number it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final, TypeVar
from urllib.parse import quote

from airflow_provider_socialscrm.api.agents import items_of
from airflow_provider_socialscrm.api.errors import unknown_form
from airflow_provider_socialscrm.api.numbers import digits_of
from airflow_provider_socialscrm.api.request import Request
from airflow_provider_socialscrm.api.sends import is_task_id

S = TypeVar("S", bound=IntEnum)

STATUS_PATH: Final = "/group-dispatch-api/gsTask/queryExecuteStatus"
"""Header scheme: the state of a task and of its messages; reads only (vendor API 1.12)."""

STATUS_METHODS: Final = ("GET", "POST")
"""Methods of the call, the likelier first: a public client has the one, the vendor's list of endpoints the other."""


class TaskStatus(IntEnum):
    """The state of a task."""

    NOT_STARTED = 1
    PENDING = 2
    PROCESSING = 3
    STOPPED = 4
    COMPLETED = 5
    PAUSED = 6


ENDED: Final = frozenset({TaskStatus.STOPPED, TaskStatus.COMPLETED})
"""States after which a task sends nothing more. Its messages may still be delivered and read."""


class MessageStatus(IntEnum):
    """The state of a recipient's message. From :attr:`SENT` on, each has reached those before it."""

    FAILED = -1
    TO_DISPATCH = 0
    TO_SEND = 1
    SENDING = 2
    SENT = 3
    DELIVERED = 4
    READ = 5
    READ_AND_REPLIED = 6
    READ_WITHOUT_REPLY = 7


_NUMBER_NAMES: Final = ("friendWhatsApp", "friendWhatsId", "whatsApp", "number")
_SENDER_NAMES: Final = ("sendWhatsApp", "whatsId")


@dataclass(frozen=True, slots=True)
class RecipientStatus:
    """The state of a recipient's message. A ``repr`` does not show the recipient.

    :param number: digits of the recipient, or a group's id as it came; empty if no field has it under a known name.
    :param status: a :class:`MessageStatus`, or the CRM's own number if that is not among them.
    :param sender: digits of the service number; empty as ``number``.
    :param raw: all fields of the response, by the vendor's names.
    """

    number: str = field(repr=False)
    status: MessageStatus | int
    sender: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)


@dataclass(frozen=True, slots=True)
class SendStatus:
    """The state of a task.

    :param task_id: its id.
    :param status: a :class:`TaskStatus`, or the CRM's own number if that is not among them.
    :param recipients: in the order of the response; none before the CRM lists them.
    """

    task_id: str
    status: TaskStatus | int
    recipients: tuple[RecipientStatus, ...] = field(default=(), repr=False)

    @property
    def has_ended(self) -> bool:
        """Whether the task sends nothing more."""
        return self.status in ENDED


def send_status(task_id: str, *, method: str = "GET") -> Request:
    """Return the call that reads the state of a task.

    :param method: one of :data:`STATUS_METHODS`. A ``POST`` has the id in its body, too, since it is not known where
        the CRM reads it.
    :raises ValueError: in one sentence, if the id cannot be one.
    """
    if not is_task_id(task_id):
        raise ValueError("The id of a task is a text of letters and digits, as the CRM returned it.")
    body = None if method == "GET" else {"taskId": task_id}
    return Request(f"{STATUS_PATH}?taskId={quote(task_id, safe='')}", body, method=method, repeatable=True)


def status_of(task_id: str, data: Any) -> SendStatus:
    """Return the state of a task in the ``data`` of :func:`send_status`.

    :raises ResponseFormError: if it does not have the form that is known.
    """
    if not isinstance(data, Mapping) or "status" not in data:
        raise unknown_form(STATUS_PATH)
    items = items_of(data.get("info"), STATUS_PATH)
    return SendStatus(task_id, _known(TaskStatus, data["status"]), tuple(map(_recipient, items)))


def has_reached(status: MessageStatus | int, wanted: MessageStatus) -> bool:
    """Return whether a message has got as far as wanted: sent, delivered or read.

    A state that is not known has reached nothing.
    """
    return status in {*MessageStatus} and status >= wanted


def name_of(status: TaskStatus | MessageStatus | int) -> str:
    """Return a state in words, such as ``sent``; empty for one that is not known."""
    return status.name.lower() if isinstance(status, TaskStatus | MessageStatus) else ""


def _recipient(item: Any) -> RecipientStatus:
    if not isinstance(item, Mapping):
        raise unknown_form(STATUS_PATH)
    status = item.get("status")
    known = MessageStatus.TO_DISPATCH if status is None else _known(MessageStatus, status)  # assumed
    return RecipientStatus(_first(item, _NUMBER_NAMES), known, _first(item, _SENDER_NAMES), dict(item))


def _first(item: Mapping[str, Any], names: tuple[str, ...]) -> str:
    value = next((item[name] for name in names if item.get(name)), "")
    return digits_of(value) or str(value).strip()


def _known(kind: type[S], value: Any) -> S | int:
    """Return a state by its number, or the number if it has no name."""
    try:
        number = int(str(value).strip().removesuffix(".0"))
    except ValueError:
        raise unknown_form(STATUS_PATH) from None
    return kind(number) if number in {*kind} else number
