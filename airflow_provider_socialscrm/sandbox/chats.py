"""Chat records: messages that are made up, the same in every run, and the endpoint that pages them (vendor API 1.7).

A message is a function of its number, so that even millions need no memory. Those that the fault ``message_arrives``
adds are kept. Messages of the future do not exist yet, so that the list of today grows.
"""

from __future__ import annotations

import hashlib
import random
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING, Any

from .authentication import check_body_tenant, check_header_signed
from .codes import OTHER, Answer, Rejected
from .crm import Endpoint
from .faults import MessageArrives
from .numbers import service_numbers
from .tables import Table

if TYPE_CHECKING:
    from .crm import ApiCall, Crm
    from .settings import SandboxSettings

CHATS_PATH = "/wscrm-bus-api/open/message/msgPage"

DAY = 24 * 60 * 60 * 1000
"""Milliseconds."""
SECOND = 1000
"""Milliseconds."""

DEFAULT_SIZE = 10
"""The documented default of ``pageSize``."""
CAP = 10_000
"""Messages that a capped total shows at most; our choice, as search engines have it."""
SHOWN = 20
"""Messages on the page; our choice."""
FRIENDS = 997
"""Customers of each agent; our choice."""
SLOT_USED = 0.9
"""Share of a message's part of the day in which its time is, so that messages keep their order; our choice."""

TEXTS = ("Good morning", "Is it still available?", "Yes, in blue and in green", "Thank you!", "你好", "Até logo 👋")
CONTENT_TYPES = (0, 0, 0, 0, 0, 0, 0, 1, 3, 4)
"""Text in most cases, else image, audio or file, as a public client numbers them."""


@dataclass(frozen=True, slots=True, order=True)
class Message:
    """One message.

    :param time: milliseconds since the epoch
    :param number: of the message; negative for one that arrived late
    :param agent: the agent's login
    """

    time: int
    number: int
    agent: str


@dataclass
class Arrivals:
    """Messages that arrived late."""

    messages: list[Message] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)
    _chance: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - no secrets

    def add(self, count: int, first: int, last: int, at: str, agents: Sequence[str]) -> None:
        """Let messages arrive at a place in an interval."""
        with self._lock:
            for _ in range(count):
                time = {"newest": last, "oldest": first}.get(at, self._chance.randint(first, last))
                self.messages.append(Message(time, -1 - len(self.messages), self._chance.choice(agents)))


class Made:
    """The messages that are made up: of all agents, or of one."""

    def __init__(self, settings: SandboxSettings, agent: str | None) -> None:
        agents = settings.agents
        self._agents = agents
        self._per_day = settings.chats_per_day * len(agents)
        self._step = 1 if agent is None else len(agents)
        self._offset = 0 if agent is None else agents.index(agent) if agent in agents else -1

    def between(self, first: int, last: int) -> range:
        """Return the numbers of the messages in an interval, both ends included."""
        if not self._per_day or self._offset < 0 or last < first:
            return range(0)
        low, high = self._first_from(first), self._first_from(last + 1)
        low += (self._offset - low) % self._step
        return range(low, high, self._step)

    def message(self, number: int) -> Message:
        """Return the message of a number."""
        return Message(self._time(number), number, self._agents[number % len(self._agents)])

    def _time(self, number: int) -> int:
        day, place = divmod(number, self._per_day)
        slot = DAY / self._per_day
        return day * DAY + int((place + SLOT_USED * (number * 0.6180339887 % 1)) * slot)

    def _first_from(self, time: int) -> int:
        """Return the number of the first message that is not before a time."""
        guess = time * self._per_day // DAY
        candidates = range(max(0, guess - 2), guess + 3)
        return candidates[0] + bisect_left(candidates, time, key=self._time)


def query_messages(crm: Crm, call: ApiCall) -> Answer:
    """Return a page of messages; what the vendor does not document follows the settings ``chat_...``.

    :raises Rejected: with the reason why the call is rejected; -1 for half an interval is our assumption
    """
    check_header_signed(call.headers, crm.settings, call.at)
    check_body_tenant(call.json_object, crm.settings)
    info = call.json_object.get("info") or {}
    if not isinstance(info, dict) or ("startChatTime" in info) != ("endChatTime" in info):
        raise Rejected(OTHER, "startChatTime and endChatTime must be given together")
    now = int(call.at * SECOND)
    first, last = _whole(info, "startChatTime", 0), min(_whole(info, "endChatTime", now), now)
    current, asked = _whole(call.json_object, "current", 1), _whole(call.json_object, "pageSize", DEFAULT_SIZE)
    size = max(1, min(asked, crm.settings.chat_page_size))
    found = _Found(crm, info, first, last)
    pages = -(-len(found) // size)
    if crm.settings.chat_past_end == "last" and pages:
        current = min(current, pages)
    records = [record_of(message, crm.settings) for message in found.page((max(1, current) - 1) * size, size)]
    if isinstance(call.fault, MessageArrives) and first <= last:
        agent = info.get("agentAccount")
        agents = (agent,) if agent in crm.settings.agents else crm.settings.agents
        crm.memory(Arrivals).add(call.fault.count, first, last, call.fault.at, agents)
    data = {"total": _total(len(found), crm.settings), "size": size, "current": current, "pages": pages}
    if data["total"] is None:
        del data["total"], data["pages"]
    return Answer(data={**data, "records": records})


class _Found:
    """The messages that a call asks for, in the order of the list."""

    def __init__(self, crm: Crm, info: dict[str, Any], first: int, last: int) -> None:
        settings = crm.settings
        self._order = settings.chat_order
        agent = info.get("agentAccount") or None
        self._made = Made(settings, agent)
        self._numbers: Sequence[int] = self._made.between(first, last)
        late = [
            each for each in crm.memory(Arrivals).messages if first <= each.time <= last and agent in {None, each.agent}
        ]
        rest = {name: str(info[name]) for name in _FILTERS if info.get(name) is not None}
        self._listed: list[Message] | None = None
        if late or rest or self._order == "unstable":
            all_of_them = sorted([*map(self._made.message, self._numbers), *late])
            self._listed = [each for each in all_of_them if not rest or _fits(record_of(each, settings), rest)]
        if self._order == "unstable" and self._listed:
            random.shuffle(self._listed)
            self._listed.sort(key=lambda each: each.time // SECOND)

    def __len__(self) -> int:
        return len(self._numbers if self._listed is None else self._listed)

    def page(self, start: int, size: int) -> Iterable[Message]:
        """Return a slice of the list."""
        stop = min(start + size, len(self))
        places = range(start, stop)
        if self._order == "newest":
            places = range(len(self) - 1 - start, len(self) - 1 - stop, -1)
        if self._listed is None:
            return (self._made.message(self._numbers[place]) for place in places)
        return (self._listed[place] for place in places)


_FILTERS = ("friendWhatsId", "whatsId", "chatType", "actionType", "contentType")
"""Fields of a request that restrict the list, beside its time and agent."""


def record_of(message: Message, settings: SandboxSettings) -> dict[str, Any]:
    """Return a message as the vendor's response has it; the field that is not documented is our assumption."""
    digest = hashlib.md5(f"{message.number}".encode(), usedforsecurity=False).digest()
    is_group = digest[0] < 13  # noqa: PLR2004 - one in twenty
    friend = int.from_bytes(digest[1:3], "big") % FRIENDS
    numbers = {each.agent: each.number for each in service_numbers(settings)}
    own = 860_000_000_000 + settings.agents.index(message.agent) if message.agent in settings.agents else 0
    return {
        "msgId": f"3EB0{digest.hex().upper()[:16]}",
        "chatTime": message.time,
        "username": message.agent,
        "whatsId": numbers.get(message.agent, f"{own}"),
        "friendWhatsId": f"{120363000000000000 + friend}" if is_group else f"{5511990000000 + friend}",
        "friendName": f"Customer {friend}",
        "chatType": 2 if is_group else 1,
        "actionType": 1 + digest[3] % 2,
        "contentType": CONTENT_TYPES[digest[4] % len(CONTENT_TYPES)],
        "content": f"{TEXTS[digest[5] % len(TEXTS)]} #{message.number}",
        "sandboxNumber": message.number,
    }


def messages_between(crm: Crm, start: int, end: int, agent: str | None = None) -> list[dict[str, Any]]:
    """Return all messages of an interval without its end, oldest first, as a test compares them with what it read."""
    made = Made(crm.settings, agent)
    late = [each for each in crm.memory(Arrivals).messages if start <= each.time < end and agent in {None, each.agent}]
    found = sorted([*map(made.message, made.between(start, end - 1)), *late])
    return [record_of(message, crm.settings) for message in found]


def tables(crm: Crm) -> Iterable[Table]:
    """Return the newest messages for the page."""
    now = int(crm.now() * SECOND)
    made = Made(crm.settings, None)
    numbers = made.between(now - DAY, now)
    shown = [*map(made.message, numbers[-SHOWN:]), *crm.memory(Arrivals).messages[-SHOWN:]]
    rows = []
    for message in sorted(shown, reverse=True)[:SHOWN]:
        record = record_of(message, crm.settings)
        time = f"{datetime.fromtimestamp(message.time / SECOND, UTC):%Y-%m-%d %H:%M:%S} UTC"
        direction = "sent" if record["actionType"] == 1 else "received"
        rows.append((time, message.agent, record["friendName"], direction, record["content"]))
    columns = ("Time", "Agent", "Customer", "Direction", "Content")
    note = f"{len(numbers):,} in the last day, {len(crm.memory(Arrivals).messages):,} arrived late"
    return [Table("messages", "Messages", columns, rows, "No messages: the setting chats_per_day is 0.", note)]


ENDPOINTS = (Endpoint("POST", CHATS_PATH, query_messages),)


def _whole(values: Any, name: str, default: int) -> int:
    """Return a whole number of a request, which may be a text.

    :raises Rejected: when it is neither; the code and text are our assumption
    """
    value = values.get(name, default)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Rejected(OTHER, f"{name} is error")
    return value


def _fits(record: dict[str, Any], wanted: dict[str, str]) -> bool:
    return all(str(record[name]) == value for name, value in wanted.items())


def _total(count: int, settings: SandboxSettings) -> int | None:
    match settings.chat_total:
        case "rounded":
            return count // 10 * 10
        case "capped":
            return min(count, CAP)
        case "missing":
            return None
        case _:
            return count
