"""What an export is of, checked before any call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from airflow_provider_socialscrm.api.chats import DEFAULT_PAGE_SIZE, EVERY_MESSAGE, ChatFilter
from airflow_provider_socialscrm.importer.errors import InputError

CONTENT: Final = "content"
TIME: Final = "chatTime"
OTHER_FIELDS: Final = "otherFields"
"""The column for the fields of a response that the vendor does not document, as a JSON object."""

DOCUMENTED: Final = (
    "msgId", TIME, "username", "whatsId", "friendWhatsId", "friendName", "chatType", "actionType", "contentType",
    CONTENT,
)  # fmt: skip
"""Fields of a message that are known, which have columns of their own (vendor API 1.7)."""

COLUMNS: Final = (*DOCUMENTED, OTHER_FIELDS)

CONTENTS: Final = ("keep", "hash", "drop")
"""What becomes of the texts; the first is the default."""

MOST_PAGE_SIZE: Final = 10_000
"""Messages on a page at most; our choice, since a response may have 16 MiB."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class ChatOptions:
    """Which messages are read, and what is kept of them.

    :param start: the interval's first millisecond, since the epoch.
    :param end: the first one after it.
    :param agents: logins of the agents whose messages are read, one after the other; ``None`` for those of everybody.
    :param columns: names of the columns, in order.
    :param content: ``keep`` the texts, ``hash`` them, or ``drop`` them.
    :param page_size: messages on a page.
    :param max_rows: messages above which the export fails; ``None`` for any number.
    :param chats: which messages are asked for beside their agent.
    """

    start: int
    end: int
    agents: tuple[str, ...] | None = None
    columns: tuple[str, ...] = COLUMNS
    content: str = CONTENTS[0]
    page_size: int = DEFAULT_PAGE_SIZE
    max_rows: int | None = None
    chats: ChatFilter = field(default=EVERY_MESSAGE, repr=False)


def chat_options(
    start: Any,
    end: Any,
    *,
    now: datetime,
    agents: Any = None,
    columns: Any = None,
    content: Any = CONTENTS[0],
    page_size: Any = DEFAULT_PAGE_SIZE,
    max_rows: Any = None,
    chats: ChatFilter = EVERY_MESSAGE,
) -> ChatOptions:
    """Return the options of an export.

    :param start: a time with its zone, or the ISO text of one.
    :param end: the same; it is not part of the interval.
    :param now: the interval has to end before it.
    :raises InputError: naming each argument that is wrong.
    """
    wrong: list[str] = []
    first, last = (_milliseconds(name, value, wrong) for name, value in (("start", start), ("end", end)))
    if first is not None and last is not None:
        wrong += _wrong_interval(first, last, now)
    logins = _logins(agents, wrong)
    if content not in CONTENTS:
        wrong.append(f"content must be {_listed(CONTENTS)}.")
    names = _names(columns, content, wrong)
    if not _is_whole(page_size) or not 1 <= page_size <= MOST_PAGE_SIZE:
        wrong.append(f"page_size must be a whole number from 1 to {MOST_PAGE_SIZE:,}.")
    if max_rows is not None and (not _is_whole(max_rows) or max_rows < 1):
        wrong.append("max_rows must be a whole number from 1, or None for any number.")
    if wrong or first is None or last is None:
        raise InputError(" ".join(wrong))
    return ChatOptions(first, last, logins, names, content, page_size, max_rows, chats)


def moment(milliseconds: int | None) -> str | None:
    """Return a time as ISO text in UTC."""
    if milliseconds is None:
        return None
    return (_EPOCH + milliseconds * _MILLISECOND).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(name: str, value: Any, wrong: list[str]) -> int | None:
    """Return a time, rounded up to whole milliseconds: a message is before both of them or before none."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            value = None
    if not isinstance(value, datetime):
        wrong.append(f"{name} must be a time in ISO 8601 with its zone, such as 2026-01-31T00:00:00+00:00.")
        return None
    if value.tzinfo is None or value.utcoffset() is None:
        wrong.append(f"{name} has no time zone: give one, as in 2026-01-31T00:00:00+00:00.")
        return None
    return -((_EPOCH - value) // _MILLISECOND)


def _wrong_interval(start: int, end: int, now: datetime) -> list[str]:
    if start >= end:
        bounds = f"start ({moment(start)}) must be before end ({moment(end)})"
        hint = "A run that is triggered by hand may have no data interval: give start and end."
        return [f"The interval is empty: {bounds}. {hint}"]
    if _EPOCH + end * _MILLISECOND > now:
        return [f"The interval ends in the future ({moment(end)}), where messages are missing: let it end before now."]
    return []


def _logins(agents: Any, wrong: list[str]) -> tuple[str, ...] | None:
    if agents is None:
        return None
    logins = [agents] if isinstance(agents, str) else agents
    if (
        not isinstance(logins, Sequence)
        or isinstance(logins, bytes)
        or not logins
        or not all(isinstance(each, str) and each.strip() for each in logins)
    ):
        wrong.append("agents must be the login of an agent, a list of at least one, or None for everybody's messages.")
        return None
    return tuple(dict.fromkeys(login.strip() for login in logins))


def _names(columns: Any, content: Any, wrong: list[str]) -> tuple[str, ...]:
    """Return the columns: all, or the given ones; without texts there is no column in which they may be."""
    without = {"drop": {CONTENT, OTHER_FIELDS}, "hash": {OTHER_FIELDS}}.get(str(content), set())
    if columns is None:
        return tuple(name for name in COLUMNS if name not in without)
    is_list = isinstance(columns, Sequence) and all(isinstance(name, str) for name in columns)
    is_list = is_list and not isinstance(columns, str)
    if not is_list or not columns or len(set(columns)) != len(columns) or not {*columns} <= {*COLUMNS}:
        wrong.append(f"columns must be a list of different names among {', '.join(COLUMNS)}.")
    elif without & {*columns}:
        names = " and ".join(name for name in columns if name in without)
        wrong.append(f"columns has {names}, where the texts of messages may be: leave it out, or set content to keep.")
    return tuple(columns) if is_list else ()


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"
