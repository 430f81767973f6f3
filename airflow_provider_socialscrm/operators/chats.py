"""The task that reads the messages of an interval into a file."""

from __future__ import annotations

import ast
import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseOperator

from airflow_provider_socialscrm._compat import is_mapped
from airflow_provider_socialscrm.api.chats import DEFAULT_PAGE_SIZE
from airflow_provider_socialscrm.chats.options import CONTENTS, ChatOptions, chat_options
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.importer.errors import FATAL_ERRORS, InputError
from airflow_provider_socialscrm.operators.retries import with_retry_policy
from airflow_provider_socialscrm.runtime.lineage import FileLineageMixin
from airflow_provider_socialscrm.runtime.own_paths import required_own_path
from airflow_provider_socialscrm.runtime.path_text import PathArgument, PathArguments
from airflow_provider_socialscrm.runtime.rendered import rendered_fields
from airflow_provider_socialscrm.runtime.task_failures import no_retry_after
from airflow_provider_socialscrm.runtime.task_identity import identity_of
from airflow_provider_socialscrm.wording import counted

if TYPE_CHECKING:
    from airflow.sdk import Context, ObjectStoragePath

    from airflow_provider_socialscrm.chats.export import ChatExport

log = logging.getLogger(__name__)

START: Final = "{{ data_interval_start }}"
END: Final = "{{ data_interval_end }}"


class SocialSCRMChatsToFileOperator(PathArguments, FileLineageMixin, BaseOperator):
    """Read every message of an interval into a file, each message once.

    The CRM's list may grow while it is read, for example when a phone that was offline sends its messages late; see
    ``docs/howto/fetch-chats.md``. The file appears only when it is complete, under a path that only its owner may
    read. A retry resumes at the page that was reached. No message and no customer shows in logs, XCom or rendered
    fields: the task returns ``rows``, ``pages``, ``by_agent``, the times of the ``first`` and the ``last`` message, and
    ``path``.

    Maps over agents: ``SocialSCRMChatsToFileOperator.partial(...).expand(agents=["agent_wang", "agent_silva"])``.

    :param start: of the interval: a time with its zone, or its ISO text. Default: the start of the data interval.
    :param end: the first moment after the interval, which must be in the past. Default: the end of the data interval.
    :param agents: the login of an agent, or a list of logins, each of which is looked up first. Default ``None``:
        everybody's messages, also those of agents who have left.
    :param path: the file to write, local or in object storage, whose name ends in ``.parquet``, ``.csv`` or ``.jsonl``
        and to which a mapped task adds ``-{map_index}``; or a folder, whose path ends in ``/``, in which each task has
        a file of its own, in Parquet.
    :param columns: names of the columns, as in ``["chatTime", "username", "content"]``. Default ``None``: all.
    :param content: what becomes of the texts of messages: ``"keep"`` them (default), ``"hash"`` them, with a key that
        is made of the ApiKey, or ``"drop"`` them.
    :param page_size: messages on a page. Default 100; the vendor's maximum is unknown.
    :param max_rows: messages above which the task fails, without a file. Default ``None``: any number.
    :param socialscrm_conn_id: the id of the connection of type ``socialscrm``. Default ``"socialscrm_default"``.
    :raises AirflowFailException: when no retry can help: a wrong argument, an unknown agent, a wrong setting.
    :raises RetriableError: when the CRM was unavailable for longer than a task should wait; Airflow's retry resumes.
    """

    template_fields: Sequence[str] = (
        "start", "end", "agents", "path", "columns", "content", "page_size", "max_rows", "socialscrm_conn_id",
    )  # fmt: skip
    ui_color = "#d9f2e3"
    path = PathArgument()

    def __init__(
        self,
        *,
        start: datetime | str = START,
        end: datetime | str = END,
        agents: Sequence[str] | str | None = None,
        path: str | PathLike[str] | ObjectStoragePath,
        columns: Sequence[str] | None = None,
        content: str = CONTENTS[0],
        page_size: int = DEFAULT_PAGE_SIZE,
        max_rows: int | None = None,
        socialscrm_conn_id: str = SocialSCRMHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**with_retry_policy(kwargs, is_mapped=is_mapped(self)))
        self.start, self.end, self.agents = start, end, agents
        self.path, self.columns, self.content = path, columns, content
        self.page_size, self.max_rows = page_size, max_rows
        self.socialscrm_conn_id = socialscrm_conn_id
        self._templates = {name: getattr(self, name) for name in self.template_fields}
        self._running: ChatExport | None = None
        self._is_killed = False

    def execute(self, context: Context) -> dict[str, Any]:
        """Read the messages and return the manifest."""
        with no_retry_after(context, self.socialscrm_conn_id, *FATAL_ERRORS):
            return self._export(context)

    def on_kill(self) -> None:
        """Make no further call; a retry resumes. Airflow calls this to end the task."""
        self._is_killed = True
        if self._running:
            self._running.stop()

    def _export(self, context: Context) -> dict[str, Any]:
        from airflow_provider_socialscrm.chats.export import ChatExport  # noqa: PLC0415 - loads pyarrow

        options = self._options(context)
        identity = identity_of(context)
        path = required_own_path(identity, "path", self.path)
        with SocialSCRMHook(self.socialscrm_conn_id) as hook:
            check_agents(hook, options)
            self._running = ChatExport(hook.perform, hook.get_settings(), options, path, identity=identity)
            if self._is_killed:
                self._running.stop()
            manifest = self._running.run()
        self._written_file = path, manifest["rows"]
        messages, pages = counted(manifest["rows"], "message"), counted(manifest["pages"], "page")
        log.info("Wrote %s, read on %s, to %s", messages, pages, path)
        return manifest

    def _options(self, context: Context) -> ChatOptions:
        for name, value in rendered_fields(self, self._templates, context).items():
            setattr(self, name, value)
        return chat_options(
            self.start,
            self.end,
            now=datetime.now(UTC),
            agents=_listed(self.agents),
            columns=_listed(self.columns),
            content=self.content,
            page_size=_number(self.page_size),
            max_rows=_number(self.max_rows),
        )


def check_agents(hook: SocialSCRMHook, options: ChatOptions) -> None:
    """Check that the CRM knows the agents.

    :raises InputError: naming those that it does not know.
    """
    if unknown := [login for login in options.agents or () if hook.get_agent(login) is None]:
        raise InputError(f"The CRM does not know the agents {', '.join(unknown)}, so no message was read.")


def _listed(value: Any) -> Any:
    """Return a rendered list as a list; a template gives its text."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text in {"", "None"}:
        return None
    if not text.startswith(("[", "(")):
        return text
    for read in (json.loads, ast.literal_eval):
        try:
            return list(read(text))
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return text


def _number(value: Any) -> Any:
    """Return a rendered number as a number; a template gives its text."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    if text in {"", "None"}:
        return None
    return int(text) if text.isascii() and text.isdigit() else value
