"""A list of messages that grows while it is paged, as a server without any memory of its callers pages it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from airflow_provider_socialscrm.api.chats import ChatPage
from airflow_provider_socialscrm.chats.reading import Window

HOUR = 60 * 60 * 1000
START = 490_000 * HOUR
"""Milliseconds since the epoch at which the lists of the tests begin."""


def message(number: int, time: int, agent: str = "agent_wang") -> dict[str, Any]:
    return {"msgId": f"id-{number}", "chatTime": time, "username": agent, "content": f"text {number}"}


class GrowingList:
    """Pages a list, to which messages arrive after a call.

    :param times: of the messages that are there at first.
    :param order: ``oldest`` or ``newest`` first; ``arrival`` or ``arrival-reversed`` by when they came; ``unstable``:
        those of one second in another order for each call.
    :param size: messages on a page.
    :param total: what the list says about its length: ``exact``, ``rounded``, ``capped`` or ``missing``.
    :param past_end: what is behind the last page: ``empty``, or the ``last`` page again.
    """

    def __init__(
        self, times: Iterable[int], order: str, *, size: int = 3, total: str = "exact", past_end: str = "empty"
    ) -> None:
        self.messages = [message(number, time) for number, time in enumerate(times)]
        self.order, self.size, self.total, self.past_end = order, size, total, past_end
        self.calls = 0
        self.after_call: Callable[[], None] = lambda: None
        self._chance = random.Random(1)  # noqa: S311 - no secrets

    def arrive(self, time: int) -> None:
        self.messages.append(message(len(self.messages), time))

    def within(self, window: Window) -> list[dict[str, Any]]:
        found = [each for each in self.messages if window.start <= each["chatTime"] < window.end]
        match self.order:
            case "arrival":
                return found
            case "arrival-reversed":
                return found[::-1]
            case "unstable":
                self._chance.shuffle(found)
                return sorted(found, key=lambda each: each["chatTime"] // 1000)
            case order:
                return sorted(found, key=lambda each: each["chatTime"], reverse=order == "newest")

    def fetch(self, window: Window, page: int) -> ChatPage:
        self.calls += 1
        found = self.within(window)
        if self.past_end == "last":
            page = min(page, max(1, -(-len(found) // self.size)))
        count = len(found)
        total = {"exact": count, "rounded": count // 10 * 10, "capped": min(count, 7), "missing": None}[self.total]
        records = found[(page - 1) * self.size : page * self.size]
        self.after_call()
        return ChatPage(records, total)

    def ids(self) -> list[str]:
        return sorted(each["msgId"] for each in self.messages)
