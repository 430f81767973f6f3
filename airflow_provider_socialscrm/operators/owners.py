"""The task that leaves customers without an owner."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_provider_socialscrm._compat import BaseXCom, is_mapped
from airflow_provider_socialscrm.api.customers import NUMBER
from airflow_provider_socialscrm.api.owners import MOST_NUMBERS
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.importer.errors import EmptyInputError, InputError
from airflow_provider_socialscrm.importer.options import AMBIGUOUS_NUMBERS, ON_EMPTY, Options, Rules
from airflow_provider_socialscrm.importer.spelling import did_you_mean
from airflow_provider_socialscrm.operators.retries import with_retry_policy
from airflow_provider_socialscrm.operators.table_input import TableInput
from airflow_provider_socialscrm.runtime.hidden_tables import HiddenTable
from airflow_provider_socialscrm.runtime.mapped_tasks import parallel_tasks
from airflow_provider_socialscrm.runtime.own_paths import checked_own_path
from airflow_provider_socialscrm.runtime.path_text import PathArgument
from airflow_provider_socialscrm.runtime.paths import check_apart
from airflow_provider_socialscrm.runtime.progress import report_progress
from airflow_provider_socialscrm.runtime.reporting import log_outcome
from airflow_provider_socialscrm.runtime.task_identity import identity_of

if TYPE_CHECKING:
    from airflow.sdk import Context, ObjectStoragePath

    from airflow_provider_socialscrm.importer.run import Import
    from airflow_provider_socialscrm.importer.sources.base import Batch, Source

log = logging.getLogger(__name__)


class SocialSCRMClearOwnersOperator(TableInput, BaseOperator):
    """Leave the customers in a table without an owner, so that they can go to other agents, and account for each row.

    The numbers are read by the import's rules, to the table's end before the first call. They are sent 50 a call, and
    the response says row by row what became of them. Buckets, dead letter, checkpoint, threshold and manifest are those
    of :class:`~airflow_provider_socialscrm.operators.socialscrm.SocialSCRMImportOperator`; an ``accepted`` row's
    customer has no owner any more. Safe to repeat. No customer shows in logs, XCom or rendered fields.

    :param data: a table, or a path or glob of Parquet, CSV or JSONL files, as for the import.
    :param column: the column with the numbers. Default ``"whatsApp"``.
    :param admin: login of the administrator that clears the owners. Default ``None``: the connection's user.
    :param max_rows: rows of the input at most. With more of them the task fails before any call. Default ``None``: no
        limit.
    :param default_region: the country of numbers without a country code, as in ``"CN"``. Default ``None``: each number
        needs its own.
    :param ambiguous_numbers: how to read a number with two readings: ``reject`` it (default), or take the ``national``
        or the ``international`` one.
    :param on_empty: when there are no rows: ``succeed`` (default) or ``skip`` the task, which also leaves out the items
        of a list that are ``None``.
    :param max_rejected: rows that may be rejected without failing the task, as for the import. Default 0.
    :param rejects_path: where to write the rows that were not accepted, as for the import. Default ``None``.
    :param checkpoint_path: where to save the checkpoint that a retry resumes from, as for the import. Default ``None``:
        in the task's state on Airflow 3.3, and before 3.3 a retry sends every row again.
    :param allow_missing_rejects: whether a retry goes on if rejected rows of earlier tries are in no file that it
        finds. Default ``False``.
    :param encoding: of CSV and JSONL files, by its name in Python. Default ``"utf-8"``.
    :param delimiter: between the values of CSV files, one character. Default ``","``.
    :param concurrency: calls in flight. Default 4; fifty numbers a call make more unnecessary.
    :param socialscrm_conn_id: the id of the connection of type ``socialscrm``. Default ``"socialscrm_default"``.
    :raises AirflowFailException: when no retry can help: unusable data, a wrong setting, too many rejected rows.
    :raises RetriableError: when the CRM was unavailable for longer than a task should wait; Airflow's retry resumes.
    """

    text_rendered = (
        "column", "admin", "max_rows", "default_region", "ambiguous_numbers", "on_empty", "max_rejected",
        "rejects_path", "checkpoint_path", "allow_missing_rejects", "encoding", "delimiter", "concurrency",
        "socialscrm_conn_id",
    )  # fmt: skip
    template_fields: Sequence[str] = ("data", *text_rendered)
    ui_color = "#d9f2e3"
    rejects_path = PathArgument()
    checkpoint_path = PathArgument()

    def __init__(
        self, *,
        data: Any, column: str = NUMBER, admin: str | None = None, max_rows: int | None = None,
        default_region: str | None = None, ambiguous_numbers: str = AMBIGUOUS_NUMBERS[0], on_empty: str = ON_EMPTY[0],
        max_rejected: float | None = 0,
        rejects_path: str | PathLike[str] | ObjectStoragePath | None = None,
        checkpoint_path: str | PathLike[str] | ObjectStoragePath | None = None, allow_missing_rejects: bool = False,
        encoding: str = "utf-8", delimiter: str = ",", concurrency: int = 4,
        socialscrm_conn_id: str = SocialSCRMHook.default_conn_name,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__(**with_retry_policy(kwargs, is_mapped=is_mapped(self)))
        self.data, self.column, self.admin, self.max_rows = data, column, admin, max_rows
        self.default_region, self.ambiguous_numbers, self.on_empty = default_region, ambiguous_numbers, on_empty
        self.max_rejected, self.rejects_path, self.checkpoint_path = max_rejected, rejects_path, checkpoint_path
        self.allow_missing_rejects, self.encoding, self.delimiter = allow_missing_rejects, encoding, delimiter
        self.concurrency, self.socialscrm_conn_id = concurrency, socialscrm_conn_id
        self._templates = {name: getattr(self, name) for name in self.text_rendered}
        self._running: Import | None = None
        self._killed = False
        if not is_mapped(self):  # whose data may be another task's
            self._check_input(kwargs)

    def execute(self, context: Context) -> dict[str, Any]:
        """Clear the owners and return the manifest."""
        with self._task_failures(context):
            self._set_types(context)
            return self._clear(context)

    def on_kill(self) -> None:
        """Send nothing more, and let the calls in flight finish. Airflow calls this to end the task."""
        self._killed = True
        if self._running:
            self._running.stop()

    def _clear(self, context: Context) -> dict[str, Any]:
        # Not imported at the top: DAG files are parsed often and need none of it.
        from airflow_provider_socialscrm.api.owners_client import OwnersClient  # noqa: PLC0415
        from airflow_provider_socialscrm.importer.run import Import  # noqa: PLC0415
        from airflow_provider_socialscrm.runtime.task_state import checkpoint_store_for  # noqa: PLC0415

        identity = identity_of(context)
        paths = {
            name: checked_own_path(identity, name, getattr(self, name)) for name in ("rejects_path", "checkpoint_path")
        }
        source = self._source(paths, context)
        options = self._options(source, context)
        store = checkpoint_store_for(context, paths["checkpoint_path"])
        settings = SocialSCRMHook(self.socialscrm_conn_id).get_settings()
        if not (self.admin or settings.user_name):
            raise InputError("admin is missing: name the administrator that clears the owners. No call was made.")
        log.info("Clearing owners in tenant %s at %s: %s", settings.tenant_id, settings.base_url, source.describe)
        with (
            closing(OwnersClient(settings, admin=self.admin, connections=self.concurrency)) as client,
            report_progress(context) as on_progress,
        ):
            rejects_path = paths["rejects_path"]
            self._running = run = Import(
                source, client, options, rejects_path, store, identity=identity, on_progress=on_progress
            )
            if self._killed:
                run.stop()
            return self._run(run, context)

    def _source(self, paths: dict[str, Any], context: Context) -> Source:
        from airflow_provider_socialscrm.importer.sources.open_source import open_source  # noqa: PLC0415 - loads Arrow

        data = self._given(context)
        if isinstance(self.data, HiddenTable):
            self.data.warn_if_large()
        else:
            check_apart(data=data, **paths)
        source = open_source(data, encoding=self.encoding, delimiter=self.delimiter)
        return source if self.max_rows is None else _limited(source, self.max_rows)

    def _options(self, source: Source, context: Context) -> Options:
        column = _found(self.column, source.columns)
        rules = Rules(
            columns={name: NUMBER if name == column else None for name in source.columns} if source.columns else {},
            default_region=self.default_region,
            ambiguous_numbers=self.ambiguous_numbers,
        )
        return Options(
            rows_per_call=MOST_NUMBERS,
            concurrency=self.concurrency,
            max_rejected=self.max_rejected,
            on_empty=self.on_empty,
            allow_missing_rejects=self.allow_missing_rejects,
            parallel_tasks=parallel_tasks(context),
            rules=rules,
        )

    def _run(self, run: Import, context: Context) -> dict[str, Any]:
        try:
            run.run()
        except EmptyInputError:
            raise
        except BaseException:  # Airflow's time-out is not an Exception
            if self.do_xcom_push:  # a failed task returns nothing, but its manifest is needed most
                context["ti"].xcom_push(key=BaseXCom.XCOM_RETURN_KEY, value=run.manifest())
            raise
        finally:
            log_outcome(run.manifest())
        return run.manifest()


def _found(column: str, columns: Sequence[str]) -> str:
    """Return the name of the column as the table has it.

    :raises InputError: if there is none, or several that it may be.
    """
    if column in columns or not columns:
        return column
    alike = [name for name in columns if _plain(name) == _plain(column)]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise InputError(f"data has several columns that may be {column!r}: write its name in column as it is there.")
    raise InputError(f"data has no column {column!r}{did_you_mean(column, columns)}: name its column with numbers.")


def _plain(name: str) -> str:
    return "".join(name.split()).replace("_", "").casefold()


def _limited(source: Source, most: int) -> Source:
    """Return a table that fails to be read beyond so many rows, which is before any call.

    :raises InputError: if that is not a number of rows.
    """
    if type(most) is not int or most < 1:
        raise InputError("max_rows must be a whole number of rows above 0, or None for no limit.")

    def read(batch_rows: int) -> Iterator[Batch]:
        rows = 0
        for batch in source.read(batch_rows):
            rows += batch.records.num_rows
            if rows > most:
                raise InputError(f"data has more rows than max_rows allows, {most:,}: no call was made.")
            yield batch

    return replace(source, read=read)
