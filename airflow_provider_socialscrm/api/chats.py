"""Chat records: the call for one page of messages, and what its response has. Pure.

The vendor documents the filters and the paging, not the order of the list nor how large a page may be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from airflow_provider_socialscrm.api.agents import items_of
from airflow_provider_socialscrm.api.errors import unknown_form
from airflow_provider_socialscrm.api.request import Request

CHATS_PATH: Final = "/wscrm-bus-api/open/message/msgPage"
"""Header scheme: a page of the messages in a time (vendor API 1.7)."""

DEFAULT_PAGE_SIZE: Final = 100
"""Messages on a page; the size that a public client uses. The vendor's maximum is unknown (vendor API 1.7)."""

CHAT_TYPES: Final = {"person": 1, "group": 2}
"""The vendor's numbers of the two kinds of chats (vendor API 1.7)."""

_LAST_TIME: Final = 253_402_300_799_999
"""Milliseconds since the epoch at the end of the year 9999, the last that Python and databases can show."""

_LEAST_MILLISECONDS: Final = 10**11
"""Below this a time is in seconds: as milliseconds it would be before 1973, when nobody chatted."""


@dataclass(frozen=True, slots=True)
class ChatFilter:
    """Which messages a call asks for, beside their time; ``None`` does not restrict.

    :param agent: login of the agent.
    :param whats_id: the service number.
    :param friend: the customer's number, or the id of a group.
    :param chat_type: ``person`` or ``group``.
    """

    agent: str | None = None
    whats_id: str | None = field(default=None, repr=False)
    friend: str | None = field(default=None, repr=False)
    chat_type: str | None = None

    def __post_init__(self) -> None:
        if self.chat_type is not None and self.chat_type not in CHAT_TYPES:
            raise ValueError("chat_type must be person or group, or None for both.")

    @property
    def info(self) -> dict[str, Any]:
        """The filter as the fields of a request."""
        given = {
            "agentAccount": self.agent,
            "whatsId": self.whats_id,
            "friendWhatsId": self.friend,
            "chatType": CHAT_TYPES.get(self.chat_type or ""),
        }
        return {name: value for name, value in given.items() if value is not None}


EVERY_MESSAGE: Final = ChatFilter()


@dataclass(frozen=True, slots=True)
class ChatPage:
    """A page of messages as the CRM returns it.

    :param records: the messages, each with all fields of the response by the vendor's names.
    :param total: messages on all pages together; ``None`` if the response does not say.
    """

    records: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    total: int | None = None


def page_query(
    first: int, last: int, page: int, *, chats: ChatFilter = EVERY_MESSAGE, page_size: int = DEFAULT_PAGE_SIZE
) -> Request:
    """Return the call for a page of messages.

    :param first: time of the earliest message, in milliseconds since the epoch.
    :param last: time of the latest one; the vendor includes it.
    :param page: number of the page, from 1.
    """
    info = chats.info | {"startChatTime": first, "endChatTime": last}
    body = {"info": info, "current": page, "pageSize": page_size}
    return Request(CHATS_PATH, body, repeatable=True, names_tenant=True)


def page_of(data: Any) -> ChatPage:
    """Return the page in the ``data`` of :func:`page_query`; none, or an empty text, counts as an empty page.

    :raises ResponseFormError: if it does not have the documented form.
    """
    if data in (None, "", []):
        return ChatPage()
    if not isinstance(data, Mapping) or "records" not in data:
        raise unknown_form(CHATS_PATH)
    records = items_of(data["records"], CHATS_PATH)
    if not all(isinstance(record, Mapping) for record in records):
        raise unknown_form(CHATS_PATH)
    return ChatPage(records, _whole(data.get("total")))


def time_of(record: Mapping[str, Any]) -> int | None:
    """Return when a message was sent, in milliseconds since the epoch; ``None`` if its time cannot be read as that."""
    time = _whole(record.get("chatTime"))
    if time is None or time > _LAST_TIME:
        return None
    return time if time >= _LEAST_MILLISECONDS else time * 1000


def _whole(value: Any) -> int | None:
    """Return a whole number of a response, which may be a text as well."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
