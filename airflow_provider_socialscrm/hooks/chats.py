"""Methods of the hook about chat records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow_provider_socialscrm.api.chats import DEFAULT_PAGE_SIZE, ChatFilter
from airflow_provider_socialscrm.chats.options import ChatOptions, chat_options
from airflow_provider_socialscrm.hooks.performing import Performing


class ChatMethods(Performing):
    """Read messages. All calls only read, and are signed by headers whatever the connection's scheme."""

    def iter_chats(
        self,
        start: datetime | str,
        end: datetime | str,
        *,
        agents: Sequence[str] | str | None = None,
        whats_id: str | None = None,
        friend: str | None = None,
        chat_type: str | None = None,
        columns: Sequence[str] | None = None,
        content: str = "keep",
        page_size: int = DEFAULT_PAGE_SIZE,
        max_rows: int | None = None,
    ) -> Iterator[Any]:
        """Yield the messages of an interval as Arrow record batches, one for each page: each message once.

        The list may grow meanwhile; see ``docs/howto/fetch-chats.md``. Within a ``with`` block of the hook all calls
        share one connection.

        :param start: of the interval: a time with its zone, or its ISO text.
        :param end: the first moment after the interval, which must be in the past.
        :param agents: logins of agents, whose messages are read one after the other. Default ``None``: everybody's.
        :param whats_id: only messages of this service number. Default ``None``: of any.
        :param friend: only messages with this customer's number or group. Default ``None``: with any.
        :param chat_type: only messages of a chat with a ``person`` or in a ``group``. Default ``None``: of both.
        :param columns: names of the columns. Default ``None``: all.
        :param content: ``keep`` the texts (default), ``hash`` them, or ``drop`` them.
        :param page_size: messages on a page. Default 100.
        :param max_rows: messages above which it fails. Default ``None``: any number.
        :raises InputError: naming each argument that is wrong, before any call.
        :raises SocialSCRMError: of the class that says what to do next.
        """
        from airflow_provider_socialscrm.chats.export import iter_batches  # noqa: PLC0415 - loads pyarrow

        options = _options(
            start, end, agents=agents, whats_id=whats_id, friend=friend, chat_type=chat_type, columns=columns,
            content=content, page_size=page_size, max_rows=max_rows,
        )  # fmt: skip
        return iter_batches(self.perform, options, self.get_settings())

    def get_chats_df(self, start: datetime | str, end: datetime | str, **arguments: Any) -> Any:
        """Return the messages of an interval as a DataFrame, for as many as fit into memory.

        :param start: of the interval, as in :meth:`iter_chats`, like all other arguments.
        :param end: the first moment after the interval.
        """
        from airflow_provider_socialscrm.chats.export import table_of  # noqa: PLC0415 - loads pyarrow

        return table_of(self.perform, _options(start, end, **arguments), self.get_settings()).to_pandas()


def _options(
    start: datetime | str,
    end: datetime | str,
    *,
    whats_id: str | None = None,
    friend: str | None = None,
    chat_type: str | None = None,
    **arguments: Any,
) -> ChatOptions:
    chats = ChatFilter(whats_id=whats_id, friend=friend, chat_type=chat_type)
    return chat_options(start, end, now=datetime.now(UTC), chats=chats, **arguments)
