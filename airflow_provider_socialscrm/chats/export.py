"""Reads the messages of an interval into a file. A retry resumes at the page that was reached."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import blake2b
from typing import Any, Final

import msgspec
import pyarrow as pa

from airflow_provider_socialscrm.api.chats import ChatFilter, ChatPage, page_of, page_query, time_of
from airflow_provider_socialscrm.api.errors import StopError
from airflow_provider_socialscrm.api.request import Request
from airflow_provider_socialscrm.api.retry import Clock
from airflow_provider_socialscrm.api.settings import Settings
from airflow_provider_socialscrm.chats.columns import ChatColumns, secret_of
from airflow_provider_socialscrm.chats.files import write_file
from airflow_provider_socialscrm.chats.options import ChatOptions, moment
from airflow_provider_socialscrm.chats.parts import Counts, Parts
from airflow_provider_socialscrm.chats.reading import NewMessages, Position, Reading, Window
from airflow_provider_socialscrm.importer.errors import InputError, StoppedError, SupersededError
from airflow_provider_socialscrm.importer.identity import OUTSIDE_AIRFLOW, ImportIdentity
from airflow_provider_socialscrm.wording import counted

Perform = Callable[[Request], Any]

log = logging.getLogger(__name__)

SAVE_INTERVAL: Final = 2.0
"""Seconds between two parts, so that a retry repeats at most the pages of two seconds; our choice."""

MOST_UNSAVED: Final = 20_000
"""Messages after which a part is written in any case, which bounds the memory; our choice."""

LOG_INTERVAL: Final = 30.0
"""Seconds between two lines in the log; our choice."""

MOST_AGENTS: Final = 100
"""Agents that the manifest counts by login; the others are counted together, as XCom is for small values."""

OTHERS: Final = "(others)"

SUPERSEDED: Final = (
    "Another try of this task has ended since this one began, and has deleted what both had read, so this one stops. "
    "Where the other try has succeeded, the file is complete."
)


def windows_of(options: ChatOptions) -> tuple[Window, ...]:
    """Return what is read: the interval, for each agent."""
    return tuple(Window(agent, options.start, options.end) for agent in options.agents or (None,))


def fetcher(perform: Perform, options: ChatOptions) -> Callable[[Window, int], ChatPage]:
    """Return what fetches a page of a window.

    :param perform: makes a call and returns its ``data``.
    """
    given = options.chats

    def fetch(window: Window, page: int) -> ChatPage:
        chats = ChatFilter(window.agent or given.agent, given.whats_id, given.friend, given.chat_type)
        query = page_query(window.start, window.end - 1, page, chats=chats, page_size=options.page_size)
        return page_of(perform(query))

    return fetch


def columns_of(options: ChatOptions, settings: Settings) -> ChatColumns:
    """Return the columns of an export."""
    return ChatColumns(options.columns, options.content, secret_of(settings))


def iter_batches(perform: Perform, options: ChatOptions, settings: Settings) -> Iterator[pa.RecordBatch]:
    """Yield the messages of an interval, page by page, without saving any.

    :param perform: makes a call and returns its ``data``.
    """
    columns = columns_of(options, settings)
    rows = 0
    for found in Reading(fetcher(perform, options), Position(windows_of(options))).pages():
        rows += len(found.records)
        check_rows(rows, options)
        if found.records:
            yield columns.batch(found.records)


def table_of(perform: Perform, options: ChatOptions, settings: Settings) -> pa.Table:
    """Return the messages of an interval as a table, which has its columns even if there are none."""
    batches = list(iter_batches(perform, options, settings))
    return pa.Table.from_batches(batches, columns_of(options, settings).schema)


def _read_so_far(counts: Counts) -> str:
    return f"{counted(counts.rows, 'message')} on {counted(counts.pages, 'page')}"


def check_rows(rows: int, options: ChatOptions) -> None:
    """Check that there are not more messages than allowed.

    :raises InputError: if there are.
    """
    if options.max_rows is not None and rows > options.max_rows:
        most = counted(options.max_rows, "message")
        raise InputError(f"There are more than max_rows = {most}, so no file was written.")


class ChatExport:
    """One try of an export.

    :param perform: makes a call and returns its ``data``.
    :param settings: of the connection.
    :param path: the file to write.
    :param identity: which task it is of.
    :param save_interval: seconds between two parts.
    """

    def __init__(
        self,
        perform: Perform,
        settings: Settings,
        options: ChatOptions,
        path: Any,
        *,
        identity: ImportIdentity = OUTSIDE_AIRFLOW,
        save_interval: float = SAVE_INTERVAL,
        clock: Clock | None = None,
    ) -> None:
        self._options, self._path, self._clock = options, path, clock or Clock()
        self._columns = columns_of(options, settings)
        self._parts = Parts(parts_folder(path, identity), _of(options, settings, identity), self._columns.schema)
        self._save_interval = save_interval
        self._is_stopped = False
        self._batches: list[pa.RecordBatch] = []
        self._keys: list[int] = []
        self._fetch = fetcher(perform, options)
        self.counts = Counts()

    def run(self) -> dict[str, Any]:
        """Read what is left, write the file, and return the manifest.

        :raises SocialSCRMError: of the class that says what to do next.
        :raises InputError: if there are more messages than allowed.
        :raises StoppedError: if the task was terminated.
        :raises SupersededError: if another try has ended meanwhile, and deleted the parts.
        :raises OSError: if a part or the file cannot be written.
        """
        try:
            return self._run()
        except FileNotFoundError:
            if not self._parts.are_gone():
                raise
            self._parts.delete_own()
            raise SupersededError(SUPERSEDED) from None

    def _run(self) -> dict[str, Any]:
        reading = self._begin()
        begun = reading.position
        try:
            self._read(reading)
        except (StopError, InputError):  # no retry follows, and messages must not be left behind
            self._parts.delete()
            raise
        except BaseException:
            if reading.position != begun:
                with suppress(OSError):  # must not hide why the reading failed; a retry repeats a few pages
                    self._save(reading)
            raise
        self._save(reading)
        write_file(self._path, self._parts.complete(self._path.suffix), self._columns.schema, self._parts.batches())
        self._parts.delete()
        return self.manifest()

    def stop(self) -> None:
        """Make no further call; what was read is saved."""
        self._is_stopped = True

    def manifest(self) -> dict[str, Any]:
        """Return the counts and settings, without anything of a message."""
        counts, options = self.counts, self._options
        return {
            "rows": counts.rows,
            "pages": counts.pages,
            "by_agent": counts.by_agent,
            "first": moment(counts.first),
            "last": moment(counts.last),
            "start": moment(options.start),
            "end": moment(options.end),
            "content": options.content,
            "path": str(self._path),
        }

    def _begin(self) -> Reading:
        saved = self._parts.resume()
        if saved is None:
            return Reading(self._fetch, Position(windows_of(self._options)))
        self.counts = saved.counts
        log.info("Resume behind %s", _read_so_far(saved.counts))
        keys = self._parts.keys(saved.counts.rows - saved.position.done)
        return Reading(self._fetch, saved.position, keys)

    def _read(self, reading: Reading) -> None:
        saved_at = logged_at = self._clock.now()
        for found in reading.pages():
            self._count(found)
            check_rows(self.counts.rows, self._options)
            if self._is_stopped:
                raise StoppedError("The task was terminated. A retry resumes at the page that was reached.")
            now = self._clock.now()
            if now - saved_at >= self._save_interval or len(self._keys) >= MOST_UNSAVED:
                self._save(reading)
                saved_at = now
            if now - logged_at >= LOG_INTERVAL:
                log.info("Read %s", _read_so_far(self.counts))
                logged_at = now

    def _count(self, found: NewMessages) -> None:
        counts = self.counts
        counts.pages += 1
        counts.rows += len(found.records)
        if not found.records:
            return
        self._batches.append(self._columns.batch(found.records))
        self._keys += found.keys
        for record in found.records:
            agent = found.agent or str(record.get("username") or "")
            known = agent if agent in counts.by_agent or len(counts.by_agent) < MOST_AGENTS else OTHERS
            counts.by_agent[known] = counts.by_agent.get(known, 0) + 1
        if times := [time for record in found.records if (time := time_of(record)) is not None]:
            counts.first = min(times) if counts.first is None else min(counts.first, *times)
            counts.last = max(times) if counts.last is None else max(counts.last, *times)

    def _save(self, reading: Reading) -> None:
        self._parts.save(self._batches, self._keys, reading.position, self.counts)
        self._batches, self._keys = [], []


def parts_folder(path: Any, identity: ImportIdentity) -> Any:
    """Return the folder for what was read so far: beside the file, and no other task's."""
    digest = blake2b(identity.owner.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return path.parent / f"{path.name}.{digest}.parts"


def _of(options: ChatOptions, settings: Settings, identity: ImportIdentity) -> str:
    """Return a text that is the same only for tries that may go on with each other's parts."""
    given = [identity.tries, settings.base_url, settings.tenant_id, options.agents, options.columns, options.content]
    numbers = [options.start, options.end, options.page_size]
    secret = secret_of(settings) if options.content == "hash" else b""
    return blake2b(msgspec.json.encode([given, numbers, secret, options.chats.info]), digest_size=16).hexdigest()
