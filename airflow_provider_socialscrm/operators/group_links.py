"""The task that imports links to WhatsApp groups and writes what the CRM finds behind them to a file."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

from airflow.sdk import BaseOperator

from airflow_provider_socialscrm._compat import AirflowFailException, default_deferrable, is_mapped
from airflow_provider_socialscrm.api.errors import NotReadyError
from airflow_provider_socialscrm.api.group_links import NOT_PARSED, UNKNOWN_LINK, GroupInfo, check_links
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.importer.errors import FATAL_ERRORS, InputError
from airflow_provider_socialscrm.operators.retries import with_retry_policy
from airflow_provider_socialscrm.runtime.own_paths import required_own_path
from airflow_provider_socialscrm.runtime.path_text import PathArgument, PathArguments
from airflow_provider_socialscrm.runtime.rendered import rendered_fields, typed_arguments
from airflow_provider_socialscrm.runtime.task_failures import no_retry_after
from airflow_provider_socialscrm.runtime.task_identity import identity_of
from airflow_provider_socialscrm.wording import counted, out_of, worded

if TYPE_CHECKING:
    from airflow.sdk import Context, ObjectStoragePath, XComArg

log = logging.getLogger(__name__)

POLL_INTERVAL: Final = 30.0
"""Seconds from one question to the next; our choice, the vendor says only "later"."""

MAX_WAIT: Final = 3600.0
"""Seconds that a try waits, an hour; our choice, for the same reason."""

MOST_IMPORTS: Final = 3
"""Times that a link which the CRM says it does not know (537) is imported within a try; our choice."""

FILE: Final = "group-links.parquet"
"""Name of the file in a folder."""

COLUMNS: Final = {
    "link": "string", "name": "string", "group_id": "string", "members": "int64", "outcome": "string", "raw": "string"
}  # fmt: skip
"""Columns of the file, with their types."""


class SocialSCRMGroupLinksToFileOperator(PathArguments, BaseOperator):
    """Import links to WhatsApp groups, wait until the CRM has parsed them, and write names, ids and member counts.

    A link that the CRM does not know any more (537) is imported again; while it is being parsed (538) the task waits.
    The file has a row for each link, in their order: ``link``, ``name``, ``group_id``, ``members``, ``outcome``
    (``parsed``, ``not_imported``, or the code for which there is nothing) and ``raw``, the vendor's fields as JSON. No
    links make a file without rows. The task returns a manifest: ``links``, ``parsed``, ``not_imported``, ``other`` and
    ``path``. No link shows in the log or the manifest. A deferred task's trigger holds the links, which Airflow stores
    in its database: they are the tenant's own.

    :param links: addresses of groups, as in ``https://chat.whatsapp.com/...``; one that repeats counts once.
    :param path: where to write the file, local or in object storage: a folder, whose path ends in ``/``, in which each
        run has a file of its own; or a file whose name ends in ``.parquet``, ``.csv`` or ``.jsonl``, to which a mapped
        task adds ``-{map_index}``.
    :param max_failed: links that the CRM may not take without failing the task, which fails after the file is written;
        ``None`` allows all. Default 0.
    :param admin: login of the administrator that signs. Default ``None``: the connection's user.
    :param deferrable: whether to wait in the triggerer. Default ``None``: as Airflow's ``operators.default_deferrable``
        says.
    :param poll_interval: seconds from one question to the next. Default 30.
    :param max_wait: seconds that a try waits. Then it fails, and a retry goes on. Default 3,600, an hour. ``None``
        waits without end.
    :param socialscrm_conn_id: the id of the connection of type ``socialscrm``. Default ``"socialscrm_default"``.
    :raises AirflowFailException: when no retry can help: bad input, a wrong setting, too many links that failed.
    :raises RetriableError: when the CRM was unavailable, or the links are not parsed in time; a retry goes on.
    """

    template_fields: Sequence[str] = ("links", "path", "max_failed", "admin", "socialscrm_conn_id")
    ui_color = "#d9f2e3"
    path = PathArgument()

    def __init__(
        self,
        *,
        links: Sequence[str] | XComArg,
        path: str | PathLike[str] | ObjectStoragePath,
        max_failed: int | None = 0,
        admin: str | None = None,
        deferrable: bool | None = None,
        poll_interval: float = POLL_INTERVAL,
        max_wait: float | None = MAX_WAIT,
        socialscrm_conn_id: str = SocialSCRMHook.default_conn_name,
        **kwargs: Any,
    ) -> None:
        super().__init__(**with_retry_policy(kwargs, is_mapped=is_mapped(self)))
        self.links: Any = links
        self.path, self.max_failed, self.admin = path, max_failed, admin
        self.deferrable = default_deferrable() if deferrable is None else deferrable
        self.poll_interval, self.max_wait = poll_interval, max_wait
        self.socialscrm_conn_id = socialscrm_conn_id
        self._templates = {name: getattr(self, name) for name in self.template_fields}

    def execute(self, context: Context) -> dict[str, Any]:
        """Import the links, wait for them, write the file and return the manifest."""
        with no_retry_after(context, self.socialscrm_conn_id, *FATAL_ERRORS):
            path = self._begun(context)
            with SocialSCRMHook(self.socialscrm_conn_id) as hook:
                return self._go_on(hook, path, self._deadline())

    def execute_complete(self, context: Context, event: Mapping[str, Any]) -> dict[str, Any]:
        """Write the file of links that are parsed, or import again those that the CRM has forgotten.

        :raises NotReadyError: if they were not parsed in time.
        """
        if event["status"] == "failed":
            raise AirflowFailException(event["message"])
        if event["status"] == "pending":
            with no_retry_after(context, self.socialscrm_conn_id):
                raise _late(event["pending"])
        return self.execute(context)

    def _begun(self, context: Context) -> Any:
        """Check the arguments, and return the path of the file."""
        self._set_types(context)
        if self.links is None:
            raise InputError("links is None: give a list of links, which may be empty.")
        try:
            self.links = check_links(self.links)
        except ValueError as wrong:
            raise InputError(f"{wrong} No call was made.") from None
        if self.max_failed is not None and (type(self.max_failed) is not int or self.max_failed < 0):
            raise InputError("max_failed must be a whole number of links, or None for no limit.")
        return required_own_path(identity_of(context), "path", self.path, file=FILE)

    def _set_types(self, context: Context) -> None:
        for name, value in typed_arguments(rendered_fields(self, self._templates, context)).items():
            setattr(self, name, value)

    def _deadline(self) -> float | None:
        return None if self.max_wait is None else time.time() + self.max_wait

    def _go_on(self, hook: SocialSCRMHook, path: Any, deadline: float | None) -> dict[str, Any]:
        """Import what the CRM does not have, until no link is pending; wait on the worker, or defer."""
        refused = set(hook.import_group_links(self.links, admin=self.admin).failed)
        wanted = [link for link in self.links if link not in refused]
        imports = 1
        while True:
            groups = hook.group_info(wanted, admin=self.admin)
            forgotten = [group.link for group in groups if group.code == UNKNOWN_LINK]
            if forgotten and imports < MOST_IMPORTS:
                imports += 1
                again = worded(len(forgotten), "it is imported again", "they are imported again")
                log.info("The CRM does not know %s of the links any more: %s", len(forgotten), again)
                hook.import_group_links(forgotten, admin=self.admin)
                continue
            pending = [group.link for group in groups if group.code == NOT_PARSED]
            if not pending:
                return self._written(path, groups)
            if self.deferrable:
                self._defer(pending, deadline)
            if deadline is not None and time.time() >= deadline:
                raise _late(len(pending))
            log.info("%s", out_of(len(pending), len(self.links), "group link", "is being parsed", "are being parsed"))
            time.sleep(self.poll_interval)

    def _defer(self, pending: Sequence[str], deadline: float | None) -> None:
        from airflow_provider_socialscrm.triggers.group_links import SocialSCRMGroupLinksTrigger  # noqa: PLC0415 - core

        trigger = SocialSCRMGroupLinksTrigger(
            links=pending,
            admin=self.admin,
            socialscrm_conn_id=self.socialscrm_conn_id,
            poll_interval=self.poll_interval,
            deadline=deadline,
        )
        self.defer(trigger=trigger, method_name="execute_complete")

    def _written(self, path: Any, groups: Sequence[GroupInfo]) -> dict[str, Any]:
        import msgspec  # noqa: PLC0415 - not for parsing a DAG file

        from airflow_provider_socialscrm.runtime.table_files import write_table  # noqa: PLC0415 - not for parsing

        found = {group.link: group for group in groups}
        rows = []
        for link in self.links:
            group = found.get(link)
            outcome = "not_imported" if group is None else str(group.code or "parsed")
            group = group or GroupInfo(link)
            raw = msgspec.json.encode(group.raw).decode()
            rows.append(
                {"link": link, "name": group.name, "group_id": group.group_id, "members": group.members,
                 "outcome": outcome, "raw": raw}
            )  # fmt: skip
        write_table(path, rows, COLUMNS)
        counts = {name: sum(row["outcome"] == name for row in rows) for name in ("parsed", "not_imported")}
        other = len(rows) - sum(counts.values())
        log.info("%s in %s: %s parsed", counted(len(rows), "group link is", "group links are"), path, counts["parsed"])
        failed = counts["not_imported"] + other
        if self.max_failed is not None and failed > self.max_failed:
            raise AirflowFailException(
                f"The CRM did not take {failed} of {counted(len(rows), 'group link')}; max_failed allows "
                f"{self.max_failed}. The column outcome of {path} says which."
            )
        return {"links": len(rows), **counts, "other": other, "path": str(path)}


def _late(pending: int) -> NotReadyError:
    return NotReadyError(
        f"The CRM is still parsing {counted(pending, 'group link')}, and max_wait is over: a retry goes on, since "
        "links that were imported stay so."
    )
