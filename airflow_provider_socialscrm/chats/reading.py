"""Reads the messages of an interval page by page, while the list grows: each message once, and none left out.

A page is a slice of a list that the CRM makes again for each call. A message that arrives late, ahead of what was read,
moves the rest by one place: the next page repeats a message, and the new one is on a page that was read before. So a
list is read in sweeps, from its first page to an empty one, until a sweep proves that it saw the list as a whole:

- no message came twice, and there were as many as the CRM counted both in its first and in its last response; or
- nothing was new, and all sweeps together found as many as the CRM counted; or
- nothing was new, and there were as many messages and doubles as in the sweep before, where the count is not exact.
  Where sweeps differ, or the count is higher than what was found, nothing new has to come in several sweeps in a row.

None depends on the order of the list. An interval with many messages is halved by time until it is a small window,
so that a sweep is short and a change costs little. This module makes no calls itself and writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from airflow_provider_socialscrm.api.chats import ChatPage, time_of
from airflow_provider_socialscrm.api.errors import RequestError, RetriableError
from airflow_provider_socialscrm.chats.keys import Keys, key_of

WINDOW_MESSAGES: Final = 10_000
"""Messages from which on a window is halved; search engines commonly count and page no further. Our choice."""

SHORTEST_WINDOW: Final = 1_000
"""Milliseconds of a window that is not halved any more; our choice."""

MOST_SWEEPS: Final = 20
"""Sweeps of a window after which a list counts as changing faster than it can be read; our choice."""

MOST_STALE: Final = 2
"""Pages in a row without a message that is new to the sweep, with which it ends: some servers repeat the last page."""

MOST_QUIET: Final = 5
"""Sweeps in a row without anything new after which there is nothing else, whatever the count says; our choice."""

QUIET: Final = 2
"""Sweeps in a row without anything new after which a list with as many messages as were found is whole; our choice."""

TOLERANCE: Final = 1_000
"""Milliseconds by which a message may be outside of what was asked for, if the CRM compares seconds. It is left out."""


class Window(msgspec.Struct, frozen=True, array_like=True):
    """A part of the interval that is read at once.

    :param agent: login of the agent; ``None`` for all.
    :param start: in milliseconds since the epoch.
    :param end: the first millisecond after it.
    """

    agent: str | None
    start: int
    end: int

    @property
    def halves(self) -> tuple[Window, Window]:
        """The earlier and the later half."""
        middle = (self.start + self.end) // 2
        return Window(self.agent, self.start, middle), Window(self.agent, middle, self.end)


class Sweep(msgspec.Struct, frozen=True):
    """The result of a sweep of a window.

    :param messages: how many different ones.
    :param doubles: messages that came again.
    :param new: messages that no sweep before had found.
    :param first_total: the CRM's count in the first response; ``None`` if it has none.
    :param total: its count in the last one.
    :param quiet: sweeps in a row, this one included, that found nothing new and had the same count.
    """

    messages: int = 0
    doubles: int = 0
    new: int = 0
    first_total: int | None = None
    total: int | None = None
    quiet: int = 0

    def is_whole(self, known: int, before: Sweep | None, *, at_empty_page: bool) -> bool:
        """Return whether the sweep saw the whole list.

        :param known: messages that all sweeps found together.
        :param before: the sweep before.
        :param at_empty_page: whether it ended there, and not at pages of doubles, as where many messages arrive.
        """
        is_counted = self.total is not None and self.first_total == self.total
        if is_counted and self.messages == self.total and not self.doubles:
            return True
        if before is None or self.new:
            return False
        if is_counted and known == self.total and (at_empty_page or self.quiet >= QUIET):
            return True
        return self.quiet >= MOST_QUIET or (self.is_like(before) and known >= (self.total or 0))

    def is_like(self, before: Sweep) -> bool:
        """Return whether two sweeps found what they would find in an unchanged list."""
        found = (self.messages, self.doubles, self.total)
        return found == (before.messages, before.doubles, before.total)


class Position(msgspec.Struct, frozen=True):
    """Where the reading is: what a retry resumes from.

    :param windows: what is left to read; the first one has begun.
    :param page: the next page of it.
    :param number: of the sweep, from 1.
    :param sweep: what it found so far.
    :param before: what the sweep before found.
    :param done: messages of the windows that were read before.
    """

    windows: tuple[Window, ...]
    page: int = 1
    number: int = 1
    sweep: Sweep = Sweep()
    before: Sweep | None = None
    done: int = 0


@dataclass(frozen=True, slots=True)
class NewMessages:
    """Messages of one page that were on no page before.

    :param agent: login of the agent who was asked for; ``None`` for all.
    :param records: the messages.
    :param keys: their keys.
    """

    agent: str | None
    records: Sequence[Mapping[str, Any]]
    keys: Sequence[int]


class Reading:
    """Reads windows one after the other.

    :param fetch: takes a window and the number of a page, and returns the page.
    :param position: where to begin.
    :param keys: of the messages that were already read of the first window.
    """

    def __init__(self, fetch: Callable[[Window, int], ChatPage], position: Position, keys: Sequence[int] = ()) -> None:
        self._fetch = fetch
        self._seen, self._swept = Keys(), Keys()
        self._seen.add(keys)
        if position.number > 1 and position.windows:  # what it has swept again is not known, so it begins again
            position = msgspec.structs.replace(position, page=1, number=2, sweep=Sweep())
        else:
            self._swept.add(keys)
        self.position = position
        self._stale = 0
        self._yielded = position.done + len(keys)

    def pages(self) -> Iterator[NewMessages]:
        """Yield the new messages of each page, which may be none; ``position`` is then behind the page.

        :raises RetriableError: if the list changes faster than it can be read.
        :raises RequestError: if the CRM does not obey the interval.
        """
        while self.position.windows:
            window = self.position.windows[0]
            page = self._fetch(window, self.position.page)
            if self._is_to_halve(window, page):
                self._go_to(windows=(*window.halves, *self.position.windows[1:]))
            else:
                yield self._taken(window, page)

    def _is_to_halve(self, window: Window, page: ChatPage) -> bool:
        is_first_look = self.position.page == self.position.number == 1
        is_long = window.end - window.start > SHORTEST_WINDOW
        return is_first_look and is_long and (page.total or 0) >= WINDOW_MESSAGES

    def _taken(self, window: Window, page: ChatPage) -> NewMessages:
        """Return what is new on a page, and go behind it."""
        check_times(window, page.records)
        keys = [key_of(record) for record in page.records]
        swept = self._swept.add(keys)
        seen = self._seen.add(keys)
        found = [(record, key) for record, key, is_new in zip(page.records, keys, seen, strict=True) if is_new]
        kept = [(record, key) for record, key in found if _is_within(window, record)]
        self._yielded += len(kept)
        fresh = sum(swept)
        sweep = _after(self.position.sweep, fresh, len(keys) - fresh, len(found), page.total)
        self._stale = 0 if fresh else self._stale + 1
        if keys and self._stale < MOST_STALE:
            self._go_to(page=self.position.page + 1, sweep=sweep)
        else:
            self._end(sweep, at_empty_page=not keys)
        return NewMessages(window.agent, [record for record, _ in kept], [key for _, key in kept])

    def _end(self, sweep: Sweep, *, at_empty_page: bool) -> None:
        position, known = self.position, len(self._seen)
        self._swept, self._stale = Keys(), 0
        if position.before and not sweep.new and sweep.total == position.before.total:
            sweep = msgspec.structs.replace(sweep, quiet=position.before.quiet + 1)
        if sweep.is_whole(known, position.before, at_empty_page=at_empty_page):
            self._seen = Keys()
            self.position = Position(position.windows[1:], done=self._yielded)
        elif position.number < MOST_SWEEPS:
            self.position = Position(position.windows, number=position.number + 1, before=sweep, done=position.done)
        else:
            raise RetriableError(
                f"The list of messages changed in each of {MOST_SWEEPS} sweeps, so it cannot be read without doubles "
                "or holes. Let the interval end further in the past: a retry resumes."
            )

    def _go_to(self, **changes: Any) -> None:
        self.position = msgspec.structs.replace(self.position, **changes)


def _after(sweep: Sweep, messages: int, doubles: int, new: int, total: int | None) -> Sweep:
    """Return a sweep with one more page."""
    is_first = not sweep.messages
    return Sweep(
        sweep.messages + messages,
        sweep.doubles + doubles,
        sweep.new + new,
        total if is_first else sweep.first_total,
        total,
    )


def check_times(window: Window, records: Iterable[Mapping[str, Any]]) -> None:
    """Check that messages are of the time that was asked for.

    :raises RequestError: if one is not, since then the CRM does not read the interval as documented.
    """
    for record in records:
        time = time_of(record)
        if time is not None and not window.start - TOLERANCE <= time < window.end + TOLERANCE:
            raise RequestError(
                "The CRM returned messages of another time than it was asked for, so it does not read startChatTime "
                "and endChatTime as documented, and no interval can be read. Report it to us."
            )


def _is_within(window: Window, record: Mapping[str, Any]) -> bool:
    time = time_of(record)
    return time is None or window.start <= time < window.end
