"""The import of customers into SocialsCRM, as a task."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.bases.xcom import BaseXCom

from airflow_provider_socialscrm.api.errors import StopError
from airflow_provider_socialscrm.hooks.socialscrm import SocialSCRMHook
from airflow_provider_socialscrm.importer.errors import FATAL_ERRORS, InputError
from airflow_provider_socialscrm.importer.options import (
    DEFAULT_BYTES,
    DEFAULT_CONCURRENCY,
    DEFAULT_ROWS,
    ON_UNKNOWN,
    Options,
)
from airflow_provider_socialscrm.operators.checkpoints import checkpoint_for
from airflow_provider_socialscrm.operators.hidden import HiddenTable, hide
from airflow_provider_socialscrm.operators.mapping import check_own_files, parallel_tasks

try:
    from airflow_provider_socialscrm.retry_policies import SocialSCRMRetryPolicy
except ImportError:  # Airflow before 3.3 has no retry policies; its own retry serves
    SocialSCRMRetryPolicy = None  # type: ignore[assignment,misc]  # what is not there

try:
    from airflow.sdk.exceptions import AirflowFailException
except ImportError:  # Airflow 3.1 has it elsewhere
    from airflow.exceptions import AirflowFailException  # type: ignore[no-redef]  # only one of the two is there

if TYPE_CHECKING:
    from airflow.sdk import Context, ObjectStoragePath

    from airflow_provider_socialscrm.importer.run import Import


class SocialSCRMImportOperator(BaseOperator):
    """Import the customers of a table into SocialsCRM, and account for each row.

    Columns bear the API's field names; any other column goes along as an extension field. Each row ends in one bucket
    of the manifest, which is the task's return value: ``accepted`` (the CRM answered 200 for it), ``rejected`` (the
    CRM refused it), ``invalid`` (not sendable), ``duplicate``, ``unknown`` (sent, the answer lost, and sending again
    could do harm) or ``not_sent``. It is pushed to XCom also when the task fails. No customer shows in logs, XCom or
    rendered fields.

    Safe to repeat: the import is an upsert, as far as the vendor lets on; a row with ``welcome`` is never sent again
    unless it is known that the CRM did not take it.

    :param data: a pandas DataFrame or Arrow table, as a rule the output of the task before; or the path of a Parquet,
        CSV or JSONL file (local or object storage).
    :param socialscrm_conn_id: the connection of type ``socialscrm``.
    :param rows_per_call: rows a call carries at most.
    :param bytes_per_call: bytes a call's body has at most.
    :param concurrency: calls in flight.
    :param max_rejected: rows that may be refused before the task fails, after all that could be sent was sent: a
        number, or a fraction of the input as a float below 1. Default 0: no refused row goes unnoticed.
    :param rejects_path: where to write the rows that did not go in, each with its position, code, meaning and hint; its
        name ends in ``.parquet``, ``.csv`` or ``.jsonl`` (local or object storage). It holds customers' data. Each
        run and each mapped task needs its own: ``{{ run_id }}``, ``{{ ti.map_index }}``.
    :param on_unknown: what becomes of a row with ``welcome`` whose call was sent and whose answer was lost: ``hold`` it
        as unknown (default, as the customer may have the message already) or ``resend`` it.
    :param checkpoint_path: a small file that keeps what is settled, for a retry to go on from (local or object
        storage). Each run and each mapped task needs its own. Not needed on Airflow 3.3, whose task state does it.
    :param parallel_tasks: tasks of the tenant that run at once, this one included: the connection's calls a second are
        divided by them unless it names a Redis through which they share them. Default: as many tasks of a map as can
        run at once, by its length, ``max_active_tis_per_dag``, ``max_active_tis_per_dagrun`` and ``max_active_tasks``.
    :raises AirflowFailException: when no retry can help: a wrong setting, data that cannot be taken, refused rows.
    :raises RetriableError: when the CRM was ill for longer than a task should wait; Airflow's retry goes on from there.
    """

    template_fields: Sequence[str] = ("data", "socialscrm_conn_id", "rejects_path", "checkpoint_path")
    ui_color = "#d9f2e3"

    def __init__(
        self,
        *,
        data: Any,
        socialscrm_conn_id: str = SocialSCRMHook.default_conn_name,
        rows_per_call: int = DEFAULT_ROWS,
        bytes_per_call: int = DEFAULT_BYTES,
        concurrency: int = DEFAULT_CONCURRENCY,
        max_rejected: float = 0,
        rejects_path: str | ObjectStoragePath | None = None,
        on_unknown: str = ON_UNKNOWN[0],
        checkpoint_path: str | ObjectStoragePath | None = None,
        parallel_tasks: int | None = None,
        **kwargs: Any,
    ) -> None:
        # Airflow looks into default_args only for what is not given, so a policy from there goes first here.
        if SocialSCRMRetryPolicy is not None and "retry_policy" not in (kwargs.get("default_args") or {}):
            kwargs.setdefault("retry_policy", SocialSCRMRetryPolicy())
        super().__init__(**kwargs)
        self.data = data
        self.socialscrm_conn_id = socialscrm_conn_id
        self.rows_per_call = rows_per_call
        self.bytes_per_call = bytes_per_call
        self.concurrency = concurrency
        self.max_rejected = max_rejected
        self.rejects_path = rejects_path
        self.on_unknown = on_unknown
        self.checkpoint_path = checkpoint_path
        self.parallel_tasks = parallel_tasks
        self._running: Import | None = None
        self._killed = False

    @property
    def data(self) -> Any:
        """The table, behind a face without customers. Airflow shows template fields in its UI, as text."""
        return self._data

    @data.setter
    def data(self, value: Any) -> None:
        # Here and not at rendering: plain and mapped tasks render on different paths, but both set the attribute.
        self._data = hide(value)

    def execute(self, context: Context) -> dict[str, Any]:
        """Import the table and return the manifest."""
        try:
            return self._import(context)
        except (StopError, *FATAL_ERRORS) as failure:
            raise AirflowFailException(str(failure)) from None

    def on_kill(self) -> None:
        """Let the calls in flight finish and send nothing more; Airflow calls this when the task is to end."""
        self._killed = True
        if self._running:
            self._running.stop()

    def _import(self, context: Context) -> dict[str, Any]:
        # Imported here, because DAG files are parsed often and need none of it.
        from airflow_provider_socialscrm.importer.run import Import  # noqa: PLC0415
        from airflow_provider_socialscrm.importer.source import open_source  # noqa: PLC0415

        data = self.data.table if isinstance(self.data, HiddenTable) else _path(self.data)
        rejects_path, checkpoint_path = _path(self.rejects_path), _path(self.checkpoint_path)
        _check_apart(data=_path(self.data), rejects_path=rejects_path, checkpoint_path=checkpoint_path)
        check_own_files(context, "rejects_path", "checkpoint_path")
        source = open_source(data)
        client = SocialSCRMHook(self.socialscrm_conn_id).get_conn(self.concurrency)
        with closing(client):
            checkpoint = checkpoint_for(context, checkpoint_path)
            options = self._options()
            if self.parallel_tasks is None:
                options = replace(options, parallel_tasks=parallel_tasks(context))
            self._running = run = Import(source, client, options, rejects_path, checkpoint)
            if self._killed:
                run.stop()
            self.log.info(
                "Importing a %s into tenant %s at %s",
                source.describe,
                client.settings.tenant_id,
                client.settings.base_url,
            )
            return self._run(run, context)

    def _run(self, run: Import, context: Context) -> dict[str, Any]:
        try:
            run.run()
        except Exception:
            # A failed task returns nothing, yet what became of the rows matters then most of all.
            context["ti"].xcom_push(key=BaseXCom.XCOM_RETURN_KEY, value=run.manifest())
            raise
        finally:
            self._log_outcome(run.manifest())
        return run.manifest()

    def _log_outcome(self, manifest: dict[str, Any]) -> None:
        rows = ", ".join(f"{count:,} {bucket}" for bucket, count in manifest["rows"].items() if count)
        self.log.info(
            "Rows: %s; %s calls in %.1f s", rows or "none", manifest["calls"]["sent"], manifest["seconds"]["total"]
        )
        for refusal in manifest["refusals"]:
            self.log.warning(
                "%(rows)s rows %(bucket)s, code %(code)s: %(meaning)s %(hint)s First positions: %(first_positions)s",
                refusal,
            )
        if where := manifest["rejects_path"]:
            self.log.info("Rows that did not go in are in %s, each with its reason", where)
        elif manifest["refusals"]:
            self.log.warning("Set rejects_path to have the rows that did not go in written to a file, with reasons")

    def _options(self) -> Options:
        return Options(
            rows_per_call=self.rows_per_call,
            bytes_per_call=self.bytes_per_call,
            concurrency=self.concurrency,
            max_rejected=self.max_rejected,
            on_unknown=self.on_unknown,
            parallel_tasks=1 if self.parallel_tasks is None else self.parallel_tasks,
        )


def _path(value: Any) -> Any:
    """Return a path that can be opened; one on this machine as ``pathlib`` has it, which replaces files whole."""
    from airflow.sdk import ObjectStoragePath  # noqa: PLC0415

    if not isinstance(value, str):
        return value
    return ObjectStoragePath(value) if "://" in value else Path(value)


def _check_apart(**paths: Any) -> None:
    # The dead letter is opened for writing before anything is sent, which would empty the data.
    names: dict[str, str] = {}
    for name, path in paths.items():
        if not hasattr(path, "open"):
            continue
        if (place := _place(path)) in names:
            raise InputError(f"{names[place]} and {name} are one file, {path}: give {name} a path of its own.")
        names[place] = name


def _place(path: Any) -> str:
    """Return the same text for all ways to write a path."""
    protocol = getattr(path, "protocol", "file")
    local = protocol in {"", "file", "local"}
    return str(Path(getattr(path, "path", path)).resolve()) if local else f"{protocol}://{path.path}"
